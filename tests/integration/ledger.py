# SPDX-License-Identifier: Apache-2.0
"""Ledger: what one writer was promised about one scope. Every commit has a number, ascending by one, and sets one key
to that number. A crash may cut off the end, never anything confirmed, and never anything from the middle. The writer
and whoever looks at what was acked may be two threads."""

import threading
from collections import deque


class Commit:
    def __init__(self, number, key):
        self.number, self.key, self.stamp = number, key, None


class Ledger:
    def __init__(self):
        self.acked = {}  # what the hub must hold at least
        self.later = deque()
        self.lock = threading.Lock()
        self.number = self.confirmed = self.through = 0

    def begin(self, key):
        """Before the request is sent: from here on the commit may exist."""
        with self.lock:
            self.number += 1
            commit = Commit(self.number, key)
            self.later.append(commit)
            return commit

    def answered(self, commit, stamp, durable):
        with self.lock:
            commit.stamp = stamp
            if durable:
                self.confirmed = commit.number

    def ack(self, stamp):
        """The hub has everything through `stamp`; commits without an answer lie between those with one."""
        with self.lock:
            self.through = max(self.through, stamp)
            known = [i for i, commit in enumerate(self.later) if commit.stamp is not None and commit.stamp <= stamp]
            for _ in range(known[-1] + 1 if known else 0):
                commit = self.later.popleft()
                self.acked[commit.key] = commit.number

    def recovered(self, cells):
        """`cells` is what the writer holds after a crash. What it lost is forgotten. Says what is wrong, or nothing."""
        last = max(cells.values(), default=0)
        if last < self.confirmed:
            return f"commit {self.confirmed} was confirmed as durable, {last} is the last one there"
        if last > self.number:
            return f"commit {last} is there, {self.number} was the last one tried"
        while self.later and self.later[-1].number > last:
            self.later.pop()
        self.number = last
        if cells != self.cells():
            return f"holds {cells}, not {self.cells()}: no prefix of what was written"
        return None

    def cells(self):
        return {**self.acked, **{commit.key: commit.number for commit in self.later}}

    def missing(self, cells):
        """Acked commits that `cells`, the hub's, do not hold: {key: (wanted, held)}."""
        return {key: (number, cells.get(key)) for key, number in self.acked.items() if cells.get(key, 0) < number}
