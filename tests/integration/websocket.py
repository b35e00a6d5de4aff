# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client (RFC 6455) that may break every rule, and the messages and frames it breaks them with. It speaks
to 127.0.0.1 only. What a connection came to is told by Peer.end()."""

import os
import socket
import ssl
import struct

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def client_context(ca=None):
    context = ssl.create_default_context(cafile=ca)
    if ca is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def encode(payload, kind=BINARY, final=True, claim=None, mask=True, reserved=0):
    """A frame; `claim` is what its header says the length were."""
    size = len(payload) if claim is None else claim
    head = bytes([final << 7 | reserved << 4 | kind])
    bit = 0x80 if mask else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    return head + (bytes(4) if mask else b"") + payload  # a mask of zeros leaves the payload as it is


def payloads(carried):
    """What the frames held that one side sent, without their masks."""
    out, at = bytearray(), carried.index(b"\r\n\r\n") + 4
    while at + 2 <= len(carried):
        masked, size = carried[at + 1] >> 7, carried[at + 1] & 127
        at += 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, at = int.from_bytes(carried[at:at + wide], "big"), at + wide
        mask = carried[at:at + 4] if masked else bytes(4)
        at += 4 * masked
        out += bytes(byte ^ mask[i % 4] for i, byte in enumerate(carried[at:at + size]))
        at += size
    return bytes(out)


class Peer:
    """One connection. `context` None: plaintext. `upgrade` False: no WebSocket yet."""

    def __init__(self, port, context=None, upgrade=True, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.messages, self.open = b"", [], False
        try:
            if context is not None:
                self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
            if upgrade:
                self.upgrade()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def upgrade(self, *headers):
        lines = ["GET / HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", *headers]
        self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.open = head.startswith(b"HTTP/1.1 101")
        return head.decode(errors="replace").splitlines()[0]

    def raw(self, data):
        self.socket.sendall(data)

    def send(self, payload, kind=BINARY, **how):
        self.raw(encode(payload, kind, **how))

    def receive(self):
        """The next frame: kind, payload."""
        while True:
            if len(self.buffer) >= 2:
                size, start = self.buffer[1] & 127, 2
                if size >= 126:
                    start = 4 if size == 126 else 10
                    size = int.from_bytes(self.buffer[2:start], "big") if len(self.buffer) >= start else 1 << 62
                if len(self.buffer) >= start + size:
                    frame = self.buffer[0] & 15, self.buffer[start:start + size]
                    self.buffer = self.buffer[start + size:]
                    return frame
            self._more()

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("ended")
        self.buffer += data

    def end(self):
        """How the other side ends this: "1002 protocol_violation: ..." or, without a WebSocket, in its own words."""
        try:
            while self.open:
                kind, payload = self.receive()
                if kind == CLOSE:
                    self.send(payload[:2], CLOSE)
                    code = int.from_bytes(payload[:2], "big")
                    return f"{code} {payload[2:].decode(errors='replace')}"
                self.messages.append(payload)
            while True:
                self._more()
        except TimeoutError:
            return "STILL OPEN"
        except EOFError:
            first = self.buffer.split(b"\r\n", 1)[0]
            return f"ended after {first[:60]!r}" if first else "ended"
        except (OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"


# msgpack, as much of it as is needed

class Raw(bytes):
    """A text as it goes over the wire, valid or not."""


def pack(value):
    if isinstance(value, Raw):
        return b"\xdb" + struct.pack(">I", len(value)) + value
    if value is True or value is False:
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return bytes([value]) if 0 <= value < 128 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))


def frame(*messages):
    return b"\x00" + b"".join(map(pack, messages))


def hello(token, name="stranger", versions=(1, 1)):
    return [1, *versions, [], os.urandom(16), name, token, 1_700_000_000_000_000, False, "test"]


def subscribe(channel, scope, plane=1):
    return [2, channel, plane, scope, b"\x00", bytes(17)]


# zstd frames (RFC 8878), made by hand: a block of one repeated byte takes four bytes, whatever its length

BLOCK_MAX = 128 * 1024


def block(kind, size, content, last):
    return struct.pack("<I", size << 3 | kind << 1 | last)[:3] + content


def zstd(size, claim=None, window_log=17, dictionary=False, sized=True):
    """One frame of `size` zeros that claims to hold `claim`."""
    descriptor = (0xC0 if sized else 0) | (1 if dictionary else 0)
    head = struct.pack("<I", 0xFD2FB528) + bytes([descriptor, window_log - 10 << 3])
    head += b"\x07" if dictionary else b""
    head += struct.pack("<Q", size if claim is None else claim) if sized else b""
    blocks, left = [], size
    while left > BLOCK_MAX:
        blocks.append(block(1, BLOCK_MAX, b"\x00", 0))
        left -= BLOCK_MAX
    return head + b"".join(blocks) + block(1, left, b"\x00", 1)


def zstd_raw(content):
    return struct.pack("<IBBQ", 0xFD2FB528, 0xC0, 7 << 3, len(content)) + block(0, len(content), content, 1)


def skippable(content=b"skip me"):
    return struct.pack("<II", 0x184D2A50, len(content)) + content
