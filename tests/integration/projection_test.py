# SPDX-License-Identifier: Apache-2.0
"""A config scope as files: readers and watchers of a directory that changes many times a second, and a program that is
killed while it changes them.

    [EDGESYNC_UPDATES=N] [EDGESYNC_PROJECTION_KILLS=N] projection_test.py PROGRAMS [CASE...]

The cases FullDisk, PowerCuts and Control, these two with EDGESYNC_POWER_CUTS cuts (20), have the directory on a disk of
their own. They need root, see loop_disk.py, and strace, and are not part of the ordinary tests."""

import ctypes
import json
import multiprocessing
import os
import random
import struct
import threading
import time
from pathlib import Path
from unittest.mock import ANY

import fleet
from loop_disk import LoopDisk
from rig import Program

UPDATES = int(os.environ.get("EDGESYNC_UPDATES", "100"))
KILLS = int(os.environ.get("EDGESYNC_PROJECTION_KILLS", "10"))
FILES = ("a", "b", "sub/c")
IN_MOVED_TO = 0x80


def tree(number):
    return {name: f"{number} " + "x" * random.randrange(3000) for name in FILES}


def read_set(directory):
    """The number that each file of one generation carries, read through one descriptor."""
    folder = os.open(f"{directory}/..data", os.O_RDONLY | os.O_DIRECTORY)
    try:
        numbers = []
        for name in FILES:
            with open(os.open(name, os.O_RDONLY, dir_fd=folder)) as file:
                numbers.append(int(file.read().split(" ")[0]))
        return numbers
    finally:
        os.close(folder)


def keep_reading(directory, over, results):
    reads, mixed, failed = 0, 0, 0
    while not over.is_set():
        try:
            mixed += len(set(read_set(directory))) != 1
        except OSError:
            failed += 1
        reads += 1
    results.put((reads, mixed, failed))


