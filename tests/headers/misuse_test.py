# SPDX-License-Identifier: Apache-2.0
"""A misuse file compiles as it stands; with MISUSE defined it must not, and the compiler must say what the file's
"// Expected:" line (a regular expression) says, so that it fails for the right reason.

Use: misuse_test.py FILE COMPILER FLAG...
"""

import pathlib
import re
import subprocess
import sys


def main(source, compile_command):
    expected = re.search(r"^// Expected: (.+)$", pathlib.Path(source).read_text(), re.MULTILINE)
    if not expected:
        print(f"{source}: no '// Expected:' line")
        return 1
    command = [*compile_command, "-fsyntax-only", source]
    right = subprocess.run(command, check=False, capture_output=True, text=True)
    if right.returncode != 0:
        print(f"correct use does not compile:\n{right.stderr}")
        return 1
    wrong = subprocess.run([*command, "-DMISUSE"], check=False, capture_output=True, text=True)
    if wrong.returncode == 0:
        print("misuse compiles")
        return 1
    if not re.search(expected.group(1), wrong.stderr):
        print(f"misuse fails for another reason than /{expected.group(1)}/:\n{wrong.stderr}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
