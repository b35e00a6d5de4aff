# SPDX-License-Identifier: Apache-2.0
"""A hub under siege: connections that dawdle at each stage, frames of garbage and frames that are nearly right, and a
member that sends ten times what it may, all at once, while an honest gateway goes on committing. What the gateway
notices is printed as a ratio to what it had alone, before.

    [EDGESYNC_DAWDLERS=N] [EDGESYNC_GARBAGE=N] [EDGESYNC_CRAFTED=N] siege_test.py PROGRAMS [CASE...]

See attack.py."""

import functools
import multiprocessing
import os
import random
import select
import socket
import ssl
import time
from collections import Counter

from attack import EVERYWHERE, Attack
from fleet import main, memory_kib
from websocket import CLOSE, Peer, client_context, encode, frame, hello, pack, subscribe

DAWDLERS = int(os.environ.get("EDGESYNC_DAWDLERS", "60"))
GARBAGE = int(os.environ.get("EDGESYNC_GARBAGE", "20000"))
CRAFTED = int(os.environ.get("EDGESYNC_CRAFTED", "300"))
ALONE = 150  # honest commits before
DAWDLER_KIB_MAX, FRAMES_EACH = 40, 500
MEMBER_BYTES = 200_000  # a second, what a member may send
STAGES = ("TCP", "TLS", "upgrade", "hello")


@functools.cache
def client_hello():
    tls = client_context().wrap_bio(ssl.MemoryBIO(), outgoing := ssl.MemoryBIO(), server_hostname="127.0.0.1")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


class Dawdler:
    """Sends a byte a second of what belongs to its stage, until it is thrown out."""

    def __init__(self, port, context, stage):
        self.stage, self.sent, self.ended = stage, 0, None
        self.peer = Peer(port, context if stage in ("upgrade", "hello") else None, upgrade=stage == "hello")
        self.bytes = {"TCP": b"", "TLS": client_hello(), "upgrade": b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100,
                      "hello": encode(frame(hello("full")) + bytes(500))}[stage]
        self.peer.socket.settimeout(0)

    def step(self):
        """False once it is over."""
        try:
            self.peer.raw(self.bytes[self.sent:self.sent + 1])
            self.sent += 1
            while data := self.peer.socket.recv(4096):
                self.peer.buffer += data
            self.ended = "ended"
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError as error:
            self.ended = type(error).__name__
        try:
            while self.peer.open:
                kind, payload = self.peer.receive()
                if kind == CLOSE:
                    self.ended = f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}"
        except (OSError, EOFError):
            pass
        self.peer.socket.close()
        return False


def dawdle(port, count, told):
    os.nice(10)
    context, begun, ends = client_context(), time.monotonic(), Counter()
    there = []
    for i in range(count):
        there.append(Dawdler(port, context, STAGES[i % len(STAGES)]))
        if i % 100 == 99:  # those of before go on meanwhile
            there = [one for one in there if one.step() or ends.update([(one.stage, one.ended)])]
    told.put(("there", time.monotonic() - begun))
    last = 0.0
    while there and time.monotonic() - begun < 120:
        there = [one for one in there if one.step() or ends.update([(one.stage, one.ended)])]
        last = time.monotonic() - begun
        select.select([], [], [], 1)
    told.put(("ends", {f"{stage}: {how}": count for (stage, how), count in ends.items()}, len(there), last))


def nearly_right(noise):
    """A frame that a peer could send, with a few bytes that none would."""
    rest = noise.choice([
        [subscribe(noise.randrange(9), "twin/x"), [5, 1, 1, True, noise.randbytes(40)], [6, 1, 1]],
        [subscribe(1, "app", plane=2), [28, 1, 1, noise.randbytes(32), 500, noise.randbytes(60)]],
        [subscribe(1, "app", plane=2), [6, 1, 1], [7, noise.randrange(1 << 32)]]])
    good = bytearray(frame(hello("full"), *rest))
    for _ in range(noise.randrange(1, 5)):
        good[noise.randrange(len(good))] = noise.randrange(256)
    return bytes(good)


