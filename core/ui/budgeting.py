"""The Cost page's tab of budgets: each with what is left of it, how it is changed, and how it went before."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.cost.budget_words import calls_of, keeps_back, title_of, until, warning
from core.ledger import BudgetState
from core.services import Services
from core.ui import budget_form
from core.ui.components import empty_state
from core.ui.cost_figures import money_cell
from core.ui.errors import callback, guard
from core.ui.lab_words import say, show_said
from core.ui.text import escape_markdown, money

TAB, TABS = "Budgets", "cost-tab"
PLACE = "budgets"
_PERIODS = 24


def show(services: Services) -> None:
    """The tab."""
    states = services.budgets.states()
    show_said(PLACE)
    if states:
        st.caption(_rules(services))
    else:
        text = "The most that a call may cost is held in its budgets before it is made, so that none is overdrawn."
        empty_state("savings", "There is no budget", f"{text}  \nWithout one, every call is made.")
    for state in states:
        _card(services, state)
    budget_form.show(services)


def warn(services: Services) -> None:
    """For other places: a line for each budget that is low or used up, a budget of 0 only once it kept a call back."""
    if st.session_state.get(TABS, st.query_params.get(TABS)) == TAB:  # an address is no state before the tabs are drawn
        return
    with guard():
        for state in services.budgets.states():
            if state.exhausted_at or (state.is_used_up and state.budget.limit_nano_usd):
                st.warning(escape_markdown(keeps_back(state)), icon=":material/savings:")
            elif state.is_low:
                st.info(escape_markdown(warning(state)), icon=":material/savings:")


def _rules(services: Services) -> str:
    told = "the webhook hears of it" if services.settings.webhook_url else "set CUEPOINT_WEBHOOK_URL to hear of it"
    return (
        "When a budget is used up, Ask gives earlier answers and quotes, and says so; an experiment of the Prompt Lab "
        f"stops and can be resumed. Calls that cost nothing are always made. At the warning, and at the end, {told}."
    )


def _card(services: Services, state: BudgetState) -> None:
    budget = state.budget
    with st.container(border=True, key=f"budget-{budget.budget_id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape_markdown(_heading(state))}** {_badge(state)}", width="stretch")
            _change(services, state)
        share = 1.0 if state.share is None else min(1.0, state.share)
        st.progress(share, escape_markdown(_amounts(state)))
        _before(services.budgets.history(budget.budget_id, _PERIODS), state)


def _heading(state: BudgetState) -> str:
    title = title_of(state.budget)
    return f"{title}, for {calls_of(state.budget)}" if state.budget.name else f"{title[:1].upper()}{title[1:]}"


def _badge(state: BudgetState) -> str:
    if state.is_used_up:
        return ":red-badge[:material/block: Used up]"
    if state.keeps_back:
        return ":orange-badge[:material/pan_tool: Keeps calls back]"
    return ":orange-badge[:material/warning: Low]" if state.is_low else ":green-badge[:material/check: Open]"


def _amounts(state: BudgetState) -> str:
    share = "" if state.share is None else f" ({state.share:.0%})"
    held = f" · {money(state.reserved_usd)} held for calls under way" if state.reserved_nano_usd else ""
    left = f"{money(state.left_usd)} left until {until(state.ends_at)}"
    return f"{money(state.spent_usd)} spent{share}{held} · {left}"


# --------------------------------------------------------------------------------------------------------- changing


def _change(services: Services, state: BudgetState) -> None:
    budget = state.budget
    key, keys = f"budget-change-{budget.budget_id}", budget_form.keys_of(budget.budget_id)
    with st.popover("Change", icon=":material/edit:", key=key, on_change="rerun"):
        budget_form.amounts(keys, budget)
        with st.container(horizontal=True):
            st.button("Save", key=f"{key}-save", type="primary", on_click=callback(_save, place=PLACE),
                      args=(services, state, key))  # fmt: skip
            st.button("Remove", key=f"{key}-remove", icon=":material/delete:", on_click=callback(_remove, place=PLACE),
                      args=(services, state), help="Its past periods go with it; traces and costs stay")  # fmt: skip


def _save(services: Services, state: BudgetState, popover: str) -> None:
    budget, written = state.budget, budget_form.written(budget_form.keys_of(state.budget.budget_id))
    changed = services.budgets.change(budget.budget_id, **written)
    st.session_state[popover] = False
    say(PLACE, f"Saved: the budget {title_of(changed)}.")


def _remove(services: Services, state: BudgetState) -> None:
    removed = services.budgets.remove(state.budget.budget_id)
    say(PLACE, f"Removed: the budget {title_of(removed)}.")


# ---------------------------------------------------------------------------------------------------------- before


def _before(periods: Sequence[BudgetState], now: BudgetState) -> None:
    """How the periods before this one went; nothing where there is none."""
    past = [period for period in periods if period.starts_at < now.starts_at]
    if not past:
        return
    with st.expander(f"Before this {now.budget.period}", type="compact", key=f"budget-past-{now.budget.budget_id}"):
        table = pd.DataFrame(
            {
                "From": [period.starts_at for period in past],
                "Spent": [period.spent_usd for period in past],
                "Of today's limit": [period.share for period in past],
                "Warned": [period.warned_at for period in past],
                "Calls kept back": [period.exhausted_at for period in past],
            }
        )
        st.dataframe(
            table.style.format({"Spent": money_cell}), hide_index=True, placeholder="",
            column_config=_COLUMNS, alt="Each earlier period with what was spent in it",
        )  # fmt: skip


_MOMENT = "YYYY-MM-DD HH:mm"
_COLUMNS = {
    "From": st.column_config.DatetimeColumn(format="YYYY-MM-DD", help="UTC"),
    "Of today's limit": st.column_config.NumberColumn(format="percent"),
    "Warned": st.column_config.DatetimeColumn(format=_MOMENT, help="UTC"),
    "Calls kept back": st.column_config.DatetimeColumn(format=_MOMENT, help="UTC. Since when, in that period"),
}
