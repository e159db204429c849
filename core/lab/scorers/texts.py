"""Scorers that compare the words of an output: contains, exact, ROUGE-L."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field

from core.lab.scorers.base import Context, Scorer, share, verdict
from core.models import Score, TestCase

_WORD = re.compile(r"\w+")
_MOST_WORDS = 5_000


class Contains(Scorer):
    """Whether the output contains each of the ``values``, or the expected answer where there are none."""

    type: Literal["contains"] = "contains"
    values: tuple[str, ...] = Field(default=(), strict=False)
    any: bool = False
    """One of them is enough."""
    ignore_case: bool = True

    def score(self, output: str, case: TestCase, context: Context) -> Score:  # noqa: ARG002
        wanted = [*self.values] or [self.expected_of(case)]
        text = _folded(output, ignore_case=self.ignore_case)
        missing = [value for value in wanted if _folded(value, ignore_case=self.ignore_case) not in text]
        reason = "contains " + _listed(wanted) if not missing else "lacks " + _listed(missing)
        enough = len(missing) < len(wanted) if self.any else not missing
        return Score(1 - len(missing) / len(wanted) if not self.any else float(enough), enough, reason)


class Exact(Scorer):
    """Whether the output is the expected answer, white space aside."""

    type: Literal["exact"] = "exact"
    ignore_case: bool = False
    needs_expected: ClassVar[bool] = True

    def score(self, output: str, case: TestCase, context: Context) -> Score:  # noqa: ARG002
        texts = (_folded(text, ignore_case=self.ignore_case) for text in (output, self.expected_of(case)))
        written, wanted = (" ".join(text.split()) for text in texts)
        return verdict(written == wanted, "equal" if written == wanted else "not equal")


class RougeL(Scorer):
    """ROUGE-L as F1: the longest common subsequence of words (Lin 2004, with beta = 1)."""

    type: Literal["rouge_l"] = "rouge_l"
    threshold: float = Field(default=0.5, ge=0, le=1)
    """It passes from here on."""
    needs_expected: ClassVar[bool] = True

    def score(self, output: str, case: TestCase, context: Context) -> Score:  # noqa: ARG002
        return share(rouge_l(output, self.expected_of(case)), at_least=self.threshold)


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words in lower case; texts beyond 5,000 words are cut.

    >>> rouge_l("police kill the gunman", "police killed the gunman")
    0.75
    """
    ours, theirs = (_WORD.findall(part.lower())[:_MOST_WORDS] for part in (text, reference))
    if not ours or not theirs:
        return 0.0
    common = common_subsequence(ours, theirs)
    return 2 * common / (len(ours) + len(theirs))


def common_subsequence(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence, one machine word of bits at a time (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(first)) - 1
    row = everything
    for word in second:
        matches = row & places.get(word, 0)
        row = (row + matches) | (row - matches)
    return len(first) - (row & everything).bit_count()


def _folded(text: str, *, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text


def _listed(values: list[str]) -> str:
    shown = ", ".join(f"“{value[:60]}”" for value in values[:5])
    return shown if len(values) <= 5 else f"{shown} and {len(values) - 5} more"  # noqa: PLR2004  one line
