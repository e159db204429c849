"""A real HTTP server that speaks the part of Comet's API that comet_llm and comet_ml use, keeps state, and can fail.

By hand: ``python -m tests.fakes.comet_server --port 8124``, then start the app with the two variables that it prints.
``--fault`` shows what the app does when Comet misbehaves.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from tests.fakes import comet_artifacts, comet_query, comet_reads, comet_writes
from tests.fakes.comet_http import Handler, Server
from tests.fakes.comet_state import Artifact, Experiment, Refused, State
from tests.fakes.comet_wire import (
    FAULTS,
    Answer,
    Failing,
    Fault,
    Faults,
    Request,
    Seen,
    json_answer,
    refusal,
)

__all__ = ["FAULTS", "KEY", "VERSION", "FakeComet", "Fault", "Faults", "Request", "Seen"]

KEY = "comet-key-0123456789"
VERSION = "3.62.300"
REST = {**comet_reads.REST, **comet_writes.REST, **comet_artifacts.REST, **comet_query.REST}
ALIVE = ("/api/isAlive/ver", "/clientlib/isAlive/ver", "/clientlib/health/ping")
"""Answered without a key."""


class FakeComet:
    """The server; a context manager. ``url`` is what COMET_URL_OVERRIDE takes, ``keys`` are those it accepts.

    ``faults`` is asked at each request how it fails: a ``Faults``, or any callable; it can be exchanged at any time.
    """

    def __init__(
        self,
        *,
        keys: Iterable[str] = (KEY,),
        faults: Failing | None = None,
        latency_s: float = 0.0,
        largest: int | None = None,
        port: int = 0,
    ) -> None:
        self.keys = set(keys)
        self.faults = faults
        self.latency_s = latency_s
        self.largest = largest
        """Bytes of a body above which the answer is 413."""
        self.forgets_the_gone = False
        """What a client asked for that has gone is not done. Else a busy machine does it at any later time, and whoever
        asked in between whether it was done was told the truth and misled."""
        self.state = State()
        self.requests: list[Seen] = []
        """In the order of arrival."""
        self.counts: Counter[str] = Counter()
        """Path -> requests."""
        self.unknown: list[str] = []
        """Method and path of each request that nothing here answers."""
        self.stopping = threading.Event()
        self._came = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._listen(port)

    def _listen(self, port: int) -> None:
        self._http = Server(("127.0.0.1", port), Handler)
        self._http.fake = self
        self._port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/clientlib/"

    @property
    def root(self) -> str:
        """What ``CometAPIClient`` takes."""
        return f"http://127.0.0.1:{self._port}/"

    @property
    def experiments(self) -> dict[str, Experiment]:
        return self.state.experiments

    @property
    def artifacts(self) -> dict[tuple[str, str], Artifact]:
        """(workspace, name) -> artifact."""
        return self.state.artifacts

    @property
    def forbidden(self) -> set[str]:
        """Workspaces in which the keys have no rights."""
        return self.state.forbidden

    @property
    def rejected(self) -> dict[str, int]:
        """Key of a record -> the sub-status with which a batch rejects it."""
        return self.state.rejected

    def put_experiment(self, key: str, **what: Any) -> Experiment:
        """An experiment that another program logged: ``workspace``, ``project``, ``metrics``, ``parameters``, …"""
        return self.state.put(key, **{"workspace": self.state.workspace, "project": "traces", "metrics": {}, **what})

    def wait_for(self, path: str, count: int = 1, timeout_s: float = 10.0) -> bool:
        """Whether so many requests whose path holds ``path`` have come before the time is over."""
        with self._came:
            return self._came.wait_for(lambda: sum(path in seen.path for seen in self.requests) >= count, timeout_s)

    def reset(self) -> None:
        """Forgets everything, and stops failing."""
        self.faults, self.latency_s, self.largest, self.keys = None, 0.0, None, {KEY}
        self.state = State()
        self.requests, self.counts, self.unknown = [], Counter(), []

    def pause_listening(self) -> None:
        """Closes the port and every connection: clients are refused until ``resume_listening``."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def resume_listening(self) -> None:
        self._listen(self._port)
        self._thread.start()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.pause_listening()

    def serve_forever(self) -> None:
        """For the command line: serves until interrupted."""
        self._http.serve_forever()

    # ------------------------------------------------------------------------------------- what the handler calls

    def note(self, request: Request) -> Seen:
        seen = Seen(request.method, request.path, len(request.body))
        with self._came:
            self.requests.append(seen)
            self.counts[request.path] += 1
            self._came.notify_all()
        return seen

    def connected(self, connection: socket.socket, *, here: bool) -> None:
        with self._came:
            (self._connections.add if here else self._connections.discard)(connection)

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """What Comet would answer; a fault that commits changes the state as well."""
        if fault is not None and not fault.commits:
            return fault.answer or Answer(b"")
        if fault is not None and fault.rejects:
            request = replace(request, rejects=fault.rejects)
        with self.state.lock:
            true = self._true_answer(request)
        return true if fault is None or fault.answer is None else fault.answer

    def _true_answer(self, request: Request) -> Answer:
        if request.path in ALIVE:
            return json_answer({"msg": "Healthy Server", "code": 200, "version": VERSION})
        try:
            self._check(request)
            endpoint = _endpoint(request.path)
            if endpoint is None:
                self.unknown.append(f"{request.method} {request.path}")
                return json_answer({"msg": f"No such path: {request.path}", "code": 404}, 404)
            return endpoint(self.state, request)
        except Refused as refused:
            return refusal(refused)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return refusal(Refused(400, f"The request has not the form that is needed: {error!r}"))

    def _check(self, request: Request) -> None:
        if self.largest is not None and len(request.body) > self.largest:
            raise Refused(413, "The request is too large")
        if request.headers.get("authorization") not in self.keys:
            # The handshake of comet_ml knows a wrong key by the code in a 400.
            raise Refused(400 if "/logger/" in request.path else 401, "The API key is not registered", 90212)


def _endpoint(path: str) -> comet_reads.Endpoint | None:
    for base in ("/api/rest/v2/", "/clientlib/rest/v2/"):
        if path.startswith(base):
            return REST.get(path.removeprefix(base))
    return comet_writes.CLIENT.get(path.removeprefix("/clientlib/"))


# ------------------------------------------------------------------------------------------------------- by hand


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.comet_server", description=__doc__)
    parser.add_argument("--port", type=int, default=8124)
    parser.add_argument("--latency-ms", type=float, default=0, help="before each answer")
    parser.add_argument("--fault", choices=sorted(FAULTS), help="how requests fail")
    parser.add_argument("--share", type=float, default=1.0, help="the share of the requests that do")
    arguments = parser.parse_args()
    faults = Faults(rates={arguments.fault: arguments.share}) if arguments.fault else None
    server = FakeComet(faults=faults, latency_s=arguments.latency_ms / 1000, port=arguments.port)
    print(f"COMET_URL_OVERRIDE={server.url}\nCOMET_API_KEY={KEY}", flush=True)  # noqa: T201 - the lines to copy
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    _main()
