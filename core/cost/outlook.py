"""What this month will have cost, from what the ledger has of it and of the half year before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.cost.expecting import SHAPE_DAYS
from core.cost.forecast import Forecast, forecast
from core.cost.report import Cell, Report
from core.cost.service import Costs
from core.cost.zones import first_moment

HISTORY_DAYS = 196
"""Enough for the most back-tests that are made."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The forecast of this month in one time zone, with what it could not count."""

    zone: str
    today: date
    forecast: Forecast | None
    """None: nothing was asked in the last eight weeks, or nothing of what that cost is known."""
    recent: Report
    """The calls of the eight weeks that it is made from, by day."""

    @property
    def asked(self) -> bool:
        """Whether there were any calls."""
        return bool(self.recent.cells)

    @property
    def lower_bound(self) -> bool:
        """The month will cost more than is said, as the price of some of it is unknown."""
        return bool(self.recent.unpriced)

    def in_words(self) -> str:
        """One sentence or two."""
        if not self.asked:
            return "Nothing was asked in the last eight weeks, so there is nothing to make a forecast from."
        if self.forecast is None:
            return "What was asked has no known price, so there is no forecast."
        words = self.forecast.in_words()
        return f"{words} A lower bound: what has no known price is left out." if self.lower_bound else words


def outlook(costs: Costs, zone: ZoneInfo, now: datetime, *, sample: bool = False) -> Outlook:
    """The forecast as of ``now`` by the days of the zone; ``sample``: of sample traffic. Raises LibraryError."""
    today = now.astimezone(zone).date()
    since = first_moment(today - timedelta(days=HISTORY_DAYS), zone)
    history = costs.report(since=since, until=now, zone=zone, sample=sample)
    first = today - timedelta(days=SHAPE_DAYS)
    recent = _recent(costs, history, first, zone)
    known = bool(recent.cells) and recent.total.cost_usd is not None
    made = forecast(_daily(history.cells), today, _left(today, zone, now)) if known else None
    return Outlook(zone.key, today, made, recent)


def _recent(costs: Costs, history: Report, first: date, zone: ZoneInfo) -> Report:
    """The days from ``first`` on, with what has no price in them."""
    cells = tuple(cell for cell in history.cells if cell.day >= first)
    since = first_moment(first, zone)
    if any(cell.tally.unpriced_calls for cell in cells):
        return costs.report(since=since, until=history.until, zone=zone, sample=history.sample)
    return replace(history, since=since, cells=cells, unpriced=())


def _daily(cells: Sequence[Cell]) -> dict[date, float]:
    return {cell.day: cell.tally.known_usd for cell in cells}


def _left(today: date, zone: ZoneInfo, now: datetime) -> float:
    """The part of today that is still to come."""
    begin, end = (first_moment(day, zone) for day in (today, today + timedelta(days=1)))
    return (end - now.astimezone(UTC)) / (end - begin)
