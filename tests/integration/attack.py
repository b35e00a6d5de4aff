# SPDX-License-Identifier: Apache-2.0
"""What tests with hostile peers share: a hub that is attacked, an honest gateway that must not notice, and a bound on
how much memory the hub may take for it. EDGESYNC_GROWTH_KIB: how much it may grow (16384); programs built with a
sanitizer need more. EDGESYNC_SEED: of what is random."""

import os
import random
import threading
import time

from fleet import Case, Failed, memory_kib
from websocket import Peer, client_context, frame, hello

GROWTH_KIB_MAX = int(os.environ.get("EDGESYNC_GROWTH_KIB", str(16 * 1024)))


class Good:
    """A gateway that commits all the time and wants an ack for each commit."""

    def __init__(self, case, port):
        self.node = case.shell("good")
        self.node.do("link", **case.to(port))
        self.node.event("linked")
        self.commits, self.slowest, self.failure = 0, 0.0, None
        self.times = []  # seconds from each commit to its ack
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        try:
            while not self.ending.wait(0.02):
                begun, seen = time.monotonic(), len(self.node.events)
                commit = self.node.do("state.transact", scope="good", edits=[{"add": "n", "delta": 1}])["commit"]
                self.node.event("ack", since=seen, scope="good", commit=commit)
                self.commits += 1
                self.times.append(time.monotonic() - begun)
                self.slowest = max(self.slowest, self.times[-1])
        except Failed as failure:
            self.failure = failure

    def finish(self, case):
        """Still at work, ten commits on."""
        enough, deadline = self.commits + 10, time.monotonic() + 30
        while self.commits < enough and not self.failure and time.monotonic() < deadline:
            time.sleep(0.01)
        case.assertGreaterEqual(self.commits, enough, self.failure)
        self.ending.set()
        self.thread.join()
        case.assertIsNone(self.failure)
        case.assertFalse([event for event in self.node.events if event.get("event") == "unlinked"])
        case.assertLess(self.slowest, 5)
        return self.commits, self.slowest


EVERYWHERE = []
for limit in ("strangers-per-network=512", "suspects-per-network=512", "arrivals=0/0", "arrivals-per-network=0/0",
              "refusals-per-name=1000000"):
    EVERYWHERE += ["--limit", limit]


class Attack(Case):
    # What one network may is another test's; here it is as if they came from everywhere.
    limits = EVERYWHERE

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("EDGESYNC_SEED", str(random.SystemRandom().randrange(1 << 32))))
        self.hub = self.serve("hub", *self.limits)
        self.context = client_context()
        self.good = Good(self, self.hub.port)
        with self.member() as warm:
            warm.send(b"\x00" + bytes(1000))
            warm.end()
        self.growth_max = GROWTH_KIB_MAX
        self.flat = memory_kib(self.hub, "VmHWM")

    def tearDown(self):
        if not self.good.ending.is_set():
            commits, slowest = self.good.finish(self)
            growth = memory_kib(self.hub, "VmHWM") - self.flat
            print(f"{self._testMethodName}: hub {self.flat} KiB, at most {growth} KiB more; "
                  f"{commits} honest commits acked, slowest {slowest * 1000:.0f} ms", flush=True)
            self.equal("state", "good", self.good.node, self.hub)
            self.assertEqual(self.hub.do("state.get", scope="good", key="n")["value"], commits)
            self.assertEqual(self.good.node.finish(), 0)
            self.assertEqual(self.hub.finish(), 0)
            self.sound("hub")
            self.assertLess(growth, self.growth_max)

    def peer(self, **how):
        return Peer(self.hub.port, self.context, **how)

    def member(self, token="full"):
        peer = self.peer()
        peer.send(frame(hello(token)))
        peer.messages.append(peer.receive()[1])
        return peer

    def gone(self, name, peer):
        how = peer.end()
        print(f"  {name}: {how}", flush=True)
        self.assertNotIn("STILL OPEN", how, name)
