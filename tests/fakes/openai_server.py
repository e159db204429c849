"""A real HTTP server that speaks the part of OpenAI's API that Cuepoint uses, with scripted answers and faults.

By hand: ``python -m tests.fakes.openai_server --port 8123 --latency-ms 100``, then start the app with
``OPENAI_BASE_URL=http://127.0.0.1:8123/v1``. It answers from the passages in the prompt and cites them; ``--fault``
shows what the app does when a server misbehaves.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.fakes.grounded import grounded_answer
from tests.fakes.models import HashingEmbedder
from tests.fakes.openai_wire import FAULTS, HTML, Reply, Request, events, status_reply, vectors_reply, whole

__all__ = ["FAULTS", "HTML", "FakeOpenAI", "Reply", "Request", "status_reply", "vectors_reply"]

Answering = Callable[[Request], Reply]


class FakeOpenAI:
    """The server; a context manager. Answers chats by its script, then by ``otherwise``, then with a 599 that names it.

    ``vectors`` scripts embeddings likewise; without a script they are those of ``HashingEmbedder``.
    """

    def __init__(
        self,
        *chats: Reply,
        otherwise: Answering | None = None,
        vectors: Sequence[Reply] = (),
        models: Sequence[str] = ("fake-model",),
        embed_latency_s: float = 0.0,
        dimensions: int = 64,
        port: int = 0,
    ) -> None:
        self.chats, self.vectors = list(chats), list(vectors)
        self.otherwise, self.models, self.embed_latency_s = otherwise, list(models), embed_latency_s
        self.embedder = HashingEmbedder(dimensions)
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self.hung_up = threading.Event()
        """Set when a client left in the middle of an answer."""
        self.busiest = 0
        """Most requests that were under way at once."""
        self._active = 0
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.fake = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def serve_forever(self) -> None:
        """For the command line: serves until interrupted."""
        self._http.serve_forever()

    def chat_reply(self, request: Request) -> Reply:
        with self._lock:
            if self.chats:
                return self.chats.pop(0)
        if self.otherwise is not None:
            return self.otherwise(request)
        return status_reply(599, "the script of the fake server ran out")

    def vector_reply(self, request: Request) -> Reply:
        with self._lock:
            if self.vectors:
                return self.vectors.pop(0)
        texts = request.body["input"]
        rows = self.embedder.embed([texts] if isinstance(texts, str) else texts)
        return vectors_reply(rows.tolist(), latency_s=self.embed_latency_s)

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
            self._active += 1
            self.busiest = max(self.busiest, self._active)

    def note_end(self) -> None:
        with self._lock:
            self._active -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    fake: FakeOpenAI

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        fake = self.server.fake
        fake.note(self._request({}))
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in fake.models]
        self._send(Reply(body=json.dumps({"object": "list", "data": data}).encode()))
        fake.note_end()

    def do_POST(self) -> None:
        fake = self.server.fake
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = self._request(json.loads(raw))
        fake.note(request)
        try:
            self._answer(request)
        except OSError:
            fake.hung_up.set()
            self.close_connection = True
        finally:
            fake.note_end()

    def _request(self, body: Mapping[str, Any]) -> Request:
        return Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)

    def _answer(self, request: Request) -> None:
        fake = self.server.fake
        if request.path.endswith("/embeddings"):
            self._send(fake.vector_reply(request))
            return
        reply = fake.chat_reply(request)
        if reply.fault == "no-stream-options" and "stream_options" in request.body:
            reply = status_reply(400, "Unrecognized request argument supplied: stream_options")
        if reply.status == 200 and reply.body is None and request.body.get("stream"):
            self._stream(reply, request)
        else:
            self._send(whole(reply, request))

    def _send(self, reply: Reply) -> None:
        self.server.fake.stopping.wait(reply.latency_s)
        body = json.dumps({"error": dict(reply.error)}).encode() if reply.body is None else reply.body
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, reply: Reply, request: Request) -> None:
        self.server.fake.stopping.wait(reply.latency_s)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for n, event in enumerate(events(reply, request)):
            if n == 2 and reply.fault and self._misbehave(reply.fault):
                return
            self.server.fake.stopping.wait(reply.token_s if n else 0)
            self._chunk(event)
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _misbehave(self, fault: str) -> bool:
        """True where the answer ends with it."""
        broken = {
            "malformed": 'data: {"choices": [{"delta"\n\n',
            "foreign": 'data: {"greeting": "hello"}\n\n',
            "error": 'data: {"error": {"message": "the GPU is on fire", "code": "server_error"}}\n\n',
        }
        if fault in broken:
            self._chunk(broken[fault])
        if fault == "cut":
            self.close_connection = True
        while fault in ("stall", "comments") and not self.server.fake.stopping.wait(0.02):
            # A comment line tells whether the client is still there; a stalled server learns it from its socket.
            if fault == "comments":
                self._chunk(": still here\n\n")
            elif self._client_left():
                raise OSError("the client left")
        return fault in ("cut", "stall", "comments")

    def _client_left(self) -> bool:
        self.connection.settimeout(0.001)
        try:
            return self.connection.recv(1) == b""
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


# ------------------------------------------------------------------------------------------------------- by hand


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.openai_server", description=__doc__)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--latency-ms", type=float, default=0, help="to the first token, and of each embeddings call")
    parser.add_argument("--token-ms", type=float, default=0, help="from one token to the next")
    parser.add_argument("--think", action="store_true", help="reason in a <think> block first")
    parser.add_argument("--fault", choices=sorted(FAULTS), help="misbehave at every question")
    arguments = parser.parse_args()
    latency_s, token_s = arguments.latency_ms / 1000, arguments.token_ms / 1000

    def answer(request: Request) -> Reply:
        text = grounded_answer(request.body["messages"])
        if arguments.think:
            text = f"<think>\nI look at the passages.\n</think>\n\n{text}"
        reply = FAULTS[arguments.fault] if arguments.fault else Reply(text)
        return replace(reply, latency_s=latency_s, token_s=token_s)

    server = FakeOpenAI(otherwise=answer, embed_latency_s=latency_s, port=arguments.port)
    print(f"OPENAI_BASE_URL={server.url}", flush=True)  # noqa: T201 - the line to copy
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    _main()
