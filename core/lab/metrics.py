"""By what variants are compared: each scorer's value, the pass rate, time, money and tokens. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.lab.scorers import Scorer
from core.models import Run, RunState
from core.phrases import money, one_line


class Measured(StrEnum):
    """Where a metric's number of a run stands."""

    PASSED = "passed"
    SCORE = "score"
    LATENCY = "latency_ms"
    COST = "cost_usd"
    COMPLETION = "completion_tokens"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a run, and how it is read."""

    measured: Measured
    title: str
    label: str = ""
    """Of the scorer."""
    lower_is_better: bool = False
    is_share: bool = False
    """0 to 1, so that differences are points."""

    @property
    def key(self) -> str:
        """What programs call it: ``scores.contains``, ``passed``, ``latency_ms``."""
        return f"scores.{self.label}" if self.measured is Measured.SCORE else str(self.measured)

    @property
    def is_quality(self) -> bool:
        """Whether it says how good an output is, not what it took."""
        return self.measured in (Measured.PASSED, Measured.SCORE) and not self.lower_is_better

    def of(self, run: Run) -> float | None:
        """The run's number; None where it has none, or one that is not finite."""
        value = _value(self, run) if run.state is RunState.DONE else None
        return value if value is not None and math.isfinite(value) else None

    def passed(self, run: Run) -> bool | None:
        """Whether the run passes by this metric; None where it neither passes nor fails."""
        if run.state is not RunState.DONE:
            return None
        if self.measured is Measured.SCORE:
            return run.scores[self.label].passed if self.label in run.scores else None
        return run.passed if self.measured is Measured.PASSED else None

    def written(self, value: float | None) -> str:
        """For people: ``62.5 %``, ``128 ms``, ``$0.0012``, ``45.3 tokens``; ``unknown`` for None."""
        if value is None or self.measured is Measured.COST:
            return money(value)
        if self.is_share:
            return f"{value * 100:.3g} %"
        number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004  no 1.2e+03
        units = {Measured.LATENCY: " ms", Measured.COMPLETION: " tokens", Measured.TOKENS: " tokens"}
        return number + units.get(self.measured, "")


PASSED = Metric(Measured.PASSED, "Pass rate", is_share=True)
LATENCY = Metric(Measured.LATENCY, "Latency", lower_is_better=True)
COST = Metric(Measured.COST, "Cost", lower_is_better=True)
COMPLETION = Metric(Measured.COMPLETION, "Completion tokens", lower_is_better=True)
TOKENS = Metric(Measured.TOKENS, "All tokens", lower_is_better=True)
_TAKEN = (LATENCY, COST, COMPLETION, TOKENS)
_SAME = {"latency": Measured.LATENCY, "cost": Measured.COST}
"""Scorers whose value is what was measured anyway."""


def metrics_of(runs: Sequence[Run], scorers: Sequence[Scorer] = ()) -> list[Metric]:
    """Those that at least one run has a number for: the pass rate, scorers in their order, then what it took.

    A scorer that is not among ``scorers`` is a share where all its values are; higher is taken for better.
    """
    known = {scorer.label: scorer for scorer in scorers}
    labels = dict.fromkeys([*known, *(label for run in runs for label in run.scores)])
    of_scorers = [
        _of_scorer(label, known.get(label), runs)
        for label in labels
        if label not in known or known[label].type not in _SAME
    ]
    return [metric for metric in (PASSED, *of_scorers, *_TAKEN) if any(metric.of(run) is not None for run in runs)]


def _of_scorer(label: str, scorer: Scorer | None, runs: Sequence[Run]) -> Metric:
    title = one_line(label)
    if scorer is not None:
        return Metric(Measured.SCORE, title, label, scorer.lower_is_better, scorer.is_share)
    metric = Metric(Measured.SCORE, title, label)
    values = [value for run in runs if (value := metric.of(run)) is not None]
    return Metric(Measured.SCORE, title, label, is_share=all(0 <= value <= 1 for value in values))


def _value(metric: Metric, run: Run) -> float | None:
    usage = run.usage
    match metric.measured:
        case Measured.PASSED:
            return None if run.passed is None else float(run.passed)
        case Measured.SCORE:
            return run.scores[metric.label].value if metric.label in run.scores else None
        case Measured.LATENCY:
            return run.latency_ms
        case Measured.COST:
            return run.cost_usd
        case Measured.COMPLETION:
            return usage.completion_tokens
    known = usage.prompt_tokens is not None and usage.completion_tokens is not None
    return (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) if known else None
