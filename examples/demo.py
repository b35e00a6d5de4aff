# SPDX-License-Identifier: Apache-2.0
"""edgesync in half a minute: one server, three gateways, real sensor data, and everything that goes wrong in a plant.
Ends with a table, and with exit code 0 only if every number in it is what it must be.

    demo.py --programs DIRECTORY       where edgesync and edge_gateway were built"""

import argparse
import csv
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # A look at edgesync leaves nothing behind.
sys.path.insert(0, str(Path(__file__).resolve().parent))
from rig import Failed, Rig  # noqa: E402

DATA = Path(__file__).resolve().parent / "data"
GATEWAYS = ("gw-1", "gw-2", "gw-3")
TOKENS = "plant-key ro plant\nplant-key rw twin/{name} telemetry/{name}\n"
began = time.monotonic()


def say(text):
    print(f"  {time.monotonic() - began:4.1f} s  {text}", flush=True)


def require(holds, what):
    if not holds:
        raise Failed(what)


def until(holds, what, timeout=60):
    deadline = time.monotonic() + timeout
    while not holds():
        require(time.monotonic() < deadline, f"not in time: {what}")
        time.sleep(0.05)


def records_of(gateway):
    """The rows as they were measured: [field...] with decimal and whole numbers, and the names of the fields."""
    with open(DATA / f"{gateway}.csv", newline="") as file:
        header, *rows = list(csv.reader(file))
    whole = [name.endswith("_s") for name in header]
    return header, [[row[0]] + [int(v) if w else float(v) for v, w in zip(row[1:], whole[1:])] for row in rows]


def json_bytes(header, rows):
    """What the same records cost as JSON, one object per line."""
    return sum(len(json.dumps(dict(zip(header, row)), separators=(",", ":"))) + 1 for row in rows)


class Plant:
    """The server, the gateways and the wires between them."""

    def __init__(self, rig):
        self.rig = rig
        rig.certificates()
        Path(rig.path("tokens")).write_text(TOKENS)
        self.wires = {name: rig.wire() for name in GATEWAYS}
        self.gateways, self.server = {}, None

    def start_server(self):
        self.server = self.rig.start(
            "edgesync", "serve", "--stdin", "--db", self.rig.path("server.db"), "--name", "server", "--listen",
            "127.0.0.1:0", "--tls-cert", self.rig.path("hub.pem"), "--tls-key", self.rig.path("hub.key"), "--tokens",
            self.rig.path("tokens"))
        port = self.server.event("listening")["port"]
        for wire in self.wires.values():
            wire.target = port

    def start_gateway(self, name):
        self.gateways[name] = self.rig.start(
            "edge_gateway", "--db", self.rig.path(f"{name}.db"), "--name", name, "--csv", DATA / f"{name}.csv", "--url",
            f"wss://127.0.0.1:{self.wires[name].port}", "--token", "plant-key", "--ca", self.rig.path("ca.pem"))

    def count(self, name, what):
        return self.gateways[name].latest("started", "progress", "stopped").get(what, 0)

    def publish(self, note, interval_ms, collector_c):
        tree = {"sampling": {"interval_ms": interval_ms}, "limits": {"collector_c": collector_c}}
        return self.server.do("config.publish", scope="plant", tree=tree, note=note)

    def wait_for(self, version):
        for name, gateway in self.gateways.items():
            gateway.event("activated", version=version)


def story(plant):
    """Everything up to the quiet end; the version that must be active then."""
    plant.start_server()
    for name in GATEWAYS:
        plant.start_gateway(name)
    plant.publish("first settings", 20, 95)
    plant.publish("sample faster", 8, 95)
    good = plant.publish("alarm earlier", 8, 90)
    plant.wait_for(good["version"])
    say(f"One server, three gateways over TLS; all run config version {good['version']} and send what they measure.")
    until(lambda: all(plant.count(name, "delivered") > 300 for name in GATEWAYS), "300 records of each gateway")

    marks = {name: len(gateway.events) for name, gateway in plant.gateways.items()}
    for wire in plant.wires.values():
        wire.cut()
    for name, gateway in plant.gateways.items():
        gateway.event("autonomous", since=marks[name])
    for name in GATEWAYS:
        plant.server.do("state.transact", scope=f"twin/{name}",
                        edits=[{"set": "mode", "value": "service"}, {"set": "setpoint_c", "value": 55.0}])
    say("The network is cut. Gateways and server now change the same twin keys, neither knowing of the other.")

    plant.server.kill()
    plant.gateways["gw-3"].kill()
    say("The server is killed, and gw-3 with it. gw-1 and gw-2 go on measuring.")
    time.sleep(1.0)
    plant.start_gateway("gw-3")
    plant.gateways["gw-3"].event("started")
    say(f"gw-3 is back, still offline, and continues at row {plant.count('gw-3', 'produced') + 1}.")
    until(lambda: all(plant.count(name, "pending") > 300 for name in GATEWAYS), "300 pending records of each gateway")

    plant.start_server()
    urgent = plant.publish("catch up", 4, 90)
    for wire in plant.wires.values():
        wire.restore()
    plant.wait_for(urgent["version"])
    say(f"Server and network are back; {sum(plant.count(n, 'pending') for n in GATEWAYS)} records were waiting. "
        f"Version {urgent['version']} is active everywhere.")

    bad = plant.publish("a typing error", 0, 90)
    for gateway in plant.gateways.values():
        gateway.event("rejected", version=bad["version"])
    back = plant.server.do("config.rollback", scope="plant", to=good["version"], note="as before")
    plant.wait_for(back["version"])
    say(f"Version {bad['version']} is bad: every gateway refuses it. One rollback, and version {back['version']} "
        f"has the content of {good['version']} again.")
    require(back["version_id"] == good["version_id"], "the rollback has other content")
    return back


