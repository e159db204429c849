"""Unit tests on code that a model wrote, in the sandbox only."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from core.lab.fences import without_fence
from core.lab.scorers.base import Context, NothingToCompare, Scorer, verdict
from core.models import Score, TestCase

LANGUAGES = ("python", "py", "python3")


class UnitTests(Scorer):
    """The share of the case's unit tests that pass; a Markdown fence around the code is taken off."""

    type: Literal["unit_tests"] = "unit_tests"
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    costly: ClassVar[bool] = True

    def score(self, output: str, case: TestCase, context: Context) -> Score:
        if not case.tests.strip():
            raise NothingToCompare("The case has no unit tests")
        if context.tools.tester is None:
            raise NothingToCompare(context.tools.missing.get(self.type, "There is no sandbox"))
        code = without_fence(output, LANGUAGES)
        if not code.strip():
            return verdict(passed=False, reason="The output is empty")
        return context.tools.tester(code, case.tests, timeout_s=self.timeout_s)
