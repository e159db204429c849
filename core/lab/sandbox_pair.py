"""Two interpreters in their jails, joined by pipes: one has the tests, the other the generated code.

The pipes between them do not pass through this process. It hears only the interpreter with the tests, on that one's
standard error, in lines that begin with a nonce; and it ends both when a limit is reached.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BufferedReader, FileIO
from pathlib import Path
from queue import Empty, Queue
from subprocess import Popen, TimeoutExpired
from typing import Any, Self

from core.errors import SandboxUnavailable
from core.ports import Jail

STARTUP_S = 60.0
"""Both interpreters are up after about 0.3 s; a crowded machine may take long."""
OUTPUT_BYTES = 1 << 20
"""Printed by code and tests together; more ends the run."""
MEMORY_EXIT = 121
"""Exit code of a jail that ended its interpreter because the memory was used up."""

_SAID_BYTES = 64 << 20
_LINE_BYTES = 1 << 20
_ENDING_S = 2.0
_GUEST = Path(__file__).parent / "guest"
_COMMON = ("wire", "values", "peer")
_OWN = {"tests_side": ("remote", "report", "tests_side"), "solution_side": ("solution_side",)}
"""Modules of the guests, in the order of their imports; the last one has ``main``."""
_BOOT = """
import json, sys, types
source = sys.stdin.buffer
parcel = json.loads(source.read(int.from_bytes(source.read(4), "big")))
for name, text in parcel.pop("modules"):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
module.main(parcel)
"""

Hear = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    limit: str | None
    exit_code: int | None
    stderr: str


@cache
def _modules(*names: str) -> list[tuple[str, str]]:
    return [(f"core.lab.guest.{name}", (_GUEST / f"{name}.py").read_text(encoding="utf-8")) for name in names]


class Pair:
    """One run; a context manager that ends both processes whatever happens."""

    def __init__(self, jail: Jail, *, memory_mb: int, timeout_s: float) -> None:
        self._jail = jail
        self._memory_mb = memory_mb
        self._timeout_s = timeout_s
        self._nonce = secrets.token_hex(16).encode()
        self._events: Queue[tuple[str, Any]] = Queue()
        self._files: list[FileIO] = []
        self._processes: list[Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._stderr: list[bytes] = []
        self._printed_bytes = 0
        self._counting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for thread in self._threads:
            thread.join()
        for file in self._files:
            file.close()

    def run(self, code: str, tests: str, hear: Hear) -> Ended:
        """Until the tests are done or a limit is reached. Raises SandboxUnavailable where an interpreter stays down."""
        judge, culprit = self._start(code, tests)
        limit, are_alive = self._listen(hear)
        if not are_alive:
            with suppress(TimeoutExpired):
                culprit.wait(_ENDING_S)
        if limit is None and MEMORY_EXIT in {culprit.poll(), judge.poll()}:
            limit = "memory"
        return Ended(limit, culprit.poll(), self._complaints())

    # ---------------------------------------------------------------------------------------------------- starting

    def _start(self, code: str, tests: str) -> tuple[Popen[bytes], Popen[bytes]]:
        judge_in, to_judge = self._pipe()
        code_in, to_code = self._pipe()
        said, says = self._pipe()
        errors, complains = self._pipe()
        judge = self._spawn(judge_in, to_code, says)
        culprit = self._spawn(code_in, to_judge, complains)
        for theirs in (judge_in, code_in, says, complains):
            theirs.close()
        self._thread(self._read_said, said)
        self._thread(self._read_errors, errors)
        self._thread(self._feed, to_judge, "tests_side", {"nonce": self._nonce.decode(), "tests": tests})
        self._thread(self._feed, to_code, "solution_side", {"code": code})
        return judge, culprit

    def _pipe(self) -> tuple[FileIO, FileIO]:
        reading, writing = os.pipe()
        ends = FileIO(reading, "r"), FileIO(writing, "w")
        self._files.extend(ends)
        return ends

    def _spawn(self, stdin: FileIO, stdout: FileIO, stderr: FileIO) -> Popen[bytes]:
        process = self._jail.start(
            _BOOT, stdin=stdin.fileno(), stdout=stdout.fileno(), stderr=stderr.fileno(),
            memory_mb=self._memory_mb, lifetime_s=STARTUP_S + self._timeout_s,
        )  # fmt: skip
        self._processes.append(process)
        return process

    def _thread(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="sandbox", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _feed(self, file: FileIO, main: str, content: Mapping[str, Any]) -> None:
        """Sends an interpreter what it is to run, and lets go of its input: from then on the other one has it alone."""
        modules = _modules(*_COMMON, *_OWN[main])
        body = json.dumps({"modules": modules, **content}).encode()
        with suppress(OSError), file:
            rest = memoryview(len(body).to_bytes(4, "big") + body)
            while rest:
                rest = rest[file.write(rest) or 0 :]

    # ---------------------------------------------------------------------------------------------------- hearing

    def _listen(self, hear: Hear) -> tuple[str | None, bool]:
        """The limit that was reached, if any, and whether the tests saw both processes alive to the end."""
        is_up = False
        deadline = time.monotonic() + STARTUP_S
        while True:
            try:
                kind, message = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                kind, message = "limit", "time"
            if kind == "said" and message.get("ready"):
                is_up, deadline = True, time.monotonic() + self._timeout_s
            elif not is_up:
                raise self._not_started(kind)
            elif kind == "said" and "done" in message:
                return None, message["done"] is True
            elif kind == "said":
                hear(message)
            else:
                return message, kind == "limit"

    def _not_started(self, kind: str) -> SandboxUnavailable:
        reason = (self._complaints().splitlines() or [f"it {kind} without a word"])[-1]
        return SandboxUnavailable(f"{self._jail.name} did not start: {reason[:300]}", subject=self._jail.name)

    def _read_said(self, file: FileIO) -> None:
        """Lines of the interpreter with the tests; what does not begin with the nonce is its standard error."""
        heard = 0
        with BufferedReader(file, 1 << 16) as reader:
            while heard < _SAID_BYTES and (line := reader.readline(_LINE_BYTES)):
                heard += len(line)
                if not (line.startswith(self._nonce) and line.endswith(b"\n")):
                    self._keep(line)
                    continue
                message = json.loads(line[len(self._nonce) :])
                self._events.put(("said", message))
                self._count(len(message.get("out", "")))
        self._events.put(("ended", None) if heard < _SAID_BYTES else ("limit", "output"))

    def _read_errors(self, file: FileIO) -> None:
        while piece := file.read(1 << 16):
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        if self._count(len(piece)) and piece.strip():
            self._stderr.append(piece)

    def _count(self, size: int) -> bool:
        """False once more was printed than may be; the run ends then."""
        with self._counting:
            self._printed_bytes += size
            is_within = self._printed_bytes <= OUTPUT_BYTES
        if not is_within:
            self._events.put(("limit", "output"))
        return is_within

    def _complaints(self) -> str:
        return b"".join(self._stderr).decode("utf-8", "replace").strip()
