# SPDX-License-Identifier: Apache-2.0
"""A scope of any size over a link that is cut again and again: what it costs in memory, on both sides, and on the wire;
and a scope that is given up and taken up again.

    large_test.py PROGRAMS [CASE...]     EDGESYNC_LARGE_MIB: how large (8); EDGESYNC_CUTS: how many cuts (10)"""

import os
import subprocess
import time
from pathlib import Path

from fleet import Case, main, memory_kib

VALUE = 1000


class Large(Case):
    def setUp(self):
        super().setUp()
        self.mib = int(os.environ.get("EDGESYNC_LARGE_MIB", "8"))
        self.cuts = int(os.environ.get("EDGESYNC_CUTS", "10"))

    def fill(self, program):
        """Text that does not compress to nothing: random hexadecimal digits."""
        count = self.mib * 1024 * 1024 // VALUE
        for first in range(0, count, 500):
            edits = [{"set": f"line-{i % 97}/cell-{i}", "value": os.urandom(VALUE // 2).hex()}
                     for i in range(first, min(first + 500, count))]
            program.do("state.transact", scope="large", edits=edits, durability="fast")
        return count

    def test_a_large_scope_over_a_link_with_cuts(self):
        hub = self.serve()
        wire = self.rig.wire()
        wire.target = hub.port
        count = self.fill(hub)
        hub.do("digest", plane="state", scope="large")  # all of it is durable
        node = self.shell("node")
        node.do("subscribe", plane="state", scope="large")
        before = {name: memory_kib(program, "VmRSS") for name, program in (("hub", hub), ("node", node))}
        begun, budget = time.monotonic(), self.mib * 1024 * 1024 // (2 * (self.cuts + 1))
        for _ in range(self.cuts):
            with wire.lock:
                wire.budget = budget
            seen = len(node.events)
            node.do("link", **self.to(wire.port))
            node.event("unlinked", since=seen, timeout=120)
            self.assertFalse(node.do("state.scan", scope="large")["cells"])  # all or nothing
        with wire.lock:
            wire.budget = None
        node.do("link", **self.to(wire.port))
        self.equal("state", "large", node, hub, timeout=600)
        carried = wire.sent + wire.received
        peak = {name: memory_kib(program, "VmHWM") for name, program in (("hub", hub), ("node", node))}
        got, sent = node.do("status")["metrics"]["bytes_received"], hub.do("status")["metrics"]["bytes_sent"]
        print(f"{self.mib} MiB in {count} cells, {self.cuts} cuts: {time.monotonic() - begun:.1f} s, {carried} bytes "
              f"on the wire ({sent} sent, {got} received in frames); resident before {before} KiB, at most {peak} KiB",
              flush=True)
        # Hexadecimal digits carry half a byte each; a tenth on top for keys, dots and what a cut loses of a chunk.
        self.assertLess(carried, self.mib * 1024 * 1024 * 0.75 + self.cuts * 1_500_000)
        for program in (node, hub):
            self.assertEqual(program.finish(), 0)
        for name in ("node", "hub"):
            self.sound(name)


    def test_a_large_scope_shows_as_it_comes_if_it_is_asked_to(self):
        hub = self.serve()
        wire = self.rig.wire()
        wire.target = hub.port
        self.fill(hub)
        hub.do("digest", plane="state", scope="large")
        node = self.shell("node")
        node.do("subscribe", plane="state", scope="large", progressive=True)
        cells = {}
        for _ in range(3):
            with wire.lock:
                wire.budget = self.mib * 1024 * 1024 // 6
            seen = len(node.events)
            node.do("link", **self.to(wire.port))
            node.event("unlinked", since=seen, timeout=120)
            before, cells = cells, node.do("state.scan", scope="large")["cells"]
            self.assertGreater(len(cells), len(before))
            self.assertEqual({key: cells[key] for key in before}, before)
        with wire.lock:
            wire.budget = None
        node.do("link", **self.to(wire.port))
        self.equal("state", "large", node, hub, timeout=600)
        whole = hub.do("state.scan", scope="large")["cells"]
        self.assertEqual(node.do("state.scan", scope="large")["cells"], whole)
        self.assertEqual({key: whole[key] for key in cells}, cells)
        for program in (node, hub):
            self.assertEqual(program.finish(), 0)
        for name in ("node", "hub"):
            self.sound(name)


class Unsubscribe(Case):
    @staticmethod
    def refused(program, op, **fields):
        answer = program.ask(op, **fields)
        return None if answer["ok"] else answer["error"]["code"]

    def test_a_scope_is_given_up_and_taken_up_again(self):
        hub = self.serve()
        node = self.shell("node")
        node.do("state.transact", scope="s", edits=[{"set": "mine", "value": 1}, {"set": "gone", "value": 1}])
        self.assertEqual(self.refused(node, "unsubscribe", plane="state", scope="s"), "unsent")
        node.do("link", **self.to(hub.port))
        node.do("flush", timeout_ms=30_000)
        node.do("unsubscribe", plane="state", scope="s")
        self.assertEqual(self.refused(node, "unsubscribe", plane="state", scope="s"), "not_found")
        self.assertEqual(self.refused(hub, "unsubscribe", plane="state", scope="s"), "unsupported")
        self.assertFalse([one for one in node.do("status")["scopes"] if one["scope"] == "s"])
        hub.do("state.transact", scope="s", edits=[{"erase": "gone"}, {"set": "theirs", "value": 2}])
        node.do("subscribe", plane="state", scope="s")
        self.equal("state", "s", node, hub)
        self.assertEqual(node.do("state.scan", scope="s")["cells"], {"mine": 1, "theirs": 2})
        node.do("state.transact", scope="s", edits=[{"set": "mine", "value": 3}])
        node.do("flush", timeout_ms=30_000)
        self.equal("state", "s", node, hub)
        # Offline it is written before anything has come back: by another replica, and nothing is lost.
        node.do("unsubscribe", plane="state", scope="s")
        node.do("unlink")
        before = node.do("status")["replica"]
        node.do("state.transact", scope="s", edits=[{"set": "later", "value": 4}])
        self.assertNotEqual(node.do("status")["replica"], before)
        node.do("link", **self.to(hub.port))
        node.do("flush", timeout_ms=30_000)
        self.equal("state", "s", node, hub)
        self.assertEqual(hub.do("state.scan", scope="s")["cells"], {"mine": 3, "theirs": 2, "later": 4})
        for program in (node, hub):
            self.assertEqual(program.finish(), 0)
        for name in ("node", "hub"):
            self.sound(name)

    def test_what_was_never_sent_is_exported_and_imported_elsewhere(self):
        node = self.shell("node")
        node.do("state.transact", scope="s", edits=[{"set": "a/b", "value": "text"}, {"add": "n", "delta": -7},
                                                    {"insert": "set", "member": 1}, {"insert": "set", "member": "x"}])
        node.do("config.publish", scope="c", tree={"limit": 5}, note="first")
        node.do("stream.open", scope="t", columns=[["v", "f64"], ["raw", "bytes"]])
        rows = [[1_700_000_000_000_000 + i, i / 2, {"base64": "AAEC"}] for i in range(2500)]
        node.do("stream.append", scope="t", rows=rows)
        self.assertEqual(node.finish(), 0)
        code, lines, error = self.rig.run("edgesync", "export", "--db", self.database("node"))
        self.assertEqual((code, error), (0, ""))
        program = self.rig.programs if hasattr(self.rig, "programs") else self.programs
        done = subprocess.run([str(Path(program) / "edgesync"), "import", "--db", self.database("other")],
                              input=lines, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        other = self.shell("other")
        self.assertEqual(other.do("state.scan", scope="s")["cells"], {"a/b": "text", "n": -7, "set": [1, "x"]})
        self.assertEqual(other.do("config.get", scope="c", key="limit")["value"], 5)
        origin = other.do("status")["replica"]
        read = other.do("stream.read", scope="t", origin=origin, limit=5000, **{"from": 1})
        self.assertEqual(read["rows"], rows)
        again = self.rig.run("edgesync", "export", "--db", self.database("node"), "--scope", "nowhere")
        self.assertEqual(again[0], 1)


if __name__ == "__main__":
    main()
