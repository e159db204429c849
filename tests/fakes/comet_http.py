"""The HTTP side of the fake Comet: connections, answers on the wire, and faults that need the socket."""

from __future__ import annotations

import contextlib
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.fakes.comet_wire import Answer, Fault, Seen, request_of

if TYPE_CHECKING:
    from tests.fakes.comet_server import FakeComet


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    fake: FakeComet

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None: ...

    def setup(self) -> None:
        super().setup()
        self.server.fake.connected(self.connection, here=True)

    def finish(self) -> None:
        self.server.fake.connected(self.connection, here=False)
        super().finish()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        fake, size = self.server.fake, int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(size)
        if len(body) < size:
            # The client died in the middle of its request, which so never was one.
            self.close_connection = True
            return
        request = request_of(self.command, self.path, dict(self.headers.items()), body)
        seen = fake.note(request)
        fault = fake.faults(request) if fake.faults is not None else None
        seen.fault = "" if fault is None else fault.name
        try:
            fake.stopping.wait(fake.latency_s)
            with fake.state.lock:
                if fake.forgets_the_gone:
                    self._check_that_somebody_waits()
                answer = fake.answer(request, fault)
            self._send(answer, fault, seen)
        except OSError:
            self.close_connection = True

    def _check_that_somebody_waits(self) -> None:
        """Raises ConnectionResetError where the client has gone."""
        self.connection.setblocking(False)
        try:
            if self.connection.recv(1, socket.MSG_PEEK) == b"":
                raise ConnectionResetError
        except BlockingIOError:
            pass
        finally:
            self.connection.setblocking(True)

    def _send(self, answer: Answer, fault: Fault | None, seen: Seen) -> None:
        ends = "" if fault is None else fault.ends
        if ends in {"close", "hang"}:
            self.close_connection = True
            if fault is not None and ends == "hang":
                self._hang(fault.hang_s)
            return
        seen.status = answer.status
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self._send_body(answer.body, fault, ends)

    def _send_body(self, body: bytes, fault: Fault | None, ends: str) -> None:
        if ends == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault is not None and ends == "trickle":
            for n in range(len(body)):
                self.wfile.write(body[n : n + 1])
                if self.server.fake.stopping.wait(fault.byte_s):
                    self.close_connection = True
                    return
        else:
            self.wfile.write(body)

    def _hang(self, at_most_s: float | None) -> None:
        """Until the client leaves, the server stops or the time is over."""
        end = None if at_most_s is None else time.monotonic() + at_most_s
        self.connection.settimeout(0.02)
        while not self.server.fake.stopping.is_set() and (end is None or time.monotonic() < end):
            with contextlib.suppress(TimeoutError):
                if self.connection.recv(1) == b"":
                    return
