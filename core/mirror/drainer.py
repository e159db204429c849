"""Empties the outbox into the mirror: one process at a time, patient with outages, never in anyone's way."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import replace
from threading import Event

from core.errors import CuepointError, LeaseLost, LibraryError, MirrorKeyRejected, MirrorUnreachable
from core.ledger import Ledger, OutboxRow, SenderStatus
from core.mirror.attempts import Attempts
from core.mirror.patience import MOST_S, Patience
from core.mirror.sending import BATCH_ROWS, Sender
from core.mirror.watchdog import Stuck, Watchdog
from core.ports import Mirror

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How often the outbox is looked at while nothing is due: one small SELECT."""
AFTER_FAULT_S = 5.0
"""The pause after a ledger that cannot be used, or a fault of ours."""
PROBES, AMONG = 10, 500
"""So many of so many of the oldest rows are tried after rows that all failed."""
OPEN_LIMIT_S = 120.0
"""For opening the mirror, which imports its packages, and asking whether it takes the key."""


class Drainer:
    """One per process. ``open_mirror`` is called when there is first something to send; then the mirror is kept."""

    def __init__(
        self,
        ledger: Ledger,
        open_mirror: Callable[[], Mirror],
        target: str,
        *,
        stuck: Stuck,
        timeout_s: float = 10.0,
        patience: Patience | None = None,
    ) -> None:
        """``target`` names where the records go, for the status. ``stuck`` ends the process."""
        self._outbox = ledger.outbox
        self._ledger = ledger
        self._open_mirror = open_mirror
        self._target = target
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self.watchdog = Watchdog(stuck)
        self._attempts = Attempts(self._outbox, self._patience, self.watchdog, timeout_s=timeout_s)
        self._mirror: Mirror | None = None
        self._sender: Sender | None = None
        self._paused = False
        self._begun = False
        """Whether this process was the last that sent."""
        self._troubled = True
        """Whether the ledger may still say that the mirror fails, which then has to be looked at."""

    # ----------------------------------------------------------------------------------------------------- as a worker

    def run(self, stop: Event, *, chore: Callable[[], bool] = lambda: False) -> None:
        """Sends what comes until ``stop``. ``chore`` is called between batches; true: it wants to be called again."""
        try:
            while not stop.is_set():
                wait_s = self.turn()
                if not chore():
                    stop.wait(wait_s)
        finally:
            self.close()

    def turn(self) -> float:
        """Looks once and sends a batch of what is due; seconds until the next turn. Outlives whatever happens."""
        try:
            return self._look()
        except LeaseLost:
            self._begun = False
            return LOOK_EVERY_S
        except LibraryError as error:
            _log.warning("%s", error)
        except Exception:  # noqa: BLE001  the process must outlive what nobody foresaw
            _log.exception("The delivery failed and will be tried again")
        return AFTER_FAULT_S

    def _look(self) -> float:
        if not self.may_try():
            return min(LOOK_EVERY_S, self.next_try_s)
        due_s = self._outbox.next_due_s()
        if due_s != 0 and not self.says_trouble():
            return LOOK_EVERY_S if due_s is None else min(LOOK_EVERY_S, due_s)
        if not self._outbox.take_lease():
            self._begun = False
            return LOOK_EVERY_S
        if not self.may_begin():
            return min(LOOK_EVERY_S, self.next_try_s)
        self.drain_once()
        return 0.0 if self.may_try() else LOOK_EVERY_S

    def says_trouble(self) -> bool:
        """Whether the ledger still tells of a rejected key or an outage, and nothing is due that would show better."""
        if not self._troubled:
            return False
        self._troubled = self._outbox.status().status in (SenderStatus.PAUSED, SenderStatus.WAITING)
        return self._troubled

    @property
    def delivered(self) -> int:
        """Rows that the mirror took from this process, so far."""
        return self._attempts.delivered

    @property
    def next_try_s(self) -> float:
        """Until the mirror is tried again after an outage or a rejected key; 0 where there is none."""
        return self._patience.left_s

    def may_try(self) -> bool:
        """Not while the mirror is left alone; a pause ends also when somebody says so in the ledger."""
        if self._paused and self._outbox.status().status is not SenderStatus.PAUSED:
            self._paused = False
            self._patience.succeeded()
        return self._patience.left_s == 0

    def may_begin(self) -> bool:
        """Not at once where a process before this one died while it sent: that may still be arriving."""
        if not self._begun and any(row.unsure for row in self._outbox.due(AMONG)):
            self._patience.pause(self._timeout_s)
        self._begun = True
        return self.may_try()

    # ---------------------------------------------------------------------------------------------------------- sending

    def drain_once(self) -> int:
        """Sends a batch of what is due; the lease must be held. Returns how many rows were due.

        Raises LeaseLost, LibraryError; what the mirror does stands in the ledger's status.
        """
        try:
            sender = self._opened()
            rows = self._chosen()
            sender.send(rows)
        except MirrorKeyRejected as error:
            self._pause(error)
        except MirrorUnreachable as error:
            self._wait(error)
        else:
            self._troubled = self._paused = False
            self._say(SenderStatus.SENDING if len(rows) == BATCH_ROWS else SenderStatus.IDLE)
            return len(rows)
        return 0

    def _chosen(self) -> list[OutboxRow]:
        """What is due. After rows that all failed: a few of any age, each alone, those first that never failed.

        Else a handful of rows on which the mirror always fails would stand in front of the others for ever.
        """
        if not self._patience.suspects_rows:
            return self._outbox.due(BATCH_ROWS)
        rows = sorted(self._outbox.due(AMONG), key=lambda row: (row.attempts, random.random()))  # noqa: S311
        return [replace(row, unsure=True) for row in rows[:PROBES]]

    def mirror(self) -> Mirror:
        """The mirror, which took the key when it was opened. Raises MirrorUnreachable, MirrorKeyRejected."""
        self._opened()
        assert self._mirror is not None
        return self._mirror

    def _opened(self) -> Sender:
        """After an outage or a rejected key it asks for the key first: one small request that harms no row."""
        if self._sender is None or self._paused or self._patience.in_outage:
            with self.watchdog.watch(OPEN_LIMIT_S + 4 * self._timeout_s):
                self._mirror = self._checked(self._mirror)
            self._sender = self._sender or Sender(self._ledger, self._mirror, self._attempts)
        return self._sender

    def _checked(self, mirror: Mirror | None) -> Mirror:
        """Whatever this raises keeps all rows: none of them is to blame for a package that cannot be imported."""
        try:
            mirror = mirror or self._open_mirror()
            mirror.check()
        except (MirrorUnreachable, MirrorKeyRejected):
            raise
        except CuepointError as error:
            raise MirrorKeyRejected(error.message, subject=error.subject, hint=error.hint) from error
        except Exception as error:
            reason = f"Comet's packages cannot be used ({type(error).__name__}: {error})"
            raise MirrorUnreachable(reason, unsure=False) from error
        return mirror

    def _pause(self, error: MirrorKeyRejected) -> None:
        self._paused = self._troubled = True
        self._patience.pause(MOST_S)
        self._say(SenderStatus.PAUSED, str(error))

    def _wait(self, error: MirrorUnreachable) -> None:
        self._troubled = True
        self._patience.wait(error.retry_after_s)
        self._say(SenderStatus.WAITING, str(error))

    def _say(self, status: SenderStatus, detail: str = "") -> None:
        self._outbox.set_status(status, detail, self._target)

    def close(self) -> None:
        """Lets another process send, and ends the connections."""
        try:
            self._outbox.leave_lease()
        except LibraryError as error:
            _log.warning("%s", error)
        if self._mirror is not None:
            self._mirror.close()