def throw(port, seed, garbage, crafted, told):
    os.nice(10)
    noise, context, thrown = random.Random(seed), client_context(), 0
    ends = {"garbage": Counter(), "crafted": Counter()}
    frames = [noise.randbytes(noise.randrange(1, 300)) for _ in range(100)]
    while thrown < garbage + crafted:
        kind = "garbage" if thrown < garbage else "crafted"
        try:
            peer = Peer(port, context)
        except OSError:
            ends[kind]["not let in"] += 1
            continue
        with peer:
            count = FRAMES_EACH if kind == "garbage" else 1
            sent = [noise.choice(frames) if kind == "garbage" else nearly_right(noise) for _ in range(count)]
            try:
                peer.raw(b"".join(encode(one) for one in sent))
                if kind == "garbage":
                    how = peer.end()
                else:  # it may have been right
                    peer.socket.settimeout(0.02)
                    how = peer.end()
            except OSError as error:
                how = type(error).__name__
            ends[kind][how.split(":")[0][:40]] += 1
            thrown += count
    told.put(("thrown", thrown, {kind: dict(counts) for kind, counts in ends.items()}))


def flood(port, over, told):
    """A member that sends ten times what it may, as fast as the hub takes it."""
    os.nice(10)
    with Peer(port, client_context()) as peer:
        peer.send(frame(hello("narrow", "greedy")))
        peer.receive()
        begun, sent = time.monotonic(), 0
        chunk = encode(b"\x00" + pack([12, 7]) * 20 + pack([99, bytes(20_000)]))  # pings, and what nobody knows
        peer.socket.settimeout(0.5)
        while not over.is_set():
            try:
                peer.raw(chunk)
                sent += len(chunk)
            except (TimeoutError, ssl.SSLError, socket.timeout):
                break  # in the middle of a frame: held back for so long, and still linked
        over.wait(60)
        told.put(("flood", sent / (time.monotonic() - begun)))


def p99(times):
    return sorted(times)[len(times) * 99 // 100] * 1000


class Siege(Attack):
    limits = [*EVERYWHERE, "--limit", "strangers=100000", "--limit", "strangers-per-network=100000",
              "--limit", f"bytes={MEMBER_BYTES}/{2 * MEMBER_BYTES}"]

    def test_everything_at_once(self):
        self.growth_max += DAWDLERS * DAWDLER_KIB_MAX
        while len(self.good.times) < ALONE:
            time.sleep(0.01)
        alone, before = p99(self.good.times), len(self.good.times)
        told, over = multiprocessing.Queue(), multiprocessing.Event()
        work = [(dawdle, (self.hub.port, DAWDLERS, told)), (flood, (self.hub.port, over, told)),
                (throw, (self.hub.port, self.seed, GARBAGE, CRAFTED, told))]
        siege = [multiprocessing.Process(target=what, args=given, daemon=True) for what, given in work]
        for one in siege:
            one.start()
        heard = {}
        for _ in range(3):  # there, ends, thrown, in some order
            said = told.get(timeout=1800)
            heard[said[0]] = said[1:]
        over.set()
        said = told.get(timeout=60)
        heard[said[0]] = said[1:]
        for one in siege:
            one.join()
        times = self.good.times[before:]
        print(f"  {DAWDLERS} dawdlers, all there after {heard['there'][0]:.1f} s, the last gone after "
              f"{heard['ends'][2]:.1f} s: {heard['ends'][0]}", flush=True)
        print(f"  {heard['thrown'][0]} frames thrown: {heard['thrown'][1]}", flush=True)
        print(f"  a member that may send {MEMBER_BYTES} bytes a second sent {heard['flood'][0]:.0f}", flush=True)
        print(f"  honest commits alone: p99 {alone:.1f} ms; under siege {len(times)}, p99 {p99(times):.1f} ms, "
              f"{p99(times) / alone:.2f} times; hub {memory_kib(self.hub)} KiB", flush=True)
        self.assertEqual(heard["ends"][1], 0, "still open")
        garbage = heard["thrown"][1]["garbage"]
        self.assertTrue(all(how.split()[0] in ("1002", "1009") for how in garbage), garbage)
        hellos = [how for how in heard["ends"][0] if how.startswith("hello: ")]
        self.assertTrue(all(how.startswith("hello: 1001 timed_out") for how in hellos), hellos)


if __name__ == "__main__":
    main()
