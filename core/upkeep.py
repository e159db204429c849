"""Keeps what is derived from the ledger equal to it: the search index, the durable index, the word vectors.

The ledger moves when this process ingests, or another one does. Whoever searches first asks ``refresh``, which costs
one cheap SELECT a second; a thread brings the slower things up to date behind their back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from core.errors import CuepointError
from core.models import ServiceHealth
from core.vocabulary import Vocabulary

_log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 1.0
"""How old a search index may be when another process writes the ledger."""
RETRY_AFTER_S = 30.0
"""How long a failed durable index is left alone."""


class Sync(Protocol):
    """core.library.IndexSync, as far as upkeep knows it."""

    def sync(self, on_progress: Callable[[int, int], None] | None = None) -> object:
        """Makes the index equal to the ledger."""

    def follow(self) -> object:
        """The same, cheap where the ledger's revision has not moved."""


class Upkeep:
    """One per process. ``search`` serves queries and is waited for; ``durable`` is opened late and may fail alone."""

    def __init__(
        self,
        search: Sync,
        *,
        durable: Callable[[], Sync] | None = None,
        vocabulary: Vocabulary | None = None,
        words: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self._search = search
        self._open_durable = durable
        self._vocabulary = vocabulary
        self._words = words
        self._durable: Sync | None = None
        self._durable_health = ServiceHealth("durable index", None, "not opened yet")
        self._ready = threading.Event()
        self._progress = (0, 0)
        self._building = threading.Lock()
        self._chores = threading.Lock()
        self._followed_at = 0.0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------------------------------------------ for searches

    @property
    def ready(self) -> bool:
        """Whether a search would be answered at once."""
        return self._ready.is_set()

    @property
    def progress(self) -> tuple[int, int]:
        """Rows done and rows in all of the index build that is running."""
        return self._progress

    def refresh(self) -> None:
        """Returns when the search index is complete and at most a second old. Raises what the index raises."""
        if not self._ready.is_set():
            self._build()
        elif time.monotonic() - self._followed_at >= FOLLOW_EVERY_S:
            self.follow()

    def follow(self) -> None:
        """Brings the search index to the ledger's present revision, and wakes the thread for the rest."""
        self._followed_at = time.monotonic()
        self._search.follow()
        self._wake.set()

    def _build(self) -> None:
        with self._building:
            if not self._ready.is_set():
                self._search.sync(self._note_progress)
                self._followed_at = time.monotonic()
                self._ready.set()
        self._wake.set()

    def _note_progress(self, done: int, total: int) -> None:
        self._progress = (done, total)

    # ---------------------------------------------------------------------------------------------- in the background

    def start(self) -> None:
        """Starts the thread that builds the index and does the chores. Once per process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
            self._thread.start()

    def catch_up(self) -> None:
        """Does the chores now, in this thread: for commands, which end afterwards. Raises CuepointError."""
        with self._chores:
            self.refresh()
            self._extend_vocabulary()
            if self._open_durable is not None:
                self._follow_durable()

    def stop(self) -> None:
        """Ends the thread; waits for the chore that it is doing, so that files are closed whole."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=60)

    def health(self) -> list[ServiceHealth]:
        """The durable index, where there is one."""
        return [self._durable_health] if self._open_durable is not None else []

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.catch_up()
            except CuepointError as error:
                _log.warning("%s", error)
            except Exception:  # noqa: BLE001  the thread must outlive what nobody foresaw
                _log.exception("Upkeep failed and will be tried again")
            self._wake.wait(RETRY_AFTER_S)

    def _extend_vocabulary(self) -> None:
        if self._vocabulary is not None:
            self._vocabulary.extend(self._words())

    def _follow_durable(self) -> None:
        """Its failure is shown and tried again later; searches do not need it."""
        try:
            if self._durable is None and self._open_durable is not None:
                self._durable = self._open_durable()
            if self._durable is not None:
                self._durable.follow()
            self._durable_health = ServiceHealth("durable index", True, "holds every chunk of the library")
        except CuepointError as error:
            self._durable_health = ServiceHealth("durable index", False, str(error))
