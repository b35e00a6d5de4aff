# SPDX-License-Identifier: Apache-2.0
"""OTLP/HTTP exporters and a node that takes what they send: as it came, on disk when the answer says so, once at the
hub, whatever dies in between.

    otlp_test.py PROGRAMS [CASE...]"""

import base64
import http.client
import json
import random
import socket

import fleet

PROTOBUF, JSON = "application/x-protobuf", "application/json"


class Otlp(fleet.Case):
    def edge(self, *arguments):
        node = self.shell("edge", "--otlp", "127.0.0.1:0", *arguments)
        node.otlp = node.event("otlp")["port"]
        return node

    def post(self, node, path, body, kind=PROTOBUF, method="POST", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", node.otlp, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": kind, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def payloads(self, program, scope="otlp"):
        """What a consumer makes of the records: [(signal, type, encoding, payload)], whole ones."""
        whole, parts = [], []
        for of in program.do("stream.consume", scope=scope, consumer="collector", limit=100_000)["origins"]:
            self.assertEqual(of["gaps"], [])
            for _, signal, kind, encoding, part, count, payload in of["rows"]:
                self.assertEqual(part, len(parts))
                parts.append(base64.b64decode(payload["base64"]))
                if len(parts) == count:
                    whole.append((signal, kind, encoding, b"".join(parts)))
                    parts = []
        self.assertEqual(parts, [])
        return whole

    def test_every_payload_that_was_acknowledged_reaches_the_hub_once_and_unchanged(self):
        hub = self.serve()
        sent = []
        for life in range(4):
            node = self.edge()
            for number in range(15):
                signal = random.choice(["traces", "metrics", "logs"])
                kind, encoding = random.choice([(PROTOBUF, ""), (PROTOBUF, "gzip"), (JSON, "")])
                body = random.randbytes(random.choice([1, 300, 20_000]) + number)
                headers = {"Content-Encoding": encoding} if encoding else {}
                status, said, _ = self.post(node, f"/v1/{signal}", body, kind, **headers)
                self.assertEqual((status, said), (200, b"{}" if kind == JSON else b""))
                sent.append((signal, kind, encoding, body))
            large = random.randbytes(600_000 + life)
            self.assertEqual(self.post(node, "/v1/traces", large, PROTOBUF + "; charset=x")[0], 200)
            sent.append(("traces", PROTOBUF, "", large))
            node.kill()
        self.assertEqual(self.post(node := self.edge(), "/v1/logs", b"")[0], 200)
        sent.append(("logs", PROTOBUF, "", b""))
        node.do("link", **self.to(hub.port))
        node.do("flush", timeout_ms=30_000)
        self.assertEqual(self.payloads(hub), sent)

    def test_what_is_no_export_is_refused_in_words(self):
        node = self.edge("--otlp-scope", "telemetry/otel")
        for status, why, request in (
                (404, "not /v1/traces", ("/v1/profiles", b"x")), (404, "not /v1/traces", ("/", b"x")),
                (405, "not POST", ("/v1/logs", b"", PROTOBUF, "GET")),
                (415, "neither", ("/v1/logs", b"x", "text/plain"))):
            got, said, headers = self.post(node, *request)
            self.assertEqual(got, status, request)
            self.assertEqual((said[0], said[1], headers["Content-Type"]), (0x12, len(said) - 2, PROTOBUF))
            self.assertIn(why, said[2:].decode())
        got, said, _ = self.post(node, "/v1/logs", b"x", JSON, **{"Content-Encoding": "br"})
        self.assertEqual((got, list(json.loads(said))), (415, ["message"]))
        self.assertEqual(self.post(node, "/v1/logs", b"x", **{"Content-Length": str(1 << 30)})[0], 413)
        with socket.create_connection(("127.0.0.1", node.otlp), timeout=30) as garbage:
            garbage.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            self.assertRegex(garbage.recv(4096), rb"\AHTTP/1.1 400 ")
        with socket.create_connection(("127.0.0.1", node.otlp), timeout=30) as endless:
            endless.sendall(b"POST /v1/logs HTTP/1.1\r\nX: " + b"x" * 20_000)
            self.assertRegex(endless.recv(4096), rb"\AHTTP/1.1 400 ")
        self.assertEqual(self.payloads(node, "telemetry/otel"), [])
        self.assertEqual(self.post(node, "/v1/logs", b"x")[0], 200)

    def test_without_room_the_exporter_is_told_to_come_again(self):
        node = self.shell("edge")
        columns = [["signal", "text"], ["type", "text"], ["encoding", "text"], ["part", "i64"], ["parts", "i64"],
                   ["payload", "bytes"]]
        node.do("stream.open", scope="otlp", columns=columns, quota_bytes=20_000, overflow="reject")
        node.stop()
        node = self.edge()
        node.do("stream.open", scope="otlp", columns=columns, quota_bytes=20_000, overflow="reject")
        self.assertEqual(self.post(node, "/v1/logs", random.randbytes(15_000))[0], 200)
        status, said, headers = self.post(node, "/v1/logs", random.randbytes(15_000))
        self.assertEqual((status, int(headers["Retry-After"]) > 0), (503, True))
        self.assertIn(b"quota", said)

    def test_only_this_machine_is_listened_to(self):
        code, _, error = self.rig.run("edgesync", "shell", "--db", self.database("x"), "--otlp", "0.0.0.0:0")
        self.assertEqual(code, 1)
        self.assertIn("0.0.0.0:0: only for this machine", error)


if __name__ == "__main__":
    fleet.main()
