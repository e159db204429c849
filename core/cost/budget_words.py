"""What people are told of budgets, in sentences. Pure."""

from __future__ import annotations

from datetime import datetime

from core.ledger import Budget, BudgetScope, BudgetState, Full
from core.ledger.budget_values import NANO
from core.phrases import money, one_line


def title_of(budget: Budget) -> str:
    """``Team ($10.00 a month)``; without a name of its own it is called after whom it is for."""
    return f"{whose(budget)} ({money(budget.limit_usd)} a {budget.period})"


def whose(budget: Budget) -> str:
    """Its name, or whom it is for."""
    return one_line(budget.name) or f"for {calls_of(budget)}"


def calls_of(budget: Budget) -> str:
    """``all calls``, ``the person ana``, ``the model gpt-4o``."""
    if budget.scope is BudgetScope.ALL:
        return "all calls"
    return f"the {'person' if budget.scope is BudgetScope.USER else 'model'} {one_line(budget.subject)}"


def _concerning(budget: Budget) -> str:
    if budget.scope is BudgetScope.ALL:
        return ""
    return f" {'to' if budget.scope is BudgetScope.USER else 'of'} {one_line(budget.subject)}"


def until(moment: datetime) -> str:
    """``2026-12-01 (UTC)``: budgets begin anew at midnight."""
    return f"{moment:%Y-%m-%d} (UTC)"


def kept_back(full: Full) -> str:
    """Why a call may not be made."""
    state = full.state
    title, left = title_of(state.budget), state.budget.limit_nano_usd - state.spent_nano_usd
    if left <= 0:
        return f"The budget {title} is used up until {until(state.ends_at)}"
    if full.fits_later:
        return f"What the budget {title} has left is held for calls under way"
    worst = money(full.amount_nano_usd / NANO)
    return f"The budget {title} has {money(left / NANO)} left until {until(state.ends_at)}; the call may cost {worst}"


def warning(state: BudgetState) -> str:
    """That a budget runs low, for a notice."""
    share = f"{state.share:.0%}" if state.share is not None else "all"
    ends = until(state.ends_at)
    return f"The budget {title_of(state.budget)} is {share} used: {money(state.spent_usd)} spent, until {ends}."


def keeps_back(state: BudgetState) -> str:
    """That calls are kept back, for a notice."""
    title, spent, ends = title_of(state.budget), money(state.spent_usd), until(state.ends_at)
    then = f"Until {ends} Ask gives quotes and earlier answers instead of new ones{_concerning(state.budget)}"
    if not state.budget.limit_nano_usd:
        return f"The budget {title} lets no call through that costs anything. {then}."
    if state.is_used_up:
        return f"The budget {title} is used up, {spent} spent. {then}."
    return f"The budget {title} keeps calls back: {spent} spent, and what is left is less than a call may cost. {then}."
