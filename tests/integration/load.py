# SPDX-License-Identifier: Apache-2.0
"""A hub and four gateways that write all the time, and what each of them was promised: what the tests that take
processes or power away have in common. EDGESYNC_SEED: which moments and whom."""

import os
import queue
import random
import threading
import time
from collections import Counter

from fleet import Case, Failed
from ledger import Ledger

NAMES = ["gw-1", "gw-2", "gw-3", "gw-4"]
TAGS = 4
ROWS_MANY = 20_000  # of one gateway; from then on few are added, so that a long campaign can still look at all of them


class Gateway:
    """One gateway under load, and what it was promised. Its database outlives its processes."""

    def __init__(self, case, name, port, seed, checked):
        self.case, self.name, self.port, self.checked = case, name, port, checked
        self.random = random.Random(f"{seed}/{name}")
        self.twin, self.shared = Ledger(), Ledger()
        self.rows = []  # the life that wrote each record; records are numbered from 1
        self.rows_confirmed = self.rows_acked = 0
        self.life = self.steps = 0
        self.failure = self.worker = self.program = None
        self.errands = queue.SimpleQueue()  # between two steps, by whoever makes them
        self.replica = None

    twin_scope = property(lambda self: f"twin/{self.name}")
    stream_scope = property(lambda self: f"telemetry/{self.name}")

    def start(self):
        self.life += 1
        self.events_seen = 0
        self.program = self.case.shell(self.name)

    def prepare(self):
        """Before it is linked: what is there comes from its own file. The stream is there from the first life on."""
        self.replica = self.program.do("status")["replica"]
        self.program.do("stream.open", scope=self.stream_scope, columns=[["n", "i64"], ["life", "i64"]])
        self.program.do("subscribe", plane="state", scope="shared")
        self.check_own()
        self.program.do("link", **self.case.link_of(self.name))

    def work(self):
        self.ending = threading.Event()
        self.worker = threading.Thread(target=self._work, daemon=True)
        self.worker.start()

    def _work(self):
        try:
            while not self.ending.is_set():
                self.step()
        except (Failed, OSError, ValueError) as failure:
            if not self.ending.is_set():
                self.failure = Failed(f"{self.name} (exit code {self.program.process.poll()}): {failure!r}")

    def step(self):
        while not self.errands.empty():
            self.errands.get()()
        kind = self.random.random()
        durability = self.random.choice(["durable", "fast"])
        if kind < 0.45:
            key = f"k/{self.random.randrange(16)}"
            self.transact(self.twin_scope, self.twin, key, durability, lambda n: [{"set": key, "value": n}])
        elif kind < 0.75 or (len(self.rows) > ROWS_MANY and self.random.random() < 0.99):
            self.transact("shared", self.shared, "seq", durability, self.tagged)
        else:
            self.append(self.random.randint(1, 20), durability)
        self.steps += 1

    def transact(self, scope, ledger, key, durability, edits):
        commit = ledger.begin(key)
        answer = self.program.do("state.transact", scope=scope, edits=edits(commit.number), durability=durability)
        ledger.answered(commit, int(answer["commit"]), durability == "durable")

    def tagged(self, number):
        """Keys that must change together, some of them written by all gateways."""
        edits = [{"set": f"{self.name}/seq", "value": number}, {"add": "total", "delta": 1}]
        edits += [{"set": f"{self.name}/tag/{i}", "value": number} for i in range(TAGS)]
        if number % 3 == 0:
            edits += [{"set": f"all/tag/{i}", "value": f"{self.name} {number}"} for i in range(TAGS)]
        return edits

    def append(self, count, durability):
        first = len(self.rows) + 1
        self.rows += [self.life] * count
        rows = [[1_700_000_000_000_000 + n, n, self.life] for n in range(first, first + count)]
        answer = self.program.do("stream.append", scope=self.stream_scope, rows=rows, durability=durability)
        if (answer["first"], answer["last"]) != (first, first + count - 1):
            raise Failed(f"{self.name}: rows {first} to {first + count - 1} were numbered {answer}")
        if durability == "durable":
            self.rows_confirmed = answer["last"]

    def end(self, kill):
        self.ending.set()
        if kill:
            self.program.kill()
        self.worker.join()
        self.take_acks()

    def take_acks(self):
        """Of this life; each ack event names a commit that the hub must never lose."""
        events = self.program.events[self.events_seen:]
        self.events_seen += len(events)
        for event in events:
            if event["event"] in ("storage_fault", "rejected", "diverged"):
                raise Failed(f"{self.name}: {event}")
            if event["event"] != "ack":
                continue
            self.checked["acks"] += 1
            stamp = int(event["commit"])
            if event["plane"] == "stream":
                self.rows_acked = max(self.rows_acked, stamp)
            else:
                ledger = self.twin if event["scope"] == self.twin_scope else self.shared
                if stamp < ledger.through:
                    raise Failed(f"{self.name}: ack of {stamp} after that of {ledger.through} in {event['scope']}")
                ledger.ack(stamp)

    def check_own(self):
        """After a crash: what was confirmed is there, what is there is a prefix of what was written."""
        self.checked["restarts"] += self.life > 1
        cells = self.program.do("state.scan", scope=self.twin_scope)["cells"]
        self.case.fine(self.twin.recovered(cells), self.name, self.twin_scope)
        shared = self.program.do("state.scan", scope="shared")["cells"]
        self.case.check_shared(shared, self.name)
        own = {"seq": shared[f"{self.name}/seq"]} if f"{self.name}/seq" in shared else {}
        self.case.fine(self.shared.recovered(own), self.name, "shared")
        self.check_own_rows()

    def check_own_rows(self):
        scopes = self.program.do("status")["scopes"]
        produced = next(scope["produced"] for scope in scopes if scope["scope"] == self.stream_scope)
        self.case.assertLessEqual(self.rows_confirmed, produced, f"{self.name}: confirmed records are lost")
        self.case.assertLessEqual(produced, len(self.rows), f"{self.name}: records nobody wrote")
        del self.rows[produced:]

    def check_at_hub(self, cells, rows):
        """Whatever the hub acked is there, whoever was killed since, and nothing that this gateway itself lost."""
        held = cells.get(self.twin_scope, {})
        self.case.assertEqual(self.twin.missing(held), {}, f"acked commits of {self.twin_scope} are not at the hub")
        seq = cells.get("shared", {}).get(f"{self.name}/seq", 0)
        self.case.assertLessEqual(self.shared.acked.get("seq", 0), seq, f"acked commits of {self.name} in shared")
        self.case.assertLessEqual(seq, self.shared.number, f"the hub has what {self.name} lost")
        self.case.assertLessEqual(max(held.values(), default=0), self.twin.number, f"the hub has what {self.name} lost")
        records = rows.get((self.stream_scope, self.replica), {})
        self.case.assertEqual(sorted(records), list(range(1, len(records) + 1)), "records with gaps")
        self.case.assertLessEqual(self.rows_acked, len(records), f"acked records of {self.name} are not at the hub")
        for n, row in records.items():
            self.case.assertEqual(row[1:], [n, self.rows[n - 1]], f"record {n} of {self.name}")


