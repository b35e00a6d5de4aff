# SPDX-License-Identifier: Apache-2.0
"""Checks the text of the repository: licence line, width, length, tabs, open ends, paths of one machine, and that the
versions and dependency lists which stand in several files say the same."""

import ast
import json
import pathlib
import re
import sys

PLACES = ["include", "src", "examples", "bench", "tests", ".ci"]
GENERATED = {"corpus", "golden", "__pycache__"}
CODE = {".hpp", ".cpp", ".cmake", ".py", ".sh"}
WIDTH = 120
LENGTH = 500
LONG = 300
OPEN_END = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
ONE_MACHINE = re.compile(r"(?<![\w.])/(?:root|home/[a-z]\w*|Users/\w+|mnt|srv)/")


def is_code(path):
    return path.suffix in CODE or path.name == "CMakeLists.txt" or path.parent.name == ".ci"


def files_of(root):
    yield from (path for path in root.iterdir() if path.is_file() and not path.name.startswith(".git"))
    for place in PLACES:
        for path in sorted((root / place).rglob("*")):
            if path.is_file() and not GENERATED & set(path.relative_to(root).parts):
                yield path


def check_code(path, lines):
    head = [line for line in lines[:2] if not line.startswith("#!")]
    if not head or "SPDX-License-Identifier: Apache-2.0" not in head[0]:
        yield 1, "the first line names no licence"
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield number, "tab"
        if len(line) > WIDTH:
            yield number, f"{len(line)} characters, more than {WIDTH}"
        if line != line.rstrip():
            yield number, "white space at the end"
        if OPEN_END.search(line):
            yield number, "open end"
    if len(lines) > LENGTH:
        yield LENGTH, f"{len(lines)} lines, more than {LENGTH}"
    if path.suffix == ".hpp" and "#pragma once" not in lines:
        yield 1, "no #pragma once"


def check_file(root, path):
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    lines = text.splitlines()
    found = list(check_code(path, lines)) if is_code(path) else []
    found += [(n, "path of one machine") for n, line in enumerate(lines, 1) if ONE_MACHINE.search(line)]
    if is_code(path) and len(lines) > LONG:
        print(f"note: {path.relative_to(root)} has {len(lines)} lines")
    for number, what in found:
        yield f"{path.relative_to(root)}:{number}: {what}"


def conan_recipe(root):
    """The class attributes and the names given to self.requires(), without running the recipe."""
    tree = ast.parse((root / "conanfile.py").read_text())
    recipe = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    attributes = {node.targets[0].id: node.value for node in recipe.body if isinstance(node, ast.Assign)}
    calls = [node for node in ast.walk(recipe) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    requires = {call.args[0].value for call in calls if call.func.attr == "requires"}
    return ast.literal_eval(attributes["version"]), requires


def library(name):
    """One name for a library that the packagers call differently; Boost counts once."""
    name = name.lower().split("/")[0]
    ours = {"sqlite3": "sqlite", "msgpack-cxx": "msgpack", "nlohmann_json": "nlohmann", "nlohmann-json": "nlohmann"}
    return ours.get(name, "boost" if name.startswith("boost") else name)


def check_manifests(root):
    cmake = re.search(r"project\(edgesync VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text()).group(1)
    conan_version, conan_requires = conan_recipe(root)
    vcpkg = json.loads((root / "vcpkg.json").read_text())
    changelog = (root / "CHANGELOG.md").read_text()
    for where, version in [("conanfile.py", conan_version), ("vcpkg.json", vcpkg["version-semver"])]:
        if version != cmake:
            yield f"{where}: version {version}, but CMakeLists.txt says {cmake}"
    if f"## [{cmake}]" not in changelog:
        yield f"CHANGELOG.md: no heading for {cmake}"

    wanted = (root / "src/cmake/Dependencies.cmake").read_text()
    found = {library(name) for name in re.findall(r"find_package\((\w+)", wanted)} - {"threads"}
    found |= {library(name) for name in re.findall(r"add_library\(edgesync_(msgpack|zstd)", wanted)}
    found |= {library(name) for name in re.findall(r"find_path\(EDGESYNC_(VALIJSON|NLOHMANN)_INCLUDE", wanted)}
    for where, names in [("conanfile.py", conan_requires), ("vcpkg.json", vcpkg["dependencies"])]:
        listed = {library(name) for name in names}
        if listed != found:
            yield f"{where}: depends on {sorted(listed)}, but Dependencies.cmake finds {sorted(found)}"


def main(root):
    problems = [problem for path in files_of(root) for problem in check_file(root, path)]
    problems += check_manifests(root)
    print(*problems, sep="\n")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
