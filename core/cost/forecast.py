"""What the month will have cost, with a band, and how wrong such forecasts were so far. Pure.

From two weeks of history on: what is spent, and what the days to come are expected to cost (core/cost/expecting.py).
The band holds nine in ten of the months that the history's own deviations could make. The back-test makes the same
forecast at earlier days, from what was known then, and compares it with what came.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from statistics import fmean

import numpy as np

from core.cost.expecting import FEWEST_DAYS, Amounts, History, backtest, band, expected

Daily = Mapping[date, float]


@dataclass(frozen=True, slots=True)
class Step:
    """The month's sum at the end of one of its days, in US dollars."""

    day: date
    spent_usd: float | None
    """None for a day to come."""
    expected_usd: float | None = None
    """From today on."""
    low_usd: float | None = None
    high_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one calendar month, in US dollars."""

    month_ends: date
    spent_usd: float
    """From the month's first day up to now."""
    expected_usd: float
    """Spent and still to come."""
    low_usd: float | None
    high_usd: float | None
    """The band; None for a run rate, which knows of none."""
    method: str
    """``weekdays`` or ``run rate``."""
    backtest_error: float | None
    """Mean absolute error of the same forecast at earlier days, as a share of what the whole then was; None: nothing to
    test on."""
    backtests: int
    history_days: int
    course: tuple[Step, ...]
    """Every day of the month."""

    def in_words(self) -> str:
        """One sentence or two."""
        about = f"About ${self.expected_usd:,.2f} by {self.month_ends:%B} {self.month_ends.day}"
        if self.low_usd is None or self.high_usd is None:
            few = f"{self.history_days} days of history; a forecast needs {FEWEST_DAYS}"
            return f"{about} at the present run rate ({few})."
        sure = f"{about}, most likely ${self.low_usd:,.2f} to ${self.high_usd:,.2f}."
        if self.backtest_error is None:
            return sure
        return f"{sure} {self.backtests} such forecasts were off by {self.backtest_error:.0%} on average."


def forecast(daily_usd: Daily, today: date, left: float = 0.0) -> Forecast | None:
    """The month of ``today``. A day without an entry cost nothing; None where no day has one.

    ``left`` is how much of today is still to come, 0 to 1. What today cost so far is spent; it is no history, as it is
    not over.
    """
    known = [day for day in daily_usd if day <= today]
    if not known:
        return None
    days = _days(min(known), today)
    history = History(days, [daily_usd.get(day, 0.0) for day in days])
    ends = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    month = _days(today.replace(day=1), ends + timedelta(days=1))
    past, ahead = month[: today.day], month[today.day - 1 :]
    spent = [*accumulate(daily_usd.get(day, 0.0) for day in past)]
    parts = np.array([left] + [1.0] * (len(ahead) - 1))
    if len(days) < FEWEST_DAYS:
        rate = fmean(history.costs) if days else daily_usd[today]
        sums = np.cumsum(rate * parts)
        return _made(month, spent, sums, None, ("run rate", None, 0, len(days)))
    to_come = expected(history, ahead) * parts
    horizon = max(len(ahead) - 1, 1 if left else 0)
    error, tests = backtest(history, today.day - 1, horizon)
    return _made(month, spent, np.cumsum(to_come), band(history, to_come), ("weekdays", error, tests, len(days)))


def _made(
    month: list[date],
    spent: list[float],
    sums: Amounts,
    bounds: tuple[Amounts, Amounts] | None,
    how: tuple[str, float | None, int, int],
) -> Forecast:
    """``sums`` and ``bounds``: what comes on top of what is spent, by the end of today and of each later day."""
    so_far = spent[-1]
    past = [Step(day, usd) for day, usd in zip(month, spent[:-1], strict=False)]
    low, high = bounds or (None, None)
    ahead = [
        Step(
            day,
            so_far if n == 0 else None,
            so_far + float(sums[n]),
            None if low is None else so_far + float(low[n]),
            None if high is None else so_far + float(high[n]),
        )
        for n, day in enumerate(month[len(past) :])
    ]
    last = ahead[-1]
    assert last.expected_usd is not None
    return Forecast(month[-1], so_far, last.expected_usd, last.low_usd, last.high_usd, *how, (*past, *ahead))


def _days(first: date, end: date) -> list[date]:
    """From the first on, the end left out."""
    return [first + timedelta(days=n) for n in range((end - first).days)]
