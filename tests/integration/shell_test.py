# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of `edgesync shell` alone: every request and every shape of error. A test waits for the answer or the
event it is about.

    shell_test.py PROGRAMS [CASE...]"""

import pathlib

import fleet

COLUMNS = [["temp_c", "f64"], ["count", "i64"], ["on", "bool"], ["note", "text"], ["raw", "bytes"]]
ROWS = [[1_700_000_000_000_000 + i, 20.5 + i, i, i % 2 == 0, f"row {i}", {"base64": "AAEC"}] for i in range(10)]


class Case(fleet.Case):
    def shell(self, name="node", *arguments):
        return super().shell(name, *arguments)

    def refused(self, answer, code, names=""):
        self.assertIs(answer["ok"], False)
        self.assertEqual(answer["error"]["code"], code, answer)
        self.assertIn(names, answer["error"]["detail"])


class State(Case):
    def test_every_kind_of_edit_shows_in_get_and_scan(self):
        node = self.shell()
        node.do("state.transact", scope="twin/a", edits=[
            {"set": "mode", "value": "eco"}, {"add": "boots", "delta": 2}, {"add": "boots", "delta": -5},
            {"insert": "alarms", "member": "hot"}, {"insert": "alarms", "member": 7}, {"set": "gone/x", "value": 1},
            {"set": "gone/y", "value": 2}, {"set": "erased", "value": 3}, {"add": "cleared", "delta": 9}])
        node.do("state.transact", scope="twin/a", edits=[
            {"erase_prefix": "gone"}, {"erase": "erased"}, {"remove": "alarms", "member": 7}, {"reset": "cleared"}])
        self.assertEqual(node.do("state.get", scope="twin/a", key="boots")["value"], -3)
        self.assertEqual(node.do("state.get", scope="twin/a", key="alarms")["value"], ["hot"])
        cells = node.do("state.scan", scope="twin/a", prefix="")["cells"]
        self.assertEqual({k: v for k, v in cells.items() if k != "cleared"},
                         {"alarms": ["hot"], "boots": -3, "mode": "eco"})
        self.assertEqual(list(cells), sorted(cells))
        self.assertEqual(node.do("state.scan", scope="twin/a", prefix="mode")["cells"], {"mode": "eco"})
        self.refused(node.ask("state.get", scope="twin/a", key="erased"), "not_found", "erased")

    def test_values_keep_their_type(self):
        values = [None, True, -9223372036854775808, 9223372036854775807, 2.0, 0.1, 5e-324, -1.7976931348623157e308,
                  94911.62560000001, "", "ä\n\u0001", {"base64": ""}, {"base64": "/+8="}, [1, 2.5, {"deep": [None]}],
                  {"a": {"b": 1}}]
        node = self.shell()
        for value in values:
            node.do("state.transact", scope="s", edits=[{"set": "k", "value": value}])
            back = node.do("state.get", scope="s", key="k")["value"]
            self.assertEqual((back, type(back)), (value, type(value)))

    def test_commits_grow_and_survive_the_end_of_input(self):
        node = self.shell()
        tokens = [int(node.do("state.transact", scope="s", durability=durability,
                              edits=[{"add": "n", "delta": 1}])["commit"]) for durability in ["durable", "fast"] * 3]
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertEqual(node.finish(), 0)
        self.assertEqual(self.shell().do("state.get", scope="s", key="n")["value"], 6)

    def test_a_bad_edit_changes_nothing(self):
        node = self.shell()
        self.refused(node.ask("state.transact", scope="s", edits=[{"set": "a", "value": 1},
                                                                     {"add": "n", "delta": "x"}]),
                     "invalid_argument", "edits[1].delta")
        self.assertEqual(node.do("state.scan", scope="s", prefix="")["cells"], {})

    def test_watch_tells_changes_below_its_prefix(self):
        node = self.shell()
        node.do("watch", plane="state", scope="s", prefix="in")
        node.do("state.transact", scope="s", edits=[{"set": "out", "value": 1}, {"set": "in/x", "value": 2}])
        node.do("state.transact", scope="s", edits=[{"set": "in/x", "value": 3}])
        first = node.event("change")
        self.assertEqual((first["scope"], first["key"], first["after"]), ("s", "in/x", 2))
        self.assertEqual(node.event("change", before=2)["after"], 3)
        self.assertFalse([event for event in node.events if event.get("key") == "out"])
        self.refused(node.ask("watch", plane="config", scope="c"), "unsupported", "plane")


class Config(Case):
    def test_a_tree_is_published_flattened_and_edits_build_on_it(self):
        node = self.shell()
        tree = {"line": {"limit": 5, "list": [1, {"a": 2}], "none": {}, "raw": {"base64": "AA=="}}, "x/y": True}
        first = node.do("config.publish", scope="c", tree=tree, note="first")
        self.assertEqual(len(first["version_id"]), 64)
        node.event("activated", version=first["version"])
        for key, value in {"line/limit": 5, "line/list": [1, {"a": 2}], "line/none": {}, "line/raw": {"base64": "AA=="},
                           "x/y": True}.items():
            answer = node.do("config.get", scope="c", key=key)
            self.assertEqual((answer["value"], answer["version"]), (value, first["version"]))
        second = node.do("config.publish", scope="c", edits=[{"set": "line/limit", "value": 6}, {"erase": "x/y"}])
        node.event("activated", version=second["version"])
        between = {"from": first["version"], "to": second["version"]}
        self.assertEqual(node.do("config.diff", scope="c", **between)["changes"],
                         [{"key": "line/limit", "before": 5, "after": 6}, {"key": "x/y", "before": True}])
        history = node.do("config.history", scope="c")["versions"]
        self.assertEqual([(v["version"], v["role"]) for v in history], [(2, "active"), (1, "confirmed")])
        self.assertEqual(history[1]["note"], "first")
        self.assertEqual(len(node.do("config.history", scope="c", limit=1)["versions"]), 1)

    def test_rollback_returns_to_old_content(self):
        node = self.shell()
        for limit in (1, 2, 3):
            version = node.do("config.publish", scope="c", tree={"limit": limit})["version"]
            node.event("activated", version=version)
        node.do("config.rollback", scope="c", to=1)
        rolled = node.event("rolled_back")
        self.assertEqual((rolled["scope"], rolled["from"], rolled["to"]), ("c", 3, 1))
        self.assertEqual(node.do("config.get", scope="c", key="limit")["value"], 1)
        self.refused(node.ask("config.rollback", scope="c", to=77), "not_found", "77")

    def test_bad_publications_are_refused(self):
        node = self.shell()
        self.refused(node.ask("config.publish", scope="c"), "invalid_argument", "edits")
        self.refused(node.ask("config.publish", scope="c", tree={"a": 1}, edits=[]), "invalid_argument", "tree")
        self.refused(node.ask("config.publish", scope="c", tree=[1]), "invalid_argument", "tree")
        self.refused(node.ask("config.publish", scope="c", edits=[{"add": "n", "delta": 1}]), "invalid_argument", "n")
        self.refused(node.ask("config.get", scope="c", key="a"), "not_found")

    def test_a_version_that_does_not_fit_its_schema_is_refused_by_path(self):
        schema = pathlib.Path(self.rig.path("limits.json"))
        schema.write_text('{"properties": {"limits": {"properties": {"rpm": {"type": "integer", "maximum": 3000}}}}}')
        node = self.shell("strict", "--schema", f"c={schema}")
        for rpm in ("fast", 3001):
            refused = node.ask("config.publish", scope="c", tree={"limits": {"rpm": rpm}})
            self.refused(refused, "invalid_argument", "config: c: does not fit its schema: limits/rpm: ")
        self.assertEqual(node.do("config.publish", scope="c", tree={"limits": {"rpm": 3000}})["version"], 1)
        self.assertEqual(node.do("config.publish", scope="d", tree={"limits": {"rpm": 3001}})["version"], 1)

    def test_a_file_that_is_no_schema_is_named(self):
        schema = pathlib.Path(self.rig.path("broken.json"))
        for text in ("{", '{"$ref": "#"}'):
            schema.write_text(text)
            code, out, error = self.rig.run("edgesync", "shell", "--db", self.database("x"), "--schema", f"c={schema}")
            self.assertEqual(code, 1)
            self.assertIn(f"{schema}: schema: ", out + error)


class Stream(Case):
    def test_rows_come_back_as_they_went_in(self):
        node = self.shell()
        node.do("stream.open", scope="t", columns=COLUMNS)
        answer = node.do("stream.append", scope="t", rows=ROWS)
        self.assertEqual((answer["first"], answer["last"]), (1, 10))
        self.assertEqual(node.do("stream.append", scope="t", durability="fast", rows=[[5] + [None] * 5])["first"], 11)
        read = node.do("stream.read", scope="t", **{"from": 3, "limit": 4})
        self.assertEqual((read["rows"], read["gaps"], read["first"], read["last"]), (ROWS[2:6], [], 3, 6))
        self.assertEqual(node.do("stream.read", scope="t", **{"from": 11})["rows"], [[5] + [None] * 5])
        whole = node.do("stream.append", scope="t", rows=[[5, 21, 1, True, "", {"base64": ""}]])["first"]
        value = node.do("stream.read", scope="t", **{"from": whole})["rows"][0][1]
        self.assertEqual((value, type(value)), (21.0, float))

    def test_bad_streams_and_rows_are_refused(self):
        node = self.shell()
        for name, value in (("retention_ms", -1), ("quota_bytes", "all"), ("overflow", "spill"), ("overflow", "thin")):
            self.refused(node.ask("stream.open", scope="t", columns=COLUMNS, **{name: value}), "invalid_argument", name)
        self.refused(node.ask("stream.open", scope="t", columns=[["a", "f32"]]), "invalid_argument", "columns[0]")
        self.refused(node.ask("stream.append", scope="none", rows=[[1, 2]]), "not_found", "none")
        node.do("stream.open", scope="t", columns=COLUMNS)
        self.refused(node.ask("stream.append", scope="t", rows=[ROWS[0], [1, "x", 1, True, "", None]]), "type_mismatch")
        self.refused(node.ask("stream.append", scope="t", rows=[["now"]]), "invalid_argument", "rows[0]")
        self.refused(node.ask("stream.read", scope="t", origin="zz"), "invalid_argument", "origin")
        self.assertEqual(node.do("stream.read", scope="t")["rows"], [])

    def test_bad_masks_are_refused(self):
        node = self.shell()
        for masks, why in ((1, "masks"), ({"a": "hide"}, "masks.a"), ({"a": {"hash": 1}}, "masks.a"),
                           ({"a": {"hash": "k", "round": 1}}, "masks.a"), ({"a": {"round": 0}}, "'a': the step"),
                           ({"b": "drop"}, "'b': there is none"), ({"a": "drop"}, "no column is left")):
            opened = node.ask("stream.open", scope="t", columns=[["a", "f64"]], masks=masks)
            self.refused(opened, "invalid_argument", why)

    def test_a_consumer_is_given_what_follows_its_last_commit(self):
        node = self.shell()
        node.do("stream.open", scope="t", columns=COLUMNS)
        node.do("stream.append", scope="t", rows=ROWS)
        self.assertEqual(node.do("stream.consume", scope="none", consumer="c")["origins"], [])
        for _ in range(2):
            given = node.do("stream.consume", scope="t", consumer="c", limit=4)
            self.assertEqual([(of["rows"], of["last"], of["gaps"], of["trimmed"]) for of in given["origins"]],
                             [(ROWS[:4], 4, [], 0)])
        self.assertEqual(node.do("stream.commit", scope="t", consumer="c", upto=given["upto"])["behind"], 6)
        self.assertEqual(node.do("stream.consume", scope="t", consumer="c")["origins"][0]["rows"], ROWS[4:])
        self.refused(node.ask("stream.commit", scope="t", consumer="c", upto="x"), "invalid_argument", "cursor")
        self.refused(node.ask("stream.consume", scope="t", consumer="a/b"), "invalid_argument", "a/b")

    def test_columns_of_numbers_are_summed_up(self):
        node = self.shell()
        node.do("stream.open", scope="t", columns=[["n", "i64"], ["s", "text"]])
        node.do("stream.append", scope="t", rows=[[i, n, "x"] for i, n in enumerate((3, None, -1, 6))])
        sums = {"records": 4, "values": 3, "min": -1, "max": 6, "sum": 8}
        for origin in ({}, {"origin": node.do("status")["replica"]}):
            found = node.do("stream.aggregate", scope="t", column="n", **origin)
            self.assertEqual({name: found[name] for name in sums}, sums)
            self.assertAlmostEqual(found["mean"], 8 / 3)
        self.refused(node.ask("stream.aggregate", scope="t", column="s"), "type_mismatch", "s")
        self.refused(node.ask("stream.aggregate", scope="t", column="x"), "not_found", "x")

    def test_a_full_quota_refuses_and_counts(self):
        node = self.shell()
        node.do("stream.open", scope="t", columns=COLUMNS, quota_bytes=1000, overflow="reject", retention_ms=60000)
        node.do("stream.append", scope="t", rows=ROWS[:2])
        for _ in range(20):
            if not node.ask("stream.append", scope="t", rows=ROWS)["ok"]:
                break
        self.refused(node.ask("stream.append", scope="t", rows=ROWS), "storage_full", "quota")
        node.do("state.transact", scope="s", edits=[{"set": "a", "value": 1}])  # durable, and the count with it
        scope = next(s for s in node.do("status")["scopes"] if s["scope"] == "t")
        self.assertEqual(scope["produced"], scope["delivered"] + scope["pending"] + scope["dropped"])
        self.assertGreaterEqual(scope["drops"]["refused"], len(ROWS))

    def test_a_local_stream_owes_nothing(self):
        node = self.shell()
        node.do("stream.open", scope="t", columns=COLUMNS, local_only=True)
        node.do("stream.append", scope="t", rows=ROWS)
        scope = next(s for s in node.do("status")["scopes"] if s["scope"] == "t")
        self.assertEqual((scope["why"], scope["pending"], scope["produced"]), ("local_only", 0, 10))


class Requests(Case):
    def test_answers_repeat_the_id_and_bad_requests_are_errors(self):
        node = self.shell()
        for line in ("nonsense", "[1]", '{"op":"status"}', ""):
            before = len(node.events)
            node.send(line)
            node.wait_until(lambda: len(node.events) > before or None, "answer without an id", 30)
            self.assertNotIn("id", node.events[-1])
            self.refused(node.events[-1], "invalid_argument")
        node.send('{"id":"a","op":"digest","plane":"state","scope":"s"}')
        self.assertIs(node.wait_until(lambda: node.answers.pop("a", None), "answer", 30)["ok"], True)
        self.refused(node.ask("explode"), "invalid_argument", "explode")

    def test_every_op_names_unknown_and_missing_fields(self):
        needed = {"state.transact": {"scope": "s", "edits": []}, "state.get": {"scope": "s", "key": "k"},
                  "state.scan": {"scope": "s"}, "config.publish": {"scope": "c", "tree": {}},
                  "config.get": {"scope": "c", "key": "k"}, "config.history": {"scope": "c"},
                  "config.diff": {"scope": "c", "from": 1, "to": 2}, "config.rollback": {"scope": "c", "to": 1},
                  "stream.open": {"scope": "t", "columns": []}, "stream.append": {"scope": "t", "rows": []},
                  "stream.read": {"scope": "t"}, "stream.aggregate": {"scope": "t", "column": "v"},
                  "stream.consume": {"scope": "t", "consumer": "c"},
                  "stream.commit": {"scope": "t", "consumer": "c", "upto": ""},
                  "subscribe": {"plane": "state", "scope": "s"},
                  "digest": {"plane": "state", "scope": "s"}, "status": {}, "flush": {"timeout_ms": 1},
                  "watch": {"plane": "state", "scope": "s"}, "link": {"url": "wss://127.0.0.1:1"}, "unlink": {},
                  "close": {}}
        node = self.shell()
        for op, fields in needed.items():
            self.refused(node.ask(op, **fields, surprise=1), "invalid_argument", "surprise")
            for missing in fields:
                if missing in ("timeout_ms", "tree"):
                    continue
                rest = {name: value for name, value in fields.items() if name != missing}
                self.refused(node.ask(op, **rest), "invalid_argument", missing)
                self.refused(node.ask(op, **rest, **{missing: False}), "invalid_argument", missing)

    def test_close_makes_everything_durable_and_ends_with_success(self):
        node = self.shell()
        node.do("state.transact", scope="s", edits=[{"set": "k", "value": 1}], durability="fast")
        node.do("close")
        self.assertEqual(node.wait(), 0)
        self.assertEqual(self.shell().do("state.get", scope="s", key="k")["value"], 1)

    def test_flush_offline_times_out_and_says_what_is_missing(self):
        node = self.shell()
        node.do("flush", timeout_ms=0)
        node.do("state.transact", scope="twin/x", edits=[{"set": "k", "value": 1}])
        self.refused(node.ask("flush", timeout_ms=10), "timed_out", "twin/x")
        scope = node.do("status")["scopes"][0]
        self.assertEqual((scope["scope"], scope["pending"], scope["why"]), ("twin/x", 1, "no_link"))
        self.assertGreaterEqual(scope["oldest_pending_ms"], 0)

    def test_a_signal_ends_a_shell_orderly(self):
        node = self.shell()
        node.do("state.transact", scope="s", edits=[{"set": "k", "value": 1}], durability="fast")
        self.assertEqual(node.stop(), 0)
        self.assertEqual(self.shell().do("state.get", scope="s", key="k")["value"], 1)


if __name__ == "__main__":
    fleet.main()
