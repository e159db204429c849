"""The mirror as pages and commands see it: how the delivery stands, what was refused, back-fill and reading back."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.config import Settings
from core.errors import InputError, LibraryError, SettingsError
from core.ledger import Ledger, OutboxRow, OutboxState, OutboxStats, SenderStatus
from core.mirror.by_hand import Drained, drain_all
from core.mirror.drainer import Drainer
from core.mirror.letters import DeadLetter, Letters
from core.mirror.reading import ReadBack, Reader
from core.mirror.status import Delivery, Here, MirrorStatus, delivery_of, health_of, status_of
from core.mirror.target import target_of
from core.mirror.worker import MirrorWorker
from core.models import ServiceHealth
from core.ports import Mirror

__all__ = ["DeadLetter", "Delivery", "MirrorStatus", "Mirroring", "ReadBackState", "SyncReport", "SyncWish"]

NAME = "Comet"
FRESH_S = 1.0
"""How old the numbers may be that pages show."""
STUCK_CODE = 1


@dataclass(frozen=True, slots=True)
class ReadBackState:
    """How far reading back is, and what the ledger has of it."""

    state: str
    """``idle``, ``running``, ``done``, ``failed``: of the last one that this app began."""
    records: int
    """Read by it so far."""
    detail: str
    """Why it failed."""
    kept: int
    """Records in the ledger."""
    read_at: datetime | None
    """When the last of them was read."""


@dataclass(frozen=True, slots=True)
class SyncWish:
    """What ``sync`` does beside sending what is due."""

    since: datetime | None = None
    until: datetime | None = None
    """Traces of this period are put in that never were: from before the key."""
    resend: bool = False
    """What was refused is tried again."""
    read_back: bool = False
    """The mirror's records since ``since`` (or all) are read back."""


REFUSED_SHOWN = 10
"""Reasons that ``sync`` tells: where only cron runs, no page shows them."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What became of it."""

    drained: Drained
    outbox: OutboxStats
    """As it stands afterwards."""
    back_filled: int | None
    resent: int | None
    read_back: ReadBack | None
    refused: tuple[OutboxRow, ...] = ()
    """The newest of what was refused, each with its reason in ``error``."""

    @property
    def failed(self) -> bool:
        """Whether somebody has to do something: outages pass by themselves."""
        stuck = self.read_back is not None and self.read_back.state != "done"
        return bool(self.outbox.dead) or self.drained.status is SenderStatus.PAUSED or stuck


