"""Keeps what is derived from the ledger equal to it: the search index, the durable index, the word vectors.

The ledger moves when this process ingests, or another one does. Whoever searches first asks ``refresh``, which costs
one cheap SELECT a second; a thread brings the slower things up to date behind their back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from core.errors import CuepointError, LibraryLocked
from core.library import IndexSync
from core.models import ServiceHealth
from core.vocabulary import Vocabulary

_log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 1.0
"""How old a search index may be when another process writes the ledger."""
RETRY_AFTER_S = 30.0
"""How often the thread looks by itself, and how long a failed chore is left alone."""
_COMPLETE = "holds every passage of the library"


class Upkeep:
    """One per process. ``search`` serves queries and is waited for; ``durable`` is opened late and may fail alone."""

    def __init__(
        self,
        search: IndexSync,
        *,
        durable: IndexSync | None = None,
        vocabulary: Vocabulary | None = None,
        words: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self._search = search
        self._durable = durable
        self._vocabulary = vocabulary
        self._words = words
        self._health = {
            "Search index": ServiceHealth("Search index", None, "is waiting to be built"),
            **({"Vector index": ServiceHealth("Vector index", None, "is not opened yet")} if durable else {}),
        }
        self._ready = threading.Event()
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

    def refresh(self) -> None:
        """Returns when the search index is complete and at most a second old. Raises what the index raises."""
        if not self._ready.is_set() or time.monotonic() - self._followed_at >= FOLLOW_EVERY_S:
            self.follow()

    def follow(self) -> None:
        """Brings the search index to the ledger's present revision, and wakes the thread for the rest if it moved."""
        if self._bring():
            self._wake.set()

    def _bring(self) -> bool:
        """Whether anything changed."""
        if not self._ready.is_set():
            self._build()
            return True
        self._followed_at = time.monotonic()
        return self._search.follow().changed > 0

    def _build(self) -> None:
        with self._building:
            if not self._ready.is_set():
                self._search.sync(self._note_rows)
                if self._vocabulary is not None:  # a command ends before the chores would read it
                    vocabulary = self._vocabulary
                    self._try("", lambda: vocabulary.use(self._words()))
                self._followed_at = time.monotonic()
                self._ready.set()
                self._note("Search index", _COMPLETE)

    def _note_rows(self, done: int, total: int) -> None:
        self._note("Search index", f"is being built: {done:,} of {total:,} passages", ok=None)

    def _note_videos(self, done: int, total: int) -> None:
        if done < total:
            self._note("Search index", f"embeds the library anew: {done:,} of {total:,} videos", ok=None)

    def _note(self, name: str, detail: str, *, ok: bool | None = True) -> None:
        self._health[name] = ServiceHealth(name, ok, detail)

    # ---------------------------------------------------------------------------------------------- in the background

    def start(self) -> None:
        """Starts the thread that builds the index and does the chores. Once per process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
            self._thread.start()

    def catch_up(self) -> None:
        """Does the chores now, in this thread: for commands, which end afterwards.

        An index that cannot be opened or written is noted in ``health``; searches do not need the durable one.
        """
        with self._chores:
            if self._try("Search index", self._bring) and self._try("Search index", self._reembed):
                self._note("Search index", _COMPLETE)
            if self._vocabulary is not None:
                vocabulary = self._vocabulary
                self._try("", lambda: vocabulary.extend(self._words()))
            if self._durable is not None and self._try("Vector index", self._durable.follow):
                self._note("Vector index", _COMPLETE)

    def _reembed(self) -> None:
        self._search.reembed(self._note_videos, stop=self._stop)

    def _try(self, name: str, chore: Callable[[], object]) -> bool:
        if self._stop.is_set():
            return False
        try:
            chore()
        except CuepointError as error:
            if isinstance(error, LibraryLocked) and name == "Vector index":
                self._note(name, "is kept by another process, which follows what this one adds", ok=None)
                return False
            _log.warning("%s", error)
            if name:
                self._note(name, str(error), ok=False)
            return False
        return True

    def stop(self) -> None:
        """Ends the thread; waits for the chore that it is doing, so that files are closed whole."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=60)

    def health(self) -> list[ServiceHealth]:
        """The state of each index."""
        return list(self._health.values())

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.catch_up()
            except Exception:  # noqa: BLE001  the thread must outlive what nobody foresaw
                _log.exception("Upkeep failed and will be tried again")
            self._wake.wait(RETRY_AFTER_S)
