"""The month's forecast on made-up months whose end is known: how far it is off, and how often its band holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Context, Figure, Report, Table
from core.cost.forecast import forecast

Amounts = NDArray[np.float64]
HISTORY_DAYS = 60
DAYS_OF_MONTH = (6, 15, 25)
MONTHS = 200
MONTHS_QUICK = 3
WEEK = np.array([1.2, 1.25, 1.2, 1.15, 1.0, 0.35, 0.3])
_YEAR, _NUMBERS = 2026, (4, 6, 7, 10, 11)


def _noise(rng: np.random.Generator, days: int, size: float = 0.25) -> Amounts:
    return rng.lognormal(0, size, days)


def _week(days: int) -> Amounts:
    return np.asarray(10 * np.resize(WEEK, days))


def _growing(rate: float) -> Callable[[np.random.Generator, int], Amounts]:
    return lambda rng, days: _week(days) * np.exp(rate * np.arange(days)) * _noise(rng, days)


def _lasting(rng: np.random.Generator, days: int) -> Amounts:
    swing = np.zeros(days)
    for n in range(1, days):
        swing[n] = 0.7 * swing[n - 1] + rng.normal(0, 0.25)
    return np.asarray(_week(days) * np.exp(swing))


def _drifting(rng: np.random.Generator, days: int) -> Amounts:
    return np.asarray(_week(days) * np.exp(np.cumsum(rng.normal(0, 0.05, days))) * _noise(rng, days, 0.2))


def _spiky(rng: np.random.Generator, days: int) -> Amounts:
    large = np.where(rng.random(days) < 1 / 20, 100 * _noise(rng, days, 0.5), 0)
    return np.asarray(_week(days) * _noise(rng, days) + large)


SORTS: dict[str, Callable[[np.random.Generator, int], Amounts]] = {
    "every day alike, with noise of half its size": lambda rng, days: 10 * _noise(rng, days, 0.5),
    "with weekends": _growing(0.0),
    "growing by 0.5% a day": _growing(0.005),
    "growing by 1% a day": _growing(0.01),
    "falling by 1% a day": _growing(-0.01),
    "busy days follow busy days": _lasting,
    "drifting without a direction, 5% a day": _drifting,
    "one day in twenty costs ten times as much more": _spiky,
    "two questions a day": lambda rng, days: 0.01 * rng.poisson(2, days) * _noise(rng, days, 0.3),
}


@dataclass(slots=True)
class Outcome:
    """Of one sort of traffic on one day of the month."""

    inside: list[bool] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    """Of the month's sum, as a share of it."""
    plain: list[float] = field(default_factory=list)
    """Of the plain run rate of the same days."""


def run(context: Context) -> Report:
    months = MONTHS_QUICK if context.quick else MONTHS
    found = {sort: {day: _outcome(make, day, months) for day in DAYS_OF_MONTH} for sort, make in SORTS.items()}
    every = [outcome for by_day in found.values() for outcome in by_day.values()]
    report = Report(
        "Forecast",
        f"Made-up traffic: {months} months of each sort and for each day of the month, with {HISTORY_DAYS} days of "
        "history. The error is that of the month's sum. The plain run rate is the mean of all days before today.",
    )
    report.figures = [
        Figure("months in the band, of all", 100 * fmean(x for o in every for x in o.inside), 80.0, "%", most=False),
        Figure("error by that of the plain run rate, median of the sorts and days",
               median(fmean(o.errors) / fmean(o.plain) for o in every), 1.0),
    ]  # fmt: skip
    columns = ("in the band", "error", "error of the run rate")
    header = ["traffic", *(f"{column}, day {day}" for column in columns for day in DAYS_OF_MONTH)]
    report.tables = [Table("Each sort of traffic", header, [_row(sort, by_day) for sort, by_day in found.items()])]
    return report


def _outcome(make: Callable[[np.random.Generator, int], Amounts], day_of_month: int, months: int) -> Outcome:
    rng, outcome = np.random.default_rng(day_of_month), Outcome()
    for n in range(months):
        today = date(_YEAR, _NUMBERS[n % len(_NUMBERS)], day_of_month)
        _try(make, today, rng, outcome)
    return outcome


def _try(
    make: Callable[[np.random.Generator, int], Amounts], today: date, rng: np.random.Generator, outcome: Outcome
) -> None:
    first = today - timedelta(days=HISTORY_DAYS)
    ends = (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    costs = make(rng, (ends - first).days + 1)
    days = [first + timedelta(days=n) for n in range(len(costs))]
    made = forecast({day: float(usd) for day, usd in zip(days, costs, strict=True) if day <= today}, today)
    assert made is not None
    assert made.low_usd is not None
    assert made.high_usd is not None
    came = float(costs[HISTORY_DAYS + 1 :].sum()) + made.spent_usd
    plain = made.spent_usd + float(costs[:HISTORY_DAYS].mean()) * (ends - today).days
    outcome.inside.append(made.low_usd <= came <= made.high_usd)
    outcome.errors.append(abs(made.expected_usd - came) / came)
    outcome.plain.append(abs(plain - came) / came)


def _row(sort: str, by_day: dict[int, Outcome]) -> list[str]:
    outcomes = by_day.values()
    return [
        sort,
        *(f"{fmean(o.inside):.0%}" for o in outcomes),
        *(f"{fmean(o.errors):.1%}" for o in outcomes),
        *(f"{fmean(o.plain):.1%}" for o in outcomes),
    ]
