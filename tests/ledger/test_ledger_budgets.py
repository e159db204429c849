"""Budgets: what fits is reserved, what does not changes nothing, and every period begins with what its traces cost."""

from __future__ import annotations

import os
import signal
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import InputError, NotFound
from core.ledger import Budget, BudgetPeriod, BudgetScope, BudgetState, Full, Held, Ledger, open_ledger
from core.ledger import budget_rows as rows
from core.ledger.budget_values import NANO
from tests.ledger.samples import Ticking, trace
from tests.ledger.workers import Workers

DOLLAR = NANO


def make(ledger: Ledger, limit: int = DOLLAR, **given: Any) -> Budget:
    values: dict[str, Any] = {"scope": BudgetScope.ALL, "subject": "", "period": BudgetPeriod.DAY}
    values |= {"limit_nano_usd": limit, "warn_at": 0.8, "name": ""}
    return ledger.budgets.add(**(values | given))


def held(ledger: Ledger, amount: int, model: str = "m", user: str = "ana") -> Held:
    found = ledger.budgets.reserve(model, user, amount)
    assert isinstance(found, Held), "it should have fitted"
    return found


def refused(ledger: Ledger, amount: int, model: str = "m", user: str = "ana") -> Full:
    found = ledger.budgets.reserve(model, user, amount)
    assert isinstance(found, Full), "it should not have fitted"
    return found


def state(ledger: Ledger, budget: Budget | None = None) -> BudgetState:
    states = ledger.budgets.states()
    return states[0] if budget is None else next(one for one in states if one.budget.budget_id == budget.budget_id)


def amounts(ledger: Ledger, budget: Budget | None = None) -> tuple[int, int]:
    found = state(ledger, budget)
    return found.spent_nano_usd, found.reserved_nano_usd


def save(ledger: Ledger, trace_id: str, cost_usd: float | None, **changes: Any) -> None:
    made = trace(trace_id)
    answer = replace(made.answer, cost_usd=cost_usd, model=changes.pop("model", "m"))
    values = {"kind": "ask", "user": "ana", "answer": answer, "started_at": ledger.budgets._clock(), **changes}
    ledger.traces.finish(replace(made, **values), mirror=False)


def test_what_fits_is_reserved_and_the_last_nano_dollar_is_not_overdrawn(ledger):
    make(ledger, 100)
    held(ledger, 60)
    held(ledger, 40)
    full = refused(ledger, 1)
    assert (full.state.reserved_nano_usd, full.state.left_nano_usd, full.amount_nano_usd) == (100, 0, 1)
    assert full.fits_later


def test_settling_spends_the_actual_cost_and_frees_the_rest(ledger):
    make(ledger, 100)
    call = held(ledger, 90)
    (after,) = ledger.budgets.settle(call, 30)
    assert (after.spent_nano_usd, after.reserved_nano_usd) == (30, 0)
    assert amounts(ledger) == (30, 0)
    held(ledger, 70)


def test_a_call_that_did_cost_more_than_its_worst_case_counts_with_what_it_did_cost(ledger):
    make(ledger, 100)
    ledger.budgets.settle(held(ledger, 10), 250)
    assert amounts(ledger) == (250, 0)
    assert not refused(ledger, 1).fits_later


def test_a_call_that_is_kept_back_by_one_budget_reserves_in_none(ledger):
    wide = make(ledger, 1000)
    make(ledger, 10, scope=BudgetScope.USER, subject="ana")
    assert refused(ledger, 11).state.budget.scope is BudgetScope.USER
    assert amounts(ledger, wide) == (0, 0)


def test_a_budget_of_0_keeps_back_all_that_costs(ledger):
    make(ledger, 0)
    full = refused(ledger, 1)
    assert not full.fits_later
    assert full.state.share is None
    assert not full.state.is_low


@pytest.mark.parametrize(
    ("given", "model", "user", "counts"),
    [
        ({"scope": BudgetScope.USER, "subject": "ana"}, "m", "ana", True),
        ({"scope": BudgetScope.USER, "subject": "ana"}, "m", "bob", False),
        ({"scope": BudgetScope.USER, "subject": "ana"}, "ana", "", False),
        ({"scope": BudgetScope.MODEL, "subject": "gpt-4o"}, "gpt-4o", "bob", True),
        ({"scope": BudgetScope.MODEL, "subject": "gpt-4o"}, "gpt-4o-2024-08-06", "bob", True),
        ({"scope": BudgetScope.MODEL, "subject": "gpt-4o"}, "gpt-4o-mini", "bob", False),
        ({"scope": BudgetScope.MODEL, "subject": "gpt-4o-2024-08-06"}, "gpt-4o", "bob", False),
    ],
)
def test_a_budget_is_of_its_person_or_model_and_of_nobody_else(ledger, given, model, user, counts):
    make(ledger, 100, **given)
    call = held(ledger, 5, model, user)
    assert bool(call.parts) is counts
    assert ledger.budgets.applies(model, user) is counts


