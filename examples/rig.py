# SPDX-License-Identifier: Apache-2.0
"""The rig that demo.py and the black-box tests stand on: programs driven by JSON lines, links that can be cut and that
count bytes, and a throw-away certificate authority. Whatever a rig starts has ended when the rig is left."""

import json
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


class Failed(Exception):
    """Something did not hold; the text says what."""


class Program:
    """A child process that speaks JSON lines. `events` holds every line without an id."""

    def __init__(self, *command):
        self.command = [str(word) for word in command]
        self.events, self.answers = [], {}
        self.changed = threading.Condition()
        self.next_id = 0
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1)
        self.errors = []
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self.changed:
                if "id" in message:
                    self.answers[message["id"]] = message
                else:
                    self.events.append(message)
                self.changed.notify_all()
        with self.changed:
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
    """A TCP link to a server on this machine that can be cut.

    `sent` and `received` count bytes as the client sees them."""

    def __init__(self):
        self.target, self.up = 0, True
        self.sent = self.received = 0
        self.pairs = []
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
            try:
                if not self.up:
                    raise OSError("cut")
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pairs.append((client, server))
            for source, sink, name in ((client, server, "sent"), (server, client, "received")):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._carry, args=(source, sink, name), daemon=True).start()

    def _carry(self, source, sink, name):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
                with self.lock:
                    setattr(self, name, getattr(self, name) + len(data))
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.up = False
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()

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

    def start(self, name, *arguments):
        program = Program(self.programs / name, *arguments)
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
        """A new authority NAME.pem, and hub.pem with hub.key for localhost and 127.0.0.1, signed by it."""
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.directory)
        fresh = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        openssl(*fresh, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", "/CN=throw-away authority",
                "-addext", "keyUsage=critical,keyCertSign")
        openssl(*fresh, "-CA", f"{name}.pem", "-CAkey", f"{name}.key", "-keyout", "hub.key", "-out", "hub.pem",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-addext", "basicConstraints=critical,CA:FALSE")
