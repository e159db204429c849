"""Costs: what pages and commands ask about money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.cost.report import By, Cell, Comparison, Report, Row, cells_of, unpriced_rows
from core.cost.zones import EARLIEST, LATEST, stretches
from core.errors import InputError
from core.ledger import ComparisonStore, Difference, DifferenceExample, Proof, Source, SpendingStore, StretchTally

_UTC = ZoneInfo("UTC")
_SHORT = timedelta(days=400)
MOST_NAMED = 5
"""Names that have a sum for each day: a chart has no more colours, and there may be thousands of people."""


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
        sample: bool = False,
        whole: bool = False,
    ) -> Report:
        """The sums of what began in [since, until), None being open, by the days of the zone.

        Of many names only the ``MOST_NAMED`` that cost most have cells of their own; with ``whole`` all have. Without
        ``sample`` of real traffic, with it of sample traffic. Raises InputError where the period ends before it begins.
        """
        begin, end = _period(since, until)
        days = self._days(source, begin, end, sample=sample)
        parts = list(stretches(days, begin, end, zone))
        times = [(first, last) for _, first, last in parts]
        report = Report(source, by, zone.key, since, until, (), (), sample=sample)
        if by is By.DAY:
            found = self._spending.tallies(source, times, sample=sample)
            report = replace(report, cells=_cells(parts, found))
        else:
            most = None if whole else MOST_NAMED
            sums = self._spending.breakdown(source, times, str(by), most=most, sample=sample)
            names = tuple(Row(one.key, one.tally) for one in sums.names)
            report = replace(report, cells=_cells(parts, sums.cells), names=names, others=_cells(parts, sums.others))
        return replace(report, unpriced=self._unpriced(report, begin, end))

    def whole(self, report: Report) -> Report:
        """The report as it is now, with cells for every name, however many there are."""
        return self.report(
            since=report.since, until=report.until, by=report.by, zone=ZoneInfo(report.zone), source=report.source,
            sample=report.sample, whole=True,
        )  # fmt: skip

    def _days(self, source: Source, begin: datetime, end: datetime, *, sample: bool) -> list[date]:
        """The days of UTC to look at: all of a short period, in a long one those on which something began."""
        first, length = begin.astimezone(UTC).date(), end - begin
        if length > _SHORT:
            return self._spending.days(source, begin, end, sample=sample)
        return [first + timedelta(days=n) for n in range(length.days + 2)]

    def _unpriced(self, report: Report, begin: datetime, end: datetime) -> tuple[Row, ...]:
        if report.by is By.MODEL:
            return unpriced_rows((row.key, row.tally) for row in report.names)
        if not report.total.unpriced_calls:
            return ()
        found = self._spending.unpriced(report.source, begin, end, sample=report.sample)
        return unpriced_rows((one.key, one.tally) for one in found)

    def verify(self) -> Proof:
        """Holds every sum that reports are made of against the traces.

        About a minute for 200,000 traces with many people.
        """
        return self._spending.verify()

    def repair(self, proof: Proof) -> None:
        """Makes the sums anew that the proof found different, by the traces."""
        self._spending.repair(proof)

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


def _cells(parts: Sequence[tuple[date, datetime, datetime]], found: Iterable[StretchTally]) -> tuple[Cell, ...]:
    return cells_of((parts[one.stretch][0], one.key, one.tally) for one in found)


def _period(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    begin, end = max(since or EARLIEST, EARLIEST), min(until or LATEST, LATEST)
    if begin >= end:
        raise InputError("The period ends before it begins", subject="until", hint="Choose a later end.")
    return begin, end
