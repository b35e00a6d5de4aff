# SPDX-License-Identifier: Apache-2.0
"""A hub under attack by what is sent: whatever strangers and members say, each is told why it must go, memory stays
flat, and an honest gateway does not notice.

    hostile_test.py PROGRAMS [CASE...]     EDGESYNC_FRAMES: at least so many random frames (2000); see also attack.py"""

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from attack import Attack
from fleet import main
from websocket import CLOSE, PING, TEXT, Raw, frame, hello, skippable, subscribe, zstd, zstd_raw

GIB, MIB = 1 << 30, 1 << 20
NEST = 100_000
EMPTY_DELTA = b"\x01" + bytes(23)  # a head with empty contexts, and nothing else


def nested(open_byte):
    return b"\x00" + open_byte * NEST + b"\xc0"


# Frames that nobody may send, and a part of the reason each gets. They are tried before and after a good hello.
FRAMES = {
    "no frame": (b"", "frame"),
    "unknown first byte": (b"\x07abc", "frame"),
    "zeros, 1 GiB from 32 KiB": (b"\x01" + zstd(GIB), "decompressed size"),
    "zeros, 1 GiB, small claim": (b"\x01" + zstd(GIB, claim=60_000), "corrupt"),
    "zeros, 1 GiB, no claim": (b"\x01" + zstd(GIB, sized=False), "content size"),
    "zeros, 1 GiB, window 1 GiB": (b"\x01" + zstd(GIB, claim=4096, window_log=30), "window"),
    "zeros, 4 MiB from 150 bytes": (b"\x01" + zstd(4 * MIB), "ratio"),
    "claims 2^63": (b"\x01" + zstd(100, claim=1 << 63), "decompressed size"),
    "zstd with a dictionary": (b"\x01" + zstd(100, dictionary=True), "dictionary"),
    "zstd, two frames": (b"\x01" + zstd_raw(b"\x92\x0c\x07") * 2, "one whole frame"),
    "zstd, skippable first": (b"\x01" + skippable() + zstd_raw(b"\x92\x0c\x07"), "zstd"),
    "zstd, skippable last": (b"\x01" + zstd_raw(b"\x92\x0c\x07") + skippable(), "one whole frame"),
    "zstd, cut off": (b"\x01" + zstd_raw(bytes(1000))[:-1], "zstd"),
    "zstd, garbage": (b"\x01" + b"\xff" * 1000, "zstd"),
    "arrays nested 100,000 deep": (nested(b"\x91"), ""),
    "arrays nested in a message": (b"\x00\x92\x7f" + b"\x91" * NEST + b"\xc0", ""),
    "maps nested in a message": (b"\x00\x92\x7f" + b"\x81\x01" * NEST + b"\xc0", ""),
    "array of 2^32-1": (b"\x00\xdd\xff\xff\xff\xff", ""),
    "array of 2^32-1 in hello": (b"\x00\x9a\x01\x01\x01\xdd\xff\xff\xff\xff", ""),
    "array of 2^32-1 to skip": (b"\x00\x92\x7f\xdd\xff\xff\xff\xff" + bytes(1000), ""),
    "map of 2^32-1 to skip": (b"\x00\x92\x7f\xdf\xff\xff\xff\xff" + bytes(1000), ""),
    "text of 2^32-1": (b"\x00\x9a\x01\x01\x01\x90\xc4\x10" + bytes(16) + b"\xdb\xff\xff\xff\xff", ""),
    "bytes of 2^32-1": (b"\x00\x9a\x01\x01\x01\x90\xc6\xff\xff\xff\xff", ""),
    "a million nils": (b"\x00\xdd\x00\x0f\xff\xf0" + b"\xc0" * 0xFFFF0, ""),
    "not an array": (b"\x00\xa3abc", ""),
    "fields missing": (b"\x00\x91\x01", "fields are missing"),
}


