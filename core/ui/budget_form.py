"""The form of a budget: whose calls it is for, for how long, and how much."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.cost.budget_checks import LONGEST_NAME, LONGEST_SUBJECT
from core.cost.budget_words import title_of
from core.cost.budgets import WARN_AT
from core.errors import InputError
from core.ledger import Budget, BudgetPeriod, BudgetScope
from core.services import Services
from core.ui.errors import callback
from core.ui.lab_words import say, show_said

PLACE = "budget-form"
_SCOPE, _PERIOD, _USER, _MODEL = "budget-scope", "budget-period", "budget-user", "budget-model"
_SCOPES = {BudgetScope.ALL: "All calls", BudgetScope.USER: "A person", BudgetScope.MODEL: "A model"}
_PERIODS = {BudgetPeriod.DAY: "Day", BudgetPeriod.WEEK: "Week", BudgetPeriod.MONTH: "Month"}
_NEW = "new"
Keys = dict[str, str]
"""Of the widgets, by the field of a budget."""


def keys_of(budget_id: str) -> Keys:
    return {field: f"budget-{field}-{budget_id}" for field in ("limit_usd", "warn_at", "name")}


def show(services: Services) -> None:
    """The form of a new one."""
    st.subheader("Make a budget", anchor=False)
    show_said(PLACE)
    with st.container(border=True):
        _whose(services)
        amounts(keys_of(_NEW), None)
        st.button("Make the budget", key="budget-make", icon=":material/add:", type="primary",
                  on_click=callback(_make, place=PLACE), args=(services,))  # fmt: skip


def _whose(services: Services) -> None:
    scope, subject, period = st.columns([3, 3, 2])
    chosen = scope.segmented_control(
        "For", list(_SCOPES), default=BudgetScope.ALL, format_func=_SCOPES.__getitem__, key=_SCOPE, required=True,
    )  # fmt: skip
    if chosen is BudgetScope.USER:
        subject.text_input("Person", key=_USER, max_chars=LONGEST_SUBJECT, placeholder="ana@example.org",
                           help="As the traces name them")  # fmt: skip
    elif chosen is BudgetScope.MODEL:
        priced = sorted({row.price.model for row in services.prices.table()})
        subject.selectbox("Model", priced, index=None, key=_MODEL, accept_new_options=True, placeholder="gpt-4o",
                          help="Its dated snapshots (gpt-4o-2024-11-20) are of it as well")  # fmt: skip
    period.segmented_control(
        "Each", list(_PERIODS), default=BudgetPeriod.MONTH, format_func=_PERIODS.__getitem__, key=_PERIOD,
        required=True, help="In UTC; a week begins on Monday",
    )  # fmt: skip


def amounts(keys: Keys, budget: Budget | None) -> None:
    """Limit, warning and name; of a budget that there is, as they are."""
    limit, warn_at, name = st.columns([3, 3, 2])
    limit.number_input(
        "Limit, $", 0.0, None, None if budget is None else budget.limit_usd, key=keys["limit_usd"], format="%g",
        placeholder="25", help="US dollars. 0 keeps back every call that costs anything",
    )  # fmt: skip
    warn_at.number_input(
        "Warn at, %", 1.0, 100.0, 100 * (budget.warn_at if budget else WARN_AT), 5.0, key=keys["warn_at"], format="%g",
    )  # fmt: skip
    name.text_input("Name", budget.name if budget else "", key=keys["name"], max_chars=LONGEST_NAME, placeholder="Team")


def written(keys: Keys) -> dict[str, Any]:
    """What stands in the widgets, by field. Raises InputError where there is no limit."""
    state = st.session_state
    if state.get(keys["limit_usd"]) is None:
        raise InputError("The budget has no limit", subject="limit", hint="Give US dollars, such as 25.")
    share = state.get(keys["warn_at"])
    return {
        "limit_usd": float(state[keys["limit_usd"]]),
        "warn_at": WARN_AT if share is None else share / 100,
        "name": state.get(keys["name"]) or "",
    }


def _make(services: Services) -> None:
    """Takes what stands in the form when it is clicked."""
    state, keys = st.session_state, keys_of(_NEW)
    scope = BudgetScope(state[_SCOPE])
    subject = {BudgetScope.ALL: "", BudgetScope.USER: state.get(_USER), BudgetScope.MODEL: state.get(_MODEL)}[scope]
    made = services.budgets.add(
        scope=scope, subject=subject or "", period=BudgetPeriod(state[_PERIOD]), **written(keys)
    )
    say(PLACE, f"Made: the budget {title_of(made)}.")
    for key in (*keys.values(), _USER, _MODEL):
        state.pop(key, None)
