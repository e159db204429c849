"""The budgets of somebody who has none."""

from __future__ import annotations

from core.ledger import BudgetState


class NoBudgets:
    """What pages ask of them."""

    def states(self) -> list[BudgetState]:
        return []
