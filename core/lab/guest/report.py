"""What is said of each test, to the host."""

from __future__ import annotations

import json
import os
import sys
import unittest
from typing import Any

from core.lab.guest.wire import WireBroken, WireClosed

MESSAGE_CHARS = 1000
_NAME_CHARS = 200


class Host:
    """Says lines to the host on the standard error; what has no nonce is what a test printed there."""

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce

    def say(self, message: dict[str, Any]) -> None:
        sys.stderr.flush()
        line = memoryview(f"\n{self._nonce}{json.dumps(message)}\n".encode())
        while line:
            line = line[os.write(2, line) :]


def explain(error: BaseException) -> str:
    """One line about a failure, with the line of the solution where it came from there."""
    text = vars(error).get("cue_text") or str(error)
    kind = type(error).__name__
    where = vars(error).get("cue_where")
    said = (
        text
        if isinstance(error, AssertionError | WireBroken | WireClosed) and text
        else f"{kind}: {text}"
        if text
        else kind
    )
    return " ".join((f"{said} ({where})" if where else said).split())


class Report(unittest.TestResult):
    """Tells the host of each test as it ends."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        self._failed: str | None = None

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        self._failed = None
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().stopTest(test)
        self._tell(test, self._failed)

    def _tell(self, test: Any, failed: str | None) -> None:
        self._host.say({"test": name_of(test), "passed": failed is None, "message": failed or ""})

    def _fail(self, test: Any, error: BaseException | None, otherwise: str = "") -> None:
        self._failed = (explain(error) if error is not None else otherwise)[:MESSAGE_CHARS] or "failed"
        if not isinstance(test, unittest.TestCase):  # setUpClass and its like stand for no single test
            self._tell(test, self._failed)

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        self._fail(test, err[1])

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        self._fail(test, err[1])

    def addSubTest(self, test: Any, _subtest: Any, err: Any) -> None:  # noqa: N802
        if err is not None:
            self._fail(test, err[1])

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
        self._fail(test, None, f"skipped: {reason}")

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
        self._fail(test, None, "passed, though it is marked as an expected failure")


def name_of(test: Any) -> str:
    """``TestStack.test_push``: the name by which the host knows a test."""
    return str(test.id()).removeprefix("tests.")[:_NAME_CHARS]


def names_in(suite: unittest.TestSuite) -> list[str]:
    """The names of all tests of a suite."""
    found: list[str] = []
    for item in suite:
        found.extend(names_in(item) if isinstance(item, unittest.TestSuite) else [name_of(item)])
    return found
