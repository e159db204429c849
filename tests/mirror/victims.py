"""Processes that the test of the delivery kills. ``python -m tests.mirror.victims``; a wish in JSON a line.

Each victim is a fork of this process, which has the imports behind it: Comet's packages take seconds. ``app`` answers
and is thumbed as the app is; ``drainer`` is the app's worker process, ``core.jobs.mirror``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, Self

from core.jobs import mirror
from core.ledger import open_ledger
from core.mirror import drainer, patience
from core.models import Feedback, Trace
from tests.ledger.samples import NASTY, trace

ROOT = Path(__file__).resolve().parents[2]
Step = tuple[str, Any]
"""``("ask", Trace)`` or ``("thumb", Feedback)``."""


def plan(count: int, seed: int) -> list[Step]:
    """So many traces, each with a thumb some while later, which one in three readers changes, and one in nine twice."""
    rng = random.Random(seed)
    steps: list[tuple[float, Step]] = []
    for number in range(count):
        steps.append((number, ("ask", made(number))))
        thumbs = 1 + (rng.random() < 1 / 3) + (rng.random() < 1 / 9)
        when = float(number)
        for _ in range(thumbs):
            when += rng.uniform(0.5, 40)
            steps.append((when, ("thumb", thumb(number, rng))))
    return [step for _, step in sorted(steps, key=lambda step: step[0])]


def made(number: int) -> Trace:
    odd = NASTY if number % 10 == 0 else ""
    return trace(f"trace-{number}", question=f"Question {number}? {odd}", spans=(), passages=())


def thumb(number: int, rng: random.Random) -> Feedback:
    comment = f"comment {rng.randrange(1000)}" if rng.random() < 0.3 else ""
    return Feedback(f"trace-{number}", rng.choice((1, 1, -1, 0)), comment=comment)


def app(url: str, count: int, seed: int, begin: int, progress: str) -> NoReturn:
    """Does the steps from ``begin`` on; each is acknowledged in the file when it is done."""
    ledger = open_ledger(url)
    with Path(progress).open("ab", buffering=0) as acknowledged:
        for number, (what, value) in enumerate(plan(count, seed)[begin:], start=begin + 1):
            if what == "ask":
                ledger.traces.finish(value, mirror=True)
            else:
                ledger.traces.save_feedback(value, mirror=True)
            acknowledged.write(b"%d\n" % number)
    ledger.close()
    os._exit(0)


def drain(settings: str, wishes: int) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with os.fdopen(os.dup(wishes), "r", encoding="utf-8") as lines:
        code = mirror.main(Lines(settings, lines))
    os._exit(code)


class Lines:
    """The settings, then what comes through the pipe."""

    def __init__(self, first: str, rest: Any) -> None:
        self._first, self._rest = first, rest

    def readline(self) -> str:
        return self._first

    def __iter__(self) -> Iterator[str]:
        return iter(self._rest)


def main() -> None:
    import comet_llm  # noqa: F401, PLC0415
    import comet_ml  # noqa: F401, PLC0415

    patience.FIRST_S = drainer.LOOK_EVERY_S = 0.05  # the waits of a life, in the time of a test
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)
    kept: list[int] = []
    for line in sys.stdin:
        wish = json.loads(line)
        wishes, other_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(other_end)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            victim(wish, wishes)
        os.close(wishes)
        kept.append(other_end)
        os.write(answers, b"%d\n" % pid)


def victim(wish: dict[str, Any], wishes: int) -> NoReturn:
    try:
        app(**wish["app"]) if "app" in wish else drain(wish["drainer"], wishes)
    except BaseException as error:  # noqa: BLE001  the test shall see it
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    os._exit(1)


class Victims:
    """The test's side of it; a context manager."""

    def __enter__(self) -> Self:
        variables = {"COMET_DISABLE_AUTO_LOGGING": "1", "COMET_ERROR_TRACKING_ENABLE": "false"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mirror.victims"],
            cwd=ROOT,
            env={
                **os.environ,
                **variables,
                "COMET_LOGGING_CONSOLE": "CRITICAL",
                "COMET_RAISE_EXCEPTIONS_ON_ERROR": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def start(self, **wish: Any) -> int:
        """Its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    main()
