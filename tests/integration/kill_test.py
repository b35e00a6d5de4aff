# SPDX-License-Identifier: Apache-2.0
"""SIGKILL against a hub and four gateways that write all the time: nothing confirmed is lost, nothing acked is missing
at the hub, no transaction is seen in part, every stream record arrives once.

    kill_test.py PROGRAMS [CASE...]     EDGESYNC_HUB_KILLS, EDGESYNC_NODE_KILLS: how many of each, exactly (12 and 8)
                                        EDGESYNC_SEED: which moments and whom"""

import os
import time
from collections import Counter

from fleet import main
from load import NAMES, Load


class Kill(Load):
    def setUp(self):
        super().setUp()
        self.left = Counter({"hub": int(os.environ.get("EDGESYNC_HUB_KILLS", "12")),
                             "gateway": int(os.environ.get("EDGESYNC_NODE_KILLS", "8"))})
        self.kills = Counter()
        print(f"seed {self.seed}, to kill: {dict(self.left)}", flush=True)

    def test_nothing_confirmed_or_acked_is_lost(self):
        begun = time.monotonic()
        self.begin()
        while self.left.total() > 0:
            self.wait_for_a_moment()
            self.round()
        self.settle()
        print(f"kills: {dict(self.kills)}; checked: {dict(self.checked)}; "
              f"lives: {[gateway.life for gateway in self.gateways]}; {time.monotonic() - begun:.1f} s", flush=True)

    def choose(self):
        """Whether the hub is killed, and how many gateways: what is left to be killed, in its proportion."""
        kind = self.random.choices(["hub", "gateway"], [self.left["hub"], self.left["gateway"]])[0]
        both = self.random.random() < 0.2
        hub = self.left["hub"] > 0 and (kind == "hub" or both)
        victims = 0
        if kind == "gateway" or both:
            victims = self.random.choice([1, 1, 1, len(NAMES)]) if hub else 1
        return hub, min(victims, self.left["gateway"])

    def count(self, kind):
        self.kills[kind] += 1
        self.left[kind] -= 1

    def round(self):
        hub, victims = self.choose()
        victims = self.random.sample(self.gateways, victims)
        if hub:
            self.hub.kill()
            self.count("hub")
        for gateway in victims:
            gateway.end(kill=True)
            self.count("gateway")
        for gateway in victims:
            self.revive(gateway)
        if hub:
            self.revive_hub()
        for gateway in victims:
            gateway.prepare()
            gateway.work()

    def while_starting(self, kind):
        """One of five dies again before it is up."""
        if self.left[kind] <= 0 or self.random.random() > 0.2:
            return False
        time.sleep(self.random.random() * 0.03)
        self.count(kind)
        self.kills["of them while starting"] += 1
        return True

    def revive(self, gateway):
        if self.random.random() < 0.5:
            self.sound(gateway.name)
        gateway.start()
        if self.while_starting("gateway"):
            gateway.program.kill()
            gateway.start()

    def revive_hub(self):
        """Half of the times its file is looked at before it runs again: then nobody can have sent anything anew."""
        if self.while_starting("hub"):
            self.start("serve", "--db", self.rig.path("hub.db"), "--listen", "127.0.0.1:0", "--insecure").kill()
        for gateway in self.gateways:
            gateway.take_acks()
        if self.random.random() < 0.5:
            self.sound("hub")
            self.check_hub(*self.dump("hub"))
        self.hub = self.serve(port=self.port)


if __name__ == "__main__":
    main()
