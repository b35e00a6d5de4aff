# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of synchronization: a hub and nodes as separate processes, over TLS with tokens on 127.0.0.1.

    sync_test.py PROGRAMS [CASE...]"""

import base64
import random
from pathlib import Path

import fleet
from websocket import payloads


class Case(fleet.Case):
    tokens = """# token access scopes
full rw *
gate rw twin/{name} telemetry/* shared
gate ro plant
"""

    def shell(self, name, hub=None, token="full"):
        node = super().shell(name)
        if hub:
            node.do("link", **self.to(hub.port, token))
            node.event("linked")
        return node

    def dump(self, name, scope):
        return self.tool("dump", name, "--scope", scope)


class Sync(Case):
    def test_two_nodes_meet_through_a_hub_and_dump_alike(self):
        hub = self.serve()
        a, b = self.shell("a", hub), self.shell("b", hub)
        for node in (a, b):
            node.do("subscribe", plane="state", scope="shared")
        b.do("watch", plane="state", scope="shared", prefix="from")
        a.do("state.transact", scope="shared", edits=[{"set": "from/a", "value": 1}, {"add": "n", "delta": 1}])
        self.assertEqual(b.event("change", key="from/a")["after"], 1)
        b.do("state.transact", scope="shared", edits=[{"set": "from/b", "value": 2.5}, {"add": "n", "delta": 2}])
        for node in (a, b):
            node.do("flush", timeout_ms=30_000)
        self.equal("state", "shared", a, b, hub)
        self.assertEqual(a.do("state.get", scope="shared", key="n")["value"], 3)
        status = a.do("status")
        self.assertEqual((status["linked"], status["why"]), (True, "in_sync"))
        for program in (a, b, hub):
            self.assertEqual(program.finish(), 0)
        self.assertEqual(self.dump("a", "shared"), self.dump("hub", "shared"))
        self.assertEqual(self.dump("b", "shared"), self.dump("hub", "shared"))

    def test_acks_come_in_commit_order_and_reach_the_last_commit(self):
        hub = self.serve()
        node = self.shell("a", hub)
        commits = [node.do("state.transact", scope="shared", edits=[{"set": f"k/{i}", "value": i}])["commit"]
                   for i in range(50)]
        node.do("flush", timeout_ms=30_000)
        node.event("ack", scope="shared", commit=commits[-1])
        acks = [int(event["commit"]) for event in node.events if event.get("event") == "ack"]
        self.assertEqual(acks, sorted(acks))

    def test_offline_edits_on_both_sides_meet_and_the_loser_is_kept(self):
        hub = self.serve()
        node = self.shell("a")
        for program, value in ((node, 55), (hub, 60)):
            program.do("state.transact", scope="twin/a", edits=[
                {"set": "setpoint", "value": value}, {"add": "boots", "delta": 1},
                {"insert": "alarms", "member": value}])
        node.do("link", **self.to(hub.port))
        node.do("flush", timeout_ms=30_000)
        self.equal("state", "twin/a", node, hub)
        for program in (node, hub):
            got = program.do("state.get", scope="twin/a", key="setpoint")
            self.assertEqual({got["value"], got["conflicts"][0]["value"]}, {55, 60})
            self.assertEqual(program.do("state.get", scope="twin/a", key="boots")["value"], 2)
            self.assertEqual(sorted(program.do("state.get", scope="twin/a", key="alarms")["value"]), [55, 60])
        node.event("conflict", scope="twin/a", key="setpoint")

    def test_unlink_and_link_again(self):
        hub = self.serve()
        node = self.shell("a", hub)
        node.do("unlink")
        node.event("unlinked")
        node.do("state.transact", scope="shared", edits=[{"set": "k", "value": "offline"}])
        self.assertEqual(node.do("status")["why"], "no_link")
        node.do("link", **self.to(hub.port))
        node.do("flush", timeout_ms=30_000)
        self.equal("state", "shared", node, hub)
        self.assertEqual(hub.do("state.get", scope="shared", key="k")["value"], "offline")

    def test_a_relay_carries_changes_both_ways(self):
        root = self.serve("root")
        relay = self.serve("relay", "--uplink", f"wss://127.0.0.1:{root.port}", "--token", "full", "--ca",
                           self.rig.path("ca.pem"))
        node = self.shell("a", relay)
        node.do("state.transact", scope="shared", edits=[{"set": "up", "value": 1}])
        relay.do("subscribe", plane="state", scope="shared")
        self.equal("state", "shared", node, relay, root)
        root.do("state.transact", scope="shared", edits=[{"set": "down", "value": 2}])
        self.equal("state", "shared", node, relay, root)
        self.assertEqual(node.do("state.get", scope="shared", key="down")["value"], 2)

    def test_a_hub_that_was_killed_has_everything_it_acked(self):
        hub = self.serve()
        node = self.shell("a", hub)
        node.do("state.transact", scope="shared", edits=[{"set": "k", "value": "kept"}])
        node.do("flush", timeout_ms=30_000)
        hub.kill()
        node.event("unlinked")
        again = self.serve()
        self.assertEqual(again.do("state.get", scope="shared", key="k")["value"], "kept")
        self.assertEqual(again.stop(), 0)


class Versions(Case):
    def test_versions_come_down_and_a_rollback_at_the_hub_reaches_everybody(self):
        hub = self.serve()
        node = self.shell("gw", hub, "gate")
        node.do("subscribe", plane="config", scope="plant")
        ids = {}
        for limit in (1, 2):
            version = hub.do("config.publish", scope="plant", tree={"limit": limit})
            ids[limit] = version["version_id"]
            self.assertEqual(node.event("activated", version=version["version"])["version_id"], version["version_id"])
        back = hub.do("config.rollback", scope="plant", to=1)
        self.assertEqual((back["version"], back["version_id"]), (3, ids[1]))
        node.event("activated", version=3)
        self.assertEqual(node.do("config.get", scope="plant", key="limit")["value"], 1)

    def test_only_the_last_of_many_versions_is_activated_after_a_long_absence(self):
        hub = self.serve()
        node = self.shell("gw")
        node.do("subscribe", plane="config", scope="plant")
        for limit in range(20):
            last = hub.do("config.publish", scope="plant", tree={"limit": limit})
        node.do("link", **self.to(hub.port, "gate"))
        node.event("activated", version=last["version"])
        self.assertEqual([e["version"] for e in node.events if e.get("event") == "activated"], [last["version"]])


class Streams(Case):
    def test_records_of_two_origins_arrive_complete_and_apart(self):
        hub = self.serve()
        nodes = [self.shell("a", hub, "gate"), self.shell("b", hub, "gate")]
        for shift, node in enumerate(nodes):
            node.do("stream.open", scope="telemetry/all", columns=[["v", "f64"]])
            for start in range(0, 3000, 500):
                node.do("stream.append", scope="telemetry/all",
                        rows=[[i, float(i + shift)] for i in range(start, start + 500)])
            node.do("flush", timeout_ms=30_000)
        for shift, node in enumerate(nodes):
            status = node.do("status")
            scope = next(s for s in status["scopes"] if s["plane"] == "stream")
            self.assertEqual([scope[k] for k in ("produced", "delivered", "pending", "dropped")],
                             [3000, 3000, 0, 0])
            read = hub.do("stream.read", scope="telemetry/all", origin=status["replica"], limit=5000)
            self.assertEqual(read["gaps"], [])
            self.assertEqual(read["rows"], [[i, float(i + shift)] for i in range(3000)])

    def test_what_is_masked_is_neither_on_the_wire_nor_at_the_hub(self):
        hub = self.start("serve", "--stdin", "--db", self.database("hub"), "--listen", "127.0.0.1:0", "--insecure",
                         "--tokens", self.rig.path("tokens"))
        wire = self.rig.wire()
        wire.target, wire.seen = hub.event("listening")["port"], {}
        node = self.start("shell", "--db", self.database("edge"), "--insecure")
        node.do("link", url=f"ws://127.0.0.1:{wire.port}", token="full")
        columns = ["clear", "hashed", "dropped"]
        node.do("stream.open", scope="t", columns=[[name, "bytes"] for name in columns],
                masks={"hashed": {"hash": "pepper"}, "dropped": "drop"})
        node.do("stream.open", scope="here", columns=[["kept", "bytes"]], local_only=True)
        markers = {name: random.randbytes(24) for name in [*columns, "kept"]}  # which no coder makes shorter
        boxed = {name: {"base64": base64.b64encode(marker).decode()} for name, marker in markers.items()}
        node.do("stream.append", scope="t", rows=[[1, *(boxed[name] for name in columns)]] * 3)
        node.do("stream.append", scope="here", rows=[[1, boxed["kept"]]])
        node.do("flush", timeout_ms=30_000)
        node.stop()
        hub.stop()
        places = {"wire": payloads(wire.seen["sent"]), "back": payloads(wire.seen["received"]),
                  "edge": Path(self.database("edge")).read_bytes(), "hub": Path(self.database("hub")).read_bytes()}
        found = {place: {name for name, marker in markers.items() if marker in held} for place, held in places.items()}
        self.assertEqual(found, {"wire": {"clear"}, "back": set(), "edge": set(markers), "hub": {"clear"}})

    def test_records_written_offline_arrive_once(self):
        hub = self.serve()
        node = self.shell("a")
        node.do("stream.open", scope="telemetry/a", columns=[["v", "i64"]])
        node.do("stream.append", scope="telemetry/a", rows=[[i, i] for i in range(1000)])
        node.do("link", **self.to(hub.port, "gate"))
        node.do("flush", timeout_ms=30_000)
        node.do("unlink")
        node.do("stream.append", scope="telemetry/a", rows=[[i, i] for i in range(1000, 1500)])
        node.do("link", **self.to(hub.port, "gate"))
        node.do("flush", timeout_ms=30_000)
        read = hub.do("stream.read", scope="telemetry/a", origin=node.do("status")["replica"], limit=5000)
        self.assertEqual(read["rows"], [[i, i] for i in range(1500)])
        self.equal("stream", "telemetry/a", node, hub)


class Security(Case):
    def unlinked(self, node, **link):
        node.do("link", **link)
        return node.event("unlinked")["code"]

    def test_a_wrong_token_is_unauthorized(self):
        hub = self.serve()
        node = self.shell("a")
        self.assertEqual(self.unlinked(node, **self.to(hub.port, "wrong")), "unauthorized")
        self.assertEqual(node.do("status")["why"], "unauthorized")

    def test_a_foreign_authority_is_untrusted(self):
        hub = self.serve()
        self.rig.certificates("other")
        node = self.shell("a")
        self.assertEqual(self.unlinked(node, **self.to(hub.port, ca="other")), "untrusted")

    def test_no_hub_is_a_refused_connection(self):
        hub = self.serve()
        target = self.to(hub.port)
        self.assertEqual(hub.finish(), 0)
        node = self.shell("a")
        self.assertEqual(self.unlinked(node, **target), "connection_refused")
        self.assertEqual(node.do("status")["why"], "connection_refused")

    def test_a_scope_that_was_not_granted_stays_empty(self):
        hub = self.serve()
        hub.do("state.transact", scope="twin/other", edits=[{"set": "secret", "value": 1}])
        node = self.shell("gw", hub, "gate")
        node.do("subscribe", plane="state", scope="twin/other")
        node.event("rejected", scope="twin/other")
        self.assertEqual(node.do("state.scan", scope="twin/other")["cells"], {})
        scope = next(s for s in node.do("status")["scopes"] if s["scope"] == "twin/other")
        self.assertEqual(scope["why"], "refused")

    def test_read_only_means_that_nothing_comes_back(self):
        hub = self.serve()
        version = hub.do("config.publish", scope="plant", tree={"limit": 1})["version"]
        node = self.shell("gw", hub, "gate")
        node.do("subscribe", plane="config", scope="plant")
        node.event("activated", version=version)
        node.do("config.publish", scope="plant", tree={"limit": 666})
        node.event("rejected", scope="plant")
        self.assertEqual(hub.do("config.get", scope="plant", key="limit")["value"], 1)

    def test_plaintext_on_loopback_works_only_when_asked_for(self):
        hub = self.rig.start("edgesync", "serve", "--stdin", "--db", self.rig.path("plain.db"), "--listen",
                             "127.0.0.1:0", "--insecure", "--tokens", self.rig.path("tokens"))
        url = f"ws://127.0.0.1:{hub.event('listening')['port']}"
        refusing = self.shell("a").ask("link", url=url, token="full")
        self.assertEqual((refusing["ok"], refusing["error"]["code"]), (False, "insecure"))
        node = self.rig.start("edgesync", "shell", "--db", self.rig.path("b.db"), "--insecure", "--hub", url, "--token",
                              "full")
        node.event("linked")


class Programs(Case):
    def test_sync_server_serves_an_edge_gateway(self):
        server = self.rig.start("sync_server", self.rig.path("s.db"), "0", self.rig.path("hub.pem"),
                                self.rig.path("hub.key"), self.rig.path("tokens"))
        port = server.event("listening")["port"]
        data = Path(__file__).resolve().parents[2] / "examples" / "data" / "gw-1.csv"
        gateway = self.rig.start("edge_gateway", "--db", self.rig.path("g.db"), "--name", "g", "--csv", data, "--url",
                                 f"wss://127.0.0.1:{port}", "--token", "gate", "--ca", self.rig.path("ca.pem"),
                                 "--rows", "200", "--rate", "2000")
        gateway.event("progress", produced=200, delivered=200, pending=0)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(gateway.latest("stopped")["delivered"], 200)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    fleet.main()
