"""Ends a call that takes longer than any of its time-outs allows: a server that sends one byte a second, say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from core.ledger import OutboxRow

_log = logging.getLogger(__name__)

Stuck = Callable[[Sequence[OutboxRow]], None]
"""Called in a thread of its own with the rows that were being sent; must end the process, as nothing ends the call."""


class Watchdog:
    """Python cannot stop a call from outside, so what remains is to end the process. Another one takes over."""

    def __init__(self, stuck: Stuck) -> None:
        self._stuck = stuck

    @contextmanager
    def watch(self, limit_s: float, rows: Sequence[OutboxRow] = ()) -> Iterator[None]:
        """The block may take so long."""
        timer = threading.Timer(limit_s, self._bite, [limit_s, rows])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _bite(self, limit_s: float, rows: Sequence[OutboxRow]) -> None:
        _log.error("A call to the mirror did not end within %.0f s", limit_s)
        self._stuck(rows)
