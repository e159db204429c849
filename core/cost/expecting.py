"""What days to come will cost, from the days that were: the arithmetic under a forecast. Pure.

The expected cost of a day is the mean of the last four weeks, moved along the trend of the last eight, and shared out
by weekday (people ask less on Sundays). The band draws weeks of the history's own deviations again and again (a
moving-block bootstrap, Künsch 1989: a busy day is followed by busy days), for the level too, which is a mean of such
days itself; and it is as much wider as the same forecast was wrong at earlier days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

FEWEST_DAYS = 14
"""Below it no weekday was seen twice."""
LEVEL_DAYS = 28
TREND_DAYS = 42
"""Below it a trend is mostly chance."""
SHAPE_DAYS = 56
BAND = 0.9
_WEEK = 7
_DRAWS = 2_000
_SEED = 20_261
_TESTS = 12
_DOUBT = 2.0
"""A trend is taken back by so many times the square of its error, and is none where nothing is left of it."""
_STEEPEST = 0.01
"""Of the level a day: no unseen trend is feared to be steeper."""
_WIDEST = 4.0
_OWN_WEIGHT = 3
"""The bootstrap's own width counts as so many back-tests."""
_PARAMETERS = 8
"""Estimated from the history: a level, and each weekday's share of it."""
_LEAST_PART = 0.1
"""Of the level: a deviation from less than that says nothing."""

Amounts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """Whole days that follow one another up to yesterday, and what each cost in US dollars."""

    days: Sequence[date]
    costs: Amounts

    def last(self, number: int) -> History:
        return History(self.days[-number:], self.costs[-number:])

    def before(self, place: int) -> History:
        return History(self.days[:place], self.costs[:place])


@dataclass(frozen=True, slots=True)
class Trend:
    """US dollars that a day costs more than the day before."""

    usd: float
    error_usd: float
    """Its standard error, or as much of that as is feared."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a day is expected to cost."""

    level: float
    """Of an average day in the middle of the last four weeks."""
    middle: float
    """Days from there to the day after the history."""
    trend: Trend
    shape: Amounts
    """Each weekday's share of an average day."""
    deviations: Amounts
    """Of the last eight weeks: what each day cost by what was expected of it, less 1; their mean is 0."""

    def at(self, days: Sequence[date]) -> Amounts:
        """The expected cost of each day ahead, the first one the day after the history."""
        along = self.level + self.trend.usd * (self.middle + np.arange(len(days)))
        return np.asarray(np.maximum(along, 0.0) * self.shape[_weekdays(days)])


def pattern_of(history: History) -> Pattern:
    recent = history.last(SHAPE_DAYS)
    shape = _weekday_shape(recent)
    shares = shape[_weekdays(recent.days)]
    size = min(LEVEL_DAYS, len(shares))
    level, middle = float(recent.costs[-size:].sum() / shares[-size:].sum()), (size + 1) / 2
    trend = _trend(recent, level)
    fitted = level + trend.usd * (np.arange(len(shares)) - len(shares) + middle)
    known = fitted > _LEAST_PART * level
    deviations = recent.costs[known] / (fitted[known] * shares[known])
    return Pattern(level, middle, trend, shape, _as_of_new_days(deviations))


def _weekdays(days: Sequence[date]) -> NDArray[np.int64]:
    return np.array([day.weekday() for day in days], dtype=np.int64)


def _weekday_shape(history: History) -> Amounts:
    """Drawn towards 1 where a weekday was seen seldom; their mean is 1."""
    mean = history.costs.mean()
    if mean == 0:
        return np.ones(_WEEK)
    weekdays = _weekdays(history.days)
    sums = np.bincount(weekdays, history.costs / mean, minlength=_WEEK)
    shape = (sums + 1) / (np.bincount(weekdays, minlength=_WEEK) + 1)
    return np.asarray(shape / shape.mean())


def _trend(history: History, level: float) -> Trend:
    """Least squares among days of one weekday, so that the week's shape makes none; drawn towards 0 as far as it may be
    chance (the positive-part estimator of James and Stein).
    """
    weekdays = _weekdays(history.days)
    times, costs = _within(weekdays, np.arange(len(weekdays), dtype=np.float64)), _within(weekdays, history.costs)
    spread = float(times @ times)
    slope = float(times @ costs) / spread
    rest = costs - slope * times
    error2 = float(rest @ rest) / max(len(rest) - _PARAMETERS, 1) / spread
    error = min(float(np.sqrt(error2)), _STEEPEST * level)
    if len(rest) < TREND_DAYS or slope == 0:
        return Trend(0.0, error)
    return Trend(slope * max(0.0, 1 - _DOUBT * error2 / slope**2), error)


