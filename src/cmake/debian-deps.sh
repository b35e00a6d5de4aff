#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what edgesync needs on Debian 12. Works alone: src/cmake/debian-deps.sh [DIRECTORY]
#
# DIRECTORY (default: build/deps of this checkout) receives the msgpack headers. Debian's libmsgpack-cxx-dev depends on
# Boost 1.74, which conflicts with the Boost 1.81 that edgesync needs, so the package is unpacked there instead of being
# installed; edgesync compiles it with MSGPACK_NO_BOOST and never exports it. Everything else is installed by apt-get.
# Set EDGESYNC_DEPS_TOOLS=1 to add clang, clang-format and clang-tidy for contributors. Without apt-get it only says
# what is needed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${1:-"$root/build/deps"}
packages=(g++ cmake ninja-build pkg-config ca-certificates openssl
          libboost1.81-dev libsqlite3-dev libzstd-dev libssl-dev
          libgtest-dev libgmock-dev libbenchmark-dev python3)
[ -z "${EDGESYNC_DEPS_TOOLS:-}" ] || packages+=(clang clang-format clang-tidy libclang-rt-14-dev)

if ! command -v apt-get >/dev/null; then
  echo "debian-deps: not Debian, nothing installed; needed: ${packages[*]}, and msgpack-c's headers"
  exit 0
fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
updated=
update() { [ -n "$updated" ] || { as_root apt-get update -qq; updated=1; }; }

if [ ${#missing[@]} -gt 0 ]; then
  echo "debian-deps: installing ${missing[*]}"
  update
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
    echo "debian-deps: made for Debian 12; elsewhere these packages may have other names: ${missing[*]}" >&2
    exit 1
  }
fi

if [ ! -e "$target/msgpack/usr/include/msgpack.hpp" ]; then
  echo "debian-deps: unpacking the msgpack headers into $target/msgpack"
  update
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  chmod 755 "$scratch"
  (cd "$scratch" && apt-get download -qq libmsgpack-cxx-dev)
  mkdir -p "$target/msgpack"
  dpkg -x "$scratch"/libmsgpack-cxx-dev_*.deb "$target/msgpack"
fi
echo "debian-deps: ready"
