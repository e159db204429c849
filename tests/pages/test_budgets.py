"""The Cost page's tab of budgets, and the lines that Home and Cost have of those that run low."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.cost.budgets import Budgets
from core.ledger import BudgetPeriod, BudgetScope, BudgetStore, Ledger, open_ledger
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path}/cuepoint.db")
    yield opened
    opened.close()


@pytest.fixture
def budgets(services: FakeServices, ledger: Ledger) -> Budgets:
    made = Budgets(ledger.budgets)
    services.budgets = made
    return made


def opened(open_page: OpenPage) -> AppTest:
    app = open_page("cost", **{"cost-tab": "Budgets"})
    assert not app.exception
    return app


def test_without_a_budget_the_tab_says_what_one_does(open_page: OpenPage, budgets: Budgets) -> None:
    assert "There is no budget" in words(opened(open_page))


def test_a_budget_is_made_for_a_person(open_page: OpenPage, budgets: Budgets) -> None:
    app = opened(open_page)
    app.button_group(key="budget-scope").set_value(BudgetScope.USER)
    app.run()
    app.text_input(key="budget-user").set_value("ana **bold**")
    app.button_group(key="budget-period").set_value(BudgetPeriod.WEEK)
    app.number_input(key="budget-limit_usd-new").set_value(2.5)
    app.number_input(key="budget-warn_at-new").set_value(50.0)
    app.button(key="budget-make").click().run()
    (state,) = budgets.states()
    made = state.budget
    assert (made.scope, made.subject, made.period) == (BudgetScope.USER, "ana **bold**", BudgetPeriod.WEEK)
    assert (made.limit_usd, made.warn_at, made.name) == (2.5, 0.5, "")
    assert [one.value for one in app.success] == [
        r"Made\: the budget for the person ana \*\*bold\*\* \(\$2\.50 a week\)\."
    ]
    assert "For the person ana **bold** ($2.50 a week)" in words(app)
    assert app.number_input(key="budget-limit_usd-new").value is None


@pytest.mark.parametrize(
    ("limit", "scope", "says"),
    [
        (None, BudgetScope.ALL, "The budget has no limit"),
        (3.0, BudgetScope.USER, "The person has no name"),
        (3.0, BudgetScope.MODEL, "The model has no name"),
        (1e12, BudgetScope.ALL, "The limit is more than $1,000,000,000"),
    ],
)
def test_what_is_missing_is_named_beside_the_form_and_what_was_typed_stays(
    open_page: OpenPage, budgets: Budgets, limit: float | None, scope: BudgetScope, says: str
) -> None:
    app = opened(open_page)
    app.button_group(key="budget-scope").set_value(scope)
    app.number_input(key="budget-limit_usd-new").set_value(limit)
    app.run()
    app.button(key="budget-make").click().run()
    assert says in words(app)
    assert app.number_input(key="budget-limit_usd-new").value == limit
    assert budgets.states() == []


def test_a_budget_is_changed_and_removed_where_it_stands(open_page: OpenPage, budgets: Budgets) -> None:
    key = budgets.add(10, name="Team").budget_id
    app = opened(open_page)
    assert app.number_input(key=f"budget-limit_usd-{key}").value == 10
    app.number_input(key=f"budget-limit_usd-{key}").set_value(0.0)
    app.text_input(key=f"budget-name-{key}").set_value("Nothing")
    app.button(key=f"budget-change-{key}-save").click().run()
    (state,) = budgets.states()
    assert (state.budget.limit_usd, state.budget.name, state.budget.warn_at) == (0, "Nothing", 0.8)
    assert "Used up" in words(app)
    app.button(key=f"budget-change-{key}-remove").click().run()
    assert budgets.states() == []
    assert "There is no budget" in words(app)


def test_a_budget_that_another_one_removed_is_named(open_page: OpenPage, budgets: Budgets) -> None:
    key = budgets.add(10).budget_id
    app = opened(open_page)
    budgets.remove(key)
    app.button(key=f"budget-change-{key}-save").click().run()
    assert f"There is no budget {key}" in words(app)


def test_what_is_spent_held_and_left_and_how_it_went_before(
    open_page: OpenPage, budgets: Budgets, ledger: Ledger
) -> None:
    earlier = datetime.now(UTC) - timedelta(days=40)
    store = BudgetStore(ledger._database, ledger._processes, lambda: earlier)
    budgets.add(10, name="Team")
    Budgets(store, clock=lambda: earlier).reserve(model="m", worst_usd=7).settle(7)
    budgets.reserve(model="m", worst_usd=2).settle(2)
    held = budgets.reserve(model="m", worst_usd=1.5)
    app = opened(open_page)
    (bar,) = app.get("progress")
    assert bar.proto.value == 20
    assert "Before this month" in [one.label for one in app.expander]
    assert app.dataframe[0].value["Spent"].tolist() == [7.0]
    held.release()


def test_home_and_cost_have_a_line_for_what_is_low_or_used_up(
    open_page: OpenPage, budgets: Budgets, services: FakeServices
) -> None:
    budgets.add(10, name="Low")
    budgets.add(0, scope=BudgetScope.USER, subject="nobody")
    budgets.add(1, scope=BudgetScope.MODEL, subject="m")
    budgets.reserve(model="m", worst_usd=1).settle(1)
    budgets.reserve(model="n", worst_usd=7.5).settle(7.5)
    for page in ("home", "cost"):
        said = words(open_page(page))
        assert "The budget Low ($10.00 a month) is 85% used: $8.50 spent" in said
        assert "The budget for the model m ($1.00 a month) is used up, $1.00 spent" in said
        assert "instead of new ones of m." in said
        assert "nobody" not in said


def test_the_tab_of_budgets_has_no_second_line_for_what_it_shows(open_page: OpenPage, budgets: Budgets) -> None:
    budgets.add(1)
    budgets.reserve(model="m", worst_usd=1).settle(1)
    said = words(opened(open_page))
    assert "For all calls" in said
    assert "Ask gives quotes and earlier answers instead of new ones" not in said
