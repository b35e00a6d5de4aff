# SPDX-License-Identifier: Apache-2.0
"""Everything about TLS and access that must not work, and what both sides say when it does not.

    refusal_test.py PROGRAMS [CASE...]"""

import socket
import ssl
import subprocess
import threading

from fleet import Case, main
from websocket import Peer, client_context


class Negatives(Case):
    """Links that must not come to be, and what either side says."""

    def setUp(self):
        super().setUp()
        self.made = 0

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.rig.directory)

    def certificate(self, name, names="DNS:localhost,IP:127.0.0.1", days=2, signed=True):
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
        self.openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.rig.directory / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"] if signed else ["-signkey", f"{name}.key"]
        self.openssl("x509", "-req", "-in", f"{name}.csr", *by, "-days", days, "-extfile", f"{name}.ext", "-out",
                     f"{name}.pem")

    def refused(self, what, hub, code, *words, shell=(), hub_code=None, **link):
        """A node that must fail to link, saying `code` and each of `words`; the hub says `hub_code`, or the same."""
        self.made += 1
        seen = len(hub.events) if hub else 0
        node = self.shell(f"node{self.made}", *shell)
        node.do("link", **link)
        event = node.event("unlinked")
        print(f"  {what}: node: {event['code']}: {event['reason']}", flush=True)
        if hub:
            refusal = hub.event("rejected", since=seen)
            print(f"  {' ' * len(what)}  hub: {refusal['code']}: {refusal['reason']}", flush=True)
            self.assertEqual(refusal["code"], hub_code or code)
            self.assertRegex(refusal["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(event["code"], code, event)
        for word in words:
            self.assertIn(word, event["reason"], event)
        self.assertFalse(node.do("status")["linked"])
        node.kill()
        return event

    def fails(self, *arguments, words):
        code, out, error = self.rig.run("edgesync", *arguments)
        print(f"  {' '.join(arguments[:1] + arguments[3:])}: {error.strip()}", flush=True)
        self.assertEqual((code, out), (1, ""), error)
        self.assertEqual(error.count("\n"), 1, error)
        for word in words:
            self.assertIn(word, error)

    def test_certificates_that_prove_nothing(self):
        self.rig.certificates("other")  # replaces hub.pem, which "other" signs now
        hub = self.serve("hub0")
        self.refused("wrong CA", hub, "untrusted", "certificate", **self.to(hub.port))
        for name, what, words, options in [
                ("elsewhere", "wrong host name", ("mismatch",), {"names": "DNS:elsewhere.example,IP:192.0.2.7"}),
                ("expired", "expired", ("expired",), {"days": -1}),
                ("alone", "self-signed", ("self-signed",), {"signed": False})]:
            with self.subTest(what=what):
                self.certificate(name, **options)
                hub = self.serve(f"hub-{name}", certificate=name)
                self.refused(what, hub, "untrusted", *words, **self.to(hub.port))
                if name == "elsewhere":
                    self.refused("wrong host name, by name", hub, "untrusted", *words,
                                 **self.to(hub.port, host="localhost"))

    def test_plaintext_is_never_by_accident(self):
        node = self.shell("a")
        refused = node.ask("link", url="ws://127.0.0.1:1", token="full")
        print(f"  ws:// without leave: {refused['error']}", flush=True)
        self.assertEqual(refused["error"]["code"], "insecure")
        node = self.shell("b", "--insecure")
        for host in ("192.0.2.1:1", "example.com", "localhost.example.com:80", "127.0.0.1.example.com"):
            url = f"ws://{host}"
            refused = node.ask("link", url=url, token="full")
            print(f"  {url} with leave: {refused['error']}", flush=True)
            self.assertEqual(refused["error"]["code"], "insecure")
        db = ("--db", self.rig.path("x.db"))
        self.fails("serve", *db, "--listen", "127.0.0.1:0", words=["certificate"])
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            self.fails("serve", *db, "--listen", address, "--insecure", words=["plaintext", "loopback"])

    def test_each_side_in_plaintext_alone(self):
        hub = self.serve()
        self.refused("plaintext to a TLS port", hub, "unreachable", "upgrade", shell=["--insecure"],
                     hub_code="protocol_violation", url=f"ws://127.0.0.1:{hub.port}", token="full")
        plain = self.start("serve", "--stdin", "--db", self.rig.path("plain.db"), "--listen", "127.0.0.1:0",
                           "--insecure")
        port = plain.event("listening")["port"]
        self.refused("TLS to a plaintext port", plain, "unreachable", "TLS", hub_code="protocol_violation",
                     **self.to(port))

    def test_old_tls(self):
        hub = self.serve()
        context = client_context(self.rig.path("ca.pem"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError) as failure:
            Peer(hub.port, context)
        refusal = hub.event("rejected")
        print(f"  TLS 1.2 client, hub: {refusal['code']}: {refusal['reason']}", flush=True)
        self.assertEqual(refusal["code"], "insecure")
        print(f"  TLS 1.2 client: {failure.exception}", flush=True)
        self.assertIn("PROTOCOL_VERSION", str(failure.exception).upper())
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.rig.path("hub.pem"), self.rig.path("hub.key"))
        server.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_server(("127.0.0.1", 0)) as door:
            threading.Thread(target=self.one_handshake, args=(server, door), daemon=True).start()
            self.refused("TLS 1.2 server", None, "insecure", "TLS", **self.to(door.getsockname()[1]))

    def test_a_hub_that_wants_certificates(self):
        hub = self.serve("hub", "--client-ca", self.rig.path("ca.pem"))
        self.shell("bare").do("link", **self.to(hub.port))
        event = self.rig.started[-1].event("unlinked")
        print(f"  no client certificate: node: {event['code']}: {event['reason']}", flush=True)
        # In TLS 1.3 a client hears of it after its handshake, and the end of the connection may overtake the alert.
        self.assertIn(event["code"], ("untrusted", "unreachable"), event)
        self.assertEqual(hub.do("status")["peers"], 0)

    def one_handshake(self, context, door):
        connection, _ = door.accept()
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()

    def test_tokens(self):
        hub = self.serve()
        self.refused("no token", hub, "unauthorized", "no token", **self.to(hub.port, token=""))
        self.refused("wrong token", hub, "unauthorized", "token", **self.to(hub.port, token="wrong"))
        self.refused("part of a token", hub, "unauthorized", "token", **self.to(hub.port, token="ful"))

    def test_a_token_for_another_scope(self):
        hub = self.serve()
        hub.do("state.transact", scope="twin/secret", edits=[{"set": "k", "value": "secret"}])
        node = self.shell("node")
        node.do("state.transact", scope="twin/secret", edits=[{"set": "mine", "value": 1}])
        node.do("link", **self.to(hub.port, token="narrow"))
        event = node.event("rejected", scope="twin/secret")
        print(f"  token for another scope: node: {event['code']}: {event['reason']}", flush=True)
        self.assertEqual(event["code"], "forbidden")
        node.do("state.transact", scope="twin/narrow", edits=[{"set": "k", "value": 1}])
        node.event("ack", scope="twin/narrow")
        scope = next(s for s in node.do("status")["scopes"] if s["scope"] == "twin/secret")
        self.assertEqual((scope["why"], scope["pending"] > 0), ("refused", True))
        self.assertEqual(node.do("state.scan", scope="twin/secret")["cells"], {"mine": 1})
        self.assertEqual(hub.do("state.scan", scope="twin/secret")["cells"], {"k": "secret"})
        self.assertFalse([e for e in node.events if e.get("event") == "ack" and e.get("scope") == "twin/secret"])


if __name__ == "__main__":
    main()
