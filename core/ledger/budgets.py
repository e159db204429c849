"""Budgets: what may be spent, what is, and what the calls under way hold; exact across threads and processes."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from core.errors import InputError, LibraryError, NotFound
from core.ledger import budget_rows as rows
from core.ledger.budget_values import Budget, BudgetPeriod, BudgetScope, BudgetState, Full, Held, Part
from core.ledger.database import Database
from core.ledger.processes import Processes
from core.ledger.schema import budget_periods, budgets, reservations
from core.ledger.statements import add
from core.ports import Clock

_log = logging.getLogger(__name__)

Budgets = list[Budget]
States = list[BudgetState]


class _DoesNotFit(Exception):
    """Undoes what the other budgets have reserved for the call."""

    def __init__(self, full: Full) -> None:
        super().__init__()
        self.full = full


class BudgetStore:
    """Methods may be called from any thread; all raise LibraryError.

    Reservations do not wait for the disk: a power cut releases them, as it ends the calls that they are for.
    """

    def __init__(self, database: Database, processes: Processes, clock: Clock) -> None:
        self._database = database
        self._processes = processes
        self._clock = clock

    # ---------------------------------------------------------------------------------------------- the budgets

    def add(
        self, *, scope: BudgetScope, subject: str, period: BudgetPeriod, limit_nano_usd: int, warn_at: float, name: str
    ) -> Budget:
        """Raises InputError where the same calls have a budget for this period."""
        budget = Budget(uuid.uuid4().hex[:12], name, scope, subject, period, limit_nano_usd, warn_at, self._clock())
        row = {field: getattr(budget, field) for field in Budget.__slots__}
        with self._database.write() as connection:
            add(connection, budgets, [{**row, "scope": str(scope), "period": str(period)}])
            if self._find(connection, budget.budget_id) is None:
                whose = subject or "all calls"
                message = f"There is a budget for {whose} for each {period} already"
                raise InputError(message, subject=whose, hint="Change that one.")
            rows.open_period(connection, budget, period.start_of(budget.created_at))
        return budget

    def change(
        self,
        budget_id: str,
        *,
        limit_nano_usd: int | None = None,
        warn_at: float | None = None,
        name: str | None = None,
    ) -> Budget:
        """What is not None. Its present period warns anew. Raises NotFound."""
        given = {"limit_nano_usd": limit_nano_usd, "warn_at": warn_at, "name": name}
        values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        with self._database.write() as connection:
            budget = self._get(connection, budget_id)
            if values:
                connection.execute(update(budgets).where(budgets.c.budget_id == budget_id).values(values))
            if {"limit_nano_usd", "warn_at"} & values.keys():
                start = budget.period.start_of(self._clock())
                here = (budget_periods.c.budget_id == budget_id) & (budget_periods.c.starts_at == start)
                connection.execute(update(budget_periods).where(here).values(warned_at=None, exhausted_at=None))
        return replace(budget, **values)

    def remove(self, budget_id: str) -> Budget:
        """With its periods and what is reserved in it. Raises NotFound."""
        with self._database.write() as connection:
            budget = self._get(connection, budget_id)
            periods = select(budget_periods).where(budget_periods.c.budget_id == budget_id)
            connection.execute(periods.order_by(budget_periods.c.starts_at).with_for_update()).all()
            connection.execute(delete(budgets).where(budgets.c.budget_id == budget_id))
        return budget

    def list(self) -> Budgets:
        """Those for all first, then by person or model."""
        query = select(budgets).order_by(budgets.c.scope, budgets.c.subject, budgets.c.period)
        with self._database.read() as connection:
            return [rows.budget_of(row) for row in connection.execute(query)]

    def states(self) -> States:
        """Each budget in its present period, in the order of ``list``; what dead processes held is released.

        Opens the periods that have just begun, so that the traces of one are added up once, not at each view.
        """
        now = self._clock()
        if self._anything_reserved():
            self.release_dead()
        found = self.list()
        self._open_periods(found, now)
        with self._database.read() as connection:
            return [rows.state_in(connection, budget, budget.period.start_of(now)) for budget in found]

    def history(self, budget_id: str, limit: int = 24) -> States:
        """Its periods in which somebody called or looked at it, newest first. Raises NotFound."""
        query = select(budget_periods).where(budget_periods.c.budget_id == budget_id)
        with self._database.read() as connection:
            budget = self._get(connection, budget_id)
            found = connection.execute(query.order_by(budget_periods.c.starts_at.desc()).limit(limit)).all()
        return [
            BudgetState(
                budget, row.starts_at, row.spent_nano_usd, row.reserved_nano_usd, row.warned_at, row.exhausted_at
            )
            for row in found
        ]

    def applies(self, model: str, user: str) -> bool:
        """Whether a call of the model for the person is of any budget."""
        with self._database.read() as connection:
            return bool(rows.budgets_of_call(connection, model, user))

    # ---------------------------------------------------------------------------------------------------- calls

    def reserve(self, model: str, user: str, amount_nano_usd: int) -> Held | Full:
        """Holds an amount in every budget that the call is of, or in none. Of no budget: nothing is written."""
        held = Held(uuid.uuid4().hex, model, user, amount_nano_usd, self._clock(), ())
        with self._database.read() as connection:  # most calls that do not fit are told so without a lock
            found = rows.budgets_of_call(connection, model, user)
            states = [rows.state_in(connection, one, one.period.start_of(held.made_at)) for one in found]
        if not states:
            return held
        full = next((Full(state, amount_nano_usd) for state in states if state.left_nano_usd < amount_nano_usd), None)
        result = full or self._reserved(held)
        if isinstance(result, Full) and result.state.reserved_nano_usd and self.release_dead():
            return self._reserved(held)
        return result

    def settle(self, held: Held, actual_nano_usd: int) -> States:
        """Puts a reservation back and spends what the call did cost; returns the budgets that it is of, as they are.

        A budget that was made meanwhile gets it too. Safe to call twice only with an amount of 0.
        """
        if not held.parts and not (actual_nano_usd and self.applies(held.model, held.user)):
            return []
        with self._database.write(durable=False) as connection:
            parts = {part.budget_id: part for part in held.parts}
            found = {one.budget_id: one for one in rows.budgets_of_call(connection, held.model, held.user)}
            for key, budget in found.items():
                parts.setdefault(key, Part(key, budget.period.start_of(held.made_at)))
            rows.lock(connection, parts.values())
            rows.give_back(connection, held.reservation_id)
            for part in parts.values():
                rows.spend(connection, part, actual_nano_usd)
            return [
                rows.state_in(connection, found[key], part.starts_at) for key, part in parts.items() if key in found
            ]

    def release_dead(self) -> int:
        """Gives back what processes held that have ended; returns how many reservations that were."""
        with self._database.read() as connection:
            if not rows.dead_reservations(connection, self._processes):
                return 0
        with self._database.write(durable=False) as connection:
            dead = rows.dead_reservations(connection, self._processes)
            rows.lock(connection, (Part(row.budget_id, row.starts_at) for row in dead))
            for reservation_id in {row.reservation_id for row in dead}:
                rows.give_back(connection, reservation_id)
        return len(dead)

    def mark(self, state: BudgetState, *, warned: bool = False, exhausted: bool = False) -> None:
        """Writes down, once, that people were warned of it in this period."""
        c = budget_periods.c
        here = (c.budget_id == state.budget.budget_id) & (c.starts_at == state.starts_at)
        marks = [c.warned_at] * warned + [c.exhausted_at] * exhausted
        with self._database.write() as connection:
            for mark in marks:
                connection.execute(update(budget_periods).where(here, mark.is_(None)).values({mark: self._clock()}))

    # ------------------------------------------------------------------------------------------------------ ours

    def _reserved(self, held: Held) -> Held | Full:
        owner = self._processes.register()
        try:
            with self._database.write(durable=False) as connection:
                found = rows.budgets_of_call(connection, held.model, held.user)
                parts = [self._take(connection, budget, held) for budget in found]
                shared = {"reservation_id": held.reservation_id, "amount_nano_usd": held.amount_nano_usd}
                shared |= {"owner": owner, "made_at": held.made_at}
                taken = [{**shared, "budget_id": part.budget_id, "starts_at": part.starts_at} for part in parts]
                if taken:
                    connection.execute(insert(reservations), taken)
        except _DoesNotFit as error:
            return error.full
        return replace(held, parts=tuple(parts))

    @staticmethod
    def _take(connection: Connection, budget: Budget, held: Held) -> Part:
        part = Part(budget.budget_id, budget.period.start_of(held.made_at))
        if rows.take(connection, part, held.amount_nano_usd):
            return part
        rows.open_period(connection, budget, part.starts_at)
        if rows.take(connection, part, held.amount_nano_usd):
            return part
        raise _DoesNotFit(Full(rows.state_in(connection, budget, part.starts_at), held.amount_nano_usd))

    def _open_periods(self, found: Budgets, now: datetime) -> None:
        """Where nothing can be written nothing is opened: reading adds the traces up then, each time."""
        parts = {one.budget_id: Part(one.budget_id, one.period.start_of(now)) for one in found}
        with self._database.read() as connection:
            missing = sorted(key for key, part in parts.items() if not rows.is_open(connection, part))
        if not missing:
            return
        try:
            with self._database.write(durable=False) as connection:
                for key in missing:
                    if (budget := self._find(connection, key)) is not None:
                        rows.open_period(connection, budget, parts[key].starts_at)
        except LibraryError:
            _log.debug("The periods of budgets could not be opened", exc_info=True)

    def _anything_reserved(self) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(reservations.c.reservation_id).limit(1)).first() is not None

    def _get(self, connection: Connection, budget_id: str) -> Budget:
        found = self._find(connection, budget_id)
        if found is None:
            raise NotFound(f"There is no budget {budget_id}", subject=budget_id)
        return found

    @staticmethod
    def _find(connection: Connection, budget_id: str) -> Budget | None:
        row = connection.execute(select(budgets).where(budgets.c.budget_id == budget_id)).one_or_none()
        return None if row is None else rows.budget_of(row)
