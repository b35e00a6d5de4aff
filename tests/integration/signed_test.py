# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of signed config: keys, roots and versions are made by one program, carried by a hub that has no key,
and taken by a node that trusts the root alone.

    signed_test.py PROGRAMS [CASE...]"""

import json
import os
import stat
from pathlib import Path

import fleet


class Signed(fleet.Case):
    def config(self, command, *arguments):
        code, out, error = self.rig.run("edgesync", "config", command, *arguments)
        self.assertEqual((code, error), (0, ""), (command, out))
        return [json.loads(line) for line in out.splitlines()]

    def refused(self, naming, command, *arguments):
        code, out, error = self.rig.run("edgesync", "config", command, *arguments)
        self.assertEqual((code, out), (1, ""), error)
        self.assertIn(naming, error)

    def key(self, name):
        return self.config("keygen", "--to", self.rig.path(f"{name}.key.pem"))[0]["key"]

    def signs(self, name, to, *arguments):
        self.config("sign", "--key", self.rig.path(f"{name}.key.pem"), "--to", self.rig.path(to), *arguments)
        return self.rig.path(to)

    def version(self, name, number, limit, *arguments):
        tree = Path(self.rig.path(f"{number}-{limit}.json"))
        tree.write_text(json.dumps({"limits": {"max_rpm": limit}}))
        return self.signs(name, f"{number}-{limit}-{name}.version", "--scope", "plant-7", "--number", str(number),
                          "--content", str(tree), *arguments)

    def root(self, number, *publishers, threshold=1):
        rule = f"plant-7={threshold}:{','.join(publishers)}"
        self.config("root", "--number", str(number), "--root-keys", f"1:{self.master}", "--publishers", rule,
                    "--to", self.rig.path(f"{number}.unsigned"))
        return self.signs("master", f"{number}.root", "--from", self.rig.path(f"{number}.unsigned"))

    def setUp(self):
        super().setUp()
        self.master, self.ann, self.bob = (self.key(name) for name in ("master", "ann", "bob"))

    def publish(self, document, port):
        to = self.to(port)
        return self.config("publish", "--db", self.database("desk"), "--scope", "plant-7", "--from", document,
                           "--hub", to["url"], "--token", to["token"], "--ca", to["ca"])

    def test_a_version_goes_from_a_desk_through_a_hub_to_a_node(self):
        root = self.root(1, self.ann, self.bob, threshold=2)
        hub = self.serve()
        node = self.shell("node", "--config-root", root)
        node.do("subscribe", plane="config", scope="plant-7")
        node.do("link", **self.to(hub.port))
        half = self.version("ann", 1, 1200, "--note", "first", "--expires", "2099-12-31")
        whole = self.signs("bob", "1.version", "--from", half)
        said = self.config("show", "--from", whole)[0]
        self.assertEqual(sorted(said["signed_by"]), sorted([self.ann, self.bob]))
        self.assertEqual((said["version"], said["note"], said["content"]), (1, "first", {"limits/max_rpm": 1200}))
        self.publish(whole, hub.port)
        node.event("activated", scope="plant-7", version=1)
        self.assertEqual(node.do("config.get", scope="plant-7", key="limits/max_rpm")["value"], 1200)

        self.publish(self.version("ann", 2, 9000), hub.port)
        refusal = node.event("rejected", scope="plant-7")
        self.assertEqual(refusal["code"], "not_signed")
        self.assertEqual(node.do("config.get", scope="plant-7", key="limits/max_rpm")["value"], 1200)

        self.publish(self.root(2, self.bob), hub.port)
        self.publish(self.version("bob", 3, 1500), hub.port)
        node.event("activated", scope="plant-7", version=3)
        self.assertEqual((node.finish(), hub.finish()), (0, 0))

        history = self.config("history", "--db", self.database("node"), "--scope", "plant-7")
        self.assertEqual([(one["version"], one["role"]) for one in history], [(3, "active"), (1, "confirmed")])
        self.assertEqual(self.config("diff", "--db", self.database("node"), "--scope", "plant-7", "1", "3"),
                         [{"key": "limits/max_rpm", "before": 1200, "after": 1500}])
        back = self.config("rollback", "--db", self.database("node"), "--scope", "plant-7", "1")
        self.assertEqual(back[0]["version"], 1)
        self.assertEqual(self.config("content", "--db", self.database("node"), "--scope", "plant-7", "1"),
                         [{"key": "limits/max_rpm", "value": 1200}])

    def test_a_node_with_a_root_refuses_to_publish_what_no_node_would_take(self):
        guarded = ("--db", self.database("node"), "--scope", "plant-7", "--config-root", self.root(1, self.ann))
        self.refused("keys", "publish", *guarded, "--from", self.version("bob", 1, 1))
        good = self.version("ann", 1, 1)
        self.config("publish", *guarded, "--from", good)
        self.refused("other content", "publish", *guarded, "--from", self.version("ann", 1, 2))
        altered = bytearray(Path(good).read_bytes())
        altered[len(altered) // 2] ^= 1
        Path(self.rig.path("altered")).write_bytes(altered)
        self.refused("checksum", "publish", *guarded, "--from", self.rig.path("altered"))

    def test_what_a_trial_leaves_over_a_restart(self):
        node = self.shell("node", "--health-window-ms", "600000")
        for limit in (10, 20):
            version = node.do("config.publish", scope="c", tree={"limit": limit})["version"]
            node.event("activated", version=version)
            if limit == 10:
                node.do("config.confirm", scope="c")
                node.event("confirmed", version=1)
        self.assertEqual(node.finish(), 0)
        for start in (1, 2):
            node = self.shell("node", "--health-window-ms", "600000")
            self.assertEqual(node.do("config.get", scope="c", key="limit")["value"], 20, start)
            self.assertEqual(node.finish(), 0)
        node = self.shell("node", "--health-window-ms", "600000")
        self.assertEqual(node.do("config.get", scope="c", key="limit")["value"], 10, "the third start was one too many")
        self.assertEqual(node.finish(), 0)
        history = self.config("history", "--db", self.database("node"), "--scope", "c")
        self.assertEqual([(one["version"], one["role"]) for one in history], [(2, "quarantined"), (1, "active")])

    def test_looking_at_a_database_decides_nothing(self):
        node = self.shell("node", "--health-window-ms", "600000")
        for limit in (10, 20):
            version = node.do("config.publish", scope="c", tree={"limit": limit})["version"]
            node.event("activated", version=version)
            if limit == 10:
                node.do("config.confirm", scope="c", version=1)
                node.event("confirmed", version=1)
        self.assertEqual(node.finish(), 0)
        for _ in range(5):
            history = self.config("history", "--db", self.database("node"), "--scope", "c")
            self.assertEqual([one["role"] for one in history], ["trial", "active"])

    def test_what_is_marked_and_what_was_in_use(self):
        node = self.shell("node")
        for limit in (10, 20, 30):
            version = node.do("config.publish", scope="c", tree={"limit": limit})["version"]
            node.event("activated", version=version)
        node.do("config.tag", scope="c", version=1, name="golden")
        uses = node.do("config.uses", scope="c")["uses"]
        self.assertEqual([use["version"] for use in uses], [3, 2, 1])
        then = uses[1]["since_us"]
        self.assertEqual(node.do("config.uses", scope="c", at_us=then)["uses"][0]["version"], 2)
        self.assertEqual(node.finish(), 0)
        of = ("--db", self.database("node"), "--scope", "c")
        self.assertEqual(self.config("tag", *of, "--name", "summer", "1")[0]["tags"], ["golden", "summer"])
        self.assertEqual(self.config("untag", *of, "--name", "golden"), [{"untagged": "golden"}])
        self.assertTrue(self.config("pin", *of, "2")[0]["pinned"])
        self.assertNotIn("pinned", self.config("unpin", *of, "2")[0])
        self.assertEqual([use["version"] for use in self.config("uses", *of)], [3, 2, 1])
        self.assertEqual(self.config("uses", *of, "--at", "2099-12-31")[0]["version"], 3)
        self.refused("in use", "uses", *of, "--at", "2001-01-01")
        self.refused("not kept", "pin", *of, "9")

    def test_secrets_are_for_their_owner_and_files_are_not_replaced(self):
        path = self.rig.path("ann.key.pem")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.refused("exists", "keygen", "--to", path)
        self.refused("--key", "sign", "--key", "/no/file", "--to", self.rig.path("x"), "--from", path)
        self.refused("no time", "sign", "--key", path, "--to", self.rig.path("x"), "--scope", "s", "--number", "1",
                     "--content", self.version("ann", 1, 1).replace("-ann.version", ".json"), "--expires", "tomorrow")


if __name__ == "__main__":
    fleet.main()