def _within(weekdays: NDArray[np.int64], values: Amounts) -> Amounts:
    """Without the mean of each weekday."""
    number = np.maximum(np.bincount(weekdays, minlength=_WEEK), 1)
    means = np.bincount(weekdays, values, minlength=_WEEK) / number
    return np.asarray(values - means[weekdays])


def _as_of_new_days(ratios: Amounts) -> Amounts:
    """Around 0, and as wide as those of days that the pattern was not made from."""
    if not len(ratios):
        return ratios
    free = len(ratios) / max(len(ratios) - _PARAMETERS, 1)
    return np.asarray((ratios - ratios.mean()) * np.sqrt(free))


@dataclass(frozen=True, slots=True)
class Backtests:
    """The same forecast at earlier days, newest first."""

    errors: tuple[float, ...] = ()
    """How wrong each was, as a share of the whole sum."""
    misses: tuple[float, ...] = ()
    """What came of the days ahead by what was said of them, less 1."""


def backtests(history: History, days_spent: int, horizon: int) -> Backtests:
    """A forecast of a month is made of the ``days_spent`` that are known and of the ``horizon`` days after them."""
    errors: list[float] = []
    misses: list[float] = []
    newest, oldest = len(history.days) - horizon, max(FEWEST_DAYS, days_spent)
    for origin in range(newest, oldest - 1, -max(1, horizon // 2))[:_TESTS] if horizon else ():
        said = float(pattern_of(history.before(origin)).at(history.days[origin : origin + horizon]).sum())
        came = float(history.costs[origin : origin + horizon].sum())
        whole = came + float(history.costs[origin - days_spent : origin].sum())
        if whole > 0:
            errors.append(abs(said - came) / whole)
        if said > 0:
            misses.append(came / said - 1)
    return Backtests(tuple(errors), tuple(misses))


def band(pattern: Pattern, to_come: Amounts, tests: Backtests) -> tuple[Amounts, Amounts]:
    """Bounds of the running sum over ``to_come``, what is expected of today and of the days after it."""
    sums = np.cumsum(to_come)
    if not len(pattern.deviations) or pattern.level <= 0:
        return sums, sums
    rng = np.random.default_rng(_SEED)
    levels = _weeks(rng, pattern.deviations, LEVEL_DAYS).mean(axis=1, keepdims=True)
    slopes = rng.normal(0.0, pattern.trend.error_usd / pattern.level, size=(_DRAWS, 1))
    drifts = slopes * (pattern.middle + np.arange(len(to_come)))
    drawn = np.cumsum((1 + levels + drifts + _weeks(rng, pattern.deviations, len(to_come))) * to_come, axis=1)
    low, high = np.quantile(drawn, [(1 - BAND) / 2, (1 + BAND) / 2], axis=0)
    wider = _wider(drawn[:, -1], tests)
    return np.clip(sums - (sums - low) * wider, 0.0, sums), np.maximum(sums + (high - sums) * wider, sums)


def _weeks(rng: np.random.Generator, deviations: Amounts, days: int) -> Amounts:
    """Draws of so many days, in weeks that follow one another as they did."""
    starts = rng.integers(len(deviations), size=(_DRAWS, -(-days // _WEEK), 1))
    places = (starts + np.arange(_WEEK)) % len(deviations)
    return np.asarray(deviations[places].reshape(_DRAWS, -1)[:, :days])


def _wider(drawn: Amounts, tests: Backtests) -> float:
    """By how much the earlier forecasts missed more than the draws say."""
    mean, own = float(drawn.mean()), float(drawn.std())
    if mean <= 0 or own == 0:
        return 1.0
    ratios = [(miss * mean / own) ** 2 for miss in tests.misses]
    return float(np.clip(np.sqrt((sum(ratios) + _OWN_WEIGHT) / (len(ratios) + _OWN_WEIGHT)), 1.0, _WIDEST))
