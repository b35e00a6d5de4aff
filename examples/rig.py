# SPDX-License-Identifier: Apache-2.0
"""The rig that demo.py and the black-box tests stand on: programs driven by JSON lines, links that can be cut and that
count bytes, and a throw-away certificate authority. Whatever a rig starts has ended when the rig is left."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


class Failed(Exception):
    """Something did not hold; the text says what."""


class Program:
    """A child process that speaks JSON lines. `events` holds every line without an id. One that says anything but JSON
    is not heard any longer, and ended."""

    def __init__(self, *command, environment=None):
        self.command = [str(word) for word in command]
        self.events, self.answers = [], {}
        self.changed = threading.Condition()
        self.next_id = 0
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1,
                                        env={**os.environ, **(environment or {})})
        self.errors = []
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        try:
            for line in self.process.stdout:
                if line.endswith("\n"):  # Killed while it wrote one: that is none.
                    self._take(json.loads(line))
        except ValueError as failure:
            self.errors.append(f"its output is no JSON: {failure}")
            self.process.kill()
        with self.changed:
            self.changed.notify_all()

    def _take(self, message):
        with self.changed:
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)
            self.changed.notify_all()

    def wait_until(self, look, what, timeout):
        """What look() returns, once it is not None."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while (found := look()) is None:
                gone = not self.readers[0].is_alive()
                left = deadline - time.monotonic()
                if gone or left <= 0:
                    raise Failed(f"{Path(self.command[0]).name}: no {what} "
                                 f"{'before its end' if gone else 'in time'}: {''.join(self.errors).strip()}")
                self.changed.wait(min(left, 0.2))
        return found

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, op, timeout=60, **fields):
        """The whole answer, good or bad."""
        self.next_id += 1
        request = self.next_id
        self.send(json.dumps({"id": request, "op": op, **fields}))
        return self.wait_until(lambda: self.answers.pop(request, None), f"answer to {op}", timeout)

    def do(self, op, **fields):
        """The answer to a request that must succeed."""
        answer = self.ask(op, **fields)
        if not answer["ok"]:
            raise Failed(f"{op}: {answer['error']['code']}: {answer['error']['detail']}")
        return answer

    def event(self, kind, since=0, timeout=30, **members):
        """The first event of this kind, from index `since` on, with these members."""
        def look():
            for event in self.events[since:]:
                if event.get("event") == kind and members.items() <= event.items():
                    return event
            return None
        return self.wait_until(look, f"event {kind} {members or ''}", timeout)

    def latest(self, *kinds):
        with self.changed:
            return next((event for event in reversed(self.events) if event.get("event") in kinds), {})

    def kill(self):
        """As a power cut does it: no goodbye."""
        self.process.kill()
        self.process.wait()
        self._finish()

    def stop(self, number=signal.SIGTERM, timeout=30):
        """Ends the program orderly; its exit code."""
        self.process.send_signal(number)
        return self.wait(timeout)

    def finish(self, timeout=30):
        """Ends its input; its exit code."""
        self.process.stdin.close()
        return self.wait(timeout)

    def wait(self, timeout=30):
        code = self.process.wait(timeout)
        self._finish()
        return code

    def _finish(self):
        for reader in self.readers:
            reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except OSError:
                pass  # What was still to be written is of no use to a program that has ended.


class Wire:
    """A TCP link to a server on this machine that can be cut: now, or after so many bytes.

    `sent` and `received` count bytes as the client sees them. `budget` is how many more it carries, in both directions
    together, before the connection that asks for more is cut; None: any number. `seen`: what it carried, if told to
    keep it."""

    def __init__(self):
        self.target, self.up, self.budget = 0, True, None
        self.sent = self.received = 0
        self.seen = None
        self.pairs = set()
        self.lock = threading.Lock()
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client):
        with client:
            if not self.up:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            with server:
                with self.lock:
                    if not self.up:
                        return
                    self.pairs.add((client, server))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=self._carry, args=(server, client, "received"), daemon=True)
                back.start()
                self._carry(client, server, "sent")
                back.join()
                with self.lock:
                    self.pairs.discard((client, server))

    def _share(self, wanted, name):
        """How many of these bytes may pass."""
        with self.lock:
            share = wanted if self.budget is None else min(wanted, self.budget)
            if self.budget is not None:
                self.budget -= share
            setattr(self, name, getattr(self, name) + share)
            return share

    def _carry(self, source, sink, name):
        try:
            while data := source.recv(65536):
                share = self._share(len(data), name)
                if self.seen is not None:
                    self.seen.setdefault(name, bytearray()).extend(data[:share])
                sink.sendall(data[:share])
                if share < len(data):
                    break
        except OSError:
            pass
        self._end(source, sink)

    @staticmethod
    def _end(*sockets):
        for end in sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            self.up = False
            for pair in self.pairs:
                self._end(*pair)

    def restore(self):
        self.up = True

    def close(self):
        self.cut()
        self.door.close()


class Rig:
    """A directory, and everything started in it."""

    def __init__(self, directory, programs):
        self.directory, self.programs = Path(directory), Path(programs)
        self.started, self.wires = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self.started:
            if program.process.poll() is None:
                program.kill()
        for wire in self.wires:
            wire.close()

    def path(self, name):
        return str(self.directory / name)

    def start(self, name, *arguments, environment=None):
        """`environment`: what is different in it."""
        program = Program(self.programs / name, *arguments, environment=environment)
        self.started.append(program)
        return program

    def wire(self):
        self.wires.append(Wire())
        return self.wires[-1]

    def run(self, name, *arguments):
        """Runs a program to its end: exit code, stdout, stderr."""
        done = subprocess.run([str(self.programs / name), *map(str, arguments)], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def certificates(self, name="ca"):
        """A new authority NAME.pem, and hub.pem with hub.key, signed by it."""
        self._certificate("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", "/CN=throw-away authority",
                          "-addext", "keyUsage=critical,keyCertSign")
        self.certify(name)

    def certify(self, authority="ca"):
        """A new hub.pem with hub.key, for localhost and 127.0.0.1."""
        self._certificate("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-keyout", "hub.key", "-out",
                          "hub.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                          "-addext", "basicConstraints=critical,CA:FALSE")

    def _certificate(self, *arguments):
        fresh = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        subprocess.run(["openssl", *fresh, *arguments], check=True, capture_output=True, cwd=self.directory)
