"""How requests to the fake Comet look, how it answers, and how it can fail."""

from __future__ import annotations

import gzip
import json
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.comet_state import Refused

HTML = b"<!doctype html><title>Welcome</title><h1>It works!</h1>"
JSON_TYPE = "application/json"


@dataclass
class Seen:
    """A request as tests look at it."""

    method: str
    path: str
    size: int
    """Bytes of the body."""
    status: int = 0
    """Of the answer; 0 while there is none, and for ever where none was sent."""
    fault: str = ""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes
    rejects: int = 0
    """The sub-status that one record of this batch is to have."""

    @property
    def json(self) -> Any:
        """The JSON of the body, unzipped.

        Raises:
            Refused: it is none, or holds NaN or Infinity, which are no JSON.
        """
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        try:
            return json.loads(body, parse_constant=_no_constant)
        except ValueError as error:
            raise Refused(400, f"The body is not JSON: {error}") from error

    @property
    def parts(self) -> dict[str, bytes]:
        """Name -> content, of a multipart form."""
        head = b"Content-Type: " + self.headers.get("content-type", "").encode() + b"\r\n\r\n"
        form = BytesParser(policy=HTTP).parsebytes(head + self.body)
        parts = form.iter_parts() if form.is_multipart() else iter(())
        names = [(part, part.get_param("name", header="content-disposition")) for part in parts]
        return {str(name): bytes(part.get_payload(decode=True) or b"") for part, name in names}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def request_of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    address = urlsplit(target)
    names = {name.lower(): value for name, value in headers.items()}
    return Request(method, address.path, dict(parse_qsl(address.query, keep_blank_values=True)), names, body)


@dataclass(frozen=True)
class Answer:
    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(data: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(data).encode(), status)


def refusal(refused: Refused) -> Answer:
    return json_answer(refused.content, refused.status)


# ------------------------------------------------------------------------------------------------------------ faults


@dataclass(frozen=True)
class Fault:
    """One way to fail. ``commits``: what was asked for is done all the same."""

    name: str
    answer: Answer | None = None
    """Sent instead of the true one."""
    commits: bool = False
    ends: str = ""
    """"close" without an answer, "hang", "trickle" one byte after the other, or "cut" in the middle."""
    hang_s: float | None = None
    """A hang ends after this time; None: when the client leaves or the server stops."""
    byte_s: float = 1.0
    """Between two bytes of a trickle."""
    rejects: int = 0
    """The sub-status of one record of a batch; the others are taken."""


def status_fault(status: int, *, code: int | None = None, commits: bool = False, retry_after: str = "") -> Fault:
    headers = {"Retry-After": retry_after} if retry_after else {}
    content = json.dumps(Refused(status, f"status {status}", code).content).encode()
    name = f"{'commit-' if commits else ''}{status}"
    return Fault(name, Answer(content, status, headers=headers), commits)


FAULTS: Mapping[str, Fault] = {
    "refuse": Fault("refuse", ends="close"),
    "400": status_fault(400, code=34323),
    "401": status_fault(401, code=90212),
    "403": status_fault(403, code=7000011),
    "429": status_fault(429, retry_after="1"),
    "500": status_fault(500),
    "503": status_fault(503),
    "hang": Fault("hang", ends="hang"),
    "trickle": Fault("trickle", commits=True, ends="trickle"),
    "cut": Fault("cut", commits=True, ends="cut"),
    "commit-hang": Fault("commit-hang", commits=True, ends="hang"),
    "commit-refuse": Fault("commit-refuse", commits=True, ends="close"),
    "commit-500": status_fault(500, commits=True),
    "html": Fault("html", Answer(HTML, content_type="text/html")),
    "empty": Fault("empty", Answer(b"")),
    "reject": Fault("reject", commits=True, rejects=400),
    "reject-403": Fault("reject-403", commits=True, rejects=403),
}

Failing = Callable[[Request], "Fault | None"]


class Faults:
    """Which request fails how: first what is scripted for its path, then what is scripted for all, then at random.

    ``rates`` gives each fault's share of the requests whose path holds one of ``paths`` (all without); ``most`` ends
    the random ones after so many. Equal seeds and an equal order of requests give equal faults.
    """

    def __init__(
        self,
        *script: Fault | str | None,
        seed: int = 0,
        rates: Mapping[str, float] | None = None,
        paths: Iterable[str] = (),
        most: int | None = None,
        hang_s: float | None = None,
    ) -> None:
        self._script: deque[Fault | str | None] = deque(script)
        self._by_path: dict[str, deque[Fault | str | None]] = {}
        self._random = random.Random(seed)
        self._rates, self._paths, self._left, self._hang_s = dict(rates or {}), tuple(paths), most, hang_s
        self._lock = threading.Lock()

    def script(self, path: str, *faults: Fault | str | None) -> Faults:
        """The next requests whose path holds ``path`` fail so, one after the other; None: that one does not."""
        with self._lock:
            self._by_path.setdefault(path, deque()).extend(faults)
        return self

    def __call__(self, request: Request) -> Fault | None:
        with self._lock:
            chosen = self._scripted(request.path)
        if not isinstance(chosen, str):
            return chosen
        fault = FAULTS[chosen]
        if self._hang_s is None or fault.ends != "hang":
            return fault
        return Fault(fault.name, commits=fault.commits, ends="hang", hang_s=self._hang_s)

    def _scripted(self, path: str) -> Fault | str | None:
        for part, queue in self._by_path.items():
            if part in path and queue:
                return queue.popleft()
        return self._script.popleft() if self._script else self._by_chance(path)

    def _by_chance(self, path: str) -> str | None:
        if self._left == 0 or (self._paths and not any(part in path for part in self._paths)):
            return None
        drawn = self._random.random()
        for name, rate in self._rates.items():
            drawn -= rate
            if drawn < 0:
                self._left = None if self._left is None else self._left - 1
                return name
        return None
