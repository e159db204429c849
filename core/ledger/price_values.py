"""What the price store takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from core.models import Usage

CostOf = Callable[[str, Usage, datetime, str], float | None]
"""US dollars of a model's tokens at a time on a server, by all prices there are; None where that is unknown."""


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price to be kept: US dollars for a million tokens."""

    model: str
    server: str
    """Host, and port where that is not the usual one."""
    since: datetime
    input_usd: float
    output_usd: float
    cached_usd: float | None
    reasoning_usd: float | None


@dataclass(frozen=True, slots=True)
class KeptPrice(NewPrice):
    """A price with its history."""

    price_id: str
    note: str
    author: str
    added_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    reprice: bool
    """Whether its traces that have a cost get a new one too."""
    any_server: bool
    """Whether it is also for traces of which the server is unknown."""
    filled_at: datetime | None
    """When its traces had their costs; None: not all of them have."""

    @property
    def in_force(self) -> bool:
        return self.withdrawn_at is None


@dataclass(frozen=True, slots=True)
class PriceScope:
    """Which traces a price is for."""

    model: str
    """Its dated snapshots too; and what experiments asked for by this name, whatever name the server answered by."""
    server: str
    since: datetime
    until: datetime | None
    """None: no end."""
    any_server: bool = False
    """Traces of which the server is unknown too; they count as the server's."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Calls of a model whose tokens were counted and whose price nobody knows."""

    model: str
    server: str
    """"" where that is unknown."""
    calls: int
    tokens: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class PriceChange:
    """What prices change, or changed, in the costs of traces."""

    traces: int = 0
    """That get another cost than they have, or one at all."""
    runs: int = 0
    """Of experiments, likewise."""
    before_usd: float = 0.0
    """What was known of the cost of those traces."""
    after_usd: float = 0.0
    unpriced: int = 0
    """Those of them that had no cost."""
    lost: int = 0
    """Those of them whose cost is unknown then."""

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.traces + other.traces,
            self.runs + other.runs,
            self.before_usd + other.before_usd,
            self.after_usd + other.after_usd,
            self.unpriced + other.unpriced,
            self.lost + other.lost,
        )

    @property
    def usd(self) -> float:
        """What the sums of the cost grow by; less than 0: shrink."""
        return self.after_usd - self.before_usd
