# SPDX-License-Identifier: Apache-2.0
"""Checks that clang-format would change nothing. Use: format_test.py ROOT CLANG_FORMAT"""

import pathlib
import subprocess
import sys


def main(root, clang_format):
    folders = ["include", "src", "examples", "bench", "tests"]
    files = [path for folder in folders for path in sorted((root / folder).rglob("*.[ch]pp"))]
    done = subprocess.run([clang_format, "--dry-run", "-Werror", *files], check=False, capture_output=True, text=True)
    places = [line for line in done.stderr.splitlines() if "code should be clang-formatted" in line]
    wrong = sorted({place.split(":")[0] for place in places})
    print(*[f"not formatted: {pathlib.Path(path).relative_to(root)}" for path in wrong], sep="\n")
    print(f"{len(files)} files, {len(wrong)} not formatted")
    return 1 if wrong or done.returncode != 0 or not files else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]))
