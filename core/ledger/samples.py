"""Sample traffic in the ledger: it comes in, and goes out, in one transaction each, and never touches anything else.

What belongs to it: traces whose kind begins with ``sample``, experiments and drift reports that say so, and the
test set whose id does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, insert, or_, select

from core.ledger import drift
from core.ledger.database import Database
from core.ledger.experiment_rows import RunResult, ended_values, run_values
from core.ledger.outbox_rows import SAMPLE, SAMPLE_END, is_sample
from core.ledger.rollups import rolled, take_turn
from core.ledger.schema import (
    dataset_uses,
    drift_reports,
    experiments,
    feedback,
    rollups,
    runs,
    test_cases,
    test_sets,
    traces,
)
from core.ledger.test_sets import case_values
from core.ledger.trace_rows import thumb_values
from core.ledger.traces import TraceStore
from core.models import DriftReport, Experiment, TestCase, Trace

_AT_ONCE = 500
_SET_ID = f"{SAMPLE}-set"


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """All of a sample, ready to be written."""

    traces: Sequence[Trace]
    """With their thumbs."""
    set_name: str
    cases: Sequence[TestCase]
    experiment: Experiment
    results: Sequence[RunResult]
    """Its runs, with their traces."""
    reports: Sequence[DriftReport]


@dataclass(frozen=True, slots=True)
class SampleState:
    """How much of the ledger is sample traffic."""

    traces: int = 0
    experiments: int = 0
    drift_reports: int = 0
    test_sets: int = 0
    only: bool = False
    """There is sample traffic, and nobody asked anything real yet."""

    def __bool__(self) -> bool:
        return bool(self.traces or self.experiments or self.drift_reports or self.test_sets)


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out."""

    state: SampleState
    report_ids: Sequence[str]
    """Of the drift reports, which have files."""


class SampleStore:
    """Methods may be called from any thread and process; all raise LibraryError."""

    def __init__(self, database: Database, trace_store: TraceStore) -> None:
        self._database = database
        self._traces = trace_store

    def state(self) -> SampleState:
        """A few milliseconds, however much real traffic there is."""
        with self._database.read() as connection:
            return _state(connection)

    def no_traffic(self) -> bool:
        """Whether there is no trace at all, neither real nor of a sample."""
        with self._database.read() as connection:
            return not connection.execute(select(exists().select_from(traces))).scalar_one()

    def replace(self, batch: SampleBatch, tell: Callable[[float], None] = lambda _share: None) -> Removed:
        """Writes a sample in the place of the one before: all of it, or nothing where anything fails.

        ``tell`` hears which share of the traces is written; where it raises, nothing was.
        """
        with self._database.write() as connection:
            removed = _remove(connection)
            self._add(connection, batch, tell)
        return removed

    def remove(self) -> Removed:
        """Takes out all of it and nothing else."""
        with self._database.write() as connection:
            return _remove(connection)

    def _add(self, connection: Connection, batch: SampleBatch, tell: Callable[[float], None]) -> None:
        made = [*batch.traces, *(trace for result in batch.results for trace in result.traces)]
        for first in range(0, len(made), _AT_ONCE):
            tell(first / len(made))
            self._add_traces(connection, made[first : first + _AT_ONCE])
        _add_test_set(connection, batch)
        _add_experiment(connection, batch)
        reports = [drift.values_of(report) | {"state": drift.FINISHED, "owner": ""} for report in batch.reports]
        if reports:
            connection.execute(insert(drift_reports), reports)

    def _add_traces(self, connection: Connection, made: Sequence[Trace]) -> None:
        self._traces.write(connection, made, mirror=False)
        thumbs = [trace.feedback for trace in made if trace.feedback is not None]
        if thumbs:
            with rolled(connection, [thumb.trace_id for thumb in thumbs]):
                connection.execute(insert(feedback), [thumb_values(thumb, thumb.updated_at) for thumb in thumbs])


def _state(connection: Connection) -> SampleState:
    made = {
        "traces": select(func.count()).where(is_sample(traces.c.kind)),
        "experiments": select(func.count()).where(experiments.c.sample),
        "drift_reports": select(func.count()).where(drift_reports.c.sample),
        "test_sets": select(func.count()).where(test_sets.c.set_id == _SET_ID),
    }
    counts = {name: int(connection.execute(query).scalar_one()) for name, query in made.items()}
    real = or_(exists().where(traces.c.kind < SAMPLE), exists().where(traces.c.kind >= SAMPLE_END))
    only = counts["traces"] > 0 and not connection.execute(select(real)).scalar_one()
    return SampleState(**counts, only=only)


def _remove(connection: Connection) -> Removed:
    take_turn(connection)  # so two that write a sample at once do so one after the other
    state = _state(connection)
    report_ids = [*connection.execute(select(drift_reports.c.report_id).where(drift_reports.c.sample)).scalars()]
    of_sample = select(experiments.c.experiment_id).where(experiments.c.sample)
    used_by = or_(dataset_uses.c.id.in_(of_sample), dataset_uses.c.id.in_(report_ids))
    connection.execute(delete(dataset_uses).where(used_by))
    connection.execute(delete(experiments).where(experiments.c.sample))
    connection.execute(delete(drift_reports).where(drift_reports.c.sample))
    connection.execute(delete(test_sets).where(test_sets.c.set_id == _SET_ID))
    connection.execute(delete(traces).where(is_sample(traces.c.kind)))
    connection.execute(delete(rollups).where(rollups.c.sample))
    return Removed(state, report_ids)


def _add_test_set(connection: Connection, batch: SampleBatch) -> None:
    taken = set(connection.execute(select(test_sets.c.name)).scalars())
    names = (batch.set_name, *(f"{batch.set_name} {n}" for n in range(2, len(taken) + 3)))
    name = next(name for name in names if name not in taken)
    at = batch.experiment.created_at
    row = {"set_id": _SET_ID, "name": name, "description": "Sample, not yours.", "created_at": at, "updated_at": at}
    connection.execute(insert(test_sets), row)
    connection.execute(
        insert(test_cases), [case_values(_SET_ID, position, case) for position, case in enumerate(batch.cases)]
    )


def _add_experiment(connection: Connection, batch: SampleBatch) -> None:
    made = batch.experiment
    names = ("experiment_id", "name", "total", "created_at", "finished_at", "max_cost_usd", "spent_usd", "error")
    row = {name: getattr(made, name) for name in names}
    row |= {"state": str(made.state), "owner": "", "spec": dict(made.spec), "sample": True}
    connection.execute(insert(experiments), row)
    ended_at = made.finished_at or made.created_at
    rows = [
        run_values(made.experiment_id, result.run) | ended_values(made.experiment_id, result, ended_at)
        for result in batch.results
    ]
    for each in rows:
        del each["of_experiment"], each["at_position"]
    connection.execute(insert(runs), rows)
