"""A small sample, made as the command makes it."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from core.cost import cost_usd
from core.ledger import SampleBatch
from core.models import Usage
from core.sample_traffic.making import made_batch

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def listed_usd(model: str, usage: Usage, when: datetime) -> float | None:
    """By the price list."""
    return cost_usd(model, usage, when)


def small_sample(seed: int = 1, *, questions: int = 40, days: int = 10, now: datetime = NOW) -> SampleBatch:
    """A few questions, with the whole experiment."""
    return made_batch(Random(seed), questions, days, now, listed_usd)
