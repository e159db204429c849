"""The verdict: which tests there must be, known before anything runs, and what became of each."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from core.lab.sandbox_pair import Ended
from core.models import TestOutcome

KEPT_CHARS = 20_000
"""Of each output."""
_MOST_TESTS = 5000
_MESSAGE_CHARS = 1000


class Told:
    """What the interpreter with the tests says, line by line."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.outcomes: dict[str, TestOutcome] = {}
        self.unusable_tests = ""
        """Why the tests cannot be loaded, where the code is not to blame."""
        self.trouble = ""
        """What kept tests from running, where the code is to blame."""
        self._printed: list[str] = []

    def hear(self, message: Mapping[str, Any]) -> None:
        if "out" in message:
            self._printed.append(str(message["out"]))
        elif "test" in message:
            self._hear_outcome(str(message["test"]), message)
        elif "names" in message:
            self.names.extend(map(str, message["names"][: _MOST_TESTS - len(self.names)]))
        elif "unloadable" in message and message["tests_fault"] is True:
            self.unusable_tests = str(message["unloadable"])
        else:
            self.trouble = str(message.get("unloadable") or message.get("ended") or self.trouble)

    def _hear_outcome(self, name: str, message: Mapping[str, Any]) -> None:
        if len(self.outcomes) >= _MOST_TESTS:
            return
        earlier = self.outcomes.get(name)
        passed = message["passed"] is True and (earlier is None or earlier.passed)
        said = "" if passed else str(message["message"])[:_MESSAGE_CHARS] or (earlier.message if earlier else "")
        self.outcomes[name] = TestOutcome(name, passed, said)

    def printed(self) -> str:
        return cut("".join(self._printed))


def cut(text: str) -> str:
    """The beginning of an output, with a word on what is missing."""
    if len(text) <= KEPT_CHARS:
        return text
    return f"{text[:KEPT_CHARS]}\n… {len(text) - KEPT_CHARS:,} more characters"


def tests_named_in(source: str) -> list[str]:
    """``Class.method`` for each test that the module visibly holds, read without running it.

    Tests that it inherits or makes while it runs are told by the run itself. Raises InputError for what is no Python.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        raise InputError(f"The test module is not valid Python{line}: {reason}") from None
    cases = {"TestCase", "IsolatedAsyncioTestCase"}
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(_last_name(base) in cases for base in node.bases):
            cases.add(node.name)
            found.extend(f"{node.name}.{method}" for method in dict.fromkeys(_test_methods(node)))
    return found[:_MOST_TESTS]


def _last_name(node: ast.expr) -> str:
    """``TestCase`` of ``unittest.TestCase``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _test_methods(node: ast.ClassDef) -> list[str]:
    functions = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [item.name for item in functions if item.name.startswith("test")]


def outcomes_of(told: Told, ended: Ended, expected: list[str]) -> tuple[TestOutcome, ...]:
    """One outcome for each test that had to be there; one that was not heard of has not passed."""
    reason = told.trouble or _why_unheard(ended)
    names = dict.fromkeys(
        [*expected, *told.names, *told.outcomes, *(["tests"] if told.trouble and not expected else [])]
    )
    return tuple(told.outcomes.get(name) or TestOutcome(name, passed=False, message=reason) for name in names)


def _why_unheard(ended: Ended) -> str:
    if ended.limit is not None:
        return {
            "time": "not finished within the time limit",
            "memory": "not finished: the memory limit was reached",
            "output": "not finished: too much was printed",
        }[ended.limit]
    return "not run"