def settle(plant, records):
    """Until everything that was measured is at the server, and everybody has stopped."""
    for name in GATEWAYS:
        until(lambda: plant.count(name, "delivered") == len(records[name][1]), f"all records of {name}")
    for name, gateway in plant.gateways.items():
        require(gateway.stop() == 0, f"{name} did not end well")
        require(gateway.latest("stopped"), f"{name} stopped with something unsent")


def same_records(server, name, replica, rows):
    """Every row is at the server once, in order, with the values that were measured."""
    got, at = [], 1
    while at <= len(rows):
        part = server.do("stream.read", scope=f"telemetry/{name}", origin=replica, **{"from": at, "limit": 1000})
        if not part["rows"] or part["gaps"]:
            break
        got += [row[1:] for row in part["rows"]]
        at = part["last"] + 1
    return got == [row[1:] for row in rows]


def row_of(plant, name, records, active):
    """One line of the table, checked."""
    header, rows = records[name]
    server = plant.server
    shell = plant.rig.start("edgesync", "shell", "--db", plant.rig.path(f"{name}.db"), "--name", name)
    status = shell.do("status")
    stream = next(scope for scope in status["scopes"] if scope["plane"] == "stream")
    config = next(scope for scope in status["scopes"] if scope["plane"] == "config")
    equal = same_records(server, name, status["replica"], rows)
    for plane, scope in (("state", f"twin/{name}"), ("stream", f"telemetry/{name}")):
        ours, theirs = (side.do("digest", plane=plane, scope=scope) for side in (shell, server))
        equal = equal and all(ours[part] == theirs[part] for part in ("context", "fingerprint", "count"))
    kept = 0
    for key in ("mode", "setpoint_c"):
        ours, theirs = (side.do("state.get", scope=f"twin/{name}", key=key) for side in (shell, server))
        equal = equal and ours["value"] == theirs["value"]
        kept += len(theirs["conflicts"])
    require(shell.finish() == 0, "the shell did not end well")
    wire = plant.wires[name]
    line = {"gateway": name, "produced": stream["produced"], "delivered": stream["delivered"],
            "pending": stream["pending"], "dropped": stream["dropped"],
            "config": f"v{config['version']} {config['version_id'][:8]}", "conflicts": f"{kept} resolved",
            "wire bytes": wire.sent + wire.received, "JSON bytes": json_bytes(header, rows),
            "digests": "equal" if equal else "DIFFER"}
    holds = (line["produced"], line["delivered"], line["pending"], line["dropped"]) == (len(rows), len(rows), 0, 0)
    holds = holds and equal and kept == 2 and line["wire bytes"] < line["JSON bytes"]
    return line, holds and (config["version"], config["version_id"]) == (active["version"], active["version_id"])


def table(lines):
    def text(value):
        return f"{value:,}" if isinstance(value, int) else value
    names = list(lines[0])
    widths = [max(len(name), *(len(text(line[name])) for line in lines)) for name in names]
    def show(cells, numeric):
        print(("  " + "   ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(cells, widths, numeric))).rstrip())
    numeric = [isinstance(lines[0][name], int) for name in names]
    print()
    show(names, numeric)
    print("  " + "   ".join("─" * width for width in widths))
    for line in lines:
        show([text(line[name]) for name in names], numeric)
    print()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--programs", required=True, help="directory of edgesync and edge_gateway")
    programs = arguments.parse_args().programs
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    records = {name: records_of(name) for name in GATEWAYS}
    with tempfile.TemporaryDirectory(prefix="edgesync-demo-") as directory, Rig(directory, programs) as rig:
        try:
            plant = Plant(rig)
            active = story(plant)
            settle(plant, records)
            say("Every record has arrived and the gateways have stopped. What both sides hold:")
            checked = [row_of(plant, name, records, active) for name in GATEWAYS]
            require(plant.server.stop() == 0, "the server did not end well")
        except Failed as failure:
            print(f"demo: failed: {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    table([line for line, _ in checked])
    if not all(holds for _, holds in checked):
        print("demo: failed: a number above is not what it must be", file=sys.stderr)
        return 1
    ratio = sum(line["JSON bytes"] for line, _ in checked) / sum(line["wire bytes"] for line, _ in checked)
    print("  Nothing lost, nothing twice, both sides alike. With TLS, twins and settings, the wire carried "
          f"1/{ratio:.0f} of what the records alone are as JSON.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
