"""Patterns that a user wrote, over text that a model wrote: bounded in size and in time."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, Literal

import regex
from pydantic import Field, field_validator

from core.lab.scorers.base import Context, Scorer, verdict
from core.models import Score, TestCase

TIME_LIMIT_S = 0.5
"""Of one search. Nested repetitions need exponential time in any engine that backtracks."""
_LONGEST = 1_000
_MOST_REPEATS = 10_000
_COUNTED = re.compile(r"\{(\d+)(?:,\d*)?\}")


class TooSlow(Exception):
    """A search ran into its time limit."""


class Regex(Scorer):
    """Whether the pattern is found in the output; the expected answer is the pattern where none is given."""

    type: Literal["regex"] = "regex"
    pattern: str | None = Field(default=None, min_length=1)
    ignore_case: bool = False
    whole: bool = False
    """The pattern must match the whole output, white space around it aside."""
    absent: bool = False
    """It passes where the pattern is not found."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            compiled(pattern)
        return pattern

    def score(self, output: str, case: TestCase, context: Context) -> Score:  # noqa: ARG002
        found = search(
            self.pattern or self.expected_of(case), output.strip(), ignore_case=self.ignore_case, whole=self.whole
        )
        return verdict(found is not self.absent, "found" if found else "not found")


def search(pattern: str, text: str, *, ignore_case: bool = False, whole: bool = False) -> bool:
    """Whether the pattern is found. Raises ValueError for what is no pattern, TooSlow beyond the time limit."""
    expression = compiled(pattern, ignore_case=ignore_case)
    find = expression.fullmatch if whole else expression.search
    try:
        return find(text, timeout=TIME_LIMIT_S, concurrent=True) is not None
    except TimeoutError:
        raise TooSlow(f"The pattern took longer than {TIME_LIMIT_S} s") from None


@lru_cache(maxsize=256)
def compiled(pattern: str, *, ignore_case: bool = False) -> Any:
    """The pattern, ready to search with. Raises ValueError that says what is wrong with it.

    Counted repetitions are multiplied out while compiling, so their product is bounded before.
    """
    if len(pattern) > _LONGEST:
        raise ValueError(f"has {len(pattern):,} characters; the most is {_LONGEST:,}")
    if math.prod(max(1, int(count)) for count in _COUNTED.findall(pattern)) > _MOST_REPEATS:
        raise ValueError(f"repeats something more than {_MOST_REPEATS:,} times")
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
