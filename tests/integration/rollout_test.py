# SPDX-License-Identifier: Apache-2.0
"""Rollouts by the program: a hub that is killed in the middle of them, gateways with labels, and a desk to order from.

    [EDGESYNC_ROLLOUT_KILLS=N] rollout_test.py PROGRAMS [CASE...]"""

import json
import os
import random
import tempfile
import time
from pathlib import Path

import fleet

KILLS = int(os.environ.get("EDGESYNC_ROLLOUT_KILLS", "5"))
CANARY_FIRST = {"waves": [{"labels": {"pool": "canary"}}, {}]}


class Rollout(fleet.Case):
    def hub_again(self, port=0):
        hub = self.serve("hub", "--fleet", "fleet", port=port)
        self.hub = hub
        return hub

    def gateway(self, name, pool, *arguments):
        edge = self.shell(name, "--fleet", "fleet", "--label", f"pool={pool}", *arguments)
        edge.do("subscribe", plane="config", scope="c")
        edge.do("link", **self.to(self.hub.port))
        return edge

    def desk(self, command, *arguments, code=0):
        found, out, error = self.rig.run(
            "edgesync", "config", *command.split(), "--db", self.database("desk"), "--scope", "c", *arguments, "--hub",
            f"wss://127.0.0.1:{self.hub.port}", "--token", "full", "--ca", self.rig.path("ca.pem"))
        self.assertEqual(found, code, out + error)
        return json.loads(out) if code == 0 else error

    def file(self, name, content):
        path = Path(self.rig.path(name))
        path.write_text(content)
        return str(path)

    def tree(self, **files):
        directory = Path(self.enterContext(tempfile.TemporaryDirectory(dir=self.rig.directory)))
        for name, content in files.items():
            (directory / name).write_text(str(content))
        return str(directory)

    def test_from_a_desk_to_the_gateways_wave_by_wave(self):
        self.hub_again()
        canary, line = self.gateway("canary", "canary"), self.gateway("line", "line")
        self.assertEqual(self.desk("publish", "--from", self.tree(rpm=1))["version"], 1)
        for edge in (canary, line):
            edge.event("activated", version=1)
        plan = self.file("plan.json", json.dumps({"waves": [{"labels": {"pool": "canary"}, "approval": True}, {}]}))
        self.assertEqual(self.desk("rollout start", "--from", self.tree(rpm=2), "--plan", plan)["version"], 2)
        canary.event("activated", version=2)
        deadline = time.monotonic() + 30
        while (status := self.desk("rollout status"))["waves"][0]["active"] != 1:
            self.assertLess(time.monotonic(), deadline, status)
        self.assertEqual((status["phase"], status["open"], status["waves"][1]["untouched"]), ("running", 1, 1))
        self.assertEqual(line.do("config.history", scope="c")["versions"][0]["version"], 1)
        self.desk("rollout approve", "1")
        line.event("activated", version=2)
        self.hub.event("rollout", phase="done", version=2)
        # A desk that has never seen the scope goes on where the hub is.
        os.unlink(self.database("desk"))
        self.assertEqual(self.desk("publish", "--from", self.tree(rpm=3))["version"], 3)
        line.event("activated", version=3)

    def test_who_only_looks_at_a_gateways_database_decides_nothing_there(self):
        self.hub_again()
        gateway = self.gateway("desk", "canary", "--health-window-ms", "600000")
        self.hub.do("config.publish", scope="c", tree={"rpm": 1})
        gateway.event("activated", version=1)
        gateway.do("config.confirm", scope="c")
        self.hub.do("config.rollout", scope="c", do="start", tree={"rpm": 2}, plan=CANARY_FIRST)
        gateway.event("activated", version=2)  # on trial
        gateway.kill()
        self.assertEqual(self.desk("rollout status")["version"], 2)
        _, out, _ = self.rig.run("edgesync", "config", "history", "--db", self.database("desk"), "--scope", "c")
        self.assertEqual([json.loads(line)["role"] for line in out.splitlines()], ["trial", "active"])

    def test_what_is_wrong_with_a_plan_is_said(self):
        self.hub_again()
        tree = self.tree(rpm=1)
        for plan, why in (("{", "plan.json"), ("{}", "plan.waves"), ('{"waves":[{"percent":5}]}', "everybody"),
                          ('{"waves":[{"per":5}]}', "plan.waves[0].per"),
                          ('{"waves":[{"labels":{"a":1}},{}]}', "plan.waves[0].labels")):
            error = self.desk("rollout start", "--from", tree, "--plan", self.file("plan.json", plan), code=1)
            self.assertIn(why, error)
        self.assertIn("nothing was ever rolled out", self.desk("rollout pause", code=1))

    def test_a_hub_that_is_killed_at_any_moment_goes_on(self):
        port = self.hub_again().port
        edges = [self.gateway("canary", "canary"), self.gateway("line", "line")]
        self.hub.do("config.publish", scope="c", tree={"n": 0})
        for life in range(KILLS):
            version = self.hub.do("config.rollout", scope="c", do="start", tree={"n": life + 1},
                                  plan=CANARY_FIRST)["version"]
            time.sleep(random.uniform(0, 0.05))  # the moment is what is tried
            self.hub.kill()
            self.hub_again(port)
            for edge in edges:
                edge.event("activated", version=version)
        deadline = time.monotonic() + 30  # it may have told so before it was killed
        while (status := self.hub.do("config.rollout", scope="c", do="status"))["phase"] != "done":
            self.assertLess(time.monotonic(), deadline, status)
        self.assertEqual(status["version"], KILLS + 1)
        print(f"{KILLS} kills", flush=True)


if __name__ == "__main__":
    fleet.main()
