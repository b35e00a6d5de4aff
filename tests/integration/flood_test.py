# SPDX-License-Identifier: Apache-2.0
"""A hub under attack by how much and how slowly: peers that are no peers, that say nothing, nearly something, or too
much. Each goes in time, memory stays bounded, and an honest gateway does not notice.

    flood_test.py PROGRAMS [CASE...]     see attack.py"""

import random
import threading
import time
from collections import Counter

from attack import GROWTH_KIB_MAX, Attack
from fleet import main, memory_kib
from websocket import Peer, encode, frame, hello, pack, subscribe

MIB = 1 << 20
SILENT_KIB_MAX = 40  # one connection that says nothing: TLS and its buffers


class Floods(Attack):
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

    def test_one_network_leaves_room_for_others(self):
        """A hub as it comes: whoever opens connections from one network and says nothing has so many and no more."""
        hub = self.serve("careful")
        silent, refused = [], 0
        for _ in range(100):
            peer = Peer(hub.port, None, upgrade=False)
            peer.socket.settimeout(0.05)
            try:
                refused += peer.socket.recv(1) == b""
            except TimeoutError:
                silent.append(peer)
            except OSError:
                refused += 1
        print(f"  of 100 that say nothing {refused} were closed at once", flush=True)
        self.assertEqual((len(silent), refused), (64, 36))
        for peer in silent:
            peer.socket.close()
        self.assertEqual(hub.finish(), 0)

    def test_who_guesses_tokens_is_not_listened_to_for_a_while(self):
        hub = self.serve("strict")
        answers = []
        for token in [f"guess-{i}" for i in range(8)] + ["full"]:
            with Peer(hub.port, self.context) as peer:
                peer.send(frame(hello(token, "victim")))
                answers.append(peer.end())
        print(f"  eight guesses and the right one: {Counter(answers)}", flush=True)
        self.assertEqual(len(set(answers)), 1)
        self.assertIn("the token was refused", answers[0])
        with Peer(hub.port, self.context) as peer:  # somebody else from there
            peer.send(frame(hello("full", "neighbour")))
            peer.receive()
        self.assertEqual(hub.finish(), 0)

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

    def test_a_frame_sent_byte_by_byte(self):
        """One byte a second: a stranger goes when its time for a hello is over, however it spends it; a member may take
        its time, and what it has not sent yet costs nothing."""
        strangers, members = [self.peer() for _ in range(20)], [self.member("narrow") for _ in range(20)]
        slow = frame([12, 7]) + bytes(60_000)
        lived = Counter()
        for second in range(14):
            for peer in (*strangers, *members):
                try:
                    peer.raw(encode(slow)[second:second + 1])
                    lived[peer] += 1
                except OSError:
                    pass
            time.sleep(1)
        print(f"  20 strangers and 20 members, a byte a second: hub {memory_kib(self.hub)} KiB", flush=True)
        ends = Counter()
        for peer in strangers:
            with peer:
                ends[peer.end()[:14]] += 1
        print(f"  the strangers: {dict(ends)}", flush=True)
        self.assertNotIn("STILL OPEN", ends)
        for peer in members:
            with peer:
                self.assertEqual(lived[peer], 14)

    def test_members_that_never_ack(self):
        """Each costs what it was sent once, and no more while the scope goes on changing."""
        keys, value, members = 500, 4000, 8
        noise = random.Random(self.seed)
        fill = [{"set": f"key/{key}", "value": noise.randbytes(value // 2).hex()} for key in range(keys)]

        def write():
            for first in range(0, keys, 100):
                self.hub.do("state.transact", scope="large", edits=fill[first:first + 100])

        write()
        self.flat = memory_kib(self.hub, "VmHWM")
        peers = [self.member() for _ in range(members)]
        taken = Counter()

        def take(peer):
            try:
                while True:
                    taken[peer] += len(peer.receive()[1])
            except (OSError, EOFError, ValueError):
                pass

        for peer in peers:
            peer.send(frame(subscribe(1, "large")))
            peer.socket.settimeout(3)
        readers = [threading.Thread(target=take, args=(peer,)) for peer in peers[::2]]  # the others do not even read
        for reader in readers:
            reader.start()
        for _ in range(10):
            write()
        for reader in readers:
            reader.join()
        once = sum(taken[peer] for peer in peers[::2]) // len(readers)
        print(f"  {members} members: each was sent {once} bytes of {keys * value}, ten times rewritten meanwhile; "
              f"hub {memory_kib(self.hub)} KiB", flush=True)
        self.assertLess(once, 2 * keys * value, "what nobody acks is sent again")
        self.growth_max = max(GROWTH_KIB_MAX, members * 2 * keys * value // 1024)
        for peer in peers:
            peer.socket.close()


if __name__ == "__main__":
    main()
