# SPDX-License-Identifier: Apache-2.0
"""Compiles one public header alone, included twice, under strict warnings, and looks at everything that it pulled in:
no third party, except Boost in the Asio face.

Use: alone_test.py HEADER COMPILER FLAG...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

THIRD_PARTY = re.compile(r"/(?:boost/|msgpack|sqlite3|zstd|openssl/|nlohmann/|valijson/)")
ALLOWED = {"edgesync/asio.hpp": "/boost/"}


def main(header, compile_command):
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch, "alone.cpp")
        listing = pathlib.Path(scratch, "alone.d")
        source.write_text(f"#include <{header}>\n#include <{header}>\n")
        done = subprocess.run([*compile_command, "-fsyntax-only", "-MD", "-MF", listing, source], check=False)
        if done.returncode != 0:
            return 1
        words = listing.read_text().replace("\\\n", " ").split()
    leaks = [word for word in words if (match := THIRD_PARTY.search(word)) and match.group() != ALLOWED.get(header)]
    print(*[f"{header} pulls in {leak}" for leak in leaks[:10]], sep="\n")
    print(f"{len(words)} files read, {len(leaks)} of third parties")
    return 1 if leaks or not any(word.endswith(header) for word in words) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
