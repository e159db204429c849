"""Costs: what pages and commands ask about money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.cost.report import By, Cell, Comparison, Report, Row, cells_of, unpriced_rows
from core.cost.zones import EARLIEST, LATEST, stretches
from core.errors import InputError
from core.ledger import ComparisonStore, Difference, DifferenceExample, Source, SpendingStore

_UTC = ZoneInfo("UTC")
_SHORT = timedelta(days=400)


class Costs:
    """Reports over the ledger and over what was read back from the mirror. For all threads; raises LibraryError."""

    def __init__(self, spending: SpendingStore, comparison: ComparisonStore) -> None:
        self._spending = spending
        self._comparison = comparison

    def report(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: By = By.DAY,
        zone: ZoneInfo = _UTC,
        source: Source = Source.LEDGER,
    ) -> Report:
        """The sums of what began in [since, until), None being open, by the days of the zone.

        Raises InputError where the period ends before it begins.
        """
        begin, end = _period(since, until)
        days = self._days(source, begin, end)
        parts = list(stretches(days, begin, end, zone))
        column = None if by is By.DAY else str(by)
        found = self._spending.tallies(source, [(first, last) for _, first, last in parts], column)
        cells = cells_of((parts[one.stretch][0], one.key, one.tally) for one in found)
        unpriced = self._unpriced(cells, by, source, begin, end)
        return Report(source, by, zone.key, since, until, cells, unpriced)

    def _days(self, source: Source, begin: datetime, end: datetime) -> list[date]:
        """The days of UTC to look at: all of a short period, in a long one those on which something began."""
        first, length = begin.astimezone(UTC).date(), end - begin
        if length > _SHORT:
            return self._spending.days(source, begin, end)
        return [first + timedelta(days=n) for n in range(length.days + 2)]

    def _unpriced(
        self, cells: Sequence[Cell], by: By, source: Source, begin: datetime, end: datetime
    ) -> tuple[Row, ...]:
        if not any(cell.tally.unpriced_calls for cell in cells):
            return ()
        if by is By.MODEL:
            return unpriced_rows((cell.name, cell.tally) for cell in cells)
        found = self._spending.unpriced(source, begin, end)
        return unpriced_rows((one.key, one.tally) for one in found)

    def compare(self, *, since: datetime | None = None, until: datetime | None = None) -> Comparison:
        """The ledger beside what was read back from the mirror. Raises InputError likewise."""
        begin, end = _period(since, until)
        return Comparison(since, until, tuple(self._comparison.differences(begin, end)))

    def examples(
        self, kind: Difference, *, since: datetime | None = None, until: datetime | None = None, limit: int = 5
    ) -> list[DifferenceExample]:
        """The newest of one kind of difference. Raises InputError likewise."""
        begin, end = _period(since, until)
        return self._comparison.examples(kind, begin, end, limit)


def _period(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    begin, end = max(since or EARLIEST, EARLIEST), min(until or LATEST, LATEST)
    if begin >= end:
        raise InputError("The period ends before it begins", subject="until", hint="Choose a later end.")
    return begin, end
