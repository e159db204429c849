"""The way to a model server that many workers share: when it asks to wait, all of them wait, and then fewer go."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import ModelBusy
from core.lab.halts import Halt, Unanswered
from core.phrases import span_of_time


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a busy server is waited for, in seconds."""

    first_s: float = 0.5
    """After the first refusal; twice as long after each further one."""
    most_s: float = 60.0
    patience_s: float = 900.0
    """A server that has taken no call for so long ends the experiment; its cells stay pending."""


class Gate:
    """Lets at most ``most`` calls through at once. Safe for threads.

    A refusal closes it for all, halves how many may pass when it opens again, and each call that succeeds lets a
    little more through (additive increase, multiplicative decrease: Chiu and Jain 1989).
    """

    def __init__(self, most: int, pace: Pace | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._pace = pace or Pace()
        self._now = now
        self._allowed = float(most)
        self._active = 0
        self._opens_at = 0.0
        self._refusals = 0
        self._refused_since: float | None = None
        self._round = 0
        self._halt: Halt | None = None
        self._turn = threading.Condition()

    @property
    def waits_s(self) -> float:
        """How long it stays closed; 0 where it is open."""
        return max(0.0, self._opens_at - self._now())

    def enter(self, *, finishing: bool = False) -> int:
        """Waits for one's turn and returns its ticket. Raises the halt that ended the experiment meanwhile.

        ``finishing``: the call completes a cell whose answer is there already; a halt does not keep it back.
        """
        with self._turn:
            while self._halt is None or finishing:
                closed_s = self.waits_s
                if closed_s == 0 and self._active < int(self._allowed):
                    self._active += 1
                    return self._round
                self._turn.wait(closed_s or None)
            raise self._halt

    def passed(self) -> None:
        """The call was taken, whatever came of it."""
        with self._turn:
            self._active -= 1
            self._refusals, self._refused_since = 0, None
            self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
            self._turn.notify(2)

    def refused(self, ticket: int, busy: ModelBusy) -> None:
        """The server asked to wait. Calls that were under way together count as one refusal.

        Raises Unanswered where waiting does not help.
        """
        with self._turn:
            self._active -= 1
            now = self._now()
            self._refused_since = self._refused_since or now
            longest = max(now - self._refused_since, busy.retry_after_s or 0.0)
            if busy.lasting or longest > self._pace.patience_s:
                raise _unanswered(busy, now - self._refused_since)
            if ticket == self._round:
                self._close(busy, now)
            self._turn.notify_all()

    def close(self, halt: Halt) -> None:
        """Nobody passes any more."""
        with self._turn:
            self._halt = halt
            self._turn.notify_all()

    def _close(self, busy: ModelBusy, now: float) -> None:
        self._round += 1
        self._allowed = max(1.0, self._allowed / 2)
        backoff_s = min(self._pace.most_s, self._pace.first_s * 2**self._refusals)
        self._refusals = min(self._refusals + 1, 30)
        wait_s = max(backoff_s, busy.retry_after_s or 0.0)
        self._opens_at = now + wait_s * random.uniform(1.0, 1.25)  # noqa: S311  so that processes do not meet again


def _unanswered(busy: ModelBusy, waited_s: float) -> Unanswered:
    if busy.lasting:
        return Unanswered(f"{busy}".rstrip(".") + ". Resume afterwards.")
    waited = f" for {span_of_time(waited_s)}" if waited_s >= 1 else ""
    return Unanswered(f"{busy.message}{waited}; what is done is kept. Resume later.")