def test_a_call_of_no_budget_writes_nothing(ledger):
    call = held(ledger, 5)
    assert call.parts == ()
    assert ledger.budgets.settle(call, 5) == []
    assert ledger.budgets.states() == []


def test_a_budget_made_midway_begins_with_what_the_traces_of_its_period_cost(ledger, clock):
    save(ledger, "yesterday", 0.50)
    clock.forward(days=1)
    save(ledger, "of ana", 0.25)
    save(ledger, "of bob", 0.125, user="bob")
    save(ledger, "of a snapshot", 0.0625, model="gpt-4o-2024-08-06", user="bob")
    save(ledger, "unknown", None)
    save(ledger, "made up", 8.0, kind="sample-ask")
    every, month = make(ledger), make(ledger, period=BudgetPeriod.MONTH)
    ana = make(ledger, scope=BudgetScope.USER, subject="ana")
    model = make(ledger, scope=BudgetScope.MODEL, subject="gpt-4o")
    spent = [state(ledger, one).spent_usd for one in (every, month, ana, model)]
    assert spent == [0.4375, 0.9375, 0.25, 0.0625]


def test_a_call_under_way_when_a_budget_is_made_counts_in_it(ledger):
    call = held(ledger, 50)
    make(ledger, 100)
    ledger.budgets.settle(call, 30)
    assert amounts(ledger) == (30, 0)


def test_a_new_period_begins_with_nothing_spent(ledger, clock):
    make(ledger, 100)
    ledger.budgets.settle(held(ledger, 100), 100)
    refused(ledger, 1)
    clock.forward(days=1)
    assert amounts(ledger) == (0, 0)
    held(ledger, 100)
    assert [one.spent_nano_usd for one in ledger.budgets.history(state(ledger).budget.budget_id)] == [0, 100]


