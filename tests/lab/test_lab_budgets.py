"""The lab and its budgets: each call is held and settled; a used-up budget ends the experiment, to be resumed."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest

from core.cost.budgets import Budgets
from core.errors import ModelUnreachable
from core.ledger import BudgetScope, BudgetState, Ledger
from core.models import ExperimentState, RunState, Usage
from tests.fakes.lab import LabChat, echo, open_lab, per_token, spec_of_cases


def price(model: str, usage: Usage, when: datetime, server: str | None = None) -> float | None:
    return per_token(model, usage, when)


@pytest.fixture
def budgets(ledger: Ledger) -> Budgets:
    return Budgets(ledger.budgets, price=price)


def state(budgets: Budgets) -> BudgetState:
    (found,) = budgets.states()
    return found


def ended(ledger: Ledger, budgets: Budgets, chat: LabChat, spec: dict[str, Any], user: str = "") -> str:
    lab = open_lab(ledger, chat, budgets=budgets)
    experiment_id = lab.start(lab.plan(spec), user=user)
    assert lab.wait(experiment_id, 30)
    lab.close()
    return experiment_id


def test_each_call_of_an_experiment_is_settled_in_its_budget(ledger: Ledger, budgets: Budgets) -> None:
    budgets.add(1000)
    experiment_id = ended(ledger, budgets, LabChat(echo), spec_of_cases(3))
    assert ledger.experiments.head(experiment_id).state is ExperimentState.FINISHED
    assert state(budgets).spent_usd == pytest.approx(6 * 15 * 0.001)
    assert state(budgets).reserved_usd == 0


def test_a_used_up_budget_caps_the_experiment_and_a_raised_one_resumes_the_missing_cells(
    ledger: Ledger, budgets: Budgets
) -> None:
    chat = LabChat(echo)
    budget = budgets.add(0.25)
    experiment_id = ended(ledger, budgets, chat, spec_of_cases(20, max_tokens=100, concurrency=1))
    capped = ledger.experiments.head(experiment_id)
    assert capped.state is ExperimentState.CAPPED
    assert capped.error is not None
    assert capped.error.startswith("The budget for all calls ($0.25 a month) has $0.")
    assert capped.error.endswith("What is done is kept; resume then, or raise the budget.")
    done = chat.calls
    assert 0 < done < 40
    assert state(budgets).spent_usd == pytest.approx(done * 0.015)
    assert state(budgets).reserved_usd == 0
    assert {run.state for run in ledger.experiments.runs(experiment_id)} == {RunState.DONE, RunState.PENDING}

    budgets.change(budget.budget_id, limit_usd=1000)
    lab = open_lab(ledger, chat, budgets=budgets)
    lab.resume(experiment_id)
    assert lab.wait(experiment_id, 30)
    lab.close()
    assert ledger.experiments.head(experiment_id).state is ExperimentState.FINISHED
    assert chat.calls == 40
    assert set(chat.asked.values()) == {1}


def test_a_budget_that_calls_under_way_hold_is_waited_for(ledger: Ledger, budgets: Budgets) -> None:
    """Only one call fits at a time, and all are made."""
    budgets.add(0.40)
    chat = LabChat(echo)
    experiment_id = ended(ledger, budgets, chat, spec_of_cases(6, max_tokens=150, concurrency=8))
    assert ledger.experiments.head(experiment_id).state is ExperimentState.FINISHED
    assert chat.busiest == 1
    assert state(budgets).spent_usd == pytest.approx(12 * 0.015)


def test_stopping_ends_the_waiting_for_a_budget(ledger: Ledger, budgets: Budgets) -> None:
    budgets.add(0.25)
    asked, go = threading.Event(), threading.Event()

    def answer(text: str, temperature: float) -> str:
        asked.set()
        assert go.wait(20)
        return echo(text, temperature)

    lab = open_lab(ledger, LabChat(answer), budgets=budgets)
    experiment_id = lab.start(lab.plan(spec_of_cases(6, max_tokens=150, concurrency=4)))
    assert asked.wait(10)
    lab.stop(experiment_id)
    go.set()
    assert lab.wait(experiment_id, 20)
    lab.close()
    assert ledger.experiments.head(experiment_id).state is ExperimentState.STOPPED
    assert state(budgets).reserved_usd == 0


def test_a_judge_counts_as_well_and_is_kept_back_without_losing_the_answer(ledger: Ledger, budgets: Budgets) -> None:
    judge = LabChat(lambda _text, _temperature: '{"score": 9}', name="judge")
    budgets.add(0, scope=BudgetScope.MODEL, subject="judge")
    lab = open_lab(ledger, LabChat(echo), judge, budgets=budgets)
    spec = spec_of_cases(1, scorers=[{"type": "judge", "rubric": "Is it right?", "model": "judge"}], concurrency=1)
    experiment_id = lab.start(lab.plan(spec))
    assert lab.wait(experiment_id, 30)
    lab.close()
    assert ledger.experiments.head(experiment_id).state is ExperimentState.CAPPED
    first = ledger.experiments.runs(experiment_id)[0]
    assert (first.state, first.output) == (RunState.DONE, "It is the answer 0.")
    assert first.scores["judge"].value is None
    assert "is used up until" in first.scores["judge"].reason
    assert judge.calls == 0


def test_an_experiment_is_of_the_budget_of_its_person(ledger: Ledger, budgets: Budgets) -> None:
    budgets.add(0, scope=BudgetScope.USER, subject="ana")
    of_bob = ended(ledger, budgets, LabChat(echo), spec_of_cases(1), user="bob")
    of_ana = ended(ledger, budgets, LabChat(echo), spec_of_cases(1, name="Hers", repeats=2), user="ana")
    assert ledger.experiments.head(of_bob).state is ExperimentState.FINISHED
    assert ledger.experiments.head(of_ana).state is ExperimentState.CAPPED


def test_calls_that_reach_nobody_spend_nothing(ledger: Ledger, budgets: Budgets) -> None:
    budgets.add(1000)
    down = ModelUnreachable("The model server is down", may_cost=False)
    ended(ledger, budgets, LabChat(lambda _text, _temperature: down), spec_of_cases(2))
    assert (state(budgets).spent_usd, state(budgets).reserved_usd) == (0, 0)


def test_an_experiment_without_a_bound_is_named_where_a_budget_applies(ledger: Ledger, budgets: Budgets) -> None:
    budgets.add(1000)
    experiment_id = ended(ledger, budgets, LabChat(echo), spec_of_cases(1, max_tokens=None))
    capped = ledger.experiments.head(experiment_id)
    assert capped.state is ExperimentState.CAPPED
    assert "nothing bounds what the answer may cost. Set max_tokens" in (capped.error or "")
