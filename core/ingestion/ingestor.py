"""Ingests as jobs: one at a time in this process, in the background or not, resumed after a kill."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from core.config import Settings
from core.errors import LibraryError
from core.ingestion.board import UNFOLDED
from core.ingestion.preparing import Parts, Sync
from core.ingestion.restoring import VersionReader
from core.ingestion.run import Run
from core.ingestion.tasks import Task, TaskKind, tasks_of
from core.ingestion.uploads import UploadStore
from core.ingestion.values import IngestProgress, IngestReport
from core.ledger import DatasetVersion, ItemState, JobState, Ledger
from core.ports import Embedder, TranscriptSource
from core.sources.identity import name_of
from core.sources.text import shown

_log = logging.getLogger(__name__)

KIND = "ingest"
_REMEMBERED = 20
"""Jobs of this process whose details are kept in memory; older ones are read from the ledger."""

_LONGEST_END_S = 30.0
"""A fetch that hangs is not waited for longer than this when the process ends."""

OnProgress = Callable[[IngestProgress], None]
NamedBytes = tuple[str, bytes]


class Ingestor:
    """Puts videos into the library and takes them out. Safe for all threads.

    ``source`` fetches from YouTube, ``sync`` makes the index follow. Uploads wait in ``settings.data_dir`` / uploads.
    """

    def __init__(
        self, ledger: Ledger, embedder: Embedder, sync: Sync, source: TranscriptSource, settings: Settings
    ) -> None:
        self._uploads = UploadStore(settings.data_dir / "uploads")
        versions = VersionReader(ledger, settings.data_dir)
        self._parts = Parts(ledger, embedder, sync, source, self._uploads, versions, settings)
        self._ledger = ledger
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._uploading = threading.Lock()
        """Held from keeping bytes to writing down the job that needs them, and while those of another are dropped."""
        self._runs: dict[str, Run] = {}
        self._queue: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None

    # --------------------------------------------------------------------------------------------------- ingesting

    def ingest(
        self,
        sources: Sequence[str],
        on_progress: OnProgress | None = None,
        *,
        uploads: Sequence[NamedBytes] = (),
        files: bool = True,
    ) -> IngestReport:
        """Ingests in this thread, after what is queued before it.

        ``sources``: YouTube addresses and ids, files, folders, ``demo``; ``uploads``: names with their bytes;
        ``files`` False: sources are never looked up on the disk. ``on_progress`` is called some times a second.
        Raises LibraryError where not even the job can be written down; everything else is in the report.
        """
        run = self._new_run(sources, uploads, files=files)
        return self._work(run, on_progress)

    def start(self, sources: Sequence[str], *, uploads: Sequence[NamedBytes] = (), files: bool = True) -> str:
        """The same in the background; returns the job's id as soon as the job would survive a kill."""
        run = self._new_run(sources, uploads, files=files)
        self._enqueue(run)
        return run.job_id

    def restore(self, version: DatasetVersion) -> str:
        """Makes the library a saved version of it, in the background, and returns the job's id.

        Videos that are not in it go, those that differ or lack come back with just its chunks; vectors of chunks that
        the library still has are kept. Done again, it ends in the same state.
        """
        run = self._new_job([_version_task(version)])
        self._enqueue(run)
        return run.job_id

    def restore_now(self, version: DatasetVersion, on_progress: OnProgress | None = None) -> IngestReport:
        """The same in this thread."""
        return self._work(self._new_job([_version_task(version)]), on_progress)

    def resume(self) -> list[str]:
        """Takes up, in the background, the jobs that dead processes left unfinished; returns their ids."""
        jobs = self._ledger.jobs
        resumed = [job.job_id for job in reversed(jobs.unfinished(KIND)) if not jobs.is_mine(job)]
        resumed = [job_id for job_id in resumed if jobs.claim(job_id)]
        for job_id in resumed:
            self._enqueue(self._remember(Run(job_id, self._parts)))
        return resumed

    def cancel(self, job_id: str) -> None:
        """Ends a job of this process after the batch at hand; what is saved stays. Unknown jobs are fine."""
        if run := self._runs.get(job_id):
            run.cancel()

    def close(self) -> None:
        """Stops at the next safe point and leaves unfinished jobs to be resumed."""
        for run in list(self._runs.values()):
            run.interrupt()
        if (worker := self._worker) is not None:  # it forgets itself when it has nothing left to do
            worker.join(_LONGEST_END_S)

    # ---------------------------------------------------------------------------------------------------- watching

    def active(self) -> str | None:
        """The job at work or next in line in this process."""
        return next((job_id for job_id, run in list(self._runs.items()) if not run.finished), None)

    def progress(self, job_id: str) -> IngestProgress:
        """Also of jobs of other processes and of long ago. Raises NotFound."""
        if run := self._runs.get(job_id):
            return run.progress()
        job = self._ledger.jobs.get(job_id)
        kept = self._ledger.jobs.items(job_id)
        restoring = any(Task.from_text(item.item).kind is TaskKind.VERSION for item in kept)
        items = (
            replace(item, item=Task.from_text(item.item).name)
            for item in kept
            if item.detail != UNFOLDED or item.state is ItemState.FAILED
        )
        return IngestProgress(
            job_id, tuple(items), finished=job.state is JobState.FINISHED, error=job.error, restoring=restoring
        )

    # ---------------------------------------------------------------------------------------------------- removing

    def remove(self, video_ids: Sequence[str]) -> int:
        """Takes videos out of the library and the index; returns how many there were."""
        removed = self._ledger.library.remove(video_ids)
        self._parts.sync.follow()
        return removed

    def remove_demo(self) -> int:
        """Takes the demo library out; returns how many videos it had."""
        removed = self._ledger.library.remove_demo()
        self._parts.sync.follow()
        return removed

    # ----------------------------------------------------------------------------------------------------- the jobs

    def _new_run(self, sources: Sequence[str], uploads: Sequence[NamedBytes], *, files: bool) -> Run:
        tasks = tasks_of(sources, files=files)
        with self._uploading:
            tasks += [Task(TaskKind.UPLOAD, self._uploads.keep(data), name_of(name)) for name, data in uploads]
            return self._new_job(tasks)

    def _new_job(self, tasks: Sequence[Task]) -> Run:
        job_id = self._ledger.jobs.create(KIND, [task.to_text() for task in dict.fromkeys(tasks)])
        return self._remember(Run(job_id, self._parts))

    def _remember(self, run: Run) -> Run:
        with self._guard:
            self._runs[run.job_id] = run
            finished = [job_id for job_id, known in self._runs.items() if known.finished]
            for job_id in finished[: max(0, len(self._runs) - _REMEMBERED)]:
                del self._runs[job_id]
        return run

    def _enqueue(self, run: Run) -> None:
        with self._guard:
            self._queue.put(run)
            if self._worker is None or not self._worker.is_alive():
                # A daemon: leaving the app must not wait for a playlist; the job is resumed at the next start.
                self._worker = threading.Thread(target=self._work_off, name="ingest", daemon=True)
                self._worker.start()

    def _work_off(self) -> None:
        while True:
            with self._guard:
                try:
                    run = self._queue.get_nowait()
                except queue.Empty:
                    self._worker = None
                    return
            try:
                self._work(run, None)
            except Exception:  # noqa: BLE001 - the next job must not suffer; this one is marked as failed
                _log.exception("The ingest %s ended early", run.job_id)

    def _work(self, run: Run, on_progress: OnProgress | None) -> IngestReport:
        with self._turn:
            try:
                return run.work(on_progress)
            finally:
                with suppress(LibraryError):
                    self._drop_uploads(run.job_id)

    def _drop_uploads(self, job_id: str) -> None:
        """Forgets the bytes of a finished job, unless another job waits for the same."""
        keys = self._upload_keys(job_id)
        if not keys:
            return
        with self._uploading:
            open_jobs = self._ledger.jobs.unfinished(KIND)
            for key in keys.difference(*(self._upload_keys(job.job_id) for job in open_jobs)):
                self._uploads.drop(key)

    def _upload_keys(self, job_id: str) -> set[str]:
        tasks = (Task.from_text(item.item) for item in self._ledger.jobs.items(job_id))
        return {task.value for task in tasks if task.kind is TaskKind.UPLOAD}


def _version_task(version: DatasetVersion) -> Task:
    return Task(TaskKind.VERSION, version.version, f"Data version {shown(version.title)}")
