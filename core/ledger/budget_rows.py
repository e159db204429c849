"""Statements on the tables of budgets.

Whoever changes the periods of several budgets does so in the order of their ids, so that no two wait for each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, or_, select, update

from core.ledger.budget_values import NANO, Budget, BudgetPeriod, BudgetScope, BudgetState, Part, family_of
from core.ledger.outbox_rows import SAMPLE
from core.ledger.processes import Processes
from core.ledger.schema import budget_periods, budgets, reservations, traces
from core.ledger.statements import add

_OF_CALL = (
    select(budgets)
    .where(
        or_(
            budgets.c.scope == str(BudgetScope.ALL),
            (budgets.c.scope == str(BudgetScope.USER)) & (budgets.c.subject == bindparam("of_user")),
            (budgets.c.scope == str(BudgetScope.MODEL))
            & budgets.c.subject.in_([bindparam("of_model"), bindparam("of_family")]),
        )
    )
    .order_by(budgets.c.budget_id)
)
_AT = (budget_periods.c.budget_id == bindparam("at_budget")) & (budget_periods.c.starts_at == bindparam("at_start"))
_amount = bindparam("amount", type_=BigInteger)
_limit = select(budgets.c.limit_nano_usd).where(budgets.c.budget_id == budget_periods.c.budget_id).scalar_subquery()
_TAKE = (
    update(budget_periods)
    .where(_AT, budget_periods.c.spent_nano_usd + budget_periods.c.reserved_nano_usd + _amount <= _limit)
    .values(reserved_nano_usd=budget_periods.c.reserved_nano_usd + _amount)
)
"""The promise of budgets is this one statement: what does not fit changes no row."""
_SPEND = update(budget_periods).where(_AT).values(spent_nano_usd=budget_periods.c.spent_nano_usd + _amount)
_GIVE_BACK = update(budget_periods).where(_AT).values(reserved_nano_usd=budget_periods.c.reserved_nano_usd - _amount)
_PERIOD = select(budget_periods).where(_AT)
_STATE = select(budgets, budget_periods).join(budget_periods, budgets.c.budget_id == budget_periods.c.budget_id)


def budgets_of_call(connection: Connection, model: str, user: str) -> list[Budget]:
    """In the order of their ids."""
    who = {"of_user": user, "of_model": model, "of_family": family_of(model)}
    return [budget_of(row) for row in connection.execute(_OF_CALL, who)]


def budget_of(row: Any) -> Budget:
    return Budget(
        row.budget_id,
        row.name,
        BudgetScope(row.scope),
        row.subject,
        BudgetPeriod(row.period),
        row.limit_nano_usd,
        row.warn_at,
        row.created_at,
    )


def state_in(connection: Connection, budget: Budget, starts_at: datetime) -> BudgetState:
    """One that nothing was asked of yet in this period has spent what its traces cost."""
    row = connection.execute(_PERIOD, _place(budget.budget_id, starts_at)).one_or_none()
    if row is None:
        return BudgetState(budget, starts_at, spent_in_traces(connection, budget, starts_at), 0)
    return BudgetState(budget, starts_at, row.spent_nano_usd, row.reserved_nano_usd, row.warned_at, row.exhausted_at)


def is_open(connection: Connection, part: Part) -> bool:
    return connection.execute(_PERIOD, _place(part.budget_id, part.starts_at)).one_or_none() is not None


def open_period(connection: Connection, budget: Budget, starts_at: datetime) -> None:
    """The row of a period, which begins with what the ledger's traces of it cost. Nothing where there is one."""
    if is_open(connection, Part(budget.budget_id, starts_at)):
        return
    row = {"budget_id": budget.budget_id, "starts_at": starts_at, "reserved_nano_usd": 0}
    row |= {"spent_nano_usd": spent_in_traces(connection, budget, starts_at), "warned_at": None, "exhausted_at": None}
    add(connection, budget_periods, [row])


def spent_in_traces(connection: Connection, budget: Budget, starts_at: datetime) -> int:
    """Nano-dollars of the traces of a period whose cost is known, sample traffic left out."""
    c = traces.c
    query = (
        select(c.model, func.sum(c.cost_usd))
        .where(c.started_at >= starts_at, c.started_at < budget.period.end_after(starts_at), c.cost_usd > 0)
        .where(~c.kind.startswith(SAMPLE))
        .group_by(c.model)
    )
    if budget.scope is BudgetScope.USER:
        query = query.where(c.user == budget.subject)
    costs = [cost for model, cost in connection.execute(query) if _is_of(budget, model or "")]
    return round(math.fsum(costs) * NANO)


def _is_of(budget: Budget, model: str) -> bool:
    return budget.scope is not BudgetScope.MODEL or budget.subject in (model, family_of(model))


def take(connection: Connection, part: Part, amount: int) -> bool:
    """Whether it fitted; then it is reserved."""
    return _changed(connection, _TAKE, part, amount) == 1


def spend(connection: Connection, part: Part, amount: int) -> None:
    """Also beyond the limit: what was spent was spent."""
    _changed(connection, _SPEND, part, amount)


def give_back(connection: Connection, reservation_id: str) -> None:
    """Takes a reservation out, of which there may be nothing any more. Its periods must be locked."""
    gone = delete(reservations).where(reservations.c.reservation_id == reservation_id)
    for row in connection.execute(gone.returning(reservations)).all():
        _changed(connection, _GIVE_BACK, Part(row.budget_id, row.starts_at), row.amount_nano_usd)


def lock(connection: Connection, parts: Iterable[Part]) -> None:
    """Nobody else changes these periods until the transaction ends; SQLite's writers are alone anyway."""
    for part in sorted(set(parts), key=lambda part: (part.budget_id, part.starts_at)):
        connection.execute(_PERIOD.with_for_update(), _place(part.budget_id, part.starts_at)).all()


def dead_reservations(connection: Connection, processes: Processes) -> list[Any]:
    """Rows of reservations whose process has ended."""
    owners = set(connection.execute(select(reservations.c.owner).distinct()).scalars())
    dead = processes.dead(connection, owners - {processes.owner}) if owners else set()
    return list(connection.execute(select(reservations).where(reservations.c.owner.in_(dead)))) if dead else []


def _changed(connection: Connection, statement: Any, part: Part, amount: int) -> int:
    place = {**_place(part.budget_id, part.starts_at), "amount": amount}
    return int(connection.execute(statement, place).rowcount)


def _place(budget_id: str, starts_at: datetime) -> dict[str, Any]:
    return {"at_budget": budget_id, "at_start": starts_at}
