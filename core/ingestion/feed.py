"""Tasks -> transcripts: files one after the other, YouTube several at once with a polite distance."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.config import Settings
from core.demo import demo_transcripts
from core.errors import CuepointError, SourceError, TranscriptUnavailable
from core.ingestion.restoring import Restored, VersionReader
from core.ingestion.tasks import Task, TaskKind, file_task, video_tasks
from core.ingestion.uploads import UploadStore
from core.models import Transcript
from core.ports import TranscriptSource
from core.sources import Seen, Upload, files_of, read_file, read_sources

_log = logging.getLogger(__name__)

_AHEAD = 16
"""So many transcripts wait at most for the embedder."""
_TICK_S = 0.2
_REFUSALS = 3
"""After so many refusals one after the other YouTube is left alone for the rest of the job."""


Outcome = Transcript | Restored | CuepointError


@dataclass(frozen=True, slots=True)
class Arrival:
    """A transcript, what a version holds, or an error of a task; ``outcome`` None: the task has no more."""

    task: Task
    outcome: Outcome | None


class Feed:
    """Iterate it for the arrivals of all tasks; None stands for "nothing new for a moment".

    ``unfold`` is told what a playlist or folder contains and answers which of it are new tasks of this job.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        source: TranscriptSource,
        uploads: UploadStore,
        versions: VersionReader,
        settings: Settings,
        unfold: Callable[[Task, Sequence[Task]], Sequence[Task]],
    ) -> None:
        self._tasks, self._unfold = tasks, unfold
        self._source, self._uploads, self._versions, self._settings = source, uploads, versions, settings
        self._queue: queue.Queue[Arrival | None] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._pace = _Pace(settings.fetch_pause_s, self._stop)
        self._refusals = 0
        self._seen = Seen()
        self._reader = threading.Thread(target=self._read, name="ingest-read", daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._reader.join()

    def stop(self) -> None:
        """Nothing more is begun; what is being fetched ends by itself."""
        self._stop.set()

    def __iter__(self) -> Iterator[Arrival | None]:
        while True:
            try:
                arrival = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                if self._stop.is_set():
                    return
                yield None
                continue
            if arrival is None:
                return
            yield arrival

    # ------------------------------------------------------------------------------------- the threads that read

    def _read(self) -> None:
        pool = ThreadPoolExecutor(self._settings.fetch_parallel, thread_name_prefix="ingest-fetch")
        try:
            for task in self._tasks:
                self._begin(task, pool)
        finally:
            pool.shutdown(cancel_futures=self._stop.is_set())
            self._put(None)

    def _begin(self, task: Task, pool: ThreadPoolExecutor) -> None:
        if self._stop.is_set():
            return
        if task.kind is TaskKind.VIDEO:
            pool.submit(self._guarded, task, self._fetched)
        elif task.kind in (TaskKind.ADDRESS, TaskKind.PATH):
            self._guarded(task, lambda task: self._unfolded(task, pool))
        else:
            self._guarded(task, self._read_from_here)

    def _guarded(self, task: Task, read: Callable[[Task], Iterator[Outcome]]) -> None:
        """Whatever happens, the task ends."""
        if self._stop.is_set():
            return
        try:
            for outcome in read(task):
                if self._stop.is_set():
                    return
                self._put(Arrival(task, outcome))
        except CuepointError as error:
            self._put(Arrival(task, error))
        except Exception:  # noqa: BLE001 - a pool would swallow it, and the job would wait for this task for ever
            _log.exception("%s could not be read", task.name)
            fault = CuepointError(f"{task.name} could not be read because of a fault in Cuepoint", subject=task.name)
            self._put(Arrival(task, fault))
        self._put(Arrival(task, None))

    def _put(self, arrival: Arrival | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(arrival, timeout=_TICK_S)
            except queue.Full:
                continue
            return

    def _unfolded(self, task: Task, pool: ThreadPoolExecutor) -> Iterator[CuepointError]:
        children: list[Task] = []
        for found in self._contents(task):
            if isinstance(found, Task):
                children.append(found)
            else:
                yield found
        for child in self._unfold(task, children):
            self._begin(child, pool)

    def _contents(self, task: Task) -> Iterator[Task | SourceError]:
        if task.kind is TaskKind.ADDRESS:
            self._pace.wait()
            video_ids = self._source.expand(task.value)
            yield from video_tasks(task, video_ids)
            if len(video_ids) == getattr(self._source, "max_videos", None):
                yield SourceError(
                    f"{task.name} has {len(video_ids):,} videos or more; the first {len(video_ids):,} were taken",
                    subject=task.name,
                    hint="Name the others, or playlists of them, as well.",
                )
        else:
            for found in files_of(Path(task.value)):
                yield found if isinstance(found, SourceError) else file_task(*found)

    def _read_from_here(self, task: Task) -> Iterator[Outcome]:
        if task.kind is TaskKind.VERSION:
            return self._versions.read(task.value)
        if task.kind is TaskKind.DEMO:
            return iter(demo_transcripts())
        if task.kind is TaskKind.FILE:
            return read_file(Path(task.value), task.name, self._seen)
        return read_sources(Upload(task.name, self._uploads.read(task.value, task.name)), self._seen)

    def _fetched(self, task: Task) -> Iterator[Transcript]:
        self._pace.wait()
        if self._stop.is_set():
            return
        if self._refusals >= _REFUSALS:
            raise TranscriptUnavailable(
                f"The video {task.value} was not asked for, because YouTube refuses requests from this machine",
                kind="blocked",
                subject=task.value,
                hint="Wait an hour, set CUEPOINT_PROXY_URL, or upload transcripts as files.",
            )
        try:
            transcript = self._source.fetch(task.value, self._settings.transcript_languages)
        except TranscriptUnavailable as error:
            self._refusals = self._refusals + 1 if error.kind == "blocked" else 0
            raise
        self._refusals = 0
        yield transcript


class _Pace:
    """The least time between two starts, whichever threads make them."""

    def __init__(self, pause_s: float, stop: threading.Event) -> None:
        self._pause_s, self._stop = pause_s, stop
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + self._pause_s
        self._stop.wait(begin - now)
