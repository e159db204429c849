"""What the spending store returns: sums over traces, and how the ledger and the mirror differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import add, sub
from typing import NamedTuple


class Source(StrEnum):
    """Where a sum comes from."""

    LEDGER = "ledger"
    MIRROR = "mirror"
    """What was read back from it, other programs' records included."""


class Tally(NamedTuple):
    """Sums over a number of traces. Each is over what was counted; what was not has counts of its own.

    ``+`` and ``-`` are those of its fields. A tuple, as a report makes thousands.
    """

    calls: int = 0
    """Traces, whether or not a model was called."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Part of the prompt's."""
    reasoning_tokens: int = 0
    """Part of the completion's."""
    other_tokens: int = 0
    """Of mirrored records that count no more than their total."""
    uncounted_calls: int = 0
    """A model was called, and nobody counted all of its tokens."""
    nano_usd: int = 0
    """What is known of the cost, in billionths of a dollar: adding up whole numbers is exact in any order."""
    priced_calls: int = 0
    """Those that ``nano_usd`` is the sum of."""
    unpriced_calls: int = 0
    """A model was called, and what that cost is unknown."""
    unpriced_tokens: int = 0
    """The counted tokens of those."""
    thumbs_up: int = 0
    unpriced_thumbs_up: int = 0
    """Of the unpriced calls."""

    def __add__(self, other: Tally) -> Tally:  # type: ignore[override]
        return Tally(*map(add, self, other))

    def __sub__(self, other: Tally) -> Tally:
        """What is left of a sum without a part of it."""
        return Tally(*map(sub, self, other))

    def rank(self, name: object) -> tuple[int, int, int, str]:
        """What sums with these names are sorted by: what cost most comes first."""
        return -self.nano_usd, -self.tokens, -self.calls, str(name)

    @property
    def unpriced(self) -> Tally:
        """How many calls have no known cost, and their tokens; nothing else."""
        return Tally(unpriced_calls=self.unpriced_calls, unpriced_tokens=self.unpriced_tokens)

    @property
    def known_usd(self) -> float:
        """What is known of the cost; 0 where nothing is."""
        return self.nano_usd / 1e9

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens + self.other_tokens

    @property
    def cost_usd(self) -> float | None:
        """What is known of the cost; None where none of it is, or no more than that some was free.

        Without any call of a model, 0.
        """
        return None if self.unpriced_calls and not self.nano_usd else self.known_usd

    @property
    def complete(self) -> bool:
        """Whether ``cost_usd`` is all of the cost."""
        return not self.unpriced_calls

    @property
    def usd_per_call(self) -> float | None:
        """Over the calls whose cost is known, those without a model included."""
        return _part(self.cost_usd, self.calls - self.unpriced_calls)

    @property
    def usd_per_thumb_up(self) -> float | None:
        """What the calls whose cost is known cost for each thumb up that they got; None without one."""
        return _part(self.cost_usd, self.thumbs_up - self.unpriced_thumbs_up)


def _part(amount: float | None, number: int) -> float | None:
    return amount / number if amount is not None and number > 0 else None


class StretchTally(NamedTuple):
    """The sum over one stretch of time and one value of the column that was asked for."""

    stretch: int
    """Its place among the stretches that were given."""
    key: str | None
    """None: no model was called; or no column was asked for."""
    tally: Tally


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Sums over some stretches of time by one column, all of one state of the ledger."""

    names: tuple[StretchTally, ...]
    """Each name's sum over all stretches (``stretch`` is 0), what cost most first."""
    cells: tuple[StretchTally, ...]
    """The sum over each stretch of the first names, by stretch."""
    others: tuple[StretchTally, ...]
    """The sum over each stretch of all other names; empty where there are none."""


class Difference(StrEnum):
    """How the ledger and what was read back from the mirror relate, trace by trace."""

    NONE = "none"
    """In both, with equal tokens and cost."""
    TOKENS = "tokens"
    """In both, with different tokens."""
    COST = "cost"
    """In both, with equal tokens and a different cost."""
    WAITING = "waiting"
    """Only in the ledger: on its way."""
    REFUSED = "refused"
    """Only in the ledger: the mirror refused it."""
    UNQUEUED = "unqueued"
    """Only in the ledger: from a time without a key."""
    SAMPLE = "sample"
    """Only in the ledger: sample traffic, which is never sent."""
    UNREAD = "unread"
    """Only in the ledger: delivered, and not read back since."""
    MISSING = "missing"
    """Only in the ledger: delivered, and not among what was read back later."""
    FOREIGN = "foreign"
    """Only in the mirror: another program's."""
    ELSEWHERE = "elsewhere"
    """Only in the mirror: a trace that this ledger does not have."""


@dataclass(frozen=True, slots=True)
class DifferenceTally:
    """All traces or records of one kind of difference."""

    kind: Difference
    count: int
    ledger_usd: float | None
    """What is known of the cost, None where none of it is; 0 where the ledger has nothing of this kind."""
    mirror_usd: float | None
    """Likewise."""
    ledger_tokens: int
    mirror_tokens: int
    ledger_unpriced: int = 0
    """Calls of a model whose cost the ledger does not know."""
    mirror_unpriced: int = 0


@dataclass(frozen=True, slots=True)
class DifferenceExample:
    """One of them."""

    trace_id: str | None
    """Where the ledger has it."""
    record_id: str | None
    """Where the mirror has it."""
    started_at: datetime
    title: str
    """The question, or the record's name."""
    model: str | None
    ledger_usd: float | None
    mirror_usd: float | None
    ledger_tokens: int | None
    mirror_tokens: int | None
