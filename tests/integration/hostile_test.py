# SPDX-License-Identifier: Apache-2.0
"""A hub under attack: whatever strangers and members send, each is told why it must go, memory stays flat, and an
honest gateway does not notice.

    hostile_test.py PROGRAMS [CASE...]     EDGESYNC_FRAMES: at least so many random frames (2000); EDGESYNC_SEED;
    EDGESYNC_GROWTH_KIB: how much the hub may grow (16384); programs built with a sanitizer need more"""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from fleet import Case, Failed, main, memory_kib
from websocket import (CLOSE, PING, TEXT, Peer, Raw, client_context, frame, hello, pack, skippable, subscribe,
                       zstd, zstd_raw)

GIB, MIB = 1 << 30, 1 << 20
GROWTH_KIB_MAX = int(os.environ.get("EDGESYNC_GROWTH_KIB", str(16 * 1024)))
SILENT_KIB_MAX = 96  # one connection that says nothing: TLS and its buffers
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


class Good:
    """A gateway that commits all the time and wants an ack for each commit."""

    def __init__(self, case, port):
        self.node = case.shell("good")
        self.node.do("link", **case.to(port))
        self.node.event("linked")
        self.commits, self.slowest, self.failure = 0, 0.0, None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        try:
            while not self.ending.wait(0.02):
                begun, seen = time.monotonic(), len(self.node.events)
                commit = self.node.do("state.transact", scope="good", edits=[{"add": "n", "delta": 1}])["commit"]
                self.node.event("ack", since=seen, scope="good", commit=commit)
                self.commits += 1
                self.slowest = max(self.slowest, time.monotonic() - begun)
        except Failed as failure:
            self.failure = failure

    def finish(self, case):
        """Still at work, ten commits on."""
        enough, deadline = self.commits + 10, time.monotonic() + 30
        while self.commits < enough and not self.failure and time.monotonic() < deadline:
            time.sleep(0.01)
        case.assertGreaterEqual(self.commits, enough, self.failure)
        self.ending.set()
        self.thread.join()
        case.assertIsNone(self.failure)
        case.assertFalse([event for event in self.node.events if event.get("event") == "unlinked"])
        case.assertLess(self.slowest, 5)
        return self.commits, self.slowest


