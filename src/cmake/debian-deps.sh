#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what edgesync needs on Debian 12. Works alone: src/cmake/debian-deps.sh [DIRECTORY]
#
# DIRECTORY (default: build/deps of this checkout) receives the headers of msgpack and valijson, whose packages are
# unpacked there instead of being installed: Debian's libmsgpack-cxx-dev depends on Boost 1.74, which conflicts with the
# Boost 1.81 that edgesync needs (it is compiled with MSGPACK_NO_BOOST), libvalijson-dev on Qt and half a dozen JSON
# libraries of which one is enough. edgesync exports neither. Everything else is installed by apt-get.
# Set EDGESYNC_DEPS_TOOLS=1 to add clang, clang-format and clang-tidy for contributors. Without apt-get it only says
# what is needed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${1:-"$root/build/deps"}
packages=(g++ cmake ninja-build pkg-config ca-certificates openssl
          libboost1.81-dev libsqlite3-dev libzstd-dev libssl-dev
          nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev python3)
[ -z "${EDGESYNC_DEPS_TOOLS:-}" ] || packages+=(clang clang-format clang-tidy libclang-rt-14-dev)

if ! command -v apt-get >/dev/null; then
  echo "debian-deps: not Debian, nothing installed; needed: ${packages[*]}, and the headers of msgpack-c and valijson"
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

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
unpack() {  # PACKAGE FOLDER HEADER
  [ ! -e "$target/$2/usr/include/$3" ] || return 0
  echo "debian-deps: unpacking the $2 headers into $target/$2"
  update
  (cd "$scratch" && apt-get download -qq "$1")
  mkdir -p "$target/$2"
  dpkg -x "$scratch/$1"_*.deb "$target/$2"
}
unpack libmsgpack-cxx-dev msgpack msgpack.hpp
unpack libvalijson-dev valijson valijson/validator.hpp
echo "debian-deps: ready"
