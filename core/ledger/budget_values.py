"""Budgets as the ledger keeps them: money as whole nano-dollars, so that no sum is off by a rounding."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

NANO = 1_000_000_000
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_DECEMBER = 12


class BudgetScope(StrEnum):
    """Whose calls a budget is for."""

    ALL = "all"
    USER = "user"
    """Those of one person."""
    MODEL = "model"
    """Those of one model, its dated snapshots included."""


class BudgetPeriod(StrEnum):
    """How long a budget lasts before it is whole again; in UTC, a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def start_of(self, moment: datetime) -> datetime:
        """The beginning of the period that holds the moment."""
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self is BudgetPeriod.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is BudgetPeriod.MONTH else day

    def end_after(self, start: datetime) -> datetime:
        """Where the next period begins, of one that begins at ``start``."""
        if self is not BudgetPeriod.MONTH:
            return start + timedelta(days=7 if self is BudgetPeriod.WEEK else 1)
        last = start.month == _DECEMBER
        return start.replace(year=start.year + last, month=1 if last else start.month + 1)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in each period."""

    budget_id: str
    name: str
    scope: BudgetScope
    subject: str
    """The person or the model; empty for all."""
    period: BudgetPeriod
    limit_nano_usd: int
    warn_at: float
    """Share of the limit from which on people are warned."""
    created_at: datetime

    @property
    def limit_usd(self) -> float:
        return self.limit_nano_usd / NANO


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in one period."""

    budget: Budget
    starts_at: datetime
    spent_nano_usd: int
    """Settled calls; one whose cost nobody knows counts with its worst case."""
    reserved_nano_usd: int
    """The worst cases of the calls under way."""
    warned_at: datetime | None = None
    exhausted_at: datetime | None = None
    """When a call was first kept back, or the limit first reached, in this period."""

    @property
    def ends_at(self) -> datetime:
        return self.budget.period.end_after(self.starts_at)

    @property
    def spent_usd(self) -> float:
        return self.spent_nano_usd / NANO

    @property
    def reserved_usd(self) -> float:
        return self.reserved_nano_usd / NANO

    @property
    def left_nano_usd(self) -> int:
        """Neither spent nor reserved; never below 0."""
        return max(0, self.budget.limit_nano_usd - self.spent_nano_usd - self.reserved_nano_usd)

    @property
    def left_usd(self) -> float:
        return self.left_nano_usd / NANO

    @property
    def share(self) -> float | None:
        """Of the limit that is spent; None where the limit is 0."""
        return self.spent_nano_usd / self.budget.limit_nano_usd if self.budget.limit_nano_usd else None

    @property
    def is_used_up(self) -> bool:
        """Whether no call that costs anything fits any more."""
        return self.spent_nano_usd >= self.budget.limit_nano_usd

    @property
    def keeps_back(self) -> bool:
        """Whether a call was kept back in this period, or would be."""
        return self.exhausted_at is not None or self.is_used_up

    @property
    def is_low(self) -> bool:
        """Whether people are to be warned; a budget of 0 has nothing to warn of before it is asked for something."""
        return self.share is not None and self.share >= self.budget.warn_at


@dataclass(frozen=True, slots=True)
class Part:
    """What one budget holds for a call."""

    budget_id: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """The reservation of one call in every budget that it is of."""

    reservation_id: str
    model: str
    user: str
    amount_nano_usd: int
    made_at: datetime
    parts: tuple[Part, ...]
    """Empty: the call is of no budget."""


@dataclass(frozen=True, slots=True)
class Full:
    """A call that does not fit."""

    state: BudgetState
    """The first budget that it does not fit in."""
    amount_nano_usd: int

    @property
    def fits_later(self) -> bool:
        """Whether it would fit if the calls under way cost nothing."""
        return self.state.spent_nano_usd + self.amount_nano_usd <= self.state.budget.limit_nano_usd


def family_of(model: str) -> str:
    """The name without the date of a snapshot.

    >>> family_of("gpt-4o-2024-08-06")
    'gpt-4o'
    """
    return _SNAPSHOT.sub("", model)


def nano_ceil(amount_usd: float) -> int:
    """Whole nano-dollars, never fewer than the amount."""
    return math.ceil(amount_usd * NANO)
