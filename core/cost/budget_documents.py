"""What ``budgets`` prints, and ``cost`` of them: JSON documents that programs outside rely on, and lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.cost.budget_words import calls_of, title_of, until
from core.ledger import Budget, BudgetState
from core.phrases import money, one_line

Document = dict[str, Any]


def budget_document(budget: Budget) -> Document:
    """A budget without its state."""
    return {
        "budget_id": budget.budget_id,
        "name": budget.name,
        "scope": str(budget.scope),
        "subject": budget.subject or None,
        "period": str(budget.period),
        "limit_usd": budget.limit_usd,
        "warn_at": budget.warn_at,
        "created_at": budget.created_at.isoformat(),
    }


def state_document(state: BudgetState) -> Document:
    """A budget in its present period; ``share`` is null where the limit is 0."""
    return {
        **budget_document(state.budget),
        "starts_at": state.starts_at.isoformat(),
        "ends_at": state.ends_at.isoformat(),
        "spent_usd": state.spent_usd,
        "reserved_usd": state.reserved_usd,
        "left_usd": state.left_usd,
        "share": state.share,
        "warned_at": state.warned_at and state.warned_at.isoformat(),
        "exhausted_at": state.exhausted_at and state.exhausted_at.isoformat(),
        "used_up": state.is_used_up,
    }


def budgets_document(states: Sequence[BudgetState]) -> Document:
    """All of them."""
    return {"budgets": [state_document(state) for state in states]}


def state_line(state: BudgetState) -> str:
    """``1f8d10060de9  Team ($10.00 a month), for all calls: $2.50 spent (25%), $7.50 left until 2026-12-01 (UTC)``."""
    budget = state.budget
    of = f", for {calls_of(budget)}" if one_line(budget.name) else ""
    share = "" if state.share is None else f" ({state.share:.0%})"
    held = f", {money(state.reserved_usd)} held for calls under way" if state.reserved_nano_usd else ""
    then = f"{money(state.left_usd)} left until {until(state.ends_at)}"
    full = "; used up" if state.is_used_up else "; calls were kept back" if state.keeps_back else ""
    return f"{budget.budget_id}  {title_of(budget)}{of}: {money(state.spent_usd)} spent{share}{held}, {then}{full}"


def budget_lines(states: Sequence[BudgetState]) -> list[str]:
    """A line for each."""
    return [state_line(state) for state in states] or [
        "There is no budget. Make one with: budgets add 25 --period month"
    ]
