# SPDX-License-Identifier: Apache-2.0
"""LoopDisk: a disk of our own, an ext4 file system in a file. It can be filled, and its power can be cut: what the file
holds then is what the system had sent to the disk, and what it only kept in its cache is gone. Needs root, for mount.

The file system writes back by itself only what is older than half a minute and commits its journal every five minutes,
so between two cuts the disk gets what somebody synced."""

import errno
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path


def run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


class LoopDisk:
    def __init__(self, directory, name, mib):
        if os.geteuid() != 0:
            raise PermissionError("this campaign mounts a disk of its own and needs root")
        self.image, self.point = Path(directory) / f"{name}.img", Path(directory) / name
        self.point.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(mib << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self.mounted = False
        self.mount()

    def mount(self):
        run("mount", "-o", "loop,noatime,commit=300", self.image, self.point)
        self.mounted = True

    def unmount(self):
        deadline = time.monotonic() + 10
        while self.mounted:
            try:
                run("umount", self.point)
                self.mounted = False
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)  # a program that was killed is still letting go

    def cut(self, *programs):
        """The power goes, for the disk and for all programs on it; then the disk is back and they are not."""
        for program in programs:
            program.process.send_signal(signal.SIGSTOP)
        for program in programs:
            wait_until_stopped(program.process.pid)
        left = self.image.with_suffix(".cut")
        run("cp", "--sparse=always", self.image, left)
        for program in programs:
            program.kill()
        self.unmount()
        os.replace(left, self.image)
        self.mount()

    def fill(self):
        """Not a byte is left, or as good as."""
        with open(self.point / "ballast", "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                        os.fsync(file.fileno())
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def make_room(self):
        (self.point / "ballast").unlink()
        os.sync()

    def free_bytes(self):
        return shutil.disk_usage(self.point).free

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.unmount()


def wait_until_stopped(pid):
    """All threads: one that is in the middle of a sync ends it first."""
    deadline = time.monotonic() + 30
    while True:
        states = [(task / "stat").read_text().rpartition(")")[2].split()[0]
                  for task in Path(f"/proc/{pid}/task").iterdir()]
        if all(state in "TtZX" for state in states):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"threads of {pid} do not stop: {states}")
        time.sleep(0.001)
