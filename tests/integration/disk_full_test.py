# SPDX-License-Identifier: Apache-2.0
"""A disk of 16 MiB that is full, under a node and under a hub: writes are refused as storage_full, reads go on, and
when there is room again everything goes on by itself, with nothing lost that was confirmed.

    disk_full_test.py PROGRAMS [CASE...]    needs root, see loop_disk.py; not part of the ordinary tests"""

import time

from fleet import Case, main
from loop_disk import LoopDisk

MIB = 16
WRITES_MAX = 20_000  # until a full disk must have been noticed
BLOB = "x" * 2000


class DiskFull(Case):
    def setUp(self):
        super().setUp()
        self.disk = self.enterContext(LoopDisk(self.rig.directory, "disk", MIB))
        self.addCleanup(self.end_programs)  # before the disk goes
        self.written = {}

    def end_programs(self):
        for program in self.rig.started:
            if program.process.poll() is None:
                program.kill()

    def pair(self, full):
        self.disks = {full: self.disk.point}
        self.hub = self.serve()
        self.node = self.shell("node")
        self.node.do("stream.open", scope="t", columns=[["n", "i64"]])
        self.node.do("link", **self.to(self.hub.port))
        self.node.event("linked")
        for number in range(50):
            self.assertTrue(self.write(self.node, f"before/{number}")["ok"])
        self.node.do("flush", timeout_ms=30_000)
        self.equal("state", "s", self.node, self.hub)

    def write(self, program, key):
        """A durable commit; remembered if it was confirmed."""
        answer = program.ask("state.transact", scope="s", edits=[{"set": key, "value": key + BLOB}])
        if answer["ok"]:
            self.written[key] = key + BLOB
        return answer

    def write_until_refused(self, program):
        for number in range(WRITES_MAX):
            answer = self.write(program, f"filling/{number}")
            if not answer["ok"]:
                self.assertEqual(answer["error"]["code"], "storage_full", answer)
                return number
        self.fail("nobody noticed that the disk is full")

    def check_refused(self, program):
        """Writes are refused, again and again, and reads are not."""
        for number in range(20):
            answer = self.write(program, f"refused/{number}")
            self.assertEqual(answer.get("error", {}).get("code"), "storage_full", answer)
        for key, value in list(self.written.items())[::10]:
            self.assertEqual(program.do("state.get", scope="s", key=key)["value"], value)
        self.assertEqual(len(program.do("state.scan", scope="s")["cells"]), len(self.written))
        program.do("status")

    def write_until_taken(self, program, timeout=60):
        begun = time.monotonic()
        while not (answer := self.write(program, "after/0"))["ok"]:
            self.assertEqual(answer["error"]["code"], "storage_full", answer)
            self.assertLess(time.monotonic() - begun, timeout, "there is room again, and writes are still refused")
            time.sleep(0.05)
        return time.monotonic() - begun

    def finish(self):
        for program in (self.node, self.hub):
            for number in range(20):
                self.assertTrue(self.write(program, f"again/{number}")["ok"])
        self.node.do("flush", timeout_ms=60_000)
        self.equal("state", "s", self.node, self.hub)
        self.equal("stream", "t", self.node, self.hub)
        cells = self.hub.do("state.scan", scope="s")["cells"]
        self.assertEqual({key: cells.get(key) for key in self.written}, self.written, "confirmed writes are lost")
        for program in (self.node, self.hub):
            self.assertEqual(program.finish(), 0)
        for name in ("node", "hub"):
            self.sound(name)
        self.assertEqual(self.dump("node")[0]["s"], self.dump("hub")[0]["s"])

    def test_under_a_node(self):
        self.pair("node")
        self.disk.fill()
        taken = self.write_until_refused(self.node)
        self.check_refused(self.node)
        answer = self.node.ask("stream.append", scope="t", rows=[[1, 1]])
        self.assertEqual(answer.get("error", {}).get("code"), "storage_full", answer)
        for number in range(200):  # what comes from the hub has to wait
            self.assertTrue(self.write(self.hub, f"hub/{number}")["ok"])
        self.disk.make_room()
        again = self.write_until_taken(self.node)
        self.finish()
        print(f"node: {taken} writes went into what it had, then storage_full; taken again {again:.2f} s after there "
              "was room", flush=True)

    def test_under_a_hub(self):
        self.pair("hub")
        self.disk.fill()
        taken = self.write_until_refused(self.hub)
        self.check_refused(self.hub)
        for number in range(200):  # what the node says is not acked, and stays there
            self.assertTrue(self.write(self.node, f"node/{number}")["ok"])
            self.node.do("stream.append", scope="t", rows=[[number, number]])
        self.assertFalse(self.node.ask("flush", timeout_ms=1000)["ok"], "acked, and not on the disk")
        self.assertEqual(self.write(self.hub, "refused")["error"]["code"], "storage_full")
        self.disk.make_room()
        again = self.write_until_taken(self.hub)
        self.finish()
        print(f"hub: {taken} writes went into what it had, then storage_full; taken again {again:.2f} s after there "
              "was room", flush=True)


if __name__ == "__main__":
    main()
