"""Unit tests on generated code, apart from everything else and with a verdict that the code cannot forge.

Tests and code run in two interpreters, each in a jail of its own (docs/sandbox.md). This module is the way in.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable

from core.errors import InputError, SandboxUnavailable
from core.lab.sandbox_pair import Ended, Pair
from core.lab.sandbox_verdict import Told, cut, outcomes_of, tests_named_in
from core.models import SandboxResult
from core.ports import Jail, Sandbox

MAX_SOURCE_CHARS = 1_000_000
MIN_MEMORY_MB, MAX_MEMORY_MB = 48, 4000
MAX_TIMEOUT_S = 600.0

_LOOK_AROUND = """
import os

def reached():
    found = ["the environment"] if set(os.environ) - {"PWD", "LC_CTYPE"} else []
    for path in ("/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/environ"):
        try:
            with open(path, "rb") as file:
                found.append(file.name)
        except OSError:
            pass
    try:
        open("written-by-the-sandbox", "w").close()
        found.append("a file to write")
    except OSError:
        pass
    try:
        import socket
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.append("a socket")
    except (ImportError, OSError):
        pass
    return found
"""
_LOOK_AROUND_TESTS = """
import unittest, solution

class TestJail(unittest.TestCase):
    def test_nothing_is_reached(self):
        if found := solution.reached():
            self.fail("code in it reaches " + ", ".join(found))
"""


class PairSandbox:
    """The sandbox over any jail."""

    def __init__(self, jail: Jail) -> None:
        self._jail = jail
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)
        """More runs at once than processors would only take each other's time."""

    @property
    def name(self) -> str:
        return self._jail.name

    def run(self, code: str, tests: str, *, timeout_s: float, memory_mb: int) -> SandboxResult:
        """See core.ports.Sandbox."""
        _check_limits(timeout_s, memory_mb)
        _check_source(code, "The code")
        _check_source(tests, "The test module")
        expected = tests_named_in(tests)
        told = Told()
        with self._slots, Pair(self._jail, memory_mb=memory_mb, timeout_s=timeout_s) as pair:
            started = time.perf_counter()
            ended = pair.run(code, tests, told.hear)
            duration_ms = (time.perf_counter() - started) * 1000
        if told.unusable_tests:
            raise InputError(
                f"The tests cannot be loaded: {told.unusable_tests}", hint="Only the standard library is there."
            )
        return _result(told, ended, expected, duration_ms)

    def check(self) -> None:
        """Runs harmless code that looks around. Raises SandboxUnavailable where it sees more than it should."""
        result = self.run(_LOOK_AROUND, _LOOK_AROUND_TESTS, timeout_s=20.0, memory_mb=256)
        if not result.passed:
            seen = "; ".join(test.message for test in result.tests if not test.passed) or result.stderr[-300:]
            raise SandboxUnavailable(f"{self.name} does not hold: {seen}", subject=self.name)


def find_sandbox(jails: Iterable[Callable[[], Jail]]) -> Sandbox:
    """The first of the jails that is there and holds, tried out once.

    Raises SandboxUnavailable with each one's reason; then generated code is not run at all.
    """
    refusals: list[SandboxUnavailable] = []
    for open_jail in jails:
        try:
            sandbox = PairSandbox(open_jail())
            sandbox.check()
        except SandboxUnavailable as error:
            refusals.append(error)
        else:
            return sandbox
    reasons = "; ".join(error.message.rstrip(".") for error in refusals) or "no kind of sandbox was named"
    hints = " or ".join(dict.fromkeys(error.hint.rstrip(".") for error in refusals if error.hint))
    raise SandboxUnavailable(
        f"Generated code is not run here, since nothing can hold it: {reasons}", hint=f"{hints}." if hints else ""
    )


def _check_limits(timeout_s: float, memory_mb: int) -> None:
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise InputError(f"The time limit must be above 0 and at most {MAX_TIMEOUT_S:.0f} seconds, not {timeout_s:g}")
    if not MIN_MEMORY_MB <= memory_mb <= MAX_MEMORY_MB:
        raise InputError(f"The memory limit must be {MIN_MEMORY_MB} to {MAX_MEMORY_MB} MB, not {memory_mb}")


def _check_source(text: str, what: str) -> None:
    if len(text) > MAX_SOURCE_CHARS:
        raise InputError(f"{what} is longer than {MAX_SOURCE_CHARS:,} characters")


def _result(told: Told, ended: Ended, expected: list[str], duration_ms: float) -> SandboxResult:
    tests = outcomes_of(told, ended, expected)
    if not tests:
        raise InputError(
            "The test module holds no test",
            hint="Write a class derived from unittest.TestCase with methods named test_….",
        )
    short_of_memory = any(not test.passed and test.message.startswith("MemoryError") for test in tests)
    return SandboxResult(
        passed=ended.limit is None and all(test.passed for test in tests),
        tests=tests,
        stdout=told.printed(),
        stderr=cut(ended.stderr),
        exit_code=ended.exit_code,
        limit=ended.limit or ("memory" if short_of_memory else None),
        duration_ms=duration_ms,
    )
