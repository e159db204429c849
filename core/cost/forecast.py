"""What the month will have cost, with a band, and how wrong such forecasts were so far. Pure.

From two weeks of history on: the mean of the last four weeks, shared out by weekday (people ask less on Sundays), plus
what is spent already. The band holds nine in ten of the months that the history's own deviations could make: they are
drawn again and again (bootstrap, Efron 1979), the level's too, as a mean of 28 days is itself uncertain. The back-test
makes the same forecast at earlier days, from what was known then, and compares it with what came.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

FEWEST_DAYS = 14
"""Below it no weekday was seen twice: the plain run rate is used, and labelled so."""
LEVEL_DAYS = 28
SHAPE_DAYS = 56
BAND = 0.9
_DRAWS = 2_000
_SEED = 20_261
_TESTS = 12

Daily = Mapping[date, float]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one calendar month, in US dollars."""

    month_ends: date
    spent_usd: float
    """From the month's first day up to and with today."""
    expected_usd: float
    """Spent and still to come."""
    low_usd: float | None
    high_usd: float | None
    """The band; None for a run rate, which knows of none."""
    method: str
    """``weekdays`` or ``run rate``."""
    backtest_error: float | None
    """Mean absolute error of the same forecast at earlier days, as a share of what came; None: nothing to test on."""
    backtests: int
    history_days: int

    def in_words(self) -> str:
        """One sentence."""
        about = f"About ${self.expected_usd:,.2f} by {self.month_ends:%B} {self.month_ends.day}"
        if self.low_usd is None or self.high_usd is None:
            few = f"{self.history_days} days of history; a forecast needs {FEWEST_DAYS}"
            return f"{about} at the present run rate ({few})."
        band = f"{about}, most likely ${self.low_usd:,.2f} to ${self.high_usd:,.2f}."
        if self.backtest_error is None:
            return band
        return f"{band} {self.backtests} such forecasts were off by {self.backtest_error:.0%} on average."


def forecast(daily_usd: Daily, today: date) -> Forecast | None:
    """The month of ``today``. A day without an entry cost nothing; None where no day has one.

    ``today`` is not over: it counts as spent, and neither as history nor as a day to come.
    """
    known = [day for day in daily_usd if day <= today]
    if not known:
        return None
    first = min(known)
    history = _days(first, today)
    costs = [daily_usd.get(day, 0.0) for day in history]
    ends = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    spent = sum(daily_usd.get(day, 0.0) for day in _days(today.replace(day=1), today + timedelta(days=1)))
    ahead = _days(today + timedelta(days=1), ends + timedelta(days=1))
    if len(history) < FEWEST_DAYS:
        rate = fmean(costs) if costs else spent
        return Forecast(ends, spent, spent + rate * len(ahead), None, None, "run rate", None, 0, len(history))
    low, high = _band(history, costs, ahead)
    error, tests = _backtest(history, costs, len(ahead))
    expected = float(_expected(history, costs, ahead).sum())
    return Forecast(ends, spent, spent + expected, spent + low, spent + high, "weekdays", error, tests, len(history))


def _days(first: date, end: date) -> list[date]:
    """From the first on, the end left out."""
    return [first + timedelta(days=n) for n in range((end - first).days)]


def _expected(history: list[date], costs: list[float], ahead: list[date]) -> NDArray[np.float64]:
    """The expected cost of each day ahead."""
    level = fmean(costs[-LEVEL_DAYS:])
    shape = _weekday_shape(history[-SHAPE_DAYS:], costs[-SHAPE_DAYS:])
    return np.array([level * shape[day.weekday()] for day in ahead])


def _weekday_shape(days: list[date], costs: list[float]) -> NDArray[np.float64]:
    """Each weekday's share of an average day, drawn towards 1 where it was seen seldom; their mean is 1."""
    mean = fmean(costs)
    if mean == 0:
        return np.ones(7)
    shape = np.ones(7)
    for weekday in range(7):
        seen = [cost / mean for day, cost in zip(days, costs, strict=True) if day.weekday() == weekday]
        shape[weekday] = (sum(seen) + 1) / (len(seen) + 1)
    return np.asarray(shape / shape.mean())


def _band(history: list[date], costs: list[float], ahead: list[date]) -> tuple[float, float]:
    """Bounds of the sum over the days ahead."""
    expected = _expected(history, costs, ahead)
    fitted = _expected(history, costs, history[-SHAPE_DAYS:])
    actual = np.array(costs[-SHAPE_DAYS:])
    ratios = actual[fitted > 0] / fitted[fitted > 0]
    if not len(ratios) or not len(ahead):
        return float(expected.sum()), float(expected.sum())
    rng = np.random.default_rng(_SEED)
    levels = rng.choice(ratios, size=(_DRAWS, min(LEVEL_DAYS, len(ratios)))).mean(axis=1)
    sums = levels * (rng.choice(ratios, size=(_DRAWS, len(ahead))) @ expected) / ratios.mean() ** 2
    low, high = np.quantile(sums, [(1 - BAND) / 2, (1 + BAND) / 2])
    return float(low), float(high)


def _backtest(history: list[date], costs: list[float], horizon: int) -> tuple[float | None, int]:
    """Forecasts of ``horizon`` days from earlier days, against what came."""
    errors: list[float] = []
    for origin in range(len(history) - horizon, FEWEST_DAYS - 1, -max(1, horizon // 2)):
        came = sum(costs[origin : origin + horizon])
        if came > 0 and horizon and len(errors) < _TESTS:
            said = _expected(history[:origin], costs[:origin], history[origin : origin + horizon]).sum()
            errors.append(abs(float(said) - came) / came)
    return (fmean(errors), len(errors)) if errors else (None, 0)
