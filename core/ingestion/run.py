"""One job from its first task to its last: the only function that ingests, whoever calls it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from core.errors import CuepointError, EmbeddingError, LibraryError, SourceError, VectorIndexError
from core.ingestion.board import Board
from core.ingestion.embedding import EmbeddingLine, PendingVideo
from core.ingestion.feed import Arrival, Feed
from core.ingestion.preparing import Parts, prepared
from core.ingestion.restoring import Expected, Rest, difference_left, remove_rest
from core.ingestion.tasks import Task
from core.ingestion.values import IngestProgress, IngestReport
from core.ledger import KeptVideo
from core.models import Transcript

_log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 5.0
"""The index follows the ledger so often, and at the end: once per video would cost more than the embedding."""
_TELL_EVERY_S = 0.2
CANCELLED = "Cancelled"
_FAULT_HINT = "Start it again; what is saved stays. The log says more."


class Run:
    """One job in this process. ``work`` is called once; everything else at any time from any thread."""

    def __init__(self, job_id: str, parts: Parts) -> None:
        self.job_id = job_id
        self._parts = parts
        self._board = Board(parts.ledger.jobs, job_id, parts.ledger.jobs.items(job_id))
        self._cancelled = threading.Event()
        self._interrupted = threading.Event()
        self._finished = threading.Event()
        self._error: str | None = None
        self._notices: list[str] = []
        self._rests: list[Rest] = []
        self._began: float | None = None
        self._line: EmbeddingLine | None = None
        self._chunks_saved = 0
        self._followed = self._told = time.monotonic()
        # A resumed job: what others did says nothing about the time that the rest takes.
        self._done_before = self.progress().done

    # --------------------------------------------------------------------------------------------- for who watches

    def cancel(self) -> None:
        """The videos that are saved stay; the others are left out."""
        self._cancelled.set()

    def interrupt(self) -> None:
        """The process ends: the job stays unfinished, so that the next one resumes it."""
        self._interrupted.set()

    @property
    def finished(self) -> bool:
        return self._finished.is_set()

    def progress(self) -> IngestProgress:
        progress = IngestProgress(
            self.job_id,
            self._board.items(),
            self.finished,
            error=self._error,
            notices=tuple(self._notices),
            restoring=self._board.restoring,
        )
        if self._began is None or self.finished:
            return progress
        elapsed_s = time.monotonic() - self._began
        return replace(
            progress,
            time_left_s=self._time_left_s(progress, elapsed_s),
            chunks_per_s=self._chunks_saved / elapsed_s if self._chunks_saved and elapsed_s > 0 else None,
            partly=self._board.partly(),
        )

    def report(self) -> IngestReport:
        return self._board.report(self._notices)

    def _time_left_s(self, progress: IngestProgress, elapsed_s: float) -> float | None:
        """By what was done of the items, or of the windows that wait for the embedder, whichever takes longer."""
        line = self._line
        known = []
        done_here = progress.done - self._done_before
        if done_here > 0 and progress.total > 1:
            known.append(elapsed_s * (progress.total - progress.done) / done_here)
        if line is not None and line.texts_done:
            known.append(elapsed_s * line.texts_waiting / line.texts_done)
        return max(known, default=None)

    # --------------------------------------------------------------------------------------------------- the work

    def work(self, on_progress: Callable[[IngestProgress], None] | None = None) -> IngestReport:
        """Does what is left of the job. Raises nothing that belongs to a source; see the report."""
        self._began = time.monotonic()
        tell = on_progress or (lambda _: None)
        try:
            self._ingest(tell)
            self._end(CANCELLED if self._cancelled.is_set() else None)
        except LibraryError as error:
            # The job stays open in the ledger: the next start takes it up where the disk has room again.
            self._give_up(error, write=False)
        except EmbeddingError as error:
            self._give_up(error, write=True)
        except Exception:  # noqa: BLE001 - no traceback may reach a user
            _log.exception("The ingest %s ended early", self.job_id)
            self._give_up(CuepointError("A fault in Cuepoint ended the ingest", hint=_FAULT_HINT), write=True)
        except BaseException:  # Ctrl-C
            with suppress(LibraryError):
                self._end(CANCELLED)
            raise
        finally:
            self._finished.set()
            tell(self.progress())
        return self.report()

    def _ingest(self, tell: Callable[[IngestProgress], None]) -> None:
        parts = self._parts
        feed = Feed(
            self._board.open_tasks(),
            source=parts.source,
            uploads=parts.uploads,
            versions=parts.versions,
            settings=parts.settings,
            unfold=self._board.unfold,
        )
        with EmbeddingLine(parts.embedder) as line, feed:
            self._line = line
            for arrival in feed:
                if self._cancelled.is_set() or self._interrupted.is_set():
                    break
                self._take(arrival, line)
                for video in line.ready():
                    self._save(video)
                self._between(tell)
            else:
                for video in line.rest():
                    self._save(video)
                    self._between(tell)
                self._compare_with_versions()
        self._follow()

    def _compare_with_versions(self) -> None:
        for rest in self._rests:
            if left := difference_left(self._parts.ledger, rest, self._parts.embedder.identity):
                self._notices.append(left)

    def _take(self, arrival: Arrival | None, line: EmbeddingLine) -> None:
        if arrival is None:
            line.flush_if_idle()
            return
        task, outcome = arrival.task, arrival.outcome
        if outcome is None:
            self._board.read(task)
        elif isinstance(outcome, CuepointError):
            self._board.failed(task, outcome)
        elif isinstance(outcome, Expected):
            self._board.expect(task, outcome.videos)
        elif isinstance(outcome, Rest):
            # Before the task ends: were the process killed after that, nobody would do it.
            remove_rest(self._parts.ledger, outcome)
            self._rests.append(outcome)
        else:
            self._board.arrived(task)
            self._prepare(task, outcome, line)

    def _prepare(self, task: Task, arrived: Transcript | KeptVideo, line: EmbeddingLine) -> None:
        try:
            video = prepared(self._parts, task, arrived)
        except SourceError as error:
            self._board.failed(task, error, video=True)
            return
        if video.unchanged:
            self._board.found_unchanged(task, video.transcript, len(video.chunks))
        else:
            line.add(video)

    def _save(self, video: PendingVideo) -> None:
        embedded = video.embedded()
        self._parts.ledger.library.save(video.transcript, embedded, embedder=self._parts.embedder.identity)
        self._chunks_saved += len(embedded)
        self._board.saved(video.task, video.transcript, len(embedded))

    def _between(self, tell: Callable[[IngestProgress], None]) -> None:
        now = time.monotonic()
        if now - self._followed > FOLLOW_EVERY_S:
            self._follow()
        if now - self._told > _TELL_EVERY_S:
            self._told = now
            tell(self.progress())

    def _follow(self) -> None:
        """What the index misses now, it gets at the next start: the ledger has it."""
        try:
            self._parts.sync.follow()
        except (VectorIndexError, LibraryError) as error:
            _log.warning("The index cannot follow the ledger: %s", error)
            notice = f"Saved, but not searchable yet: {error}"
            if notice not in self._notices:
                self._notices.append(notice)
        self._followed = time.monotonic()

    def _give_up(self, error: CuepointError, *, write: bool) -> None:
        self._error = str(error)
        try:
            self._board.give_up(error, write=write)
            if write:
                self._end(self._error)
        except LibraryError as failure:
            _log.warning("The end of the ingest %s could not be written down: %s", self.job_id, failure)

    def _end(self, error: str | None) -> None:
        if not self._interrupted.is_set():
            self._error = error
            self._parts.ledger.jobs.finish(self.job_id, error=error)
