"""Budgets: the worst case is held before a call, what it did cost is settled, and each warning is told once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.cost.budgets import Budgets
from core.cost.prices import Price, price_usage
from core.cost.reservations import costs_nothing
from core.cost.worst import most_tokens, worst_usd
from core.errors import (
    BudgetExhausted,
    CuepointError,
    InputError,
    LibraryFull,
    ModelBusy,
    ModelRefused,
    ModelUnreachable,
)
from core.ledger import BudgetPeriod, BudgetScope, Ledger, open_ledger
from core.models import Usage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ASKED = ({"role": "user", "content": "How long should wine breathe?"},)


def price(model: str, usage: Usage, when: datetime, server: str | None = None) -> float | None:
    """A dollar for a prompt token, two for one of the answer, three for one of thought."""
    if model != "dear":
        return 0.0 if model == "free" else None
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    thought = usage.reasoning_tokens or 0
    return usage.prompt_tokens + 2.0 * (usage.completion_tokens - thought) + 3.0 * thought


@dataclass
class Told:
    """What a webhook would hear."""

    texts: dict[tuple[str, str], str] = field(default_factory=dict)

    def __call__(self, kind: str, subject: str, text: str) -> bool:
        return self.texts.setdefault((kind, subject), text) == text


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path}/cuepoint.db", clock=lambda: NOW)
    yield opened
    opened.close()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def budgets(ledger: Ledger, told: Told) -> Budgets:
    return Budgets(ledger.budgets, price=price, tell=told, clock=lambda: NOW)


def spent(budgets: Budgets) -> tuple[float, float]:
    (state,) = budgets.states()
    return state.spent_usd, state.reserved_usd


# ---------------------------------------------------------------------------------------------------------- a call


def test_the_worst_case_is_every_byte_a_token_and_an_answer_of_full_length_that_is_all_thought() -> None:
    assert most_tokens([{"content": "naïve"}]) == 6 + 16
    by_hand = most_tokens(ASKED) + 3.0 * 10
    assert worst_usd(price, "dear", ASKED, 10, NOW) == by_hand
    assert worst_usd(price, "nobody knows", ASKED, 10, NOW) is None


def test_the_worst_case_is_dearer_where_a_cached_prompt_is() -> None:
    odd = Price("odd", NOW, 1.0, 2.0, cached_usd=4.0)
    found = worst_usd(lambda _model, usage, _when: price_usage(odd, usage), "odd", ASKED, 10, NOW)
    assert found == pytest.approx((4.0 * most_tokens(ASKED) + 2.0 * 10) / 1e6)


def test_a_call_holds_its_worst_case_and_then_spends_what_it_did_cost(budgets: Budgets) -> None:
    budgets.add(1000)
    with budgets.for_call("dear", ASKED, max_tokens=10) as call:
        assert call.holds
        assert spent(budgets) == (0, most_tokens(ASKED) + 30)
        call.settle(7.5)
    assert spent(budgets) == (7.5, 0)


def test_settling_twice_counts_once(budgets: Budgets) -> None:
    budgets.add(1000)
    call = budgets.reserve(model="dear", worst_usd=10)
    call.settle(3)
    call.settle(3)
    call.release()
    assert spent(budgets) == (3, 0)


def test_a_call_of_unknown_cost_stays_spent_with_its_worst_case(budgets: Budgets) -> None:
    budgets.add(1000)
    budgets.reserve(model="dear", worst_usd=10).settle(None)
    with budgets.reserve(model="dear", worst_usd=5):
        pass
    assert spent(budgets) == (15, 0)


@pytest.mark.parametrize(
    ("error", "released"),
    [
        (ModelRefused("no"), True),
        (ModelBusy("wait"), True),
        (ModelUnreachable("refused the connection", may_cost=False), True),
        (ModelUnreachable("broke off in the middle"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_an_error_releases_a_call_that_the_server_did_not_work_on(
    budgets: Budgets, error: BaseException, released: bool
) -> None:
    budgets.add(1000)
    with pytest.raises(type(error)), budgets.reserve(model="dear", worst_usd=10):
        raise error
    assert costs_nothing(error) is released
    assert spent(budgets) == (0 if released else 10, 0)


@pytest.mark.parametrize("model", ["free", "of my own machine"])
def test_a_free_or_local_model_is_never_kept_back_and_holds_nothing(budgets: Budgets, model: str) -> None:
    budgets.add(0)
    call = budgets.for_call(model, ASKED, max_tokens=None)
    assert not call.holds
    call.settle(None)
    assert spent(budgets) == (0, 0)


def test_a_call_without_a_bound_is_made_only_where_no_budget_applies(budgets: Budgets) -> None:
    budgets.for_call("dear", ASKED, max_tokens=None, user="bob").settle(5)
    budgets.add(1000, scope=BudgetScope.USER, subject="ana")
    budgets.for_call("dear", ASKED, max_tokens=None, user="bob").settle(5)
    with pytest.raises(BudgetExhausted, match="nothing bounds what the answer may cost"):
        budgets.for_call("dear", ASKED, max_tokens=None, user="ana")


def test_what_does_not_fit_is_named_with_its_budget_and_the_day_on_which_it_ends(budgets: Budgets) -> None:
    budgets.add(10, name="Team")
    with pytest.raises(BudgetExhausted) as kept:
        budgets.reserve(model="dear", worst_usd=10.5)
    assert str(kept.value) == (
        "The budget Team ($10.00 a month) has $10.00 left until 2026-12-01 (UTC); the call may cost $10.50"
    )
    budgets.reserve(model="dear", worst_usd=10).settle(10)
    with pytest.raises(BudgetExhausted, match=r"Team \(\$10.00 a month\) is used up until 2026-12-01 \(UTC\)"):
        budgets.reserve(model="dear", worst_usd=0.001)


def test_a_call_waits_for_those_under_way_where_only_they_leave_no_room(budgets: Budgets) -> None:
    budgets.add(10)
    first = budgets.reserve(model="dear", worst_usd=9)
    begun, got = threading.Event(), []

    def second() -> None:
        begun.set()
        got.append(budgets.reserve(model="dear", worst_usd=8, patience_s=30))

    thread = threading.Thread(target=second)
    thread.start()
    assert begun.wait(5)
    first.settle(1)
    thread.join(10)
    assert got[0].holds
    with pytest.raises(BudgetExhausted, match="is held for calls under way"):
        budgets.reserve(model="dear", worst_usd=8)
    with pytest.raises(BudgetExhausted):
        budgets.reserve(model="dear", worst_usd=8, patience_s=60, stopped=lambda: True)


def test_a_ledger_that_cannot_be_written_lets_no_call_through_and_gets_the_settled_cost_later(
    budgets: Budgets, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets.add(1000)
    call = budgets.reserve(model="dear", worst_usd=10)

    def full(*_: Any, **__: Any) -> None:
        raise LibraryFull("The disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(ledger.budgets._database, "write", full)
        call.settle(4)
        with pytest.raises(BudgetExhausted, match="No call that costs money is made, as the budgets cannot be checked"):
            budgets.reserve(model="dear", worst_usd=10)
    budgets.reserve(model="dear", worst_usd=1).release()
    assert spent(budgets) == (4, 0)


def test_what_could_not_be_settled_is_settled_when_the_process_ends(
    budgets: Budgets, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets.add(1000)
    calls = [budgets.reserve(model="dear", worst_usd=10) for _ in range(2)]

    def full(*_: Any, **__: Any) -> None:
        raise LibraryFull("The disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(ledger.budgets._database, "write", full)
        for call in calls:
            call.settle(4)
    assert spent(budgets) == (0, 20)
    budgets.close()
    assert spent(budgets) == (8, 0)


# ------------------------------------------------------------------------------------------------------- warnings


def test_each_of_the_two_warnings_is_told_once_in_a_period(budgets: Budgets, told: Told) -> None:
    budgets.add(10, warn_at=0.5)
    budgets.reserve(model="dear", worst_usd=4).settle(4)
    assert told.texts == {}
    for _ in range(3):
        budgets.reserve(model="dear", worst_usd=1.5).settle(1.5)
    assert list(told.texts.values()) == [
        "Cuepoint: The budget for all calls ($10.00 a month) is 55% used: $5.50 spent, until 2026-12-01 (UTC)."
    ]
    for _ in range(3):
        with pytest.raises(BudgetExhausted):
            budgets.reserve(model="dear", worst_usd=2)
    _, second = told.texts.values()
    assert second == (
        "Cuepoint: The budget for all calls ($10.00 a month) keeps calls back: $8.50 spent, and what is left is less "
        "than a call may cost. Until 2026-12-01 (UTC) Ask gives quotes and earlier answers instead of new ones."
    )
    (state,) = budgets.states()
    assert (state.warned_at, state.exhausted_at, state.keeps_back, state.is_used_up) == (NOW, NOW, True, False)


def test_a_budget_that_is_spent_to_the_end_at_once_tells_of_that_only(budgets: Budgets, told: Told) -> None:
    budgets.add(10)
    budgets.reserve(model="dear", worst_usd=10).settle(10)
    (text,) = told.texts.values()
    assert "is used up, $10.00 spent" in text


def test_a_changed_limit_is_told_of_anew(budgets: Budgets, told: Told) -> None:
    budget = budgets.add(10)
    budgets.reserve(model="dear", worst_usd=8).settle(8)
    budgets.change(budget.budget_id, limit_usd=9)
    budgets.reserve(model="dear", worst_usd=0.1).settle(0.1)
    assert ["$10.00 a month" in text for text in told.texts.values()] == [True, False]


def test_a_ledger_that_fails_to_be_told_does_not_fail_the_call(ledger: Ledger) -> None:
    def fails(*_: object) -> None:
        raise LibraryFull("The disk is full")

    budgets = Budgets(ledger.budgets, price=price, tell=fails, clock=lambda: NOW)
    budgets.add(10)
    budgets.reserve(model="dear", worst_usd=9).settle(9)
    (state,) = budgets.states()
    assert (state.spent_usd, state.warned_at) == (9, None)


# ------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"limit_usd": float("nan")}, "limit", "The limit is no number"),
        ({"limit_usd": float("inf")}, "limit", "The limit is no number"),
        ({"limit_usd": -0.01}, "limit", "The limit is negative"),
        ({"limit_usd": 1e12}, "limit", "The limit is more than $1,000,000,000"),
        ({"warn_at": 0}, "warn_at", "A budget cannot warn at 0 of its limit"),
        ({"warn_at": 1.5}, "warn_at", "A budget cannot warn at 1.5 of its limit"),
        ({"warn_at": float("nan")}, "warn_at", "A budget cannot warn at nan of its limit"),
        ({"scope": BudgetScope.USER}, "subject", "The person has no name"),
        ({"scope": BudgetScope.MODEL, "subject": "  "}, "subject", "The model has no name"),
        ({"subject": "ana"}, "subject", "A budget for all is not for one person or model"),
        ({"scope": BudgetScope.USER, "subject": "a" * 201}, "subject", "The person's name has 201 characters"),
        ({"scope": BudgetScope.USER, "subject": "a\u202eb"}, "subject", "has characters that cannot be seen"),
        ({"name": "two\nlines"}, "name", "The budget's name has characters that cannot be seen"),
        ({"name": "n" * 101}, "name", "The budget's name has 101 characters"),
    ],
)
def test_what_no_budget_can_be_is_named_with_its_field(
    budgets: Budgets, given: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(InputError) as wrong:
        budgets.add(**{"limit_usd": 10, **given})
    assert says in wrong.value.message
    assert wrong.value.subject == field
    assert budgets.states() == []


def test_a_changed_budget_is_checked_alike(budgets: Budgets) -> None:
    budget = budgets.add(10, period=BudgetPeriod.DAY)
    with pytest.raises(InputError, match="negative"):
        budgets.change(budget.budget_id, limit_usd=-1)
    with pytest.raises(InputError, match="cannot warn"):
        budgets.change(budget.budget_id, warn_at=2)
    changed = budgets.change(budget.budget_id, limit_usd=0, warn_at=1, name="Nothing")
    assert (changed.limit_usd, changed.warn_at, changed.name) == (0, 1, "Nothing")
    budgets.remove(budget.budget_id)
    with pytest.raises(CuepointError, match="There is no budget"):
        budgets.change(budget.budget_id, limit_usd=1)
