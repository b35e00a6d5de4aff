# SPDX-License-Identifier: Apache-2.0
"""Installs edgesync to a stage, moves the stage, and builds consumers against it. One check per run; see the functions
at the end. Every consumer is a copy outside the source tree, and none may read a header of Boost or msgpack."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

THIRD_PARTY = re.compile(r"boost|msgpack|sqlite3\.h|zstd\.h|openssl|nlohmann|valijson", re.IGNORECASE)
OURS = re.compile(r"(typeinfo (name )?for |vtable for |(non-)?virtual thunk to )?edgesync::")


def run(*command, expect_failure=False, **options):
    done = subprocess.run([str(word) for word in command], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    if (done.returncode != 0) != expect_failure:
        print("+", *command)
        print(done.stdout)
        sys.exit(f"{'passed, but should fail' if expect_failure else 'failed'}: {command[0]}")
    return done.stdout


def require(condition, what):
    if not condition:
        sys.exit(what)


class Consumer:
    """A copy of the consumer project in a directory of its own that goes away at the end."""

    def __init__(self, args):
        self.args = args
        self.scratch = tempfile.TemporaryDirectory(prefix="edgesync-consumer-")
        self.source = pathlib.Path(self.scratch.name, "source")
        self.build = pathlib.Path(self.scratch.name, "build")
        shutil.copytree(args.source / "tests/package/consumer", self.source)

    def configure(self, *settings, **options):
        return run(self.args.cmake, "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                   f"-DCMAKE_CXX_COMPILER={self.args.compiler}", *settings, **options)

    def compile(self):
        run(self.args.cmake, "--build", self.build)

    def headers(self, name):
        """The headers that a source of the consumer read."""
        listing = run("ninja", "-C", self.build, "-t", "deps", f"CMakeFiles/{name}.o")
        return [line.strip() for line in listing.splitlines() if line.startswith("    ")]

    def start(self, program="consumer", **options):
        return run(self.build / program, cwd=self.scratch.name, **options)


def no_third_party(headers):
    require(len(headers) > 10, f"only {len(headers)} headers seen: nothing was checked")
    leaks = [header for header in headers if THIRD_PARTY.search(header)]
    require(not leaks, f"the consumer read {leaks}")


def says(output, *lines):
    require(output.splitlines() == list(lines), f"unexpected output: {output}")


def install(args):
    """The stage, moved after installing: nothing that was installed may remember where it came from."""
    shutil.rmtree(args.stage, ignore_errors=True)
    first = args.stage.parent / f"{args.stage.name}-first"
    shutil.rmtree(first, ignore_errors=True)
    run(args.cmake, "--install", args.build, "--prefix", first, "--component", args.component)
    first.rename(args.stage)


def contents(args):
    files = [path for path in args.stage.rglob("*") if path.is_file()]
    for name in ["LICENSE", "node.hpp", "version.hpp", "edgesyncConfig.cmake", "edgesync.pc"]:
        require(any(path.name == name for path in files), f"{name} is not installed")
    public = [path for path in files if "include" in path.parts]
    require(all(path.suffix == ".hpp" and path.parent.name == "edgesync" for path in public), "a private header")
    for path in files:
        if path.suffix not in {".cmake", ".pc"}:
            continue
        text = path.read_text()
        for place in (args.source, args.build, args.stage):
            require(str(place) not in text, f"{path.name} names {place}")
        if "Asio" not in path.name and path.name != "edgesyncConfig.cmake":
            require(not re.search("boost|msgpack", text, re.IGNORECASE), f"{path.name} names Boost or msgpack")
        if args.kind == "shared" and path.name.startswith("edgesyncTargets"):
            require(not re.search("sqlite|openssl|zstd", text, re.IGNORECASE), f"{path.name} asks for third parties")
    if args.program:
        said = run(args.stage / "bin/edgesync", "--version")
        require(said == f"edgesync {args.version}\n", f"the program says {said}")


def find_package(args):
    consumer = Consumer(args)
    consumer.configure(f"-DCMAKE_PREFIX_PATH={args.stage}", "-DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON")
    consumer.compile()
    no_third_party(consumer.headers("consumer.dir/main.cpp"))
    says(consumer.start(), args.version, "open")


def asio(args):
    consumer = Consumer(args)
    consumer.configure(f"-DCMAKE_PREFIX_PATH={args.stage}", "-DWITH_ASIO=ON")
    consumer.compile()
    no_third_party(consumer.headers("consumer.dir/main.cpp"))
    says(consumer.start("asio_consumer"), args.version)


def wrong_version(args):
    output = Consumer(args).configure(f"-DCMAKE_PREFIX_PATH={args.stage}", "-DWANTED=0.0", expect_failure=True)
    require("edgesync" in output and "0.0" in output, output)
    output = Consumer(args).configure(f"-DCMAKE_PREFIX_PATH={args.stage}", "-DWANTED=0.2", expect_failure=True)
    require("edgesync" in output and "0.2" in output, output)


def pkg_config(args):
    consumer = Consumer(args)
    consumer.build.mkdir()
    folder = next(args.stage.rglob("edgesync.pc")).parent
    environment = dict(os.environ, PKG_CONFIG_PATH=str(folder))
    require(run("pkg-config", "--modversion", "edgesync", env=environment).strip() == args.version, "wrong version")
    flags = run("pkg-config", "--cflags", "--libs", "edgesync", env=environment).split()
    require(("-DEDGESYNC_STATIC" in flags) == (args.kind == "static"), f"EDGESYNC_STATIC: {flags}")
    listing = consumer.build / "main.d"
    run(args.compiler, "-std=c++20", "-MD", "-MF", listing, consumer.source / "main.cpp", "-o",
        consumer.build / "consumer", *flags)
    no_third_party(listing.read_text().replace("\\\n", " ").split()[2:])
    says(consumer.start(env=dict(os.environ, LD_LIBRARY_PATH=str(folder.parent))), args.version, "open")


def symbols(args):
    """A shared edgesync shows names of edgesync and nothing else, under a name that changes with the minor version."""
    library = next(args.stage.rglob("libedgesync.so"))
    shown = [line.split(maxsplit=2)[2] for line in run("nm", "-DC", "--defined-only", library).splitlines()]
    foreign = [name for name in shown if not OURS.match(name)]
    require(not foreign, f"{len(foreign)} foreign symbols are shown, such as {foreign[:10]}")
    require(len(shown) > 10, f"only {len(shown)} symbols are shown")
    soname = "libedgesync.so." + ".".join(args.version.split(".")[:2])
    require(f"[{soname}]" in run("readelf", "-d", library), f"the SONAME is not {soname}")
    print(f"{len(shown)} symbols")


def add_subdirectory(args):
    consumer = Consumer(args)
    launcher = f"{sys.executable};-B;{args.source / 'tests/package/reuse_object.py'};{args.build}"
    consumer.configure(f"-DEDGESYNC_SOURCE={args.source}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}",
                       f"-DEDGESYNC_MSGPACK_INCLUDE={args.msgpack}",
                       f"-DEDGESYNC_VALIJSON_INCLUDE={args.valijson}")
    targets = run("ninja", "-C", consumer.build, "-t", "targets", "all")
    require("_test:" not in targets, "a subdirectory build brings edgesync's tests")
    consumer.compile()
    no_third_party(consumer.headers("consumer.dir/main.cpp"))
    says(consumer.start(), args.version, "open")


def main():
    checks = [install, contents, find_package, asio, wrong_version, pkg_config, symbols, add_subdirectory]
    parser = argparse.ArgumentParser()
    parser.add_argument("check", choices=[check.__name__ for check in checks])
    for path in ("--source", "--build", "--stage"):
        parser.add_argument(path, type=pathlib.Path)
    for word in ("--cmake", "--compiler", "--version", "--kind", "--component", "--msgpack", "--valijson"):
        parser.add_argument(word)
    parser.add_argument("--program", action="store_true", help="the edgesync program is part of the stage")
    args = parser.parse_args()
    next(check for check in checks if check.__name__ == args.check)(args)


if __name__ == "__main__":
    main()
