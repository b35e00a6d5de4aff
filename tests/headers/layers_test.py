# SPDX-License-Identifier: Apache-2.0
"""Checks which way the includes of src/ point.

The permissions are read from the edgesync_layer() lines of src/CMakeLists.txt, the same lines that the build obeys: a
layer includes itself and what it USES, and a third party's headers only if it LINKS that third party. Every layer that
stands below transport is pure: no thread, no socket, no clock and no randomness of its own.
"""

import pathlib
import re
import sys

THIRD_PARTY = {  # what to LINK for an include that starts so
    "boost/": "edgesync_boost",
    "openssl/": "OpenSSL::Crypto",
    "openssl/ssl": "OpenSSL::SSL",
    "sqlite3": "SQLite::SQLite3",
    "msgpack": "edgesync_msgpack",
    "zstd": "edgesync_zstd",
    "valijson/": "edgesync_json_schema",
    "nlohmann/": "edgesync_json_schema",
}
IMPURE_HEADERS = {"thread", "future", "condition_variable", "random", "ctime", "time.h", "sys/time.h", "sys/socket.h",
                  "netdb.h", "poll.h"}
IMPURE_CODE = re.compile(
    r"::now\(\)|\brandom_device\b|\bstd::j?thread\b|\bu?sleep\(|\bsleep_(?:for|until)\(|\bs?rand\(|\bgetenv\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def read_layers(cmake_lists):
    layers = {}
    for name, words in re.findall(r"^edgesync_layer\((\w+)([^)]*)\)", cmake_lists.read_text(), re.MULTILINE):
        uses, _, links = words.partition("LINKS")
        layers[name] = {"uses": set(uses.replace("USES", "").split()) | {name}, "links": set(links.split())}
    return layers


def check_file(path, text, name, layers):
    layer = layers[name]
    for match in INCLUDE.finditer(text):
        bracket, target = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        first = target.split("/")[0]
        if bracket == '"' and first not in layers:
            yield f'{path}:{line}: "{target}" is not a path from src/'
        elif bracket == '"' and first not in layer["uses"]:
            yield f"{path}:{line}: {name} may not include {first} ({target})"
        for prefix, needed in THIRD_PARTY.items():
            if target.startswith(prefix) and needed not in layer["links"]:
                yield f"{path}:{line}: {name} does not link {needed} and may not include <{target}>"
        if target == "edgesync/asio.hpp" and "edgesync_boost" not in layer["links"]:
            yield f"{path}:{line}: {name} may not include the Asio face"


def check_purity(path, text):
    code = COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    for match in INCLUDE.finditer(code):
        if match.group(2) in IMPURE_HEADERS:
            yield f"{path}:{code.count(chr(10), 0, match.start()) + 1}: pure layers do not include <{match.group(2)}>"
    for match in IMPURE_CODE.finditer(code):
        yield f"{path}:{code.count(chr(10), 0, match.start()) + 1}: pure layers do not call {match.group()}"


def check_order(layers):
    seen = set()
    for name, layer in layers.items():
        for used in sorted(layer["uses"] - seen - {name}):
            yield f"src/CMakeLists.txt: {name} uses {used}, which does not stand above it"
        seen.add(name)


def main(root):
    layers = read_layers(root / "src/CMakeLists.txt")
    problems = list(check_order(layers))
    files = 0
    for name, layer in layers.items():
        pure = name != "transport" and "transport" not in layer["uses"]
        for path in sorted((root / "src" / name).rglob("*.[ch]pp")):
            text = path.read_text(encoding="utf-8")
            shown = path.relative_to(root)
            problems += check_file(shown, text, name, layers)
            problems += check_purity(shown, text) if pure else []
            files += 1
    print(*problems, sep="\n")
    print(f"{files} files in {len(layers)} layers, {len(problems)} problems")
    return 1 if problems or not files or len(layers) < 2 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
