"""Drift reports: begun, finished or failed, and what columns scored in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from core.errors import NotFound
from core.ledger.codec import Document
from core.ledger.database import Database
from core.ledger.processes import Processes
from core.ledger.schema import drift_reports
from core.models import DriftColumn, DriftReport, DriftVerdict
from core.ports import Clock

Reports = list[DriftReport]
Columns = list[tuple[DriftReport, DriftColumn]]

RUNNING, FINISHED, FAILED = "running", "finished", "failed"
ENDED = "The process ended before the report was done. Run it again."

_COLUMN = Document(DriftColumn)
_LIGHT = tuple(column for column in drift_reports.c if column.name != "details")
_NEWEST = (drift_reports.c.created_at.desc(), drift_reports.c.report_id)


class DriftStore:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, processes: Processes, clock: Clock) -> None:
        self._database = database
        self._processes = processes
        self._clock = clock

    # ------------------------------------------------------------------------------------------------------ writing

    def begin(self, report: DriftReport) -> None:
        """Writes a running report of this process down, before its work starts."""
        row = values_of(report) | {"state": RUNNING, "owner": self._processes.register()}
        with self._database.write() as connection:
            connection.execute(insert(drift_reports), row)

    def finish(self, report: DriftReport) -> bool:
        """Writes a running report's outcome; False where it runs no more, as somebody called it failed meanwhile."""
        row = values_of(report) | {"state": FINISHED, "finished_at": self._clock(), "error": None}
        with self._database.write() as connection:
            return _change(connection, report.report_id, row)

    def fail(self, report_id: str, error: str) -> bool:
        """Ends a running report with the reason; False where it has ended already."""
        row = {"state": FAILED, "finished_at": self._clock(), "error": error}
        with self._database.write() as connection:
            return _change(connection, report_id, row)

    def fail_dead(self) -> int:
        """Ends the running reports of dead processes; returns how many."""
        running = select(drift_reports.c.report_id, drift_reports.c.owner).where(drift_reports.c.state == RUNNING)
        with self._database.read() as connection:
            found = connection.execute(running).all()
        if all(row.owner == self._processes.owner for row in found):
            return 0
        with self._database.write() as connection:
            dead = self._processes.dead(connection, {row.owner for row in found})
            row = {"state": FAILED, "finished_at": self._clock(), "error": ENDED}
            return sum(_change(connection, lost.report_id, row) for lost in found if lost.owner in dead)

    def incident(self, report_id: str) -> str:
        """The incident that a report of drift belongs to: the one before it in a row, of the same windows, or its own.

        Windows are the same where they are written the same. A report without enough data ends no incident. Raises
        NotFound.
        """
        report = self.get(report_id)
        c = drift_reports.c
        before = select(c.verdict, c.incident_id, c.report_id).where(
            c.reference == report.reference,
            c.current == report.current,
            c.created_at < report.created_at,
            c.sample == report.sample,
            c.verdict.in_([str(DriftVerdict.DRIFT), str(DriftVerdict.NO_DRIFT)]),
            c.incident_id.is_not(None) | (c.verdict == str(DriftVerdict.NO_DRIFT)),
        )
        with self._database.write() as connection:
            last = connection.execute(before.order_by(c.created_at.desc()).limit(1)).one_or_none()
            found = str(last.incident_id) if last is not None and last.incident_id else report_id
            this = update(drift_reports).where(c.report_id == report_id)
            connection.execute(this.values(incident_id=found))
        return found

    # ------------------------------------------------------------------------------------------------------ reading

    def get(self, report_id: str) -> DriftReport:
        """Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(drift_reports).where(drift_reports.c.report_id == report_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no drift report {report_id}", subject=report_id)
        return _report_of(row, row.details)

    def list(self, limit: int = 50, *, state: str | None = None, sample: bool | None = None) -> Reports:
        """Newest first, each without its details. ``sample``: only those of sample traffic, or only others."""
        query = select(*_LIGHT).order_by(*_NEWEST).limit(limit)
        if state is not None:
            query = query.where(drift_reports.c.state == state)
        if sample is not None:
            query = query.where(drift_reports.c.sample == sample)
        with self._database.read() as connection:
            return [_report_of(row, {}) for row in connection.execute(query)]

    def history(self, column: str, limit: int = 50, *, sample: bool | None = None) -> Columns:
        """The column in the last finished reports, oldest first; reports that do not have it are left out.

        ``sample`` as for ``list``.
        """
        found = reversed(self.list(limit, state=FINISHED, sample=sample))
        return [(report, item) for report in found for item in report.columns if item.column == column]


def _change(connection: Connection, report_id: str, row: Mapping[str, Any]) -> bool:
    running = (drift_reports.c.report_id == report_id) & (drift_reports.c.state == RUNNING)
    return bool(connection.execute(update(drift_reports).where(running).values(dict(row))).rowcount)


def values_of(report: DriftReport) -> dict[str, Any]:
    """Its row, but for state and owner."""
    return {
        "report_id": report.report_id,
        "created_at": report.created_at,
        "finished_at": report.finished_at,
        "origin": report.origin,
        "reference": report.reference,
        "current": report.current,
        "n_reference": report.n_reference,
        "n_current": report.n_current,
        "verdict": None if report.verdict is None else str(report.verdict),
        "sentence": report.sentence,
        "columns": [_COLUMN.dump(column) for column in report.columns],
        "left_out": [list(pair) for pair in report.left_out],
        "details": dict(report.details),
        "error": report.error,
        "sample": report.sample,
    }


def _report_of(row: Row[Any], details: Mapping[str, Any] | None) -> DriftReport:
    return DriftReport(
        report_id=row.report_id,
        created_at=row.created_at,
        finished_at=row.finished_at,
        state=row.state,
        origin=row.origin,
        reference=row.reference,
        current=row.current,
        n_reference=row.n_reference,
        n_current=row.n_current,
        verdict=None if row.verdict is None else DriftVerdict(row.verdict),
        sentence=row.sentence,
        columns=tuple(_COLUMN.load(column) for column in row.columns or ()),
        left_out=tuple((column, reason) for column, reason in row.left_out or ()),
        details=details or {},
        error=row.error,
        sample=row.sample,
    )
