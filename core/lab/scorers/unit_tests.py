"""Unit tests on code that a model wrote, in the sandbox only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from core.errors import SandboxUnavailable
from core.lab.fences import without_fence
from core.lab.scorers.base import Context, NothingToCompare, Scorer, Tools, verdict
from core.models import SandboxResult, Score, TestCase

LANGUAGES = ("python", "py", "python3")
_NO_SANDBOX = "there is no sandbox, and generated code never runs without one"


class UnitTests(Scorer):
    """The share of the case's unit tests that pass, all for a pass; a Markdown fence around the code is taken off."""

    type: Literal["unit_tests"] = "unit_tests"
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    memory_mb: int = Field(default=256, ge=64, le=2048)
    costly: ClassVar[bool] = True

    def check(self, cases: Sequence[TestCase], tools: Tools) -> str | None:
        if not any(case.tests.strip() for case in cases):
            return "no case has unit tests"
        if tools.sandbox is None:
            return _NO_SANDBOX
        try:
            tools.sandbox()
        except SandboxUnavailable as error:
            return str(error)
        return None

    def score(self, output: str, case: TestCase, context: Context) -> Score:
        if not case.tests.strip():
            raise NothingToCompare("The case has no unit tests")
        if context.tools.sandbox is None:
            raise NothingToCompare(_NO_SANDBOX.capitalize())
        code = without_fence(output, LANGUAGES)
        if not code.strip():
            return verdict(passed=False, reason="The output is empty")
        sandbox = context.tools.sandbox()
        return _score_of(sandbox.run(code, case.tests, timeout_s=self.timeout_s, memory_mb=self.memory_mb))


def _score_of(result: SandboxResult) -> Score:
    failed = [test for test in result.tests if not test.passed]
    reason = f"{len(result.tests) - len(failed)} of {len(result.tests)} tests passed"
    if result.limit:
        reason += f", the limit of {result.limit} was reached"
    if failed:
        reason += f"; {failed[0].name}: {failed[0].message}"[:300]
    share = (len(result.tests) - len(failed)) / len(result.tests) if result.tests else 0.0
    return Score(share, result.passed, reason)