class Mirroring:
    """One per process; safe for all threads. Without a key nothing is started and nothing is put into the outbox."""

    def __init__(
        self, ledger: Ledger, settings: Settings, worker: MirrorWorker, open_mirror: Callable[[], Mirror]
    ) -> None:
        """``open_mirror`` is called by ``sync`` only, which is for commands."""
        self._ledger = ledger
        self._outbox = ledger.outbox
        self._settings = settings
        self._worker = worker
        self._open_mirror = open_mirror
        self._letters = Letters(ledger)
        self._looked: tuple[float, MirrorStatus] | None = None
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        return self._settings.comet_api_key is not None

    def open(self) -> None:
        """Starts the process that sends: for the app."""
        if self.enabled:
            self._worker.start()

    def close(self) -> None:
        self._worker.close()

    # ------------------------------------------------------------------------------------------------- how it stands

    def status(self) -> MirrorStatus:
        """At most a second old. Raises LibraryError."""
        if not self.enabled:
            return MirrorStatus(enabled=False, status="off")
        with self._lock:
            if self._looked is None or time.monotonic() - self._looked[0] > FRESH_S:
                self._looked = (time.monotonic(), self._look())
            return self._looked[1]

    def _look(self) -> MirrorStatus:
        worker = self._worker
        here = Here(worker.pid is not None, worker.trouble, worker.next_try_s)
        return status_of(self._outbox.status(), self._outbox.stats(), here)

    def health(self) -> ServiceHealth:
        """One line, from the ledger."""
        try:
            return health_of(NAME, self.status(), troubled=bool(self._worker.trouble))
        except LibraryError as error:
            return ServiceHealth(NAME, False, str(error))

    def delivery_of(self, trace_id: str) -> Delivery:
        """How far a trace is. Raises LibraryError."""
        if not self.enabled:
            return Delivery("off", "Not sent: there is no COMET_API_KEY.")
        return delivery_of(self._outbox.of_trace(trace_id))

    def rows_of(self, trace_id: str) -> list[OutboxRow]:
        """The outbox rows of a trace and its feedback. Raises LibraryError."""
        return self._outbox.of_trace(trace_id)

    def resume(self) -> None:
        """Tries a rejected key again, at once. Raises LibraryError."""
        self._outbox.resume()
        self._forget()

    # -------------------------------------------------------------------------------------------- what was refused

    def dead_letters(self, limit: int = 100, *, offset: int = 0) -> list[DeadLetter]:
        """Newest first. Raises LibraryError."""
        return self._letters.dead(limit, offset)

    def letter_document(self, kind: str, key: str) -> str:
        """JSON of what would be sent. Raises NotFound, InputError, LibraryError."""
        return self._letters.document(kind, key)

    def send_again(self, kind: str, key: str, document: str | None = None) -> None:
        """Sends a row again, mended where ``document`` is given. Raises NotFound, InputError, LibraryError."""
        self._letters.send_again(kind, key, document)
        self._forget()

    def send_all_again(self) -> int:
        """Sends again what was refused; returns how many rows. Raises LibraryError."""
        number = self._outbox.resend_dead()
        self._forget()
        return number

    # -------------------------------------------------------------------------------------------- what comes in

    def back_fill(self, since: datetime | None, until: datetime | None) -> int:
        """Puts in the traces of a period that were never put in; returns how many. Raises SettingsError, InputError."""
        self._need_key()
        if since is not None and until is not None and since >= until:
            raise InputError("The period ends before it begins", subject="until", hint="Choose a later end.")
        found = self._outbox.backfill(since, until)
        self._forget()
        return found

    def back_fill_count(self, since: datetime | None, until: datetime | None) -> int:
        """How many traces ``back_fill`` would put in now. Raises LibraryError."""
        return self._outbox.backfillable(since, until)

    # ------------------------------------------------------------------------------------------------- reading back

    def start_read_back(self, since: datetime | None) -> None:
        """Has the worker process read the mirror's records since then (None: all). Raises SettingsError, InputError."""
        self._need_key()
        if self._worker.read_back.state == "running":
            return
        if not self._worker.start_read_back(since):
            hint = "Wait a moment and try again, or run: python -m core sync --read-back"
            raise InputError("The process that speaks with Comet is not running yet", hint=hint)

    def read_back_state(self) -> ReadBackState:
        """Raises LibraryError."""
        said, kept = self._worker.read_back, self._ledger.mirrored
        return ReadBackState(said.state, said.records, said.detail, kept.count(), kept.read_at())

    # ---------------------------------------------------------------------------------------------------- by hand

    def sync(self, wish: SyncWish, on_progress: Callable[[int], None] = lambda _: None) -> SyncReport:
        """Sends what is due, in this process: for commands. ``on_progress`` hears how many rows still wait.

        A period is one to back-fill, or where something is to be read back, from when on: nobody sends more by reading.

        Raises SettingsError without a key, InputError, LibraryError.
        """
        self._need_key()
        period = (wish.since or wish.until) and not wish.read_back
        filled = self.back_fill(wish.since, wish.until) if period else None
        resent = self._outbox.resend_dead() if wish.resend else None
        timeout_s = self._settings.comet_timeout_s
        drainer = Drainer(self._ledger, self._open_mirror, target_of(self._settings), stuck=_stuck, timeout_s=timeout_s)
        reader = Reader(self._ledger, drainer, timeout_s=timeout_s)
        try:
            drained = drain_all(drainer, self._outbox, lambda: on_progress(self._outbox.stats().pending))
            if wish.read_back:
                reader.read(wish.since)
        finally:
            drainer.close()
            self._forget()
        refused = tuple(self._outbox.rows(OutboxState.DEAD, limit=REFUSED_SHOWN))
        read = reader.progress if wish.read_back else None
        return SyncReport(drained, self._outbox.stats(), filled, resent, read, refused)

    def _need_key(self) -> None:
        if not self.enabled:
            hint = "Set it to your key of Comet's settings page."
            raise SettingsError("There is no COMET_API_KEY", subject="COMET_API_KEY", hint=hint)

    def _forget(self) -> None:
        self._looked = None


def _stuck(_rows: Sequence[OutboxRow]) -> None:
    """A command ends; what it was sending is asked for by the next one."""
    sys.stderr.write("cuepoint: A call to Comet did not end. What it sent is asked for at the next try.\n")
    sys.stderr.flush()
    os._exit(STUCK_CODE)
