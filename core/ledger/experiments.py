"""Experiments of the Prompt Lab and their runs. Runs and the traces of their calls are one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from core.ledger.columns import Number
from core.ledger.database import Database
from core.ledger.experiment_reads import PENDING, ExperimentReads, library_versions, no_experiment, state_of
from core.ledger.experiment_rows import RunResult, ended_values, run_values
from core.ledger.outbox_rows import enqueue
from core.ledger.processes import Processes
from core.ledger.rollups import take_turn
from core.ledger.schema import dataset_uses, experiments, runs
from core.ledger.statements import add
from core.ledger.traces import TraceStore
from core.models import ExperimentState, Run, RunState, Trace
from core.ports import Clock

KIND = "experiment"
"""Of its row in the outbox, and of what it used."""
_RUNNING = str(ExperimentState.RUNNING)

_ADD_RUNS = insert(runs)
_END_RUN = update(runs).where(
    runs.c.experiment_id == bindparam("of_experiment"), runs.c.position == bindparam("at_position")
)
_SPEND = (
    update(experiments)
    .where(experiments.c.experiment_id == bindparam("of_experiment"))
    .values(spent_usd=experiments.c.spent_usd + bindparam("costs", type_=Number))
)
"""Anything and NULL is NULL: once a cost is unknown, the sum is and stays so."""


class ExperimentStore(ExperimentReads):
    """Experiments belong to one process; when that died, exactly one other can claim one.

    Methods may be called from any thread; all raise LibraryError, and NotFound for an unknown experiment.
    """

    def __init__(self, database: Database, processes: Processes, trace_store: TraceStore, clock: Clock) -> None:
        super().__init__(database)
        self._processes = processes
        self._traces = trace_store
        self._clock = clock

    def create(
        self, spec: Mapping[str, Any], cells: Sequence[Run], *, from_traces: Iterable[str] = (), sample: bool = False
    ) -> str:
        """Writes an experiment of this process down with its pending runs and returns its id.

        ``spec`` is JSON with all that a resumption needs, ``name`` and ``max_cost_usd`` among it; ``from_traces``:
        ids of the traces that its cases came from, whose versions of the library it notes as used.
        """
        experiment_id = uuid.uuid4().hex
        row = {"experiment_id": experiment_id, "name": spec["name"], "state": _RUNNING, "spec": dict(spec)}
        row |= {"owner": self._processes.register(), "total": len(cells), "created_at": self._clock()}
        row |= {"max_cost_usd": spec.get("max_cost_usd"), "spent_usd": 0.0, "sample": sample}
        with self._database.write() as connection:
            connection.execute(insert(experiments).values(row))
            if cells:
                connection.execute(_ADD_RUNS, [run_values(experiment_id, cell) for cell in cells])
            used = {"kind": KIND, "id": experiment_id, "used_at": row["created_at"]}
            add(connection, dataset_uses, [{**used, "version": v} for v in library_versions(connection, from_traces)])
        return experiment_id

    def finish(self, experiment_id: str, results: Sequence[RunResult], *, mirror: bool) -> ExperimentState:
        """Writes runs that ended with their traces, all or nothing, and adds up what they cost.

        Returns the experiment's state: no longer ``running`` where somebody stopped it meanwhile.
        """
        now = self._clock()
        rows = [ended_values(experiment_id, result, now) for result in results]
        made = [trace for result in results for trace in result.traces]
        with self._database.write() as connection:
            take_turn(connection)  # before the experiment's row is locked, or two writers wait for each other
            state = state_of(connection, experiment_id)
            if rows:
                connection.execute(_END_RUN, rows)
            if made:
                self._traces.write(connection, made, mirror=mirror)
                connection.execute(_SPEND, {"of_experiment": experiment_id, "costs": _total(made)})
        return state

    def end(
        self,
        experiment_id: str,
        state: ExperimentState,
        *,
        error: str | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> None:
        """Ends a running experiment as finished, stopped, capped or failed. One that has ended stays as it is.

        ``document``: what a mirror is told of it, in the same transaction.
        """
        now = self._clock()
        with self._database.write() as connection:
            if state_of(connection, experiment_id) is ExperimentState.RUNNING:
                _set(connection, experiment_id, state=str(state), finished_at=now, error=error)
            if document is not None:
                enqueue(connection, KIND, [experiment_id], now, documents={experiment_id: document})

    def stop(self, experiment_id: str) -> None:
        """Stops it, whichever process works on it: that one sees it when it writes its next run down."""
        self.end(experiment_id, ExperimentState.STOPPED)

    def claim(self, experiment_id: str) -> bool:
        """Takes over a running experiment whose process is dead. Of several processes that try, one gets True."""
        me = self._processes.register()
        with self._database.write() as connection:
            if state_of(connection, experiment_id) is not ExperimentState.RUNNING:
                return False
            owner = _owner(connection, experiment_id)
            if owner not in self._processes.dead(connection, {owner}):
                return False
            _set(connection, experiment_id, owner=me)
        return True

    def reopen(self, experiment_id: str, *, max_cost_usd: float | None = None, failed_too: bool = False) -> bool:
        """Makes an ended experiment run again, as this process's; False where it runs already.

        ``max_cost_usd`` replaces its cap where it is given; ``failed_too`` makes its failed runs pending again.
        """
        values: dict[str, Any] = {"owner": self._processes.register(), "state": _RUNNING}
        values |= {"finished_at": None, "error": None}
        values |= {} if max_cost_usd is None else {"max_cost_usd": max_cost_usd}
        with self._database.write() as connection:
            if state_of(connection, experiment_id) is ExperimentState.RUNNING:
                return False
            _set(connection, experiment_id, **values)
            if failed_too:
                failed = (runs.c.experiment_id == experiment_id) & (runs.c.state == str(RunState.FAILED))
                connection.execute(update(runs).where(failed).values(state=PENDING, error=None, finished_at=None))
        return True

    def is_mine(self, experiment_id: str) -> bool:
        """Whether it belongs to this process."""
        with self._database.read() as connection:
            return _owner(connection, experiment_id) == self._processes.owner

    def remove(self, experiment_id: str) -> None:
        """Forgets it and its runs; their traces stay, as they tell what was spent."""
        with self._database.write() as connection:
            gone = delete(experiments).where(experiments.c.experiment_id == experiment_id)
            if not connection.execute(gone).rowcount:
                raise no_experiment(experiment_id)
            used = (dataset_uses.c.kind == KIND) & (dataset_uses.c.id == experiment_id)
            connection.execute(delete(dataset_uses).where(used))


def _owner(connection: Connection, experiment_id: str) -> str:
    query = select(experiments.c.owner).where(experiments.c.experiment_id == experiment_id)
    owner: str | None = connection.execute(query).scalar_one_or_none()
    if owner is None:
        raise no_experiment(experiment_id)
    return owner


def _set(connection: Connection, experiment_id: str, **values: Any) -> None:
    connection.execute(update(experiments).where(experiments.c.experiment_id == experiment_id).values(values))


def _total(made: Sequence[Trace]) -> float | None:
    """None where a cost is unknown."""
    costs = [trace.answer.cost_usd for trace in made]
    return None if None in costs else sum(cost for cost in costs if cost is not None)
