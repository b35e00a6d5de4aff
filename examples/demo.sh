#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows edgesync at work, from a bare Debian 12 to a table in one go: installs what is missing, builds quietly, then
# runs examples/demo.py. Exit code 0 only if everything held. EDGESYNC_BUILD: another place to build in than build/demo.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${EDGESYNC_BUILD:-build/demo}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# step TEXT COMMAND...: one line of progress; the command's own words are shown only if it fails.
step() {
  printf '  %s ... ' "$1"
  local began=$SECONDS
  if "${@:2}" >"$log" 2>&1; then
    printf 'done (%d s)\n' $((SECONDS - began))
  else
    printf 'failed\n\n'
    cat "$log"
    exit 1
  fi
}

printf '\nedgesync demonstration\n\n'
step "Installing what is missing" bash src/cmake/debian-deps.sh
step "Configuring" cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEDGESYNC_TESTS=OFF
step "Building, a few minutes" cmake --build "$build" -j "$(src/cmake/jobs.sh)" --target edgesync_program edge_gateway
printf '\n'
rm -f "$log"
exec python3 examples/demo.py --programs "$build/examples"
