# SPDX-License-Identifier: Apache-2.0
"""Copies of databases, as people make them: a cloned gateway beside its original, a gateway and a hub that are put back
to older images, a backup that is opened. Nothing that was acknowledged is lost, everybody ends with equal digests, and
each time an identity event says what was noticed."""

import os
import shutil

from fleet import Case, main

SCOPE = "plant"
STREAM = "telemetry"


class Identity(Case):
    def setUp(self):
        super().setUp()
        self.acked = {}  # what the hub has confirmed, by key
        self.number = 0
        self.hub = self.serve()
        self.port = self.hub.port

    def path(self, name):
        return self.rig.path(f"{name}.db")

    def gateway(self, name):
        gateway = self.shell(name)
        gateway.do("subscribe", plane="state", scope=SCOPE)
        gateway.do("stream.open", scope=STREAM, columns=[["n", "i64"]])
        return gateway

    def write(self, *programs):
        """A few keys by each, one that all write, one that all count, and a record."""
        for program in programs:
            self.number += 1
            key = f"by/{self.number}"
            program.do("state.transact", scope=SCOPE, edits=[{"set": key, "value": self.number},
                                                             {"set": "all", "value": self.number},
                                                             {"add": "total", "delta": 1},
                                                             {"insert": "members", "member": self.number}])
            if program is not self.hub:
                program.do("stream.append", scope=STREAM, rows=[[self.number, self.number]])
            self.acked[key] = self.number

    def sync(self, *programs):
        for program in programs:
            program.do("flush", timeout_ms=60_000)
        self.equal("state", SCOPE, self.hub, *programs)

    def link(self, *programs):
        for program in programs:
            program.do("link", **self.to(self.port))

    def in_place(self, image, name):
        """As `cp` does it: the file stays the same one, so nothing but its content tells."""
        inode = os.stat(self.path(name)).st_ino
        shutil.copyfile(self.path(image), self.path(name))
        self.assertEqual(os.stat(self.path(name)).st_ino, inode)

    def image(self, name, image):
        shutil.copyfile(self.path(name), self.path(image))

    def check(self):
        cells = self.hub.do("state.scan", scope=SCOPE, prefix="")["cells"]
        self.assertEqual({key: cells.get(key) for key in self.acked}, self.acked)
        self.assertEqual(sorted(cells["members"]), sorted(self.acked.values()))
        self.assertEqual(cells["total"], len(self.acked))

    def records(self):
        """Of all origins together."""
        self.assertEqual(self.hub.finish(), 0)
        _, rows = self.dump("hub")
        return sorted(row[1] for held in rows.values() for row in held.values())

    def test_clones_and_images_of_gateways(self):
        gateway = self.gateway("gw")
        self.link(gateway)
        self.write(gateway)
        self.sync(gateway)
        replica = gateway.do("status")["replica"]
        gateway.finish()
        # A copied file is another file: it notices before it writes.
        self.image("gw", "clone")
        gateway, clone = self.gateway("gw"), self.gateway("clone")
        told = clone.event("identity")
        self.assertEqual((told["old"], told["new"]), (replica, clone.do("status")["replica"]))
        self.assertEqual(gateway.do("status")["replica"], replica)
        self.write(gateway, clone, gateway, clone)
        self.link(gateway, clone)
        self.write(gateway, clone)
        self.sync(gateway, clone)
        self.check()
        # An older image in the place of the file: the hub's word tells.
        gateway.finish()
        self.image("gw", "older")
        gateway = self.gateway("gw")
        self.link(gateway)
        self.write(gateway, clone)
        self.sync(gateway, clone)
        gateway.finish()
        self.in_place("older", "gw")
        gateway = self.gateway("gw")
        self.write(gateway, clone)
        self.link(gateway)
        told = gateway.event("identity")
        self.assertEqual((told["old"], told["new"]), (replica, gateway.do("status")["replica"]))
        self.write(gateway, clone)
        self.sync(gateway, clone)
        self.check()
        for name, program in (("gw", gateway), ("clone", clone)):
            self.assertEqual(program.finish(), 0)
            self.sound(name)
        self.assertEqual(self.records(), sorted(self.acked.values()))
        self.sound("hub")

    def test_a_hub_put_back_to_an_older_image(self):
        gateway = self.gateway("gw")
        self.link(gateway)
        self.write(gateway, self.hub, gateway)
        self.sync(gateway)
        self.assertEqual(self.hub.finish(), 0)
        self.image("hub", "older-hub")
        self.hub = self.serve(port=self.port)
        self.write(gateway, self.hub, gateway)
        self.sync(gateway)
        self.assertEqual(self.hub.finish(), 0)
        self.in_place("older-hub", "hub")
        self.hub = self.serve(port=self.port)
        gateway.event("identity", reason="the hub holds less than was acknowledged: it is another one, or was restored "
                                         "from an older copy")
        self.hub.event("identity")
        self.write(gateway)
        self.sync(gateway)
        cells = self.hub.do("state.scan", scope=SCOPE, prefix="")["cells"]
        self.assertEqual({key: cells.get(key) for key in self.acked}, self.acked)
        self.assertGreater(gateway.do("status")["metrics"]["identities"], 0)
        self.assertEqual(gateway.finish(), 0)
        self.assertEqual(self.hub.finish(), 0)
        self.sound("gw")
        self.sound("hub")

    def test_a_backup_is_a_replica_of_its_own(self):
        gateway = self.gateway("gw")
        self.link(gateway)
        self.write(gateway)
        gateway.do("backup", to=self.path("backup"))
        self.write(gateway)
        self.sync(gateway)
        replica = gateway.do("status")["replica"]
        answer = gateway.ask("backup", to=self.path("backup"))
        self.assertEqual(answer["error"]["code"], "invalid_argument")
        gateway.finish()
        self.assertEqual(self.tool("backup", "gw", "--to", self.path("second"))[0]["result"], "copied")
        for name in ("backup", "second"):
            restored = self.gateway(name)
            self.assertEqual(restored.event("identity")["old"], replica)
            self.write(restored)
            self.link(restored)
            self.sync(restored)
            restored.finish()
            self.sound(name)
        self.check()


if __name__ == "__main__":
    main()
