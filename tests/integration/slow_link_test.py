# SPDX-License-Identifier: Apache-2.0
"""A slow link: values that take long go through at the first attempt.

    slow_link_test.py PROGRAMS [CASE...]    needs root, for a network of its own; not part of the ordinary tests
                                            EDGESYNC_KBIT: another rate (8)"""

import os
import secrets
import subprocess
import time

from fleet import Case, main
from rig import Program

KBIT = int(os.environ.get("EDGESYNC_KBIT", "8"))
VALUE_BYTES = 60_000  # incompressible


def run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


class SlowLink(Case):
    """Both programs in a network namespace whose loopback is slow, for both directions together."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            raise PermissionError("this campaign makes a network of its own and needs root")
        self.network = f"edgesync-{os.getpid()}"
        run("ip", "netns", "add", self.network)
        self.addCleanup(run, "ip", "netns", "delete", self.network)
        self.addCleanup(self.end_programs)
        for command in ("ip link set lo mtu 1500 up",
                        f"tc qdisc add dev lo root tbf rate {KBIT}kbit burst 3000 limit 60000"):
            run("ip", "netns", "exec", self.network, *command.split())

    def end_programs(self):
        for program in self.rig.started:
            if program.process.poll() is None:
                program.kill()

    def start(self, *arguments, environment=None):
        program = Program("ip", "netns", "exec", self.network, self.rig.programs / "edgesync", *arguments,
                          environment=environment)
        self.rig.started.append(program)
        return program

    def test_what_takes_minutes_goes_through_at_once(self):
        hub, node = self.serve(), self.shell("node")
        node.do("subscribe", plane="state", scope="s")
        node.do("link", **self.to(hub.port))
        node.event("linked", timeout=60)
        begun, seen = time.monotonic(), len(node.events)
        value = secrets.token_hex(VALUE_BYTES // 2)
        node.do("state.transact", scope="s", edits=[{"set": "large", "value": secrets.token_urlsafe(VALUE_BYTES)}])
        node.do("state.transact", scope="s", edits=[{"set": "hex", "value": value}])
        # What comes first: everything has arrived, or a link was given up.
        node.send('{"id": "all", "op": "flush", "timeout_ms": 900000}')
        ended = node.wait_until(lambda: node.answers.get("all") or next(
            (event for event in node.events[seen:] if event.get("event") in ("unlinked", "watchdog")), None),
            "flush", 900)
        print(f"{KBIT} kbit/s: {VALUE_BYTES * 7 // 3} bytes in {time.monotonic() - begun:.0f} s: {ended}", flush=True)
        self.assertTrue(ended.get("ok"), ended)
        self.equal("state", "s", hub, node)


if __name__ == "__main__":
    main()
