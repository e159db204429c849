"""Bounded HTTP for Comet's packages: a time-out for every read, an end to every call, and a most that is read.

requests knows no end of a whole call: a server that sends a byte a second holds it for ever. So a timer shuts the
connection down when the call's time is over, whatever it is then doing.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter

MOST_ANSWER_BYTES = 64 * 2**20
"""25,000 experiments, the most that a project of Comet holds, are about 10 MB."""
_PIECE = 2**16


class Deadline:
    """The time of one call after the other, in one thread."""

    def __init__(self, call_s: float) -> None:
        self._call_s = call_s
        self._ends = 0.0
        self._socket: socket.socket | None = None
        self.passed = False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.passed, self._socket, self._ends = False, None, time.monotonic() + self._call_s
        timer = threading.Timer(self._call_s, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def use(self, used: socket.socket) -> None:
        """What is sent may take the rest of the call, not only the time that connecting may take."""
        used.settimeout(max(0.01, self._ends - time.monotonic()))
        self._socket = used

    def _shut(self) -> None:
        self.passed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the method of plain sockets: that of TLS takes part in the protocol
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class BoundedAdapter(HTTPAdapter):
    """To be mounted on a session of requests. Not safe for threads.

    ``read_s``: the longest silence of the server; ``call_s``: the longest call, from connecting to the last byte.
    """

    def __init__(self, *, connect_s: float, read_s: float, call_s: float) -> None:
        self._times = (connect_s, read_s)
        self._deadline = Deadline(call_s)
        super().__init__(pool_connections=2, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager, self._deadline)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        fresh = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if fresh:
            _watch(manager, self._deadline)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """The answer with its body. Raises as requests does; ReadTimeout where the call's time is over."""
        kwargs |= {"timeout": self._times, "stream": True}
        try:
            with self._deadline.running():
                response = super().send(request, *args, **kwargs)
                response._content = _read(response)  # noqa: SLF001 - what ``content`` keeps once it has read
        except requests.RequestException as error:
            if self._deadline.passed:
                raise requests.ReadTimeout("The answer took too long", request=request) from error
            raise
        if self._deadline.passed:  # an answer without a length ends where the connection does
            raise requests.ReadTimeout("The answer took too long", request=request)
        return response


def bound(session: requests.Session, adapter: BoundedAdapter) -> requests.Session:
    """The session with every request through the adapter; its other settings stay."""
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _read(response: requests.Response) -> bytes:
    pieces, size = [], 0
    with contextlib.closing(response):
        for piece in response.iter_content(_PIECE):
            size += len(piece)
            if size > MOST_ANSWER_BYTES:
                raise requests.exceptions.ContentDecodingError("The answer is too large", response=response)
            pieces.append(piece)
    return b"".join(pieces)


class _Telling:
    """In front of urllib3's connections: each tells the deadline which socket it uses."""

    deadline: ClassVar[Deadline]
    sock: socket.socket | None
    connect: Callable[[], None]

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if self.sock is not None:
            self.deadline.use(self.sock)
        super().send(data)  # type: ignore[misc]


def _watch(manager: Any, deadline: Deadline) -> None:
    """Gives the pools of a manager connections that tell the deadline."""
    watched = {}
    for scheme, pool in manager.pool_classes_by_scheme.items():
        connection = type("Connection", (_Telling, pool.ConnectionCls), {"deadline": deadline})
        watched[scheme] = type("Pool", (pool,), {"ConnectionCls": connection})
    manager.pool_classes_by_scheme = watched
