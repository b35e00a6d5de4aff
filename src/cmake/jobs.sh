#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints how many compilers may run at once here: one per processor, and 2 GB of memory for each, which the heaviest
# sources take.
set -euo pipefail

jobs=$(nproc)
fit=$(awk '/^MemTotal/ {print int($2 / 2000000)}' /proc/meminfo)
[ "$fit" -ge 1 ] || fit=1
echo $((jobs < fit ? jobs : fit))
