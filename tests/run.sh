#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a clean checkout to a verdict: installs what is missing (on Debian), configures, builds, and runs every test.
#
#   tests/run.sh                 all tests, optimized, g++
#   tests/run.sh --asan          the same under AddressSanitizer and UndefinedBehaviorSanitizer
#   tests/run.sh --tsan          the same under ThreadSanitizer
#   tests/run.sh --clang         the same built by Clang
#   tests/run.sh --fuzz          the fuzz targets, two at a time, under libFuzzer
#   tests/run.sh --seconds N     how long each fuzz target runs (20); goes with --fuzz
#   tests/run.sh --tidy          clang-tidy over every source that is shipped
#   tests/run.sh --filter REGEX  only tests whose name matches; goes with the others
#
# Each kind builds in build/<kind> and leaves its log there. The last line is "N passed, N failed"; what could not be
# built or was not run counts as failed. The exit code is 0 only if nothing failed and something passed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=test
filter=
seconds=20
while [ $# -gt 0 ]; do
  case $1 in
    --asan | --tsan | --clang | --fuzz | --tidy) preset=${1#--} ;;
    --filter) shift; filter=${1:?--filter needs a regular expression} ;;
    --seconds) shift; seconds=${1:?--seconds needs a number} ;;
    *) sed -n '3,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done

build=build/$preset
log=$build/run.log
junit=$PWD/$build/results.xml
mkdir -p "$build"
: >"$log"

jobs=$(src/cmake/jobs.sh)

# phase NAME COMMAND...: runs the command with its output in the log, and prints one line.
phase() {
  local name=$1 start=$SECONDS status=0
  shift
  printf '%-10s ' "$name"
  "$@" >>"$log" 2>&1 || status=$?
  printf '%4d s%s\n' $((SECONDS - start)) "$([ $status = 0 ] || echo '  failed')"
  return $status
}

give_up() {
  echo "--- the end of $log:"
  tail -n 60 "$log"
  echo "0 passed, 1 failed"
  exit 1
}

install_packages() {
  local tools=
  case $preset in clang | fuzz | tidy) tools=1 ;; esac
  EDGESYNC_DEPS_TOOLS=$tools src/cmake/debian-deps.sh
}

phase packages install_packages || give_up
settings=()
[ "$preset" != fuzz ] || settings=("-DEDGESYNC_FUZZ_SECONDS=$seconds")
phase configure cmake --preset "$preset" "${settings[@]}" || give_up
phase build cmake --build --preset "$preset" -j "$jobs" || give_up

rm -f "$junit"
selection=()
[ -z "$filter" ] || selection=(-R "$filter")
lines=$(wc -l <"$log")
parallel=$jobs
[ "$preset" != fuzz ] || parallel=2
phase test ctest --preset "$preset" -j "$parallel" --output-junit "$junit" "${selection[@]}" ||
  tail -n +$((lines + 1)) "$log" | grep -vE ' Passed +[0-9.]+ sec$|^ +Start +[0-9]+: '

[ -e "$junit" ] || give_up
passed=$(grep -c '<testcase .*status="run"' "$junit")
failed=$(grep '<testcase ' "$junit" | grep -vc 'status="run"')
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
