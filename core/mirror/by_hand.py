"""Empties the outbox once and returns: for a person at a terminal, and for cron."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from core.ledger import OutboxStore, SenderStatus
from core.mirror.drainer import Drainer

AGAIN_WITHIN_S = 5.0
"""A row whose attempt failed is waited for, where that takes no longer."""
LOOK_EVERY_S = 0.25
"""At another process that sends."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of it."""

    delivered: int
    """Rows that this process delivered."""
    status: SenderStatus
    """IDLE: nothing is due any more. WAITING: an outage. PAUSED: the key is rejected. SENDING: another process does."""
    detail: str = ""


def drain_all(
    drainer: Drainer, outbox: OutboxStore, on_batch: Callable[[], None] = lambda: None, *, patience_s: float = 30.0
) -> Drained:
    """Sends until nothing is due or the mirror fails; a key that was rejected is tried again.

    Another process that sends already is left to do it: this one watches for as long as it gets on, at most
    ``patience_s`` without progress. ``on_batch`` is called now and then. Raises LibraryError.
    """
    outbox.resume()
    before = drainer.delivered
    while outbox.take_lease():
        due_s = outbox.next_due_s()
        soon = due_s is not None and due_s <= AGAIN_WITHIN_S
        if not soon and not drainer.says_trouble():
            break
        drainer.may_begin()
        time.sleep(max(due_s if due_s and soon else 0.0, drainer.next_try_s))
        drainer.drain_once()
        on_batch()
        if not drainer.may_try():
            break
    else:
        return _watch_other(outbox, on_batch, patience_s)
    state = outbox.status()
    return Drained(drainer.delivered - before, state.status, state.detail)


def _watch_other(outbox: OutboxStore, on_batch: Callable[[], None], patience_s: float) -> Drained:
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < patience_s:
        state, due_s, left = outbox.status(), outbox.next_due_s(), outbox.stats().pending
        if state.status in (SenderStatus.PAUSED, SenderStatus.WAITING) or due_s is None or due_s > AGAIN_WITHIN_S:
            return Drained(0, state.status, state.detail)
        if left != seen:
            seen, since = left, time.monotonic()
            on_batch()
        time.sleep(LOOK_EVERY_S)
    return Drained(0, SenderStatus.SENDING, "Another process sends, and has not got on for a while")
