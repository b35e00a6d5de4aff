# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of who may do what: devices that hold keys, a list that an administrator edits over a link, and a hub
that goes by it, as separate programs over TLS.

    access_test.py PROGRAMS [CASE...]"""

import json
import time
from pathlib import Path

import fleet

LIST = "edgesync/access"
REVOKED_WITHIN = 5  # seconds


class Access(fleet.Case):
    def edgesync(self, *arguments):
        code, out, error = self.rig.run("edgesync", *arguments)
        self.assertEqual((code, error), (0, ""), (arguments, out))
        return [json.loads(line) for line in out.splitlines()]

    def refused(self, naming, *arguments):
        code, out, error = self.rig.run("edgesync", *arguments)
        self.assertEqual((code, out), (1, ""), (arguments, error))
        self.assertIn(naming, error)

    def key(self, name):
        return self.edgesync("keys", "new", "--to", self.rig.path(f"{name}.key.pem"))[0]["key"]

    def setUp(self):
        super().setUp()
        here = ("--db", self.database("hub"))  # nobody has it open yet
        self.edgesync("acl", "allow", *here, "--role", "admin", "--rule", f"rw state {LIST}")
        self.edgesync("acl", "allow", *here, "--role", "gateway", "--rule", "rw * plant/{name}/*")
        self.edgesync("enroll", *here, "--device", "desk", "--roles", "admin", "--public-key", self.key("desk"))
        self.hub = self.serve("hub", "--access")

    def who(self, name, hub=None):
        to = self.to((hub or self.hub).port)
        return ("--hub", to["url"], "--ca", to["ca"], "--key", self.rig.path(f"{name}.key.pem"), "--name", name)

    def desk(self, *arguments):
        return self.edgesync(*arguments, "--db", self.database("desk"), *self.who("desk"))

    def gateway(self, name, *arguments):
        """A shell that links with its key."""
        to = self.to(self.hub.port)
        return self.shell(name, "--hub", to["url"], "--ca", to["ca"], "--key", self.rig.path(f"{name}.key.pem"),
                          *arguments)

    def writes(self, gateway, name, value):
        gateway.do("state.transact", scope=f"plant/{name}/twin", edits=[{"set": "a", "value": value}])
        gateway.do("flush", timeout_ms=20000)

    def test_a_device_comes_with_a_code_stays_by_its_key_and_goes_when_it_is_revoked(self):
        enrolled = self.desk("enroll", "--device", "gw-1", "--roles", "gateway")[0]
        self.assertEqual((enrolled["device"], enrolled["roles"]), ("gw-1", ["gateway"]))
        mine = self.key("gw-1")
        self.assertEqual(self.edgesync("keys", "show", "--key", self.rig.path("gw-1.key.pem")), [{"key": mine}])
        gateway = self.gateway("gw-1", "--token", enrolled["claim"])
        self.writes(gateway, "gw-1", 1)
        self.assertEqual(self.hub.do("state.get", scope="plant/gw-1/twin", key="a")["value"], 1)

        self.key("thief")
        thief = self.start("shell", "--db", self.database("thief"), "--name", "gw-1", *self.who("thief")[:4], "--key",
                           self.rig.path("thief.key.pem"), "--token", enrolled["claim"])
        self.assertIn("the key was refused", thief.event("unlinked")["reason"])
        self.assertEqual(thief.finish(), 0)

        gateway.kill()
        gateway = self.gateway("gw-1")
        self.writes(gateway, "gw-1", 2)
        self.hub.kill()
        self.hub = self.serve("hub", "--access", port=self.hub.port)
        self.writes(gateway, "gw-1", 3)
        devices = [line for line in self.desk("acl") if "device" in line]
        self.assertEqual(devices, [{"device": "desk", "roles": ["admin"], "keys": [self.edgesync(
            "keys", "show", "--key", self.rig.path("desk.key.pem"))[0]["key"]]},
            {"device": "gw-1", "roles": ["gateway"], "keys": [mine]}])

        before = len(gateway.events)
        self.desk("revoke", "--device", "gw-1", "--note", "stolen")
        began = time.monotonic()
        self.assertIn("access was withdrawn", gateway.event("unlinked", since=before)["reason"])
        self.assertLess(time.monotonic() - began, REVOKED_WITHIN)
        before = len(gateway.events)
        self.assertIn("the key was refused", gateway.event("unlinked", since=before)["reason"])
        self.assertIn({"revoked": mine, "why": "stolen"}, self.desk("acl"))
        self.refused("was revoked", "enroll", "--db", self.database("desk"), "--device", "gw-1", "--roles", "gateway",
                     "--public-key", mine, *self.who("desk"))
        self.assertEqual((gateway.finish(), self.hub.finish()), (0, 0))
        self.sound("hub")
        kept = b"".join(path.read_bytes() for path in Path(self.rig.directory).glob("hub.db*"))
        self.assertNotIn(enrolled["claim"].encode(), kept)

    def test_a_key_is_replaced_while_the_device_writes(self):
        first, second = self.key("gw-2"), self.key("gw-2-next")
        self.desk("enroll", "--device", "gw-2", "--roles", "gateway", "--public-key", first)
        gateway = self.gateway("gw-2")
        self.writes(gateway, "gw-2", 1)
        self.desk("enroll", "--device", "gw-2", "--roles", "gateway", "--public-key", second)
        to = self.to(self.hub.port)
        gateway.do("link", url=to["url"], ca=to["ca"], key=self.rig.path("gw-2-next.key.pem"))
        self.writes(gateway, "gw-2", 2)
        before = len(gateway.events)
        self.desk("revoke", "--public-key", first)
        self.writes(gateway, "gw-2", 3)
        self.assertEqual([event for event in gateway.events[before:] if event["event"] == "unlinked"], [])
        self.assertEqual(self.hub.do("state.get", scope="plant/gw-2/twin", key="a")["value"], 3)
        self.assertEqual((gateway.finish(), self.hub.finish()), (0, 0))

    def test_who_is_not_an_administrator_edits_nothing(self):
        self.desk("enroll", "--device", "gw-3", "--roles", "gateway", "--public-key", self.key("gw-3"))
        self.refused("not allowed", "acl", "allow", "--db", self.database("gw-3"), "--role", "gateway", "--rule",
                     "rw * *", *self.who("gw-3"))
        self.refused("unauthorized", "acl", "list", "--db", self.database("desk-2"), "--hub",
                     self.to(self.hub.port)["url"], "--ca", self.rig.path("ca.pem"), "--token", "wrong")
        rules = {line["role"]: line["rules"] for line in self.desk("acl") if "role" in line}
        self.assertEqual(rules, {"admin": [f"rw state {LIST}"], "gateway": ["rw * plant/{name}/*"]})
        self.assertEqual(self.hub.finish(), 0)

    def test_the_audit_log_says_who_came_and_who_changed_what(self):
        self.assertEqual(self.hub.finish(), 0)
        auditor = self.key("auditor")
        self.hub = self.serve("hub", "--access", "--audit", "--audit-key", self.rig.path("auditor.key.pem"))
        self.desk("enroll", "--device", "gw-4", "--roles", "gateway", "--public-key", self.key("gw-4"))
        gateway = self.gateway("gw-4")
        self.writes(gateway, "gw-4", 1)
        before = len(gateway.events)
        self.desk("revoke", "--device", "gw-4")
        gateway.event("unlinked", since=before)
        self.hub.event("rejected", reason='the key was refused, as "gw-4"')
        self.assertEqual((gateway.finish(), self.hub.finish()), (0, 0))
        *entries, report = self.edgesync("audit", "--db", self.database("hub"), "--public-key", auditor)
        self.assertEqual((report["problems"], report["entries"], report["signed_by"]),
                         ([], len(entries), {auditor: len(entries)}))
        told = [(entry["kind"], entry.get("who")) for entry in entries]
        for one in (("linked", "desk"), ("linked", "gw-4"), ("unlinked", "gw-4")):
            self.assertIn(one, told)
        self.assertIn('the key was refused, as "gw-4"', [entry.get("detail") for entry in entries])
        changed = [entry["what"] for entry in entries if entry["kind"] == "access"]
        self.assertIn("device/gw-4", changed)
        code, out, _ = self.rig.run("edgesync", "audit", "--db", self.database("hub"), "--public-key", "0" * 64)
        self.assertEqual(code, 1)
        self.assertIn("nothing is signed by", out)

    def test_bad_commands_say_what_and_where(self):
        self.assertEqual(self.hub.finish(), 0)
        hub = ("--db", self.database("hub"))
        for naming, *arguments in (
                ("--rule: rule: \"wr\": neither ro, own nor rw", "acl", "allow", *hub, "--role", "x", "--rule",
                 "wr * x"),
                ("--hours", "enroll", *hub, "--device", "x", "--roles", "y", "--hours", "0"),
                ("--device", "revoke", *hub),
                ("no such device", "revoke", *hub, "--device", "nobody"),
                ("role", "enroll", *hub, "--device", "x", "--roles", "a/b"),
                ("key", "enroll", *hub, "--device", "x", "--roles", "y", "--public-key", "12")):
            self.refused(naming, *arguments)


if __name__ == "__main__":
    fleet.main()
