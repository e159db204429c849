"""What days to come will cost, from the days that were: the arithmetic under a forecast. Pure.

The expected cost of a day is the mean of the last four weeks, shared out by weekday (people ask less on Sundays). The
band draws the history's own deviations again and again (bootstrap, Efron 1979); the level's too, as a mean of 28 days
is itself uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

FEWEST_DAYS = 14
"""Below it no weekday was seen twice."""
LEVEL_DAYS = 28
SHAPE_DAYS = 56
BAND = 0.9
_DRAWS = 2_000
_SEED = 20_261
_TESTS = 12

Amounts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """Whole days that follow one another, and what each cost in US dollars."""

    days: Sequence[date]
    costs: Sequence[float]

    def last(self, number: int) -> History:
        return History(self.days[-number:], self.costs[-number:])

    def before(self, place: int) -> History:
        return History(self.days[:place], self.costs[:place])


def expected(history: History, ahead: Sequence[date]) -> Amounts:
    """The expected cost of each day ahead."""
    level = fmean(history.last(LEVEL_DAYS).costs)
    shape = _weekday_shape(history.last(SHAPE_DAYS))
    return np.array([level * shape[day.weekday()] for day in ahead])


def _weekday_shape(history: History) -> Amounts:
    """Each weekday's share of an average day, drawn towards 1 where it was seen seldom; their mean is 1."""
    mean = fmean(history.costs)
    if mean == 0:
        return np.ones(7)
    shape = np.ones(7)
    for weekday in range(7):
        pairs = zip(history.days, history.costs, strict=True)
        seen = [cost / mean for day, cost in pairs if day.weekday() == weekday]
        shape[weekday] = (sum(seen) + 1) / (len(seen) + 1)
    return np.asarray(shape / shape.mean())


def band(history: History, to_come: Amounts) -> tuple[Amounts, Amounts]:
    """Bounds of the running sum over what is expected to come."""
    sums = np.cumsum(to_come)
    ratios = _ratios(history.last(SHAPE_DAYS), history)
    if not len(ratios):
        return sums, sums
    rng = np.random.default_rng(_SEED)
    levels = rng.choice(ratios, size=(_DRAWS, min(LEVEL_DAYS, len(ratios)))).mean(axis=1, keepdims=True)
    drawn = np.cumsum(rng.choice(ratios, size=(_DRAWS, len(to_come))) * to_come, axis=1)
    low, high = np.quantile(levels * drawn / ratios.mean() ** 2, [(1 - BAND) / 2, (1 + BAND) / 2], axis=0)
    return np.minimum(low, sums), np.maximum(high, sums)  # so that a mean beyond nine in ten draws stays in its band


def _ratios(recent: History, history: History) -> Amounts:
    """What each day cost as a multiple of what is expected of such a day."""
    fitted = expected(history, recent.days)
    return np.asarray(np.array(recent.costs)[fitted > 0] / fitted[fitted > 0])


def backtest(history: History, days_spent: int, horizon: int) -> tuple[float | None, int]:
    """Mean absolute error of such forecasts at earlier days, as a share of the whole sum, and their number.

    A forecast of a month is for the ``days_spent`` that are known and for the ``horizon`` days after them.
    """
    errors: list[float] = []
    newest, oldest = len(history.days) - horizon, max(FEWEST_DAYS, days_spent)
    for origin in range(newest, oldest - 1, -max(1, horizon // 2)):
        came = sum(history.costs[origin : origin + horizon])
        whole = came + sum(history.costs[origin - days_spent : origin])
        if whole > 0 and horizon and len(errors) < _TESTS:
            said = float(expected(history.before(origin), history.days[origin : origin + horizon]).sum())
            errors.append(abs(said - came) / whole)
    return (fmean(errors), len(errors)) if errors else (None, 0)
