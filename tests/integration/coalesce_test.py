# SPDX-License-Identifier: Apache-2.0
"""What a link costs and what it survives, measured on the bytes of a real connection: overwrites made offline are sent
once, and a connection that is cut at any byte, two hundred times, loses nothing.

    coalesce_test.py PROGRAMS [CASE...]     EDGESYNC_CUTS: how many cuts (200); EDGESYNC_SEED"""

import os
import random
import threading
import time
from collections import Counter

from fleet import Case, Failed, main

KEYS, OVERWRITES = 100, 1000
BYTES_MAX = 40_000


class Coalesce(Case):
    def test_a_thousand_overwrites_of_a_hundred_keys_are_sent_once(self):
        hub = self.serve()
        wire = self.rig.wire()
        wire.target = hub.port
        node = self.shell("offline")
        begun = time.monotonic()
        for i in range(OVERWRITES):
            node.do("state.transact", scope="s", durability="fast",
                    edits=[{"set": f"sensor/{key:03}/value", "value": i * KEYS + key} for key in range(KEYS)])
        written = time.monotonic() - begun
        self.assertEqual(node.do("status")["metrics"]["commits"], OVERWRITES)
        node.do("link", **self.to(wire.port))
        node.do("flush", timeout_ms=30_000)
        self.equal("state", "s", node, hub)
        sent, received = node.do("status")["metrics"], hub.do("status")["metrics"]
        print(f"{OVERWRITES * KEYS} overwrites in {written:.1f} s; {sent['keys_sent']} keys in "
              f"{sent['cuts_sent']} cuts, {sent['bytes_sent']} bytes before TLS, "
              f"{wire.sent} up and {wire.received} down on the wire", flush=True)
        self.assertEqual((sent["keys_sent"], received["keys_received"]), (KEYS, KEYS))
        self.assertLessEqual(wire.sent + wire.received, BYTES_MAX)
        cells = hub.do("state.scan", scope="s")["cells"]
        self.assertEqual(cells, {f"sensor/{key:03}/value": (OVERWRITES - 1) * KEYS + key for key in range(KEYS)})

    def test_a_second_link_with_nothing_new_costs_next_to_nothing(self):
        hub = self.serve()
        node = self.shell("idle")
        node.do("state.transact", scope="s", edits=[{"set": f"key/{i}", "value": "x" * 100} for i in range(1000)])
        node.do("link", **self.to(hub.port))
        node.do("flush", timeout_ms=30_000)
        node.do("unlink")
        node.event("unlinked")
        wire = self.rig.wire()
        wire.target = hub.port
        seen = len(node.events)
        node.do("link", **self.to(wire.port))
        node.event("linked", since=seen)
        node.do("flush", timeout_ms=30_000)
        print(f"linked again: {wire.sent} bytes up, {wire.received} down, TLS handshake included", flush=True)
        self.assertLessEqual(wire.sent + wire.received, 5000)


class Cuts(Case):
    def setUp(self):
        super().setUp()
        self.cuts = int(os.environ.get("EDGESYNC_CUTS", "200"))
        self.seed = int(os.environ.get("EDGESYNC_SEED", str(random.SystemRandom().randrange(1 << 32))))
        self.random = random.Random(self.seed)
        print(f"seed {self.seed}, {self.cuts} cuts", flush=True)

    def write(self, program, name, stop):
        """Transactions of five keys, a counter that counts them, and records; each has the number of its round."""
        self.written[name] = 0
        while not stop.is_set():
            number = self.written[name] + 1
            edits = [{"set": f"{name}/{i}", "value": number} for i in range(5)] + [{"add": "total", "delta": 1}]
            edits += [{"set": f"{name}/blob/{number % 50}", "value": self.random.randbytes(300).hex()}]
            program.do("state.transact", scope="s", edits=edits, durability="fast")
            if name != "hub":
                program.do("stream.append", scope="t", rows=[[number * 10 + i, number] for i in range(10)],
                           durability="fast")
            self.written[name] = number
            time.sleep(0.002)

    def test_two_hundred_cuts_at_any_byte_lose_nothing(self):
        hub = self.serve()
        wire = self.rig.wire()
        wire.target = hub.port
        node = self.shell("node")
        node.do("stream.open", scope="t", columns=[["n", "i64"]])
        self.written, stop, failures = {}, threading.Event(), []

        def work(program, name):
            try:
                self.write(program, name, stop)
            except Failed as failure:
                failures.append(failure)

        writers = [threading.Thread(target=work, args=pair) for pair in ((node, "node"), (hub, "hub"))]
        node.do("subscribe", plane="state", scope="s")
        for writer in writers:
            writer.start()
        begun, codes, linked = time.monotonic(), Counter(), 0
        for _ in range(self.cuts):
            with wire.lock:
                wire.budget = int(100 * 2000 ** self.random.random())  # 100 bytes, in the handshake, to 200 kB
            seen = len(node.events)
            node.do("link", **self.to(wire.port))
            ended = node.event("unlinked", since=seen)
            codes[ended["code"]] += 1
            linked += any(event["event"] == "linked" for event in node.events[seen:])
            self.assertFalse(failures)
        stop.set()
        for writer in writers:
            writer.join()
        with wire.lock:
            wire.budget = None
        node.do("link", **self.to(wire.port))
        node.do("flush", timeout_ms=60_000)
        self.equal("state", "s", node, hub)
        print(f"{time.monotonic() - begun:.1f} s, {linked} links came up, {wire.sent + wire.received} bytes carried; "
              f"cut as {dict(codes)}; written: {self.written}", flush=True)
        self.check(node, hub)

    def check(self, node, hub):
        for program in (node, hub):
            cells = program.do("state.scan", scope="s")["cells"]
            for name, number in self.written.items():
                self.assertEqual([cells[f"{name}/{i}"] for i in range(5)], [number] * 5)
            self.assertEqual(cells["total"], sum(self.written.values()))
        replica = node.do("status")["replica"]
        rows, total = [], 10 * self.written["node"]
        while len(rows) < total:
            read = hub.do("stream.read", scope="t", origin=replica, limit=5000, **{"from": len(rows) + 1})
            self.assertEqual(read["gaps"], [])
            self.assertTrue(read["rows"], f"{len(rows)} of {total} records")
            rows += read["rows"]
        self.assertEqual(rows, [[n * 10 + i, n] for n in range(1, self.written["node"] + 1) for i in range(10)])
        for program in (node, hub):
            self.assertEqual(program.finish(), 0)
        for name in ("node", "hub"):
            self.sound(name)


if __name__ == "__main__":
    main()