def test_the_traces_of_a_period_are_added_up_at_its_first_view_only(ledger, clock, monkeypatch):
    budgets = [make(ledger), make(ledger, period=BudgetPeriod.MONTH), make(ledger, scope=BudgetScope.USER, subject="x")]
    clock.forward(days=40)
    save(ledger, "spent", 0.25)
    added, add_up = [], rows.spent_in_traces
    monkeypatch.setattr(rows, "spent_in_traces", lambda *asked: added.append(asked) or add_up(*asked))
    assert [state(ledger, one).spent_usd for one in budgets * 2] == [0.25, 0.25, 0.0] * 2
    assert len(added) == 3
    held(ledger, 10)
    assert amounts(ledger, budgets[0]) == (DOLLAR // 4, 10)
    assert len(added) == 3


def test_a_warning_is_marked_in_a_period_in_which_nobody_called(ledger, clock):
    make(ledger, 100)
    clock.forward(days=1)
    ledger.budgets.mark(state(ledger), warned=True)
    assert state(ledger).warned_at == clock.now


def test_where_nothing_can_be_written_a_new_period_is_still_told(sqlite_url, clock):
    ledger = open_ledger(sqlite_url, clock=clock, lock_timeout_s=0.1)
    make(ledger)
    clock.forward(days=1)
    save(ledger, "spent", 0.25)
    holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert (state(ledger).spent_usd, len(ledger.budgets.history(state(ledger).budget.budget_id))) == (0.25, 1)
    holder.close()
    assert (state(ledger).spent_usd, len(ledger.budgets.history(state(ledger).budget.budget_id))) == (0.25, 2)
    ledger.close()


def test_a_call_that_ends_after_midnight_is_settled_on_the_day_on_which_it_began(ledger, clock):
    make(ledger, 100)
    call = held(ledger, 60)
    clock.forward(days=1)
    held(ledger, 100)
    ledger.budgets.settle(call, 50)
    today, yesterday = ledger.budgets.history(state(ledger).budget.budget_id)
    assert (yesterday.spent_nano_usd, yesterday.reserved_nano_usd) == (50, 0)
    assert (today.spent_nano_usd, today.reserved_nano_usd) == (0, 100)


@pytest.mark.parametrize(
    ("period", "moment", "start", "end"),
    [
        (BudgetPeriod.DAY, "2026-11-24T23:59:59+02:00", "2026-11-24", "2026-11-25"),
        (BudgetPeriod.DAY, "2026-11-25T01:30:00+02:00", "2026-11-24", "2026-11-25"),
        (BudgetPeriod.WEEK, "2026-11-29T23:59:59+00:00", "2026-11-23", "2026-11-30"),
        (BudgetPeriod.WEEK, "2026-11-30T00:00:00+00:00", "2026-11-30", "2026-12-07"),
        (BudgetPeriod.MONTH, "2026-12-31T23:59:59+00:00", "2026-12-01", "2027-01-01"),
        (BudgetPeriod.MONTH, "2028-02-29T12:00:00+00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_periods_are_days_weeks_from_monday_and_months_of_utc(period, moment, start, end):
    begin = period.start_of(datetime.fromisoformat(moment))
    assert begin == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert period.end_after(begin) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_a_changed_limit_holds_at_once_and_warns_anew(ledger, clock):
    budget = make(ledger, 100)
    ledger.budgets.mark(state(ledger), warned=True, exhausted=True)
    assert (state(ledger).warned_at, state(ledger).exhausted_at) == (clock.now, clock.now)
    changed = ledger.budgets.change(budget.budget_id, limit_nano_usd=50, name="Team")
    assert (changed.limit_nano_usd, changed.name, changed.warn_at) == (50, "Team", 0.8)
    assert state(ledger) == replace(state(ledger), budget=changed, warned_at=None, exhausted_at=None)
    refused(ledger, 51)


def test_a_mark_is_set_once(ledger, clock):
    make(ledger, 100)
    ledger.budgets.mark(state(ledger), warned=True)
    first = clock.now
    clock.forward(hours=1)
    ledger.budgets.mark(state(ledger), warned=True)
    assert state(ledger).warned_at == first
    assert state(ledger).exhausted_at is None


def test_a_second_budget_for_the_same_calls_and_period_is_refused_and_named(ledger):
    make(ledger, scope=BudgetScope.USER, subject="ana")
    make(ledger, scope=BudgetScope.USER, subject="ana", period=BudgetPeriod.WEEK)
    with pytest.raises(InputError, match="There is a budget for ana for each day already"):
        make(ledger, 5, scope=BudgetScope.USER, subject="ana")
    assert len(ledger.budgets.list()) == 2


def test_a_removed_budget_takes_its_reservations_along_and_a_call_under_way_settles_without_it(ledger):
    budget = make(ledger, 100)
    call = held(ledger, 60)
    ledger.budgets.remove(budget.budget_id)
    assert ledger.budgets.settle(call, 10) == []
    assert held(ledger, 1000).parts == ()
    with pytest.raises(NotFound, match="There is no budget"):
        ledger.budgets.remove(budget.budget_id)
    with pytest.raises(NotFound):
        ledger.budgets.change(budget.budget_id, limit_nano_usd=1)
    with pytest.raises(NotFound):
        ledger.budgets.history(budget.budget_id)


def test_what_a_killed_process_held_is_released_for_the_next_call(url, ledger, workers: Workers):
    make(ledger, 100)
    workers.start("hold", url, 70)
    pid = int(workers.line().removeprefix("pid "))
    assert refused(ledger, 40).fits_later
    assert amounts(ledger) == (0, 70)
    os.kill(pid, signal.SIGKILL)
    workers.wait_until_killed()
    held(ledger, 100)
    assert amounts(ledger) == (0, 100)


def test_what_a_killed_process_held_is_gone_from_the_list(url, ledger, workers: Workers):
    make(ledger, 100)
    workers.start("hold", url, 70)
    pid = int(workers.line().removeprefix("pid "))
    os.kill(pid, signal.SIGKILL)
    workers.wait_until_killed()
    assert amounts(ledger) == (0, 0)


def test_what_a_process_held_that_closed_its_ledger_is_released(url, ledger):
    make(ledger, 100)
    other = open_ledger(url, clock=Ticking())
    held(other, 70)
    other.close()
    held(ledger, 100)


def test_many_threads_of_many_processes_never_hold_more_than_there_is(url, ledger, two_workers):
    """Each holds, checks that nothing is overdrawn, and spends a part; at the end not one nano-dollar is missing."""
    make(ledger, 100_000)
    for number, workers in enumerate(two_workers):
        workers.start("spend_all", url, 8, 997 + number)
    ended = [workers.line().split() for workers in two_workers]
    assert [workers.line() for workers in two_workers] == ["ended 0", "ended 0"]
    spent, reserved = amounts(ledger)
    assert reserved == 0
    assert spent == sum(int(total) for _, total, _ in ended)
    assert spent <= 100_000 < spent + 1000, "they stopped before the budget was used up"
    assert all(overdrawn == "0" for _, _, overdrawn in ended)
