"""Scorers of what an answer took: time and money."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from core.lab.scorers.base import Context, Scorer
from core.models import Score, TestCase


class Latency(Scorer):
    """Milliseconds to the whole answer; of a cached run those of the call that was made."""

    type: Literal["latency"] = "latency"
    max_ms: float | None = Field(default=None, gt=0)
    """It fails beyond."""
    lower_is_better: ClassVar[bool] = True
    is_share: ClassVar[bool] = False

    def score(self, output: str, case: TestCase, context: Context) -> Score:  # noqa: ARG002
        return _measured(context.latency_ms, self.max_ms, "The time of the call is not known")


class Cost(Scorer):
    """US dollars of the call; of a cached run those of the call that was made."""

    type: Literal["cost"] = "cost"
    max_usd: float | None = Field(default=None, ge=0)
    """It fails beyond."""
    lower_is_better: ClassVar[bool] = True
    is_share: ClassVar[bool] = False

    def score(self, output: str, case: TestCase, context: Context) -> Score:  # noqa: ARG002
        return _measured(context.cost_usd, self.max_usd, "The price of the model is not known")


def _measured(value: float | None, most: float | None, unknown: str) -> Score:
    if value is None:
        return Score(None, None, unknown)
    return Score(value, None if most is None else value <= most)
