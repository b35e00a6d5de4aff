# SPDX-License-Identifier: Apache-2.0
"""A gateway whose hub is none: it says nothing, or a byte a second, or takes everything and never acks. The gateway
goes on writing all the while; its memory follows what it holds, never what it wrote.

    patience_test.py PROGRAMS [CASE...]     EDGESYNC_GROWTH_KIB: how much it may grow (16384)"""

import base64
import hashlib
import os
import socket
import ssl
import threading
import time

from fleet import Case, main, memory_kib
from websocket import encode, frame, hello

GROWTH_KIB_MAX = int(os.environ.get("EDGESYNC_GROWTH_KIB", str(16 * 1024)))
KEYS, VALUE, ROUNDS = 100, 4000, 60  # 24 MB written, 400 kB of them live
ROWS = 200_000
ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class FalseHub:
    """Takes every connection and treats it with `serve`, in a thread of its own."""

    def __init__(self, case, serve):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(case.rig.path("hub.pem"), case.rig.path("hub.key"))
        self.serve, self.taken, self.connections = serve, 0, 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        case.addCleanup(self.door.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                self.serve(self, client)
            except (OSError, ValueError):
                pass  # the gateway had enough

    def upgraded(self, client):
        """The connection with its WebSocket, and the answer that makes it one."""
        client = self.context.wrap_socket(client, server_side=True)
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(65536)
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key.split(b":", 1)[1].strip() + ACCEPT).digest())
        return client, (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

    def take(self, client):
        while data := client.recv(65536):
            self.taken += len(data)


def say_nothing(hub, client):
    hub.take(client)


def answer_byte_by_byte(hub, client):
    client, answer = hub.upgraded(client)
    with client:
        for byte in answer + encode(frame(hello("")), mask=False):
            client.sendall(bytes([byte]))
            time.sleep(1)


def never_ack(hub, client):
    client, answer = hub.upgraded(client)
    with client:
        client.sendall(answer + encode(frame(hello("")), mask=False))
        hub.taken += len(client.recv(65536))
        subscribed = [[3, channel, b"\x00", bytes(17), True, b""] for channel in (1, 2)]
        client.sendall(encode(frame(*subscribed), mask=False))
        hub.take(client)


class Patience(Case):
    def setUp(self):
        super().setUp()
        self.node = self.shell("node")
        self.node.do("stream.open", scope="t", columns=[["n", "i64"], ["s", "text"]])
        self.node.do("subscribe", plane="state", scope="s")

    def write(self, rounds):
        for number in range(rounds):
            edits = [{"set": f"key/{key}", "value": f"{number}/{key}/" + os.urandom(VALUE // 2).hex()}
                     for key in range(KEYS)]
            self.node.do("state.transact", scope="s", edits=edits, durability="fast")
            rows = [[n, n, "x" * 20] for n in range(ROWS // ROUNDS)]
            self.node.do("stream.append", scope="t", rows=rows, durability="fast")

    def outlive(self, serve, linked):
        hub = FalseHub(self, serve)
        self.write(2)
        before = memory_kib(self.node, "VmHWM")
        self.node.do("link", **self.to(hub.port))
        if linked:
            self.node.event("linked")
        self.write(ROUNDS)
        growth = memory_kib(self.node, "VmHWM") - before
        pending = {scope["scope"]: scope["pending"] for scope in self.node.do("status")["scopes"]}
        print(f"{self._testMethodName}: gateway {before} KiB, at most {growth} KiB more; "
              f"{hub.connections} connections, {hub.taken} bytes taken, pending {pending}", flush=True)
        self.assertGreater(hub.connections, 0)
        self.assertEqual(pending["s"], KEYS)
        self.assertLess(growth, GROWTH_KIB_MAX)
        self.node.do("unlink")
        true_hub = self.serve()
        self.node.do("link", **self.to(true_hub.port))
        self.node.do("flush", timeout_ms=60_000)
        self.equal("state", "s", self.node, true_hub)
        self.equal("stream", "t", self.node, true_hub)
        return hub.taken

    def test_a_hub_that_says_nothing(self):
        self.outlive(say_nothing, linked=False)

    def test_a_hub_that_says_a_byte_a_second(self):
        self.outlive(answer_byte_by_byte, linked=False)

    def test_a_hub_that_never_acks(self):
        self.assertGreater(self.outlive(never_ack, linked=True), KEYS * VALUE // 4)  # it was believed


if __name__ == "__main__":
    main()
