"""Gives traces and runs the costs that prices say: those that have none, or all of them.

In chunks of their own, each a transaction in which the rollups, the sums of experiments and the outbox follow. Killed
on the way, the rest is found by doing it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, or_, select, true, tuple_, update

from core.ledger.columns import AnyText, Number
from core.ledger.database import Database
from core.ledger.outbox_rows import SAMPLE, TRACE, enqueue
from core.ledger.price_values import CostOf, PriceChange, PriceScope, Unpriced
from core.ledger.rollups import rolled
from core.ledger.schema import experiments, runs, traces
from core.models import AnswerStatus, Usage
from core.ports import Clock

PORTION = 1000
"""Traces a transaction: an answer that is being finished waits a fraction of a second for it."""

_SAME = 1e-9
"""Costs that differ by less, relatively, are the same."""
_READ = (
    *(traces.c[name] for name in ("trace_id", "started_at", "kind", "model", "server", "conversation_id", "cost_usd")),
    *(traces.c[name] for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")),
)
_ID = bindparam("key", type_=AnyText)
_SET_TRACE = update(traces).where(traces.c.trace_id == _ID).values(cost_usd=bindparam("usd", type_=Number))
_SET_RUN = (
    update(runs)
    .where(runs.c.experiment_id == bindparam("of_experiment"), runs.c.position == bindparam("at_position"))
    .values(cost_usd=bindparam("usd", type_=Number))
)
_ASKED = select(runs.c.trace_id, runs.c.experiment_id, runs.c.position, runs.c.model, runs.c.cost_usd)
_SPENT = (
    select(case((func.count() == func.count(traces.c.cost_usd), func.coalesce(func.sum(traces.c.cost_usd), 0.0))))
    .where(traces.c.conversation_id == experiments.c.experiment_id)
    .scalar_subquery()
)
_SET_SPENT = (
    update(experiments)
    .where(experiments.c.experiment_id.in_(bindparam("talks", expanding=True)))
    .values(spent_usd=_SPENT)
)


@dataclass(slots=True)
class _Portion:
    """Some traces that get another cost."""

    costs: dict[str, float | None] = field(default_factory=dict)
    """Trace -> its new cost."""
    runs: list[dict[str, Any]] = field(default_factory=list)
    talks: set[str] = field(default_factory=set)
    """Experiments are among them."""
    change: PriceChange = PriceChange()  # noqa: RUF009  frozen


class PriceFilling:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def look(self, scope: PriceScope | None, cost_of: CostOf, *, priced: bool) -> PriceChange:
        """What ``fill`` would do now."""
        with self._database.read() as connection:
            return _portion(connection, None, scope, cost_of, priced=priced).change

    def reach(self, scope: PriceScope | None, *, priced: bool) -> int:
        """Traces that ``fill`` would look at, the most that can change: a count, far quicker than ``look``."""
        with self._database.read() as connection:
            query = select(func.count()).select_from(traces).where(*_conditions(scope, priced=priced))
            return int(connection.execute(query).scalar_one())

    def unpriced(self) -> list[Unpriced]:
        """What a price could be filled in for, by model and server, most tokens first."""
        tokens = func.sum(traces.c.prompt_tokens + func.coalesce(traces.c.completion_tokens, 0))
        columns = (traces.c.model, traces.c.server, func.count(), tokens, func.min(traces.c.started_at))
        query = select(*columns).where(*_conditions(None, priced=False)).group_by(traces.c.model, traces.c.server)
        with self._database.read() as connection:
            found = [Unpriced(m, s, n, int(total), first) for m, s, n, total, first in connection.execute(query)]
        return sorted(found, key=lambda one: (-one.tokens, one.model, one.server))

    def fill(self, scope: PriceScope | None, cost_of: CostOf, *, priced: bool, mirror: bool) -> Iterator[PriceChange]:
        """Does it, and tells of each portion when it is on the disk.

        ``scope`` None: every trace there is, each on its own server. ``priced``: traces that have a cost get a new one
        too. ``mirror``: the mirror is to hear of it.
        """
        for ids in self._portions(scope, priced=priced):
            with self._database.write() as connection:
                done = self._apply(connection, ids, scope, cost_of, priced=priced, mirror=mirror)
            yield done

    def _apply(
        self,
        connection: Connection,
        ids: Sequence[str],
        scope: PriceScope | None,
        cost_of: CostOf,
        *,
        priced: bool,
        mirror: bool,
    ) -> PriceChange:
        """Looks at them again, now that nobody else writes traces."""
        with rolled(connection, ids):
            found = _portion(connection, ids, scope, cost_of, priced=priced)
            if found.costs:
                connection.execute(_SET_TRACE, [{"key": key, "usd": usd} for key, usd in found.costs.items()])
        if found.runs:
            connection.execute(_SET_RUN, found.runs)
        if found.talks:
            connection.execute(_SET_SPENT, {"talks": sorted(found.talks)})
        if mirror:
            enqueue(connection, TRACE, list(found.costs), self._clock())
        return found.change

    def _portions(self, scope: PriceScope | None, *, priced: bool) -> Iterator[list[str]]:
        """Ids of traces that may get another cost, oldest first."""
        after: ColumnElement[bool] = true()
        place = (traces.c.started_at, traces.c.trace_id)
        while True:
            query = select(*place).where(*_conditions(scope, priced=priced), after).order_by(*place).limit(PORTION)
            with self._database.read() as connection:
                found = connection.execute(query).all()
            if found:
                yield [row.trace_id for row in found]
            if len(found) < PORTION:
                return
            last = [bindparam(None, value, column.type) for value, column in zip(found[-1], place, strict=True)]
            after = and_(traces.c.started_at >= last[0], tuple_(*place) > tuple_(*last))  # the first one for the index


def _conditions(scope: PriceScope | None, *, priced: bool) -> Iterator[ColumnElement[bool]]:
    """A call whose tokens were not counted keeps what is known of its cost; a cached answer costs nothing.

    Sample traffic keeps the costs that were made up with it.
    """
    yield ~traces.c.kind.startswith(SAMPLE)
    yield traces.c.prompt_tokens.is_not(None)
    yield ~traces.c.cached
    yield traces.c.status != str(AnswerStatus.RUNNING)
    if not priced:
        yield traces.c.cost_usd.is_(None)
    if scope is None:
        yield traces.c.model.is_not(None)
        return
    yield traces.c.started_at >= scope.since
    if scope.until is not None:
        yield traces.c.started_at < scope.until
    yield traces.c.server.in_([scope.server, ""] if scope.any_server else [scope.server])
    asked = select(runs.c.trace_id).where(_named(runs.c.model, scope.model), runs.c.trace_id.is_not(None))
    yield or_(_named(traces.c.model, scope.model), traces.c.trace_id.in_(asked))


def _named(column: ColumnElement[str | None], model: str) -> ColumnElement[bool]:
    """The model or what may be a dated snapshot of it."""
    plain = model.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return or_(column == model, column.like(f"{plain}-____-__-__", escape="\\"))


def _portion(
    connection: Connection, ids: Sequence[str] | None, scope: PriceScope | None, cost_of: CostOf, *, priced: bool
) -> _Portion:
    """What changes in these traces; in all of the scope where none are named."""
    which = [*_conditions(scope, priced=priced), *([] if ids is None else [traces.c.trace_id.in_(ids)])]
    runs_of = _runs_of(connection, select(traces.c.trace_id).where(*which) if ids is None else ids)
    portion = _Portion()
    for row in connection.execute(select(*_READ).where(*which)):
        theirs = runs_of[row.trace_id]
        usd = _cost(row, scope, cost_of, [run.model for run in theirs])
        if not _same(row.cost_usd, usd):
            _put(portion, row, usd, [_run_values(run, usd) for run in theirs if not _same(run.cost_usd, usd)])
    return portion


def _put(portion: _Portion, row: Any, usd: float | None, its_runs: Sequence[dict[str, Any]]) -> None:
    portion.costs[row.trace_id] = usd
    portion.runs.extend(its_runs)
    portion.talks.add(row.conversation_id)
    portion.change += PriceChange(
        1, len(its_runs), row.cost_usd or 0.0, usd or 0.0, unpriced=row.cost_usd is None, lost=usd is None
    )


def _runs_of(connection: Connection, ids: Sequence[str] | Select[Any]) -> dict[str, list[Any]]:
    """Trace -> the runs that it is of: that which was called for, and those that took its answer over."""
    found: dict[str, list[Any]] = defaultdict(list)
    for run in connection.execute(_ASKED.where(runs.c.trace_id.in_(ids))):
        found[run.trace_id].append(run)
    return found


def _cost(row: Any, scope: PriceScope | None, cost_of: CostOf, asked: Sequence[str]) -> float | None:
    """By the model that answered, else by the one that was asked, as the lab does it."""
    usage = Usage(row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.reasoning_tokens)
    server = row.server or (scope.server if scope is not None and scope.any_server else "")
    for model in dict.fromkeys([row.model, *asked]):
        if model and server and (usd := cost_of(model, usage, row.started_at, server)) is not None:
            return usd
    return None


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _SAME * max(abs(one), abs(other))


def _run_values(run: Any, usd: float | None) -> dict[str, Any]:
    return {"of_experiment": run.experiment_id, "at_position": run.position, "usd": usd}
