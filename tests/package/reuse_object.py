# SPDX-License-Identifier: Apache-2.0
"""A compiler launcher for the subdirectory test: takes the objects of edgesync's layers from the build that is being
tested, so that they are not compiled again, and really compiles everything else.

Use: reuse_object.py BUILD COMPILER ARGUMENT...
"""

import os
import pathlib
import shutil
import sys


def main(build, command):
    if "-o" in command:
        target = pathlib.Path(command[command.index("-o") + 1])
        made = pathlib.Path(build, *target.parts[1:]) if target.parts[0] == "edgesync" else None
        if made and made.exists():
            shutil.copyfile(made, target)
            if "-MF" in command:
                pathlib.Path(command[command.index("-MF") + 1]).write_text(f"{target}:\n")
            return 0
    os.execvp(command[0], command)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
