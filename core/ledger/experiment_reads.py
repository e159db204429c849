"""What can be read of experiments and their runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Text, bindparam, func, select, true, type_coerce

from core.errors import NotFound
from core.ledger.database import Database
from core.ledger.experiment_rows import RunResult, Spending, experiment_of, result_of, run_of
from core.ledger.schema import experiments, runs, spans, traces
from core.models import LEFT_OUT, Experiment, ExperimentState, Run, RunState

Runs = list[Run]
Experiments = list[Experiment]
Ids = list[str]

PENDING = str(RunState.PENDING)

_KEYS_AT_ONCE = 500
_LIGHT = tuple(column for column in experiments.c if column.name != "spec")
_CACHED = (
    select(runs)
    .where(
        runs.c.content_key.in_(bindparam("keys", expanding=True)),
        runs.c.state == str(RunState.DONE),
        runs.c.repeat == 0,
        ~runs.c.cached,
        runs.c.output != "",
    )
    .order_by(runs.c.finished_at)
)
_REAL = runs.c.experiment_id.not_in(select(experiments.c.experiment_id).where(experiments.c.sample))
_SPENDING = select(func.coalesce(func.sum(traces.c.cost_usd), 0.0), func.count() - func.count(traces.c.cost_usd)).where(
    traces.c.conversation_id == bindparam("experiment_id")
)
_VERSIONS = (
    select(traces.c.library_version)
    .where(traces.c.trace_id.in_(bindparam("trace_ids", expanding=True)), traces.c.library_version.is_not(None))
    .distinct()
)
_STATE = select(experiments.c.state).where(experiments.c.experiment_id == bindparam("experiment_id")).with_for_update()


_UNTEMPERED = (
    select(runs.c.model, spans.c.attributes)
    .join(spans, spans.c.trace_id == runs.c.trace_id)
    .where(
        runs.c.experiment_id == bindparam("experiment_id"),
        type_coerce(spans.c.attributes, Text).contains(f'"{LEFT_OUT}":"', autoescape=True),
    )
    .distinct()
)


class ExperimentReads:
    """The reading half of ExperimentStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, experiment_id: str) -> Experiment:
        """Raises NotFound."""
        query = select(experiments).where(experiments.c.experiment_id == experiment_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise no_experiment(experiment_id)
        return experiment_of(row, row.spec)

    def head(self, experiment_id: str) -> Experiment:
        """Without its spec, which may be long. Raises NotFound."""
        query = select(*_LIGHT).where(experiments.c.experiment_id == experiment_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise no_experiment(experiment_id)
        return experiment_of(row, {})

    def list(self, *, limit: int = 100, offset: int = 0, name: str | None = None) -> Experiments:
        """Newest first, each without its spec, which may be long."""
        query = select(*_LIGHT).where(true() if name is None else experiments.c.name == name)
        query = query.order_by(experiments.c.created_at.desc(), experiments.c.experiment_id)
        with self._database.read() as connection:
            return [experiment_of(row, {}) for row in connection.execute(query.limit(limit).offset(offset))]

    def running(self) -> Ids:
        """Experiments that are at work or were when their process died, oldest first; claim() tells which."""
        query = select(experiments.c.experiment_id).where(experiments.c.state == str(ExperimentState.RUNNING))
        with self._database.read() as connection:
            return [*connection.execute(query.order_by(experiments.c.created_at)).scalars()]

    def take(self, experiment_id: str, limit: int | None = None, *, after: int = -1) -> Runs:
        """Its pending runs in order, those behind position ``after``."""
        query = _runs_of(experiment_id).where(runs.c.state == PENDING, runs.c.position > after)
        return self._runs(query.order_by(runs.c.position).limit(limit))

    def runs(self, experiment_id: str) -> Runs:
        """All of them, in order."""
        return self._runs(_runs_of(experiment_id).order_by(runs.c.position))

    def latest(self, experiment_id: str, limit: int = 50) -> Runs:
        """The runs that ended last, newest first."""
        ended = _runs_of(experiment_id).where(runs.c.state != PENDING)
        return self._runs(ended.order_by(runs.c.finished_at.desc(), runs.c.position.desc()).limit(limit))

    def counts(self, experiment_id: str) -> dict[RunState, int]:
        """How many runs are in each state; every state is there."""
        query = select(runs.c.state, func.count()).where(runs.c.experiment_id == experiment_id)
        with self._database.read() as connection:
            found = {state: count for state, count in connection.execute(query.group_by(runs.c.state))}  # noqa: C416
        return {state: found.get(str(state), 0) for state in RunState}

    def cached_count(self, experiment_id: str) -> int:
        """How many of its runs were served from earlier ones."""
        query = select(func.count()).where(runs.c.experiment_id == experiment_id, runs.c.cached)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def untempered(self, experiment_id: str) -> frozenset[str]:
        """Its models that a temperature was chosen for and whose server takes none."""
        with self._database.read() as connection:
            found = connection.execute(_UNTEMPERED, {"experiment_id": experiment_id}).all()
        return frozenset(
            model for model, attributes in found if "temperature" in str(attributes.get(LEFT_OUT, "")).split()
        )

    def find_cached(self, content_keys: Sequence[str]) -> dict[str, RunResult]:
        """Content key -> the latest run with that content that was called for, was no repeat and is not empty."""
        found: dict[str, RunResult] = {}
        unique = list(dict.fromkeys(content_keys))
        with self._database.read() as connection:
            for start in range(0, len(unique), _KEYS_AT_ONCE):
                keys = unique[start : start + _KEYS_AT_ONCE]
                found |= {row.content_key: result_of(row) for row in connection.execute(_CACHED, {"keys": keys})}
        return found

    def spending(self, experiment_id: str) -> Spending:
        """From the traces, exactly."""
        with self._database.read() as connection:
            known, unknown = connection.execute(_SPENDING, {"experiment_id": experiment_id}).one()
        return Spending(float(known), int(unknown))

    def mean_completion_tokens(self, models: Sequence[str]) -> dict[str, float]:
        """Model -> mean tokens of an answer over its runs so far, made-up ones left out; only of models with runs."""
        query = select(runs.c.model, func.avg(runs.c.completion_tokens)).where(
            runs.c.model.in_(models), runs.c.completion_tokens.is_not(None), ~runs.c.cached, _REAL
        )
        with self._database.read() as connection:
            return {model: float(mean) for model, mean in connection.execute(query.group_by(runs.c.model))}

    def models(self, limit: int = 50) -> Ids:
        """Names of the models that runs were made with, made-up ones left out, those of the most runs first."""
        query = (
            select(runs.c.model)
            .where(_REAL)
            .group_by(runs.c.model)
            .order_by(func.count().desc(), runs.c.model)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [*connection.execute(query).scalars()]

    def _runs(self, query: Select[Any]) -> Runs:
        with self._database.read() as connection:
            return [run_of(row) for row in connection.execute(query)]


def state_of(connection: Connection, experiment_id: str) -> ExperimentState:
    """Its state, locked to the end of the transaction. Raises NotFound."""
    state = connection.execute(_STATE, {"experiment_id": experiment_id}).scalar_one_or_none()
    if state is None:
        raise no_experiment(experiment_id)
    return ExperimentState(state)


def library_versions(connection: Connection, trace_ids: Iterable[str]) -> list[str]:
    """Versions of the library that the passages of these traces came from, in order; unknown traces have none."""
    found: set[str] = set()
    ids = list(dict.fromkeys(trace_ids))
    for start in range(0, len(ids), _KEYS_AT_ONCE):
        found |= {*connection.execute(_VERSIONS, {"trace_ids": ids[start : start + _KEYS_AT_ONCE]}).scalars()}
    return sorted(found)


def no_experiment(experiment_id: str) -> NotFound:
    return NotFound(f"There is no experiment {experiment_id}", subject=experiment_id)


def _runs_of(experiment_id: str) -> Select[Any]:
    return select(runs).where(runs.c.experiment_id == experiment_id)
