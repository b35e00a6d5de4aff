#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A link that is neither fast nor near, for a command to be measured over.

Usage: link.py [--rate MBIT] [--delay MS] [--queue MS] -- COMMAND...

Makes two network namespaces joined by nothing but this program, which passes packets from one to the other at RATE
megabits a second (20), DELAY milliseconds later (20 each way), and drops what would wait longer than QUEUE milliseconds
(50). COMMAND runs in the near one; EDGESYNC_FAR names the far one and its address (NAMESPACE:ADDRESS). Needs root,
iproute2 and /dev/net/tun.
"""
import argparse
import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class End:
    """A namespace with one interface, of which we are the wire."""

    def __init__(self, role, address, peer):
        self.namespace, self.device, self.address = f"edgesync-{role}-{os.getpid()}", f"es{role}{os.getpid()}", address
        ip("netns", "add", self.namespace)
        self.wire = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.wire, TUNSETIFF, struct.pack("16sH22x", self.device.encode(), IFF_TUN | IFF_NO_PI))
        ip("link", "set", self.device, "netns", self.namespace)
        inside = ["-n", self.namespace]
        ip(*inside, "addr", "add", address, "peer", peer, "dev", self.device)
        ip(*inside, "link", "set", self.device, "mtu", "1500", "up")
        ip(*inside, "link", "set", "lo", "up")

    def remove(self):
        os.close(self.wire)
        ip("netns", "delete", self.namespace)


class Way:
    """Packets from one end to the other."""

    def __init__(self, source, sink, options):
        self.source, self.sink = source, sink
        self.rate, self.delay, self.queue = options.rate * 1e6 / 8, options.delay / 1e3, options.queue / 1e3
        self.free_at, self.under_way = 0.0, collections.deque()

    def take(self, now):
        """What the source has sent."""
        while True:
            try:
                packet = os.read(self.source.wire, 65536)
            except BlockingIOError:
                return
            begin = max(now, self.free_at)
            if begin - now > self.queue:
                continue
            self.free_at = begin + len(packet) / self.rate
            self.under_way.append((self.free_at + self.delay, packet))

    def give(self, now):
        """What has arrived."""
        while self.under_way and self.under_way[0][0] <= now:
            os.write(self.sink.wire, self.under_way.popleft()[1])

    def due(self):
        return self.under_way[0][0] if self.under_way else float("inf")


def carry(ways, done):
    ready = {way.source.wire: way for way in ways}
    while done.poll() is None:
        wait = min(way.due() for way in ways) - time.monotonic()
        # The last part of a millisecond is spent looking: select() is not more exact than that.
        readable, _, _ = select.select(list(ready), [], [], min(0.1, max(0.0, wait - 0.0005)))
        now = time.monotonic()
        for wire in readable:
            ready[wire].take(now)
        for way in ways:
            way.give(now)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rate", 20), ("delay", 20), ("queue", 50)):
        parser.add_argument("--" + name, type=float, default=default)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    ends = []
    try:
        ends.append(End("near", "10.77.0.1", "10.77.0.2"))
        ends.append(End("far", "10.77.0.2", "10.77.0.1"))
        near, far = ends
        environment = dict(os.environ, EDGESYNC_FAR=f"{far.namespace}:{far.address}")
        command = subprocess.Popen(["ip", "netns", "exec", near.namespace, *options.command], env=environment)
        try:
            carry([Way(near, far, options), Way(far, near, options)], command)
        finally:
            command.kill()
        return command.wait()
    finally:
        for end in ends:
            end.remove()


if __name__ == "__main__":
    sys.exit(main())
