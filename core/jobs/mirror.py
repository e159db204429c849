"""The process that sends to the mirror: ``python -m core.jobs.mirror``, started by the app (core/mirror/worker.py).

Its settings come as one line of JSON on standard input, so that no key stands on a command line. Further lines are
wishes: ``{"read_back": since}``. It ends when its input closes, which the death of the app does too. What it says on
standard output is one JSON document a line.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TextIO

from core.config import Settings
from core.errors import CuepointError, SettingsError
from core.ledger import Ledger, OutboxRow, OutboxState, SenderStatus, Settled, open_ledger
from core.mirror.drainer import Drainer
from core.mirror.patience import row_delay_s
from core.mirror.reading import ReadBack, Reader
from core.mirror.target import settings_from, target_of
from core.ports import Mirror

_log = logging.getLogger(__name__)

STUCK_CODE = 3
GRACE_S = 3.0
"""A call that is under way may end within it; else what it sends is unsure, and asked for by the next process."""


class Job:
    """The process's work; ``run`` returns when the input is closed."""

    def __init__(self, settings: Settings, ledger: Ledger, wishes: TextIO, said: TextIO) -> None:
        self._settings = settings
        self._ledger = ledger
        self._wishes = wishes
        self._said = said
        self._parent = os.getppid()
        self._stop = threading.Event()
        self._read_back: queue.SimpleQueue[datetime | None] = queue.SimpleQueue()
        self._told_next_try = False
        timeout_s = settings.comet_timeout_s
        self._drainer = Drainer(
            ledger, self._open, target_of(settings), stuck=self._stuck, timeout_s=settings.comet_timeout_s
        )
        self._reader = Reader(ledger, self._drainer, timeout_s=timeout_s, tell=self._tell_read_back)

    def run(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the app, which then closes our input
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        threading.Thread(target=self._listen, name="wishes", daemon=True).start()
        self._drainer.run(self._stop, chore=self._chore)

    def _open(self) -> Mirror:
        from core.adapters.comet import CometMirror  # noqa: PLC0415  not before there is something to send

        mirror = CometMirror.from_settings(self._settings)
        if mirror is None:
            raise SettingsError("COMET_API_KEY is blank", subject="COMET_API_KEY", hint="Set it to a key of Comet.")
        return mirror

    def _chore(self) -> bool:
        if os.getppid() != self._parent:  # the app is dead, and another process inherited the other end of our input
            self._end()
        self._tell_next_try()
        if not self._read_back.empty():
            self._reader.start(self._read_back.get())
        return self._reader.step()

    def _listen(self) -> None:
        for line in self._wishes:
            try:
                since = json.loads(line)["read_back"]
                self._read_back.put(datetime.fromisoformat(since) if since else None)
            except (ValueError, TypeError, KeyError):
                _log.warning("A wish that is none was left alone")
        self._end()

    def _end(self) -> None:
        """Ends after the call that is under way, or in the middle of it."""
        self._stop.set()
        timer = threading.Timer(GRACE_S, os._exit, [0])
        timer.daemon = True
        timer.start()

    def _stuck(self, rows: Sequence[OutboxRow]) -> None:
        """Nothing but its end stops a call that hangs. Its rows wait, so that the next process begins with others."""
        try:
            error = "The call to Comet did not end"
            later = [
                Settled(row, OutboxState.PENDING, error, row_delay_s(row.attempts + 1), unsure=True) for row in rows
            ]
            self._ledger.outbox.settle(later)
            self._ledger.outbox.set_status(SenderStatus.WAITING, error, target_of(self._settings))
        finally:
            os._exit(STUCK_CODE)

    def _tell_read_back(self, progress: ReadBack) -> None:
        tell(self._said, read_back=asdict(progress))

    def _tell_next_try(self) -> None:
        waits = self._drainer.next_try_s > 0
        if waits or self._told_next_try:
            tell(self._said, next_try=round(self._drainer.next_try_s, 1) or None)
        self._told_next_try = waits


def tell(said: TextIO, **what: object) -> None:
    """A line for the app. Raises OSError where it is gone."""
    said.write(json.dumps(what) + "\n")
    said.flush()


def main(wishes: TextIO = sys.stdin) -> int:
    """Exit code: 0 told to end, 1 the ledger or the settings cannot be used (said in one line)."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a package prints must not look like something said
    try:
        folder, settings = settings_from(wishes.readline())
        os.chdir(folder)  # relative paths of the settings begin there
        ledger = open_ledger(settings.ledger_url)
        try:
            Job(settings, ledger, wishes, said).run()
        finally:
            ledger.close()
    except CuepointError as error:
        tell(said, failed=str(error))
        return 1
    except BrokenPipeError:  # the app is gone
        return 0
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # a thread still waits for input, and a package's own threads may wait for a server
