# SPDX-License-Identifier: Apache-2.0
"""What the process-level acceptance tests share: a hub and gateways as separate programs over TLS, in one directory
that outlives each of them, and a look into a database that nobody has open."""

import json
import re
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
from rig import Failed, Rig  # noqa: E402

def memory_kib(program, line="VmRSS"):
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.search(rf"^{line}:\s+(\d+) kB", status, re.MULTILINE).group(1))


class Case(unittest.TestCase):
    maxDiff = None
    programs = None
    tokens = """# token access scopes
full rw *
narrow rw twin/narrow
reader ro twin/narrow
"""

    def setUp(self):
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="edgesync-test-"))
        self.rig = self.enterContext(Rig(directory, self.programs))
        self.rig.certificates()
        Path(self.rig.path("tokens")).write_text(self.tokens)
        self.disks = {}  # name: the directory of its database, where that is another one

    def start(self, *arguments, environment=None):
        return self.rig.start("edgesync", *arguments, environment=environment)

    def database(self, name):
        return str(Path(self.disks.get(name, self.rig.directory)) / f"{name}.db")

    def serve(self, name="hub", *arguments, port=0, certificate="hub", environment=None):
        hub = self.start("serve", "--stdin", "--db", self.database(name), "--name", name, "--listen",
                         f"127.0.0.1:{port}", "--tls-cert", self.rig.path(f"{certificate}.pem"), "--tls-key",
                         self.rig.path(f"{certificate}.key"), "--tokens", self.rig.path("tokens"), *arguments,
                         environment=environment)
        hub.port = hub.event("listening")["port"]
        return hub

    def shell(self, name, *arguments):
        return self.start("shell", "--db", self.database(name), "--name", name, *arguments)

    def to(self, port, token="full", ca="ca", host="127.0.0.1"):
        return {"url": f"wss://{host}:{port}", "token": token, "ca": self.rig.path(f"{ca}.pem")}

    def equal(self, plane, scope, *programs, timeout=60):
        """Waits until all hold the same."""
        deadline = time.monotonic() + timeout
        while True:
            digests = [[p.do("digest", plane=plane, scope=scope)[part] for part in ("context", "fingerprint", "count")]
                       for p in programs]
            if all(digest == digests[0] for digest in digests):
                return
            self.assertLess(time.monotonic(), deadline, (plane, scope, digests))
            time.sleep(0.02)

    def tool(self, command, name, *arguments):
        """The lines that a command says about a database which nobody has open."""
        code, out, error = self.rig.run("edgesync", command, "--db", self.database(name), *arguments)
        self.assertEqual((code, error), (0, ""), (command, name, out))
        return [json.loads(line) for line in out.splitlines()]

    def sound(self, name):
        """`verify` ends with 0 and has nothing to say."""
        lines = self.tool("verify", name)
        self.assertEqual((len(lines), lines[-1]["findings"]), (1, 0), lines)

    def dump(self, name):
        """State cells and stream rows: {scope: {key: value}}, {(scope, origin): {sequence: row}}."""
        cells, rows = {}, {}
        for line in self.tool("dump", name):
            if line["plane"] == "state" and "key" in line:
                cells.setdefault(line["scope"], {})[line["key"]] = line["value"]
            elif line["plane"] == "stream" and "rows" in line:
                self.assertEqual(line["gaps"], [], (name, line["scope"], line["origin"]))
                into = rows.setdefault((line["scope"], line["origin"]), {})
                into.update(zip(range(line["first"], line["last"] + 1), line["rows"], strict=True))
        return cells, rows


def main():
    Case.programs = sys.argv[1]
    unittest.main(argv=[sys.argv[0], "-q", *sys.argv[2:]])


__all__ = ["Case", "Failed", "main", "memory_kib"]
