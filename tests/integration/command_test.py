# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of the `edgesync` command line: usage, exit codes, and the tools that read a database.

    command_test.py PROGRAMS [CASE...]"""

import contextlib
import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
from pathlib import Path

import fleet

COLUMNS = [["temp_c", "f64"], ["count", "i64"], ["raw", "bytes"]]
ROWS = [[1_700_000_000_000_000 + i, 20.5 + i, i, {"base64": "AAEC"}] for i in range(10)]


class CommandLine(fleet.Case):
    def fails(self, code, *arguments, naming=""):
        got, out, error = self.rig.run("edgesync", *arguments)
        self.assertEqual((got, out), (code, ""), error)
        self.assertRegex(error, r"\Aedgesync: [^:\n]+: [^\n]+: [^\n]+\n\Z")
        self.assertIn(naming, error)

    def test_usage_errors_exit_with_2(self):
        db = ("--db", self.rig.path("x.db"))
        self.fails(2, naming="command")
        for command in ("exports", "fly"):
            self.fails(2, command, *db, naming=command)
        self.fails(2, "shell", naming="--db")
        self.fails(2, "shell", *db, "--admin", "127.0.0.1:0", naming="--admin")
        self.fails(2, "serve", *db, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", naming="--admin")
        self.fails(2, "serve", *db, naming="--listen")
        self.fails(2, "serve", *db, "--listen", "nowhere", naming="HOST:PORT")
        self.fails(2, "serve", *db, "--listen", "127.0.0.1:70000", naming="HOST:PORT")
        self.fails(2, "serve", *db, "--listen", "127.0.0.1:0", "--tls-cert", "f", naming="--tls-key")
        self.fails(2, "shell", *db, "--tokens", "f", naming="--listen")
        self.fails(2, "shell", *db, "--token", "t", naming="--hub")
        self.fails(2, "shell", *db, "--ca", "f", naming="--hub")
        self.fails(2, "serve", *db, "--listen", "127.0.0.1:0", "--token", "t", naming="--uplink")
        self.fails(2, "diff", *db, "--scope", "c", "1", naming="V1 V2")
        self.fails(2, "diff", *db, "1", "2", naming="--scope")
        self.fails(2, "status", *db, "extra", naming="extra")
        self.fails(2, "quarantine", "drop", *db, naming="ID")
        self.fails(2, "quarantine", "burn", *db, naming="burn")
        self.fails(2, "stream", *db, naming="stream")
        self.fails(2, "stream", "export", *db, naming="--scope")
        self.assertFalse(Path(self.rig.path("x.db")).exists())

    def test_other_errors_exit_with_1_and_one_line(self):
        db = ("--db", self.rig.path("x.db"))
        for command in ("status", "log", "dump", "verify"):
            self.fails(1, command, *db, naming="x.db")
        self.fails(1, "serve", *db, "--listen", "127.0.0.1:0")
        self.fails(1, "serve", *db, "--listen", "0.0.0.0:0", "--insecure")
        self.fails(1, "serve", *db, "--listen", "127.0.0.1:0", "--insecure", "--tokens", "/no/file", naming="/no/file")
        self.fails(1, "shell", *db, "--hub", "ws://127.0.0.1:1", naming="ws://")
        self.fails(1, "shell", *db, "--hub", "ws://192.0.2.1:1", "--insecure")
        self.fails(1, "shell", "--db", "/no/such/directory/x.db", naming="/no/such/directory")

    def test_a_database_has_one_user_at_a_time(self):
        self.shell("node").do("status")
        self.fails(1, "status", "--db", self.rig.path("node.db"), naming="node.db")

    def test_help_is_no_error(self):
        for asked in (["--help"], ["-h"], ["status", "--help"], ["serve", "--db", "f", "-h"]):
            code, out, error = self.rig.run("edgesync", *asked)
            self.assertEqual((code, error), (0, ""), asked)
            for command in ("serve", "shell", "status", "log", "diff", "dump", "verify", "--version"):
                self.assertRegex(out, f"edgesync .*{command}")
            self.assertIn("Exit code", out)


class Tools(fleet.Case):
    def lines(self, command, *arguments):
        return self.tool(command, "node", *arguments)

    def stream_lines(self, command, *arguments):
        code, out, error = self.rig.run("edgesync", "stream", command, "--db", self.database("node"), *arguments)
        self.assertEqual((code, error), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    def seen(self, *arguments):
        """What a person at a terminal sees."""
        ours, theirs = pty.openpty()
        done = subprocess.run([self.rig.programs / "edgesync", *arguments], stdout=theirs, stdin=subprocess.DEVNULL,
                              timeout=120, check=True)
        os.close(theirs)
        self.assertEqual(done.returncode, 0)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        return text.replace("\r\n", "\n")

    def test_status_is_a_table_for_people(self):
        node = self.shell("node")
        node.do("state.transact", scope="plant/line-3", edits=[{"set": "b", "value": 1}, {"set": "c", "value": 1}])
        node.do("stream.open", scope="diary", columns=COLUMNS, local_only=True)
        node.do("stream.append", scope="diary", rows=ROWS)
        self.assertEqual(node.finish(), 0)
        lines = self.seen("status", "--db", self.database("node")).splitlines()
        self.assertIn("no_link: no link to a hub was asked for", lines)
        self.assertRegex("\n".join(lines), r"(?m)^plane +scope +why +pending +oldest")
        self.assertRegex("\n".join(lines), r"(?m)^state +plant/line-3 +no_link +2 +\d+ ")
        self.assertRegex("\n".join(lines), r"(?m)^stream +diary +local_only +0 +- .* 10 = 10 \+ 0 \+ 0$")
        self.assertIn("local_only: stays on this node, as it was made to", lines)

    def test_tools_show_what_a_shell_wrote(self):
        node = self.shell("node")
        node.do("state.transact", scope="s", edits=[{"set": "b", "value": 1}, {"insert": "a", "member": "x"}])
        for limit in (1, 2):
            version = node.do("config.publish", scope="c", tree={"limit": limit})
            node.event("activated", version=version["version"])
        node.do("stream.open", scope="t", columns=COLUMNS)
        node.do("stream.append", scope="t", rows=ROWS)
        digests = {scope: node.do("digest", plane=plane, scope=scope)
                   for plane, scope in (("state", "s"), ("config", "c"), ("stream", "t"))}
        self.assertEqual(node.finish(), 0)

        status = self.lines("status")[0]
        self.assertEqual([s["scope"] for s in status["scopes"]], ["s", "c", "t"])
        log = self.lines("log", "--scope", "c")
        self.assertEqual([(line["version"], line["role"]) for line in log], [(2, "active"), (1, "confirmed")])
        self.assertEqual(log[0]["version_id"], version["version_id"])
        self.assertEqual(status["scopes"][1]["version_id"], version["version_id"])
        self.assertEqual(self.lines("diff", "--scope", "c", "1", "2"), [{"key": "limit", "before": 1, "after": 2}])
        self.assertEqual(self.lines("verify"), [{"result": "sound", "findings": 0}])
        dump = self.lines("dump")
        for scope, digest in digests.items():
            line = next(line for line in dump if line["scope"] == scope and "digest" in line)
            self.assertEqual(line["digest"], {name: digest[name] for name in ("context", "fingerprint", "count")})
        cells = [line for line in dump if line["scope"] == "s" and "key" in line]
        self.assertEqual([(c["key"], c["type"], c["value"]) for c in cells], [("a", "set", ["x"]), ("b", "value", 1)])
        rows = [line for line in dump if line["scope"] == "t" and "rows" in line]
        self.assertEqual((rows[0]["first"], rows[0]["last"], rows[0]["rows"]), (1, 10, ROWS))
        self.assertEqual({line["scope"] for line in self.lines("dump", "--scope", "s")}, {"s"})

    def test_records_are_exported_as_csv_and_json_lines(self):
        node = self.shell("node")
        columns = [["x", "f64"], ["n", "i64"], ["on", "bool"], ["s", "text"], ["raw", "bytes"]]
        texts = ["plain", "", None, 'a "quoted", one', "two\nlines", "žluťoučký"]
        rows = [[i * 86_400_000_000 + i, i / 8, -i, i % 2 == 0, text, {"base64": "AAH/"}]
                for i, text in enumerate(texts)]
        node.do("stream.open", scope="t", columns=columns)
        node.do("stream.append", scope="t", rows=rows)
        given = node.do("stream.consume", scope="t", consumer="pipe", limit=2)
        node.do("stream.commit", scope="t", consumer="pipe", upto=given["upto"])
        origin = node.do("status")["replica"]
        self.assertEqual(node.finish(), 0)

        def export(*arguments):
            code, out, error = self.rig.run("edgesync", "stream", "export", "--db", self.database("node"), *arguments)
            self.assertEqual((code, error), (0, ""))
            return out

        with_ends = export("--scope", "t")
        table = list(csv.reader(io.StringIO(with_ends, newline="")))
        self.assertEqual(table[0], ["origin", "sequence", "at", "x", "n", "on", "s", "raw"])
        self.assertEqual(table[3], [origin, "3", "1970-01-03T00:00:00.000002Z", "0.25", "-2", "true", "", "AAH/"])
        self.assertEqual([row[6] for row in table[1:]], [text or "" for text in texts])
        self.assertIn(',"",', with_ends.splitlines()[2])  # an empty text is not a null
        part = export("--scope", "t", "--format", "jsonl", "--columns", "s,n", "--since", "1970-01-02",
                      "--until", "1970-01-03T00:00:00Z")
        self.assertEqual(json.loads(part), {"origin": origin, "sequence": 2, "at": "1970-01-02T00:00:00.000001Z",
                                            "fields": {"s": "", "n": -1}})
        whole = [json.loads(line)["fields"] for line in export("--scope", "t", "--format", "jsonl").splitlines()]
        self.assertEqual([list(fields.values()) for fields in whole], [row[1:] for row in rows])
        sums = self.stream_lines("aggregate", "--scope", "t", "--since", "1970-01-02")
        self.assertEqual([(s["column"], s["records"], s["min"], s["max"]) for s in sums],
                         [("x", 5, 0.125, 0.625), ("n", 5, -5, -1), ("on", 5, 0, 1)])
        self.assertEqual(self.stream_lines("consumers", "--scope", "t"),
                         [{"consumer": "pipe", "behind": 4, "committed": f"{origin}:2"}])
        for wrong, why in ((["--scope", "none"], "none"), (["--scope", "t", "--columns", "y"], "'y'"),
                           (["--scope", "t", "--format", "xml"], "--format"),
                           (["--scope", "t", "--since", "now"], "--since")):
            code, out, error = self.rig.run("edgesync", "stream", "export", "--db", self.database("node"), *wrong)
            self.assertEqual((code, out), (1, ""), wrong)
            self.assertIn(why, error)

    def test_what_is_set_aside_is_listed_exported_replayed_and_dropped(self):
        node = self.shell("node")
        node.do("state.transact", scope="s", edits=[{"set": "limit", "value": 7}, {"set": "mode", "value": "auto"}])
        self.assertEqual(node.finish(), 0)
        path = self.rig.path("node.db")
        with contextlib.closing(sqlite3.connect(path)) as db, db:  # one row as a disk may change it, one as it was
            key, row = db.execute("SELECT key, e FROM cell WHERE instr(key, 'limit')").fetchone()
            db.execute("UPDATE cell SET e = CAST(substr(e, 1, 11) || x'7f' || substr(e, 13) AS BLOB) WHERE key = ?",
                       (key,))
            db.execute("INSERT INTO quarantine (kind, sid, place, reason, origin, at, body)"
                       " VALUES (1, 1, ?, 'misread once', '', 0, ?)", (key, row))
        self.rig.run("edgesync", "verify", "--db", path)

        def quarantine(*arguments, code=0):
            got, out, error = self.rig.run("edgesync", "quarantine", *arguments, "--db", path)
            self.assertEqual((got, error), (code, ""), out)
            return [json.loads(line) for line in out.splitlines()]

        *letters, counts = quarantine("list")
        self.assertEqual([(one["key"], one["sound"]) for one in letters], [("limit", True), ("limit", False)])
        self.assertEqual((counts["held"], counts["dropped"]), (2, 0))
        self.assertEqual([one["values"] for one in quarantine("export", "1")], [[7]])
        target = self.rig.path("letters.jsonl")
        self.assertEqual(quarantine("export", "--to", target)[0]["exported"], 2)
        self.assertEqual(len(Path(target).read_text().splitlines()), 2)
        self.assertEqual(self.rig.run("edgesync", "quarantine", "export", "--db", path, "--to", target)[0], 1)

        results = quarantine("replay", code=1)
        self.assertEqual([one["replayed"] for one in results[:-1]], [True, False])
        self.assertEqual(results[-1]["replayed"], 1)
        self.assertEqual([line["value"] for line in self.lines("dump") if "key" in line], [7, "auto"])
        self.assertEqual(quarantine("drop", str(letters[1]["id"]))[0]["dropped"], 1)
        self.assertEqual(quarantine("list")[0]["held"], 0)
        self.assertEqual(self.lines("verify"), [{"result": "sound", "findings": 0}])

    def test_a_database_without_a_header_is_salvaged(self):
        node = self.shell("node")
        node.do("state.transact", scope="s", edits=[{"set": f"k/{i}", "value": i} for i in range(200)])
        node.do("stream.open", scope="t", columns=COLUMNS)
        node.do("stream.append", scope="t", rows=ROWS)
        self.assertEqual(node.finish(), 0)
        path = self.rig.path("node.db")

        def run():
            return self.rig.run("edgesync", "salvage", "--db", path)

        self.assertEqual((run()[0], json.loads(run()[1])), (0, {"result": "sound"}))
        before = [line for line in self.lines("dump") if "key" in line]
        with open(path, "r+b") as file:
            file.write(bytes(4096))
        self.assertEqual(self.rig.run("edgesync", "status", "--db", path)[0], 1)
        code, out, error = run()
        self.assertEqual((code, json.loads(out)["result"]), (3, "salvaged"), error)
        self.assertEqual(Path(path + ".damaged-1").read_bytes()[:4096], bytes(4096))
        self.assertEqual([line for line in self.lines("dump") if "key" in line], before)
        self.assertIn("damaged-1", self.lines("status")[0]["salvaged"])
        self.assertEqual(self.lines("verify"), [{"result": "sound", "findings": 0}])
        other = self.rig.path("other.db")
        Path(other).write_bytes(b"z" * 9000)
        self.assertEqual(self.rig.run("edgesync", "salvage", "--db", other)[0], 1)
        self.assertEqual(Path(other).read_bytes(), b"z" * 9000)


if __name__ == "__main__":
    fleet.main()
