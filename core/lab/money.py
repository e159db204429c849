"""What calls cost and may cost, and a purse that is never overdrawn."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from core.cost.worst import CostOf, most_tokens, worst_of_tokens, worst_usd
from core.errors import InputError
from core.lab.halts import CapReached, Halt
from core.lab.plan import Plan
from core.lab.scorers.judge import JUDGE_TEXTS, MOST_TOKENS, ModelJudge
from core.models import Usage
from core.phrases import listed, money
from core.ports import Message


class WorstCase:
    """The most that a cell can cost."""

    def __init__(self, plan: Plan, cost_of: CostOf, when: datetime) -> None:
        self._cost_of = cost_of
        self._when = when
        self._most = plan.max_tokens
        judges = [scorer for scorer in plan.scorers if isinstance(scorer, ModelJudge)]
        self._judges = [(judge.model or "", judge.rubric) for judge in judges]
        self._models = plan.models

    def unpriced(self) -> list[str]:
        """The models, judges too, whose price nobody knows."""
        models = dict.fromkeys([*self._models, *(model for model, _ in self._judges)])
        return [model for model in models if self._cost_of(model, Usage(1, 1, 0, 0), self._when) is None]

    def of_call(self, model: str, messages: Sequence[Message]) -> float:
        """0 where the price is unknown, or where nothing bounds the answer."""
        return worst_usd(self._cost_of, model, messages, self._most, self._when) or 0.0 if self._most else 0.0

    def of_judges(self, messages: Sequence[Message], expected: str) -> float:
        """Of all judges on one output. What they read of it has at most twice as many tokens as it was written in."""
        read = most_tokens([*messages, {"content": expected}, *JUDGE_TEXTS]) + 2 * (self._most or 0)
        costs = (
            worst_of_tokens(self._cost_of, model, read + len(rubric.encode()), MOST_TOKENS, self._when)
            for model, rubric in self._judges
        )
        return sum(cost or 0.0 for cost in costs)


def check_prices(plan: Plan, cap_usd: float | None, cost_of: CostOf, when: datetime, server: str) -> None:
    """Raises InputError where a cap could not be kept, since nobody knows the price of a model."""
    if cap_usd is None or plan.allow_unknown_price:
        return
    unpriced = WorstCase(plan, cost_of, when).unpriced()
    if unpriced:
        raise InputError(
            f"The cap of {money(cap_usd)} cannot be kept, as the price of {listed(unpriced)} at {server} is unknown",
            subject="max_cost_usd",
            hint="Set the price on the Cost page, leave the cap out, or allow models without a known price "
            "(in a spec: allow_unknown_price: true).",
        )


class Purse:
    """Money that calls take out before they are made and settle after. Safe for threads.

    ``cap_usd`` None: everything fits.
    """

    def __init__(self, cap_usd: float | None, spent_usd: float = 0.0) -> None:
        self._cap = cap_usd
        self._spent = spent_usd
        self._held = 0.0
        self._out = 0
        self._halt: Halt | None = None
        self._turn = threading.Condition()

    @property
    def is_capped(self) -> bool:
        return self._cap is not None

    def reserve(self, worst_usd: float) -> None:
        """Waits until the worst case fits beside those of the calls under way.

        Raises CapReached where it would not fit even without them, and the halt that ends the experiment meanwhile.
        """
        with self._turn:
            while self._halt is None and not self._fits(worst_usd):
                if self._out == 0:
                    raise CapReached(self._cap or 0.0, self._spent, worst_usd)
                self._turn.wait()
            if self._halt is not None:
                raise self._halt
            self._held += worst_usd
            self._out += 1

    def settle(self, worst_usd: float, actual_usd: float | None) -> None:
        """Puts a reservation back and takes what it did cost; where nobody knows that, the worst case."""
        with self._turn:
            self._held -= worst_usd
            self._out -= 1
            self._spent += worst_usd if actual_usd is None else actual_usd
            self._turn.notify_all()

    def close(self, halt: Halt) -> None:
        """Wakes those that wait."""
        with self._turn:
            self._halt = halt
            self._turn.notify_all()

    def _fits(self, amount: float) -> bool:
        return self._cap is None or self._spent + self._held + amount <= self._cap * (1 + 1e-9)
