"""What becomes of each row that is sent: settled by how its attempt ended, or raised where it concerns all rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from core.errors import CuepointError, LibraryError, MirrorError, MirrorKeyRejected, MirrorRefused, MirrorUnreachable
from core.ledger import OutboxRow, OutboxState, OutboxStore, Settled
from core.mirror.patience import Patience, row_delay_s
from core.mirror.watchdog import Watchdog

_log = logging.getLogger(__name__)

T = TypeVar("T")

SETTLE_ROWS = 50
SETTLE_EVERY_S = 1.0
LIMITS_S = {"trace": 120.0, "feedback": 120.0, "experiment": 600.0, "dataset": 3600.0}
"""After which a call is stuck, beside twelve of its time-outs: a row takes a few requests, files take long."""

MOST_ATTEMPTS = {"trace": 300, "feedback": 300, "experiment": 50, "dataset": 10}
"""Of one row by itself, which take about a day: while the mirror answers nothing, rows are not tried. Files hold up all
that waits behind them, so a slow line tries them a few times only."""


class Attempts:
    """Outcomes are written down together, once a second, as the disk is what costs.

    Late is no harm: the mirror is asked about what was sent and not written down.
    """

    def __init__(self, outbox: OutboxStore, patience: Patience, watchdog: Watchdog, *, timeout_s: float) -> None:
        self._outbox = outbox
        self._patience = patience
        self._watchdog = watchdog
        self._timeout_s = timeout_s
        self._outcomes: list[Settled] = []
        self._written_at = time.monotonic()
        self.delivered = 0
        """Rows that the mirror took, so far."""

    @contextmanager
    def watch(self, kind: str, rows: Sequence[OutboxRow]) -> Iterator[None]:
        """Ends the process where the block takes longer than rows of that kind can."""
        with self._watchdog.watch(LIMITS_S[kind] + 12 * self._timeout_s, rows):
            yield

    def made(self, row: OutboxRow, make: Callable[[OutboxRow], T]) -> T | None:
        """What is to be sent of the row. None where it cannot be made: the row is dead then and keeps nobody else."""
        try:
            return make(row)
        except LibraryError:
            raise
        except CuepointError as error:
            self.refuse(row, str(error))
        except Exception as error:  # noqa: BLE001  odd data and faults of ours harm one row
            _log.exception("The record of the %s %s cannot be made", row.kind, row.id)
            self.refuse(row, f"Its record cannot be made ({type(error).__name__})")
        return None

    @contextmanager
    def attempt(self, row: OutboxRow) -> Iterator[None]:
        """Settles the row by how the block ends.

        Raises MirrorUnreachable for an outage, MirrorKeyRejected, and LibraryError.
        """
        try:
            with self.watch(row.kind, [row]):
                yield
        except MirrorKeyRejected as error:
            self._settle(Settled(row, OutboxState.PENDING, str(error), unsure=row.unsure))
            raise
        except MirrorUnreachable as error:
            self._later(row, error)
            if self._patience.failed(row) or not may_have_arrived(error):
                raise
        except MirrorRefused as error:
            self._patience.succeeded()
            self.refuse(row, str(error))
        except LibraryError:
            raise
        except Exception as error:  # noqa: BLE001  likewise
            _log.exception("The %s %s cannot be sent", row.kind, row.id)
            self._settle(Settled(row, OutboxState.DEAD, f"It cannot be sent ({type(error).__name__})", unsure=True))
        else:
            self._patience.succeeded()
            self.delivered += 1
            self._settle(Settled(row, OutboxState.SENT))

    def refuse(self, row: OutboxRow, reason: str) -> None:
        """What may have arrived of it before stays in doubt, for when it is sent again."""
        self._settle(Settled(row, OutboxState.DEAD, reason, unsure=row.unsure))

    def hold_back(self, rows: Sequence[OutboxRow], error: MirrorUnreachable | MirrorKeyRejected) -> None:
        """A request for all these rows failed, perhaps through one of them. Raises ``error`` where it is an outage."""
        doubt = may_have_arrived(error)
        for row in rows:
            wait_s = self._timeout_s if doubt else None
            unsure = isinstance(error, MirrorUnreachable) and error.unsure
            self._settle(Settled(row, OutboxState.PENDING, str(error), wait_s, unsure=unsure))
        if not doubt or self._patience.failed(rows[0]):
            raise error

    def write_down(self) -> None:
        """Raises LeaseLost, LibraryError."""
        outcomes, self._outcomes = self._outcomes, []
        self._written_at = time.monotonic()
        if outcomes:
            self._outbox.settle(outcomes)

    def _later(self, row: OutboxRow, error: MirrorUnreachable) -> None:
        """A row that failed too often while others arrived is dead, so that somebody sees it.

        What may still be arriving is not asked for at once: a slow server may take it after its time was over.
        """
        doubt = row.unsure or error.unsure
        if row.attempts + 1 >= MOST_ATTEMPTS[row.kind]:
            reason = f"{error} It failed {row.attempts + 1} times."
            self._settle(Settled(row, OutboxState.DEAD, reason, unsure=doubt))
            return
        delay_s = max(row_delay_s(row.attempts), error.retry_after_s or 0.0, self._timeout_s if error.unsure else 0.0)
        self._settle(Settled(row, OutboxState.PENDING, str(error), delay_s, unsure=doubt))

    def _settle(self, outcome: Settled) -> None:
        self._outcomes.append(outcome)
        if len(self._outcomes) >= SETTLE_ROWS or time.monotonic() - self._written_at > SETTLE_EVERY_S:
            self.write_down()


def may_have_arrived(error: MirrorError) -> bool:
    """Where a request certainly did not, no row is to blame: refused connection, too many requests, rejected key."""
    return isinstance(error, MirrorUnreachable) and error.unsure and error.retry_after_s is None