class Attacks(Attack):
    def ended(self, name, peer, code, part):
        how = peer.end()
        print(f"  {name}: {how}", flush=True)
        self.assertTrue(how.startswith(f"{code} "), (name, how))
        self.assertIn(part, how, name)

    def test_frames_that_nobody_may_send(self):
        for name, (sent, part) in FRAMES.items():
            for who, connect in (("a stranger", self.peer), ("a member", self.member)):
                with self.subTest(name=name, who=who), connect() as peer:
                    peer.send(sent)
                    if len(sent) > 16 * 1024 and who == "a stranger":  # not even looked at
                        self.ended(f"{name}, from {who}", peer, 1009, "")
                    else:
                        self.refused(f"{name}, from {who}", peer, part)

    def refused(self, name, peer, part):
        how = peer.end()
        print(f"  {name}: {how}", flush=True)
        self.assertRegex(how, r"^(1002 protocol_violation|1009 limit_exceeded): .", name)
        self.assertIn(part, how, name)

    def test_messages_out_of_order(self):
        cases = {
            "ping before hello": ([[12, 7]], 1002, "before hello"),
            "subscribe before hello": ([subscribe(1, "good")], 1002, "before hello"),
            "no token": ([hello("")], 1008, "unauthorized"),
            "wrong token": ([hello("wrong")], 1008, "unauthorized"),
            "token of 4000 bytes": ([hello("x" * 4000)], 1008, "unauthorized"),
            "token of 5000 bytes": ([hello("x" * 5000)], 1009, "hello"),
            "protocol 7": ([hello("full", versions=(7, 9))], 1002, "protocol"),
            "second hello": ([hello("full"), hello("full")], 1002, "second hello"),
            "data without a channel": ([hello("full"), [5, 1, 9, True, EMPTY_DELTA], [6, 1, 1]], 1002, "channel 9"),
            "data where only reading is allowed": ([hello("reader"), subscribe(1, "twin/narrow"),
                                                    [5, 1, 1, True, EMPTY_DELTA], [6, 1, 1]], 1008, "read only"),
            "data for a channel that was refused": ([hello("narrow"), subscribe(1, "twin/other"),
                                                     [5, 1, 1, True, EMPTY_DELTA], [6, 1, 1]], 1002, "channel 1"),
            "cut of nothing": ([hello("full"), [6, 1, 3]], 1002, ""),
            "channel taken": ([hello("full"), subscribe(1, "a"), subscribe(1, "b")], 1002, "channel 1"),
            "subscribed by a node": ([hello("full"), [3, 1, b"\x00", bytes(17), True, b""]], 1002, "channel 1"),
            "records that are none": ([hello("full"), subscribe(1, "t", 3), [10, 1, bytes(16), 1, 1, b"x"]],
                                      1002, "damaged"),
        }
        for name, (messages, code, part) in cases.items():
            with self.subTest(name=name), self.peer() as peer:
                peer.send(frame(*messages))
                self.ended(name, peer, code, part)

    def test_websocket_rules_broken(self):
        def tried(peer, *sends):
            try:
                for send in sends:
                    send(peer)
            except OSError:
                pass  # it was thrown out in the middle; end() tells how

        cases = {
            "text": (1003, "text", [lambda p: p.send(b"hello", TEXT)]),
            "not masked": (1002, "", [lambda p: p.send(b"\x00", mask=False)]),
            "reserved bit": (1002, "", [lambda p: p.send(b"\x00", reserved=4)]),
            "unknown opcode": (1002, "", [lambda p: p.send(b"\x00", 5)]),
            "continuation of nothing": (1002, "", [lambda p: p.send(b"\x00", 0)]),
            "fragmented ping": (1002, "", [lambda p: p.send(b"x", PING, final=False)]),
            "ping of 126 bytes": (1002, "", [lambda p: p.send(bytes(126), PING)]),
            "close of one byte": (1002, "", [lambda p: p.send(b"\x03", CLOSE)]),
            "2 MiB in one": (1009, "", [lambda p: p.send(bytes(2 * MIB))]),
            "2 MiB in fragments": (1009, "", [lambda p: p.send(b"\x00", final=False)] +
                                   [lambda p: p.send(bytes(16384), 0, final=False)] * 128),
            "a header that claims 2^62": (1009, "", [lambda p: p.send(b"\x00" * 100, claim=1 << 62)]),
            "a header that claims 2^63": (1009, "", [lambda p: p.send(b"\x00" * 100, claim=1 << 63)]),
            "300 pings at once": (1009, "control frames", [lambda p: p.send(b"x", PING)] * 300),
        }
        for name, (code, part, sends) in cases.items():
            with self.subTest(name=name), self.peer() as peer:
                tried(peer, *sends)
                self.ended(name, peer, code, part)

    def test_a_second_fault_behind_the_first(self):
        """While the hub says goodbye it meets another fault: the connection ends all the same, and so does the hub."""
        faults = [{"claim": 300_000}, {"mask": False}, {"reserved": 4}, {"kind": 5}]

        def one(number):
            try:
                with self.peer() as peer:
                    peer.send(b"\x07")
                    time.sleep(number % 50 * 20e-6)  # so that some arrive just while the hub is closing
                    peer.send(b"x" * 20, **faults[number % len(faults)])
                    return peer.end().split(" ")[0]
            except OSError as error:
                return type(error).__name__

        with ThreadPoolExecutor(4) as pool:
            ends = Counter(pool.map(one, range(1000)))
        print(f"  {dict(ends)}", flush=True)
        self.assertNotIn("STILL", ends)

    def test_random_and_truncated_frames(self):
        wanted = int(os.environ.get("EDGESYNC_FRAMES", "2000"))
        print(f"  seed {self.seed}, {wanted} connections with up to four frames each", flush=True)
        templates = [frame(hello("full")), frame(hello("full"), subscribe(1, "good")), frame([12, 7]),
                     frame(subscribe(2, "twin/x", 1), subscribe(3, "t/x", 3)),
                     frame([5, 1, 1, True, EMPTY_DELTA], [6, 1, 1]),
                     frame([10, 1, bytes(16), 1, 3, False, bytes(60)]), b"\x01" + zstd_raw(frame([12, 7])[1:])]

        def one(seed):
            noise = random.Random(f"{self.seed}/{seed}")
            connect = self.member if noise.random() < 0.5 else self.peer
            try:
                with connect() as peer:
                    for _ in range(4):  # the hub looks at them up to the first bad one
                        peer.send(self.mutated(noise, noise.choice(templates)))
                    if noise.random() < 0.3:
                        peer.send(noise.randbytes(20), claim=noise.randint(21, 1 << 19))
                        return "left in the middle of a frame"
                    peer.send(b"\x07")
                    return peer.end().split(":")[0]
            except OSError as error:
                return type(error).__name__

        with ThreadPoolExecutor(4) as pool:
            ends = Counter(pool.map(one, range(wanted)))
        print(f"  {dict(ends)}", flush=True)
        self.assertLessEqual(set(ends), {
            "1002 protocol_violation", "1002 protocol_mismatch", "1009 limit_exceeded", "1008 unauthorized",
            "1008 forbidden", "1008 identity_clash", "1008 invalid_argument", "left in the middle of a frame",
            "ConnectionResetError", "BrokenPipeError"})
        self.assertGreater(ends["1002 protocol_violation"], wanted // 4)

    def mutated(self, noise, template):
        kind = noise.random()
        if kind < 0.3:
            return bytes([noise.randrange(2)]) + noise.randbytes(noise.randrange(1, 400))
        if kind < 0.5:
            return template[:noise.randrange(len(template))]
        changed = bytearray(template)
        for _ in range(noise.randint(1, 4)):
            changed[noise.randrange(len(changed))] = noise.randrange(256)
        return bytes(changed)

    def test_names_that_are_no_names(self):
        """Whatever a peer calls itself or a scope, the hub's own lines stay lines of JSON, and no scope comes to be."""
        names = [b"\xff\xfe", b"\xc3", b"a\nb", b'"}\n{"event":"x"', b"\x1b[2J", b"\x00", b"x" * 4096, b"\xed\xa0\x80"]
        for name in names:
            with self.subTest(name=name[:20]), self.peer() as peer:
                peer.send(frame(hello("full", name=Raw(name))))
                peer.send(b"\x07")
                print(f"  name {name[:20]}: {peer.end()}", flush=True)
        scopes = [b"\xff", b"a//b", b"a/../b", b"..", b"/a", b"a/", b"a\x00b", b"a\nb", b"", b"a" * 600,
                  b"/".join([b"a"] * 20), b"x" + b"\xc3\xa4" * 100 + b"\x01"]
        for token, tried in (("full", scopes), ("narrow", [b"twin/narrow/../other", b"twin//narrow", b"TWIN/narrow",
                                                          b"twin/narrow\x00", b"twin/narrow/x", b"twin/narro", b"*"])):
            for scope in tried:
                with self.subTest(token=token, scope=scope[:20]), self.member(token) as peer:
                    peer.send(frame(subscribe(1, Raw(scope)), [12, 7]))
                    kind = peer.receive()[1]
                    print(f"  {token}, scope {scope[:20]}: {kind[4:80]}", flush=True)
        known = [scope["scope"] for scope in self.hub.do("status")["scopes"]]
        self.assertEqual(known, ["good"])
        for event in self.hub.events:
            self.assertTrue(all(c >= " " for c in event.get("peer", "")), event)


if __name__ == "__main__":
    main()
