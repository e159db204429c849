"""Reads a mirror's records back into the ledger, page after page, between the batches that are sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from core.errors import CuepointError, MirrorUnreachable
from core.ledger import Ledger
from core.mirror.drainer import Drainer
from core.models import MirroredTrace

_log = logging.getLogger(__name__)

PAGE_LIMIT_S = 120.0
"""After which a page is stuck, beside twelve of its time-outs."""
TRIES = 3
"""A mirror that does not answer is asked from the start so often: a page that came twice is written over."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How far reading back is."""

    state: str = "idle"
    """``idle``, ``running``, ``done``, ``failed``."""
    records: int = 0
    """Read so far."""
    detail: str = ""
    """Why it failed."""


class Reader:
    """Reads one page at each ``step``. Not safe for threads; ``tell`` hears of every change."""

    def __init__(
        self, ledger: Ledger, drainer: Drainer, *, timeout_s: float, tell: Callable[[ReadBack], None] = lambda _: None
    ) -> None:
        self._mirrored = ledger.mirrored
        self._drainer = drainer
        self._limit_s = PAGE_LIMIT_S + 12 * timeout_s
        self._tell = tell
        self._since: datetime | None = None
        self._pages: Iterator[list[MirroredTrace]] | None = None
        self._tries = 0
        self._found: set[str] = set()
        """Ids of the records that were read so far."""
        self.progress = ReadBack()

    def start(self, since: datetime | None) -> None:
        """Begins anew. None: everything, and at its end what the mirror does not hold any more is forgotten."""
        self._since = since
        self._tries = 0
        self._begin()

    def read(self, since: datetime | None) -> None:
        """Reads to the end; ``progress`` tells how it went."""
        self.start(since)
        while self.step():
            pass

    def step(self) -> bool:
        """Reads a page, where reading was started; whether there may be more. Never raises."""
        if self.progress.state != "running":
            return False
        try:
            self._page()
        except MirrorUnreachable as error:
            self._again(error)
        except CuepointError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001  delivery goes on
            _log.exception("Reading back failed")
            self._fail(f"Reading back failed ({type(error).__name__})")
        return self.progress.state == "running"

    def _page(self) -> None:
        with self._drainer.watchdog.watch(self._limit_s):
            self._pages = self._pages or self._drainer.mirror().read_back(self._since)
            page = next(self._pages, None)
        if page is None:
            if self._since is None:
                self._mirrored.keep_only(self._found)
            self._note(ReadBack("done", self.progress.records))
        else:
            self._mirrored.put(page)
            self._found |= {trace.record_id for trace in page}
            self._note(ReadBack("running", self.progress.records + len(page)))

    def _again(self, error: MirrorUnreachable) -> None:
        self._tries += 1
        if self._tries >= TRIES:
            self._fail(str(error))
        else:
            self._begin()

    def _begin(self) -> None:
        self._pages = None
        self._found.clear()
        self._note(ReadBack("running"))

    def _fail(self, reason: str) -> None:
        self._note(ReadBack("failed", self.progress.records, reason))

    def _note(self, progress: ReadBack) -> None:
        self.progress = progress
        self._tell(progress)
