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

from core.cost.expecting import FEWEST_DAYS, Amounts, Backtests, History, backtests, band, pattern_of
from core.phrases import money

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
        about = f"About {money(self.expected_usd)} by {self.month_ends:%B} {self.month_ends.day}"
        if self.low_usd is None or self.high_usd is None:
            few = f"{self.history_days} days of history; a forecast needs {FEWEST_DAYS}"
            return f"{about} at the present run rate ({few})."
        sure = f"{about}, most likely {money(self.low_usd)} to {money(self.high_usd)}."
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
    history = History(days, np.array([daily_usd.get(day, 0.0) for day in days]))
    ends = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    month = _Month(_days(today.replace(day=1), ends + timedelta(days=1)), daily_usd, today, left)
    return _by_run_rate(history, month) if len(days) < FEWEST_DAYS else _by_weekdays(history, month)


class _Month:
    """The days of the month, with what is spent of it."""

    def __init__(self, days: list[date], daily_usd: Daily, today: date, left: float) -> None:
        self._past, self.ahead = days[: today.day - 1], days[today.day - 1 :]
        """Today is the first one ahead."""
        self._spent = [*accumulate(daily_usd.get(day, 0.0) for day in days[: today.day])]
        self.today_usd = daily_usd.get(today, 0.0)
        self.parts = np.array([left] + [1.0] * (len(self.ahead) - 1))
        """How much of each day ahead is to come."""

    @property
    def days_spent(self) -> int:
        return len(self._past)

    @property
    def horizon(self) -> int:
        """Whole days ahead, or today where there is no other."""
        return len(self.ahead) - 1 or int(self.parts[0] > 0)

    def course(self, to_come: Amounts, bounds: tuple[Amounts, Amounts] | None) -> tuple[Step, ...]:
        """``to_come`` and ``bounds`` come on top of what is spent."""
        so_far = self._spent[-1]
        low, high = bounds if bounds is not None else (None, None)
        past = [Step(day, usd) for day, usd in zip(self._past, self._spent, strict=False)]
        ahead = [
            Step(
                day,
                so_far if n == 0 else None,
                so_far + float(to_come[n]),
                None if low is None else so_far + float(low[n]),
                None if high is None else so_far + float(high[n]),
            )
            for n, day in enumerate(self.ahead)
        ]
        return *past, *ahead


def _by_run_rate(history: History, month: _Month) -> Forecast:
    rate = float(history.costs.mean()) if history.days else month.today_usd
    course = month.course(np.cumsum(rate * month.parts), None)
    return _made(course, month, "run rate", Backtests(), len(history.days))


def _by_weekdays(history: History, month: _Month) -> Forecast:
    pattern = pattern_of(history)
    to_come = pattern.at(month.ahead) * month.parts
    tests = backtests(history, month.days_spent, month.horizon)
    course = month.course(np.cumsum(to_come), band(pattern, to_come, tests))
    return _made(course, month, "weekdays", tests, len(history.days))


def _made(course: tuple[Step, ...], month: _Month, method: str, tests: Backtests, history_days: int) -> Forecast:
    today, last = course[month.days_spent], course[-1]
    return Forecast(
        month_ends=last.day,
        spent_usd=today.spent_usd or 0.0,
        expected_usd=last.expected_usd or 0.0,
        low_usd=last.low_usd,
        high_usd=last.high_usd,
        method=method,
        backtest_error=fmean(tests.errors) if tests.errors else None,
        backtests=len(tests.errors),
        history_days=history_days,
        course=course,
    )


def _days(first: date, end: date) -> list[date]:
    """From the first on, the end left out."""
    return [first + timedelta(days=n) for n in range((end - first).days)]
