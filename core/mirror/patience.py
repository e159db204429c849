"""How long a mirror that fails is left alone, and how long one row that fails."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from core.ledger import OutboxRow

FIRST_S = 1.0
MOST_S = 300.0
"""Five minutes."""
SAME_IN_A_ROW = 3
"""So many different rows that fail one after the other are no fault of the rows."""


def row_delay_s(attempts: int) -> float:
    """How long a row that failed so often waits while the others go on. Never shorter than an outage after as many."""
    return min(MOST_S, FIRST_S * 2.0 ** min(attempts, 20))


class Patience:
    """What a sender knows of a mirror's outages. Time is monotonic, so a clock that jumps changes nothing."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``chance`` spreads the waits, so that several programs do not come back at the same moment."""
        self._now = now
        self._chance = chance
        self._outages = 0
        self._until = 0.0
        self._failed: set[tuple[str, str]] = set()
        self._known: set[tuple[str, str]] = set()
        """Rows that were among the failed ones of an earlier outage."""
        self._suspects = False

    @property
    def left_s(self) -> float:
        """Until the mirror may be tried again; 0 where it may."""
        return max(0.0, self._until - self._now())

    @property
    def in_outage(self) -> bool:
        """Whether the last that was heard of the mirror is that it failed."""
        return self._outages > 0

    @property
    def suspects_rows(self) -> bool:
        """Whether it failed on single rows, so that these may be what it fails on."""
        return self._suspects

    def failed(self, row: OutboxRow) -> bool:
        """Takes note of a row that failed; whether that means an outage."""
        self._failed.add((row.kind, row.id))
        outage = len(self._failed) >= SAME_IN_A_ROW
        self._suspects |= outage
        return outage

    def succeeded(self) -> None:
        """The mirror answered: there is no outage (any more)."""
        self._failed.clear()
        self._suspects = False
        self._outages = 0
        self._until = 0.0

    def wait(self, asked_s: float | None) -> float:
        """Begins or prolongs an outage; seconds until the next try. ``asked_s``: what the server asked for.

        Rows that failed before and fail again say nothing new of the mirror: each waits by itself, and not the others.
        """
        nothing_new = bool(self._failed) and self._failed <= self._known
        self._known |= self._failed
        self._failed.clear()
        outages = 0 if nothing_new else self._outages
        own_s = min(MOST_S, FIRST_S * 2.0 ** min(outages, 20)) * (0.7 + 0.3 * self._chance())
        delay_s = max(own_s, min(asked_s or 0.0, MOST_S))
        self._outages += not nothing_new
        self._until = self._now() + delay_s
        return delay_s

    def pause(self, delay_s: float) -> None:
        """Nothing is tried for so long, unless ``succeeded`` is said."""
        self._until = self._now() + delay_s
