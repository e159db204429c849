"""Sends notices in a thread of its own, so that a webhook that hangs delays nobody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from core.errors import CuepointError, LibraryError
from core.ledger import Ledger

Send = Callable[[str], None]
"""Raises CuepointError where the text was not taken."""

LEASE = timedelta(minutes=2)
"""A notice whose sender died is free for others after it."""
FIRST_PAUSE = timedelta(minutes=1)
MOST_PAUSE = timedelta(hours=6)
MOST_ATTEMPTS = 12
"""About two days; then it is given up, and stays visible."""
_LOOK_S = 60.0

_log = logging.getLogger(__name__)


class Notifier:
    """One per process. Without ``send`` notices are kept and not sent."""

    def __init__(self, ledger: Ledger, send: Send | None) -> None:
        self._ledger = ledger
        self._send = send
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._closed = threading.Event()

    def notify(self, kind: str, subject: str, text: str) -> bool:
        """Keeps a notice to be sent; False where the subject has one. Raises LibraryError."""
        if self._send is None:
            return False
        new = self._ledger.notices.add_once(kind, subject, text)
        self._idle.clear()
        self._wake.set()
        self.start()
        return new

    def start(self) -> None:
        """Begins to send what is due, also what an earlier process left. Safe to call twice."""
        with self._lock:
            if self._send is not None and self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
                self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """For a command, which ends the process: whether everything that is due was tried within the time."""
        return self._idle.wait(timeout_s)

    def close(self, timeout_s: float = 0.1) -> None:
        """Does not wait for a webhook that hangs: its notice is sent by a later process."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def send_due(self) -> int:
        """Sends what is due, each notice once; returns how many were taken. Raises LibraryError."""
        sent = 0
        while not self._closed.is_set() and (notice := self._ledger.notices.take(LEASE)) is not None:
            assert self._send is not None
            try:
                self._send(notice.text)
            except CuepointError as error:
                self._ledger.notices.failed(notice.notice_id, str(error), pause_after(notice.attempts))
            else:
                self._ledger.notices.sent(notice.notice_id)
                sent += 1
        return sent

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            try:
                self.send_due()
            except LibraryError as error:
                _log.warning("Notices wait: %s", error)
            if not self._wake.is_set():
                self._idle.set()
            self._wake.wait(_LOOK_S)


def pause_after(attempts: int) -> timedelta | None:
    """Twice as long each time; None where it is given up."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return min(MOST_PAUSE, FIRST_PAUSE * float(2 ** (attempts - 1)))