class Load(Case):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("EDGESYNC_SEED", str(random.SystemRandom().randrange(1 << 32))))
        self.random = random.Random(self.seed)
        self.checked = Counter()

    def link_of(self, name):
        """What the gateway's `link` is told."""
        return self.to(self.port)

    def begin(self, *arguments):
        self.hub = self.serve("hub", *arguments)
        self.port = self.hub.port
        self.gateways = [Gateway(self, name, self.port, self.seed, self.checked) for name in NAMES]
        for gateway in self.gateways:
            gateway.start()
            gateway.prepare()
            gateway.work()

    def wait_for_a_moment(self):
        """Some answered requests later, and then anywhere in the next one."""
        steps = int(5 * 1500 ** self.random.random())
        until = sum(gateway.steps for gateway in self.gateways) + steps
        deadline = time.monotonic() + 5
        while sum(gateway.steps for gateway in self.gateways) < until and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(self.random.random() * 0.02)
        for gateway in self.gateways:
            if gateway.failure:
                raise gateway.failure

    def fine(self, problem, *where):
        self.assertIsNone(problem, where)

    def check_shared(self, cells, where):
        """No transaction is seen in part: tags agree, and the counter counted each transaction once."""
        numbers = [cells.get(f"{name}/seq", 0) for name in NAMES]
        for name, number in zip(NAMES, numbers, strict=True):
            tags = [cells.get(f"{name}/tag/{i}", 0) for i in range(TAGS)]
            self.assertEqual(tags, [number] * TAGS, f"a transaction of {name} in part at {where}")
        self.assertEqual(len({cells.get(f"all/tag/{i}") for i in range(TAGS)}), 1, f"contended keys at {where}")
        self.assertEqual(cells.get("total", 0), sum(numbers), f"counter at {where}")
        self.checked["groups"] += len(NAMES) + 1

    def check_hub(self, cells, rows):
        self.check_shared(cells.get("shared", {}), "the hub")
        for gateway in self.gateways:
            gateway.check_at_hub(cells, rows)
        self.checked["hub states"] += 1

    def settle(self):
        for gateway in self.gateways:
            gateway.end(kill=False)
            gateway.program.do("link", **self.link_of(gateway.name))
        for gateway in self.gateways:
            gateway.program.do("flush", timeout_ms=60_000)
        self.equal("state", "shared", self.hub, *[gateway.program for gateway in self.gateways])
        for gateway in self.gateways:
            self.equal("state", gateway.twin_scope, self.hub, gateway.program)
            self.equal("stream", gateway.stream_scope, self.hub, gateway.program)
            gateway.take_acks()
            self.checked["commits"] += gateway.twin.number + gateway.shared.number
            self.checked["records"] += len(gateway.rows)
        for program in (self.hub, *[gateway.program for gateway in self.gateways]):
            self.assertEqual(program.finish(), 0)
        for name in ("hub", *NAMES):
            self.sound(name)
        self.check_end()

    def check_end(self):
        cells, rows = self.dump("hub")
        self.check_hub(cells, rows)
        for gateway in self.gateways:
            self.assertEqual(cells[gateway.twin_scope], gateway.twin.cells())
            self.assertEqual(cells["shared"][f"{gateway.name}/seq"], gateway.shared.number)
            self.assertEqual(len(rows[gateway.stream_scope, gateway.replica]), len(gateway.rows))
            own, _ = self.dump(gateway.name)
            self.assertEqual({scope: own[scope] for scope in (gateway.twin_scope, "shared")},
                             {scope: cells[scope] for scope in (gateway.twin_scope, "shared")})
