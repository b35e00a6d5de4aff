# SPDX-License-Identifier: Apache-2.0
"""Power cuts of a hub's disk and of the disk of its four gateways, which write all the time: what was confirmed as
durable or acked is there after every cut. And the control: a hub that does not sync its commits is found out.

    power_cut_test.py PROGRAMS [CASE...]    needs root, see loop_disk.py; not part of the ordinary tests
                                            EDGESYNC_POWER_CUTS: how many (50); EDGESYNC_SEED: which moments"""

import os
import time
from collections import Counter

from fleet import main
from load import NAMES, Load
from loop_disk import LoopDisk

MIB = 48


class PowerCuts(Load):
    environment = None  # of the hub

    def setUp(self):
        super().setUp()
        self.cuts_wanted = int(os.environ.get("EDGESYNC_POWER_CUTS", "50"))
        self.hub_disk = self.enterContext(LoopDisk(self.rig.directory, "hub-disk", MIB))
        self.gateway_disk = self.enterContext(LoopDisk(self.rig.directory, "gateway-disk", MIB))
        self.addCleanup(self.end_programs)  # before the disks go
        self.disks = {"hub": self.hub_disk.point, **{name: self.gateway_disk.point for name in NAMES}}
        self.cuts = Counter()
        print(f"seed {self.seed}, {self.cuts_wanted} cuts", flush=True)

    def end_programs(self):
        for program in self.rig.started:
            if program.process.poll() is None:
                program.kill()

    def serve(self, *arguments, **options):
        return super().serve(*arguments, environment=self.environment, **options)

    def cut_hub(self):
        self.hub_disk.cut(self.hub)
        self.cuts["hub"] += 1
        for gateway in self.gateways:
            gateway.take_acks()
        self.sound("hub")
        self.check_hub(*self.dump("hub"))
        self.hub = self.serve(port=self.port)

    def cut_gateways(self):
        for gateway in self.gateways:
            gateway.ending.set()
        self.gateway_disk.cut(*[gateway.program for gateway in self.gateways])
        self.cuts["gateways"] += 1
        for gateway in self.gateways:
            gateway.worker.join()
            gateway.take_acks()
            self.sound(gateway.name)
            gateway.start()
            gateway.prepare()
            gateway.work()

    def cut(self):
        self.wait_for_a_moment()
        if self.random.random() < 0.6:
            self.cut_hub()
        else:
            self.cut_gateways()

    def test_nothing_confirmed_or_acked_is_lost(self):
        begun = time.monotonic()
        self.begin()
        while self.cuts.total() < self.cuts_wanted:
            self.cut()
        self.settle()
        print(f"cuts: {dict(self.cuts)}; checked: {dict(self.checked)}; {time.monotonic() - begun:.1f} s", flush=True)


class Control(PowerCuts):
    """The same hub with a bug that tests can plant: commits reach the disk with the next checkpoint, not before."""

    environment = {"EDGESYNC_PLANTED_BUG": "synchronous_normal"}

    def test_nothing_confirmed_or_acked_is_lost(self):
        self.begin()
        losses = 0
        while losses == 0 and self.cuts.total() < self.cuts_wanted:
            self.wait_for_a_moment()
            try:
                self.cut_hub()
            except AssertionError as loss:
                losses += 1
                print(f"found at cut {self.cuts.total()}: {str(loss)[:300]}", flush=True)
        self.assertGreater(losses, 0, "a hub that does not sync lost nothing: these cuts cut nothing off")


if __name__ == "__main__":
    main()