class Watcher(threading.Thread):
    """What `..data` has come to name, each time that it is moved to."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory, self.seen = directory, []
        libc = ctypes.CDLL(None, use_errno=True)
        self.inotify = libc.inotify_init1(0)
        assert libc.inotify_add_watch(self.inotify, os.fsencode(directory), IN_MOVED_TO) >= 0
        self.start()

    def run(self):
        while True:
            buffer = os.read(self.inotify, 65536)
            at = 0
            while at < len(buffer):
                size = struct.unpack_from("iIII", buffer, at)[3]
                if buffer[at + 16:at + 16 + size].rstrip(b"\0") == b"..data":
                    self.seen.append(read_set(self.directory)[0])
                at += 16 + size


class Projection(fleet.Case):
    def directory(self):
        return self.rig.path("conf")

    def shell_with_files(self):
        return self.shell("edge", "--project", f"c={self.directory()}")

    def test_readers_see_whole_generations_and_watchers_the_last(self):
        edge = self.shell_with_files()
        edge.do("config.publish", scope="c", tree=tree(0))
        edge.event("projected", version=1)
        watcher = Watcher(self.directory())
        over, results = multiprocessing.Event(), multiprocessing.Queue()
        readers = [multiprocessing.Process(target=keep_reading, args=(self.directory(), over, results))
                   for _ in range(8)]
        for reader in readers:
            reader.start()
        begun = time.monotonic()
        for number in range(1, UPDATES + 1):
            edge.do("config.publish", scope="c", tree=tree(number))
            time.sleep(max(0, begun + number / 50 - time.monotonic()))  # 50 a second
        edge.event("projected", version=UPDATES + 1)
        over.set()
        found = [results.get(timeout=30) for _ in readers]
        for reader in readers:
            reader.join()
        reads, mixed, failed = (sum(column) for column in zip(*found))
        self.assertEqual((mixed, failed), (0, 0))
        self.assertGreater(reads, UPDATES)
        self.assertEqual(read_set(self.directory()), [UPDATES] * 3)
        deadline = time.monotonic() + 30
        while not watcher.seen or watcher.seen[-1] != UPDATES:
            self.assertLess(time.monotonic(), deadline, watcher.seen[-3:])
            time.sleep(0.01)
        self.assertEqual(watcher.seen, sorted(watcher.seen))
        print(f"{UPDATES} updates in {time.monotonic() - begun:.1f} s, {len(watcher.seen)} seen by the watcher; "
              f"{reads} reads of three files by 8 processes, 0 mixed", flush=True)

    def test_whenever_it_is_killed_one_whole_generation_is_shown(self):
        number, published = 0, 0
        for life in range(KILLS):
            edge = self.shell_with_files()
            versions = edge.do("config.history", scope="c", limit=1)["versions"]
            active = versions[0]["version"] if versions else 0
            self.assertGreaterEqual(active, published)
            if active > 0:
                edge.event("projected", version=active)
                self.assertEqual(len(set(read_set(self.directory()))), 1)
            moment = time.monotonic() + random.uniform(0.0, 0.3)
            killer = threading.Timer(max(0, moment - time.monotonic()), edge.kill)
            killer.start()
            try:
                while True:
                    number += 1
                    published = edge.do("config.publish", scope="c", tree=tree(number))["version"]
            except (fleet.Failed, OSError, ValueError):
                pass
            killer.join()
            if Path(self.directory(), "..data").exists():
                shown = read_set(self.directory())
                self.assertEqual(len(set(shown)), 1, shown)
                for name in FILES:
                    self.assertTrue(Path(self.directory(), name).exists(), name)
        edge = self.shell_with_files()
        edge.finish()
        leftovers = [name for name in os.listdir(self.directory()) if name in ("..new", "..data_tmp")]
        self.assertEqual(leftovers, [])
        print(f"{KILLS} kills, {number} versions", flush=True)

    def test_a_directory_becomes_a_version_and_is_shown_elsewhere(self):
        source = Path(self.rig.path("source"))
        (source / "limits").mkdir(parents=True)
        (source / "limits" / "pump").write_text("5\n")
        (source / "logo").write_bytes(b"\xff\0")
        hub = self.serve()
        code, out, error = self.rig.run(
            "edgesync", "config", "publish", "--db", self.database("author"), "--scope", "c", "--from", str(source),
            "--note", "from files", "--hub", f"wss://127.0.0.1:{hub.port}", "--token", "full", "--ca",
            self.rig.path("ca.pem"))
        self.assertEqual((code, error), (0, ""), out)
        self.assertEqual(json.loads(out)["note"], "from files")
        edge = self.shell("edge", "--project", f"c={self.directory()}")
        edge.do("link", **self.to(hub.port))
        edge.event("projected", version=1)
        self.assertEqual((Path(self.directory()) / "limits" / "pump").read_text(), "5\n")
        self.assertEqual((Path(self.directory()) / "logo").read_bytes(), b"\xff\0")

    def test_a_directory_that_cannot_be_is_an_error_that_names_it(self):
        code, _, error = self.rig.run("edgesync", "shell", "--db", self.database("x"), "--project", "c")
        self.assertEqual(code, 2)
        self.assertIn("--project: 'c' is not SCOPE=DIRECTORY", error)
        code, out, error = self.rig.run("edgesync", "shell", "--db", self.database("x"), "--project", "c=/no/where")
        self.assertEqual(code, 1)
        self.assertIn("/no/where", out + error)


class OwnDisk(fleet.Case):
    def setUp(self):
        super().setUp()
        self.disk = self.enterContext(LoopDisk(self.rig.directory, "conf-disk", 48))
        self.addCleanup(lambda: [one.kill() for one in self.rig.started if one.process.poll() is None])
        self.directory = self.disk.point / "conf"


class FullDisk(OwnDisk):
    def generations(self):
        return [name for name in os.listdir(self.directory) if name.startswith("..2")]

    def test_spare_generations_go_and_what_could_not_be_shown_is_shown_when_there_is_room(self):
        edge = self.shell("edge", "--project", f"c={self.directory}")
        for number in range(3):
            edge.do("config.publish", scope="c", tree=tree(number))
            edge.event("projected", version=number + 1)
        self.assertEqual(len(self.generations()), 3)
        self.disk.fill()
        edge.do("config.publish", scope="c", tree={**tree(3), "d": "x" * 200_000})  # more than a spare one frees
        failed = edge.event("projected", error=ANY)["error"]
        self.assertEqual(failed["code"], "storage_full")
        self.assertIn(str(self.directory), failed["detail"])
        self.assertEqual(read_set(self.directory), [2] * 3)
        self.assertEqual(len(self.generations()), 1)
        self.disk.make_room()
        edge.event("projected", version=4)
        self.assertEqual(read_set(self.directory), [3] * 3)


class PowerCuts(OwnDisk):
    wrapper = ()

    def setUp(self):
        super().setUp()
        self.numbers = {}  # by version, of those that were answered

    def publish(self, edge):
        try:
            while True:
                number = len(self.numbers) + 1
                self.numbers[edge.do("config.publish", scope="c", tree=tree(number))["version"]] = number
        except (fleet.Failed, OSError, ValueError):
            pass

    def cut(self):
        """What is shown after a cut: the number that all files carry, and the least that it may be."""
        program = [*self.wrapper, self.rig.programs / "edgesync", "shell", "--db", self.database("edge"), "--project",
                   f"c={self.directory}"]
        edge = Program(*program)
        self.rig.started.append(edge)
        writer = threading.Thread(target=self.publish, args=[edge])
        writer.start()
        edge.event("projected")
        time.sleep(random.uniform(0.05, 0.5))
        told = max(self.numbers.get(event["version"], 0) for event in edge.events
                   if event.get("event") == "projected" and "version" in event)
        self.disk.cut(edge)
        writer.join()
        shown = read_set(self.directory)
        self.assertEqual(len(set(shown)), 1, shown)
        return shown[0], told

    def test_what_was_told_to_be_shown_is_there_whole(self):
        for _ in range(int(os.environ.get("EDGESYNC_POWER_CUTS", "20"))):
            shown, told = self.cut()
            self.assertGreaterEqual(shown, told)
        print(f"{len(self.numbers)} versions", flush=True)


class Control(PowerCuts):
    """The same with syncs that do nothing."""
    wrapper = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:retval=0")

    def test_what_was_told_to_be_shown_is_there_whole(self):
        lost = 0
        for _ in range(5):
            try:
                shown, told = self.cut()
                lost += shown < told
            except (AssertionError, OSError, ValueError):
                lost += 1
        self.assertGreater(lost, 0, "a directory that is never synced lost nothing: these cuts cut nothing off")


if __name__ == "__main__":
    fleet.main()