class Attacks(Case):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("EDGESYNC_SEED", str(random.SystemRandom().randrange(1 << 32))))
        self.hub = self.serve()
        self.context = client_context()
        self.good = Good(self, self.hub.port)
        with self.member() as warm:
            warm.send(b"\x00" + bytes(1000))
            warm.end()
        self.growth_max = GROWTH_KIB_MAX
        self.flat = memory_kib(self.hub, "VmHWM")

    def tearDown(self):
        if not self.good.ending.is_set():
            commits, slowest = self.good.finish(self)
            growth = memory_kib(self.hub, "VmHWM") - self.flat
            print(f"{self._testMethodName}: hub {self.flat} KiB, at most {growth} KiB more; "
                  f"{commits} honest commits acked, slowest {slowest * 1000:.0f} ms", flush=True)
            self.equal("state", "good", self.good.node, self.hub)
            self.assertEqual(self.hub.do("state.get", scope="good", key="n")["value"], commits)
            self.assertEqual(self.good.node.finish(), 0)
            self.assertEqual(self.hub.finish(), 0)
            self.sound("hub")
            self.assertLess(growth, self.growth_max)

    def peer(self, **how):
        return Peer(self.hub.port, self.context, **how)

    def member(self, token="full"):
        peer = self.peer()
        peer.send(frame(hello(token)))
        peer.messages.append(peer.receive()[1])
        return peer

    def ended(self, name, peer, code, part):
        how = peer.end()
        print(f"  {name}: {how}", flush=True)
        self.assertTrue(how.startswith(f"{code} "), (name, how))
        self.assertIn(part, how, name)

    def gone(self, name, peer):
        how = peer.end()
        print(f"  {name}: {how}", flush=True)
        self.assertNotIn("STILL OPEN", how, name)

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
            "subscribed by a node": ([hello("full"), [3, 1, b"\x00", bytes(17), True]], 1002, "channel 1"),
            "records that are none": ([hello("full"), subscribe(1, "t", 3), [10, 1, bytes(16), 1, 1, False, b"x"]],
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

    def test_connections_that_are_no_websocket(self):
        noise = random.Random(self.seed)
        for name, sent in {"garbage": noise.randbytes(5000), "plain HTTP": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                           "half a TLS record": b"\x16\x03\x01\x02\x00\x01", "zeros": bytes(100_000)}.items():
            with self.subTest(name=name), Peer(self.hub.port, None, upgrade=False) as peer:
                try:
                    peer.raw(sent)
                except OSError:
                    pass
                self.gone(f"TCP, {name}", peer)
        get = b"GET / HTTP/1.1\r\nHost: h\r\n"
        post = b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n"
        for name, sent in {"HTTP without upgrade": get + b"\r\n", "garbage": noise.randbytes(5000),
                           "endless header": get + b"x: y\r\n" * 20_000, "POST with a body": post + bytes(9999),
                           "one long header": get + b"x: " + b"y" * 100_000}.items():
            with self.subTest(name=name), self.peer(upgrade=False) as peer:
                try:
                    peer.raw(sent)
                except OSError:
                    pass
                self.gone(f"TLS, {name}", peer)
        with self.peer(upgrade=False) as peer:
            try:
                how = peer.upgrade("Origin: https://example.com")
            except EOFError:
                how = "ended"
            print(f"  a browser's request: {how}", flush=True)
            self.assertFalse(peer.open)

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
            "1008 forbidden", "1008 invalid_argument", "left in the middle of a frame", "ConnectionResetError",
            "BrokenPipeError"})
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

    def test_two_hundred_that_say_nothing(self):
        self.growth_max = max(GROWTH_KIB_MAX, 200 * SILENT_KIB_MAX)
        begun = time.monotonic()
        peers = []
        for i in range(200):
            if i % 3 == 0:
                peers.append(Peer(self.hub.port, None, upgrade=False))
            else:
                peers.append(self.peer(upgrade=i % 3 == 1))
        print(f"  200 are there after {time.monotonic() - begun:.1f} s, hub {memory_kib(self.hub)} KiB", flush=True)
        ends = [Counter(), Counter(), Counter()]
        for i, peer in enumerate(peers):
            with peer:
                ends[i % 3][peer.end()] += 1
        lasted = time.monotonic() - begun
        for name, end in zip(("TCP only", "WebSocket without hello", "TLS only"), ends, strict=True):
            print(f"  {name}: {dict(end)}", flush=True)
            self.assertNotIn("STILL OPEN", end)
        self.assertTrue(all(how.startswith("1001 timed_out: ") for how in ends[1]), ends[1])
        self.assertLess(lasted, 20)

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

    def test_strangers_that_send_nearly_a_frame(self):
        """Whoever has not said hello may not make the hub hold much."""
        peers = [self.peer() for _ in range(60)]
        for peer in peers:
            try:
                peer.send(bytes(MIB - 1), claim=MIB)
            except OSError:
                pass  # thrown out before it was through
        print(f"  60 strangers with a frame of 1 MiB that lacks a byte: hub {memory_kib(self.hub)} KiB", flush=True)
        ends = Counter()
        for peer in peers:
            with peer:
                ends[peer.end().split(":")[0]] += 1
        print(f"  {dict(ends)}", flush=True)
        self.assertNotIn("STILL OPEN", ends)

    def test_a_header_sent_byte_by_byte(self):
        begun = time.monotonic()
        with self.peer(upgrade=False) as peer:
            try:
                for byte in b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100:
                    peer.raw(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                pass
            self.gone("a header sent byte by byte", peer)
        self.assertLess(time.monotonic() - begun, 10)

    def test_a_member_that_asks_and_never_listens(self):
        """Answers that nobody takes must not pile up at the hub."""
        floods = {"pings": pack([12, 7]) * 20_000,
                  "subscriptions": b"".join(pack(subscribe(i, f"twin/other-{i}")) for i in range(10_000))}
        for name, messages in floods.items():
            with self.subTest(name=name), self.member("narrow") as peer:
                peer.socket.settimeout(3)
                sent, how = 0, "taken"
                try:
                    for _ in range(60):
                        peer.send(b"\x00" + messages)
                        sent += 1
                except OSError as error:
                    how = type(error).__name__
                print(f"  {name}: {sent} frames of {len(messages)} bytes, {how}; hub {memory_kib(self.hub)} KiB",
                      flush=True)


if __name__ == "__main__":
    main()
