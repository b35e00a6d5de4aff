# SPDX-License-Identifier: Apache-2.0
"""What whoever runs a hub does with it while gateways write all the time: new certificates, other tokens, new keys of
the gateways, an orderly restart, a backup and its restore. Nobody loses anything, and no link goes that need not.
EDGESYNC_SEED: which moments.

    operations_test.py PROGRAMS [CASE...]"""

import json
import shutil
import signal
import socket
import ssl
import time
from collections import Counter
from pathlib import Path

from fleet import Case, main
from load import NAMES, Load

STOPS_WITHIN = 10  # seconds: a drain takes three at most


class Operations(Load):
    def reload(self):
        since = len(self.hub.events)
        self.hub.process.send_signal(signal.SIGHUP)
        return self.hub.event("reloaded", since=since)

    def serial(self):
        """Of the certificate that a newcomer meets."""
        context = ssl.create_default_context(cafile=self.rig.path("ca.pem"))
        with socket.create_connection(("127.0.0.1", self.port)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.getpeercert()["serialNumber"]

    def wait_for_links(self):
        """Of all gateways, to this process of the hub: one that dials another that goes down is not told so."""
        deadline = time.monotonic() + 60
        while (linked := self.hub.do("status")["peers"]) < len(NAMES):
            self.assertLess(time.monotonic(), deadline, linked)
            time.sleep(0.02)

    def unlinked(self):
        return [event for gateway in self.gateways for event in gateway.program.events if event["event"] == "unlinked"]

    def test_certificates_are_replaced_and_no_link_notices(self):
        self.begin()
        met = {self.serial()}
        for _ in range(3):
            self.wait_for_a_moment()
            self.rig.certify()
            self.assertNotIn("error", self.reload())
            met.add(self.serial())
        self.assertEqual(len(met), 4)
        Path(self.rig.path("hub.pem")).write_text("no certificate\n")
        self.wait_for_a_moment()
        self.assertIn("hub.pem", self.reload()["error"]["detail"])
        self.assertIn(self.serial(), met)
        self.wait_for_a_moment()
        self.assertEqual(self.unlinked(), [])
        self.settle()

    def test_tokens_change_and_only_whom_they_concern_goes(self):
        tokens = Path(self.rig.path("tokens"))
        tokens.write_text(self.tokens + "guest ro shared\n")
        self.begin()
        guest = self.shell("guest", "--hub", self.to(self.port)["url"], "--ca", self.rig.path("ca.pem"), "--token",
                           "guest")
        guest.do("subscribe", plane="state", scope="shared")
        guest.event("linked")
        self.wait_for_a_moment()
        tokens.write_text(self.tokens)
        self.assertNotIn("error", self.reload())
        self.assertIn("access was withdrawn", guest.event("unlinked")["reason"])
        since = len(guest.events)
        self.assertIn("the token was refused", guest.event("unlinked", since=since)["reason"])
        tokens.write_text("full rw *\nhalf\n")
        self.assertIn("tokens:2", self.reload()["error"]["detail"])  # and those of before stay
        self.wait_for_a_moment()
        self.assertEqual(self.unlinked(), [])
        self.assertEqual(guest.finish(), 0)
        self.settle()

    def test_an_orderly_restart_sends_everybody_away(self):
        self.begin()
        for _ in range(3):
            self.wait_for_links()
            self.wait_for_a_moment()
            before = [len(gateway.program.events) for gateway in self.gateways]
            self.assertEqual(self.hub.stop(timeout=STOPS_WITHIN), 0)
            for gateway, since in zip(self.gateways, before, strict=True):
                why = gateway.program.event("unlinked", since=since)["reason"]
                self.assertIn("the hub goes down", why, gateway.program.events[max(since - 4, 0):])
            self.hub = self.serve(port=self.port)
        self.settle()

    def test_a_backup_is_restored_and_devices_give_back_what_it_lacks(self):
        self.begin("--backups", self.rig.directory, "--backup-minutes", 600)
        self.hub.event("backup")
        self.wait_for_a_moment()
        self.hub.do("backup", to=self.rig.path("copy.db"))
        for _ in range(3):
            self.wait_for_a_moment()
        acked = sum(gateway.rows_acked for gateway in self.gateways)
        for gateway in self.gateways:
            gateway.take_acks()
        self.assertGreater(sum(gateway.rows_acked for gateway in self.gateways), acked)  # after the copy was made
        self.hub.kill()
        for lost in Path(self.rig.directory).glob("hub.db*"):
            lost.unlink()
        shutil.copy(self.rig.path("copy.db"), self.database("hub"))
        self.hub = self.serve("hub", "--backups", self.rig.directory, port=self.port)
        self.hub.event("identity")  # a copy is not its original
        self.wait_for_a_moment()
        self.settle()


class Keys(Load):
    """Gateways that are known by their keys, and believed of their own changes alone."""

    def edgesync(self, *arguments):
        code, out, error = self.rig.run("edgesync", *arguments)
        self.assertEqual((code, error), (0, ""), (arguments, out))
        return [json.loads(line) for line in out.splitlines()]

    def key_file(self, name):
        return self.rig.path(f"{name}.{self.keys[name]}.key.pem")

    def new_key(self, name):
        self.keys[name] += 1
        return self.edgesync("keys", "new", "--to", self.key_file(name))[0]["key"]

    def link_of(self, name):
        to = self.to(self.port)
        return {"url": to["url"], "ca": to["ca"], "key": self.key_file(name)}

    def desk(self, *arguments):
        to = self.link_of("desk")
        return self.edgesync(*arguments, "--db", self.database("desk"), "--name", "desk", "--hub", to["url"], "--ca",
                             to["ca"], "--key", to["key"])

    def test_keys_are_replaced_while_gateways_write(self):
        self.keys = Counter()
        here = ("--db", self.database("hub"))
        self.edgesync("acl", "allow", *here, "--role", "admin", "--rule", "rw state edgesync/access")
        for rule in ("own state shared", "rw:64M state twin/{name}", "rw:256M stream telemetry/{name}"):
            self.edgesync("acl", "allow", *here, "--role", "gateway", "--rule", rule)
        keys = {name: self.new_key(name) for name in ("desk", *NAMES)}
        for name, key in keys.items():
            role = "admin" if name == "desk" else "gateway"
            self.edgesync("enroll", *here, "--device", name, "--roles", role, "--public-key", key)
        self.begin("--access")
        for gateway in self.gateways * 2:
            self.wait_for_a_moment()
            before, retired = len(gateway.program.events), keys[gateway.name]
            keys[gateway.name] = self.new_key(gateway.name)
            self.desk("enroll", "--device", gateway.name, "--roles", "gateway", "--public-key", keys[gateway.name])
            gateway.errands.put(lambda link=self.link_of(gateway.name), one=gateway: one.program.do("link", **link))
            gateway.program.event("linked", since=before)
            linked = len(gateway.program.events)
            self.desk("revoke", "--public-key", retired)
            self.wait_for_a_moment()
            self.assertEqual([event for event in gateway.program.events[linked:] if event["event"] == "unlinked"], [])
        revoked = [line["revoked"] for line in self.desk("acl") if "revoked" in line]
        self.assertEqual(len(revoked), 2 * len(NAMES))
        self.settle()


class Copies(Case):
    def test_the_newest_copy_stays_whatever_the_clock_said_before(self):
        there = Path(self.rig.path("copies"))
        there.mkdir()
        for number in (5, 6, 7):  # by a clock that was ahead
            (there / f"edgesync-{number:08}-20360101T000000Z.db").write_text("older\n")
        (there / "notes.txt").write_text("nobody's copy\n")
        hub = self.serve("hub", "--backups", str(there))
        made = hub.event("backup")["to"]
        self.assertEqual(hub.finish(), 0)
        self.assertIn("edgesync-00000008-", made)
        self.assertEqual(sorted(path.name[:17] for path in there.glob("*.db")),
                         [f"edgesync-{number:08}" for number in (6, 7, 8)])
        self.assertTrue((there / "notes.txt").exists())


class Settings(Case):
    def setUp(self):
        super().setUp()
        self.file = Path(self.rig.path("hub.conf"))

    def name_of(self, *arguments, environment=None):
        hub = self.start("serve", "--stdin", "--config", self.file, *arguments, environment=environment)
        hub.event("listening")
        status = hub.do("status")
        self.assertEqual(hub.finish(), 0)
        return status["name"]

    def test_the_command_line_counts_before_the_environment_and_that_before_the_file(self):
        self.file.write_text(f"# a hub\ndb = {self.database('hub')}\nlisten=127.0.0.1:0\n\n insecure = yes\n"
                             "name = of-the-file\nlimit = strangers-per-network=500\nlimit = frames=100/1000\n")
        environment = {"EDGESYNC_NAME": "of-the-environment", "EDGESYNC_OF_SOMEBODY_ELSE": "1", "EDGESYNC_SCOPE": ""}
        self.assertEqual(self.name_of(), "of-the-file")
        self.assertEqual(self.name_of(environment=environment), "of-the-environment")
        self.assertEqual(self.name_of("--name", "of-the-line", environment=environment), "of-the-line")

    def test_what_is_wrong_is_said_with_its_place(self):
        good = f"db = {self.database('hub')}\nlisten = 127.0.0.1:0\ninsecure = yes\n"
        file = str(self.file)
        for text, environment, code, naming in (
                (good + "frobnicate = 1\n", {}, 2, f"serve: {file}:4: --frobnicate: unknown option"),
                (good + "name\n", {}, 2, f"serve: {file}:4: 'name' is not OPTION = VALUE"),
                (good + "audit = perhaps\n", {}, 2, f"serve: {file}:4: --audit: neither yes nor no"),
                (good, {"EDGESYNC_LISTEN": "here"}, 2, "serve: EDGESYNC_LISTEN: --listen: 'here' is not HOST:PORT"),
                (good + "limit = strangers=few\n", {}, 1, "--limit: strangers: 'few' is none"),
                (good + "limit = frames=100\n", {}, 1, "--limit: frames: '100' is none"),
                (good + "limit = hops=1\n", {}, 1, "--limit: hops: unknown")):
            with self.subTest(naming=naming):
                self.file.write_text(text)
                program = self.start("serve", "--config", file, environment=environment)
                self.assertEqual(program.wait(), code)
                self.assertIn(naming, "".join(program.errors))
        program = self.start("serve", "--config", self.rig.path("nowhere.conf"))
        self.assertEqual(program.wait(), 2)
        self.assertIn("nowhere.conf: cannot be read", "".join(program.errors))


if __name__ == "__main__":
    main()
