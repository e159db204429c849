"""What has become of each task of a job: written to the ledger, kept for those who watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.errors import CuepointError
from core.ingestion.tasks import Task, TaskKind, failure_of
from core.ingestion.values import IngestedVideo, IngestFailure, IngestReport
from core.ledger import ItemState, JobItem, JobStore
from core.models import Transcript

UNFOLDED = "unfolded"
"""The detail of an item whose contents stand as items of their own; it is not shown."""
_SHOWN_ERRORS = 3


@dataclass(slots=True)
class _Line:
    """A task at work."""

    state: ItemState = ItemState.PENDING
    detail: str = ""
    error: str | None = None
    open_videos: int = 0
    read: bool = False
    ingested: int = 0
    unchanged: int = 0
    chunks: int = 0
    errors: list[CuepointError] = field(default_factory=list)
    began: float | None = None
    expected: int = 0
    """Videos that it will bring, where that is known."""

    @property
    def share(self) -> float:
        """Of the videos that are expected, while it is at work."""
        at_work = self.expected and self.state is ItemState.RUNNING
        return (self.ingested + self.unchanged) / self.expected if at_work else 0.0

    def shown_detail(self) -> str:
        if not self.expected:
            return self.detail
        return f"{self.ingested + self.unchanged:,} of {self.expected:,} videos"

    def end_state(self) -> ItemState:
        if self.errors:
            return ItemState.FAILED
        return ItemState.DONE if self.ingested or self.detail == UNFOLDED else ItemState.UNCHANGED

    def error_text(self) -> str | None:
        if not self.errors:
            return None
        more = len(self.errors) - _SHOWN_ERRORS
        return " ".join([*map(str, self.errors[:_SHOWN_ERRORS]), *([f"And {more} more."] if more > 0 else [])])


class Board:
    """Thread-safe. An item is written to the ledger once, when it ends."""

    def __init__(self, jobs: JobStore, job_id: str, items: Sequence[JobItem]) -> None:
        self._jobs, self._job_id = jobs, job_id
        self._lock = threading.RLock()
        self._lines = {
            Task.from_text(item.item): _Line(item.state, item.detail, item.error, chunks=item.chunks or 0)
            for item in items
        }
        self._ingested: list[IngestedVideo] = []
        self._unchanged: list[IngestedVideo] = []
        self._failed: list[IngestFailure] = []

    def open_tasks(self) -> list[Task]:
        """Those that have not ended."""
        with self._lock:
            return [task for task, line in self._lines.items() if line.state in (ItemState.PENDING, ItemState.RUNNING)]

    def unfold(self, task: Task, children: Sequence[Task]) -> list[Task]:
        """Adds what a task contains; returns the children that are still to be done."""
        with self._lock:
            new = [child for child in dict.fromkeys(children) if child not in self._lines]
            # A resumed job knows the children from before; those that have not ended come up by themselves.
            self._jobs.add_items(self._job_id, [child.to_text() for child in new])
            self._lines |= {child: _Line() for child in new}
            self._lines[task].detail = UNFOLDED
            return new

    def expect(self, task: Task, videos: int) -> None:
        """So many videos will come."""
        with self._lock:
            self._begun(task).expected = videos

    def arrived(self, task: Task) -> None:
        """A video of the task came."""
        with self._lock:
            line = self._begun(task)
            line.open_videos += 1

    def saved(self, task: Task, transcript: Transcript, chunks: int) -> None:
        with self._lock:
            line = self._lines[task]
            line.ingested += 1
            line.chunks += chunks
            self._ingested.append(_video(transcript, chunks))
            self._closed(task)

    def found_unchanged(self, task: Task, transcript: Transcript, chunks: int) -> None:
        with self._lock:
            self._lines[task].unchanged += 1
            self._unchanged.append(_video(transcript, chunks))
            self._closed(task)

    def failed(self, task: Task, error: CuepointError, *, video: bool = False) -> None:
        """``video``: an error of a video that had arrived, not of the task."""
        with self._lock:
            self._begun(task).errors.append(error)
            self._failed.append(failure_of(task.name, error))
            if video:
                self._closed(task)

    def read(self, task: Task) -> None:
        """No more videos of this task will come."""
        with self._lock:
            self._begun(task).read = True
            self._end_if_complete(task)

    def give_up(self, error: CuepointError, *, write: bool) -> None:
        """Ends every open task with this error. ``write`` False: the ledger itself fails and is not told."""
        with self._lock:
            given_up = self.open_tasks()
            for task in given_up:
                line = self._lines[task]
                line.errors.append(error)
                line.state, line.error = ItemState.FAILED, line.error_text()
                self._failed.append(failure_of(task.name, error))
            for task in given_up if write else ():
                self._write(task, self._lines[task])

    def items(self) -> tuple[JobItem, ...]:
        """As they are now, with the names to show."""
        with self._lock:
            return tuple(
                JobItem(task.name, line.state, line.shown_detail(), line.error, line.chunks or None)
                for task, line in self._lines.items()
                if line.detail != UNFOLDED or line.state is ItemState.FAILED
            )

    @property
    def restoring(self) -> bool:
        """Whether a task makes the library a saved version."""
        return any(task.kind is TaskKind.VERSION for task in list(self._lines))

    def partly(self) -> float:
        """The shares that are done of the tasks at work, where they are known, summed."""
        with self._lock:
            return sum(line.share for line in self._lines.values())

    def report(self, notices: Sequence[str] = ()) -> IngestReport:
        with self._lock:
            return IngestReport(tuple(self._ingested), tuple(self._unchanged), tuple(self._failed), tuple(notices))

    def _begun(self, task: Task) -> _Line:
        line = self._lines[task]
        if line.began is None:
            line.began, line.state = time.monotonic(), ItemState.RUNNING
        return line

    def _closed(self, task: Task) -> None:
        self._lines[task].open_videos -= 1
        self._end_if_complete(task)

    def _end_if_complete(self, task: Task) -> None:
        line = self._lines[task]
        if line.read and not line.open_videos:
            line.state, line.error = line.end_state(), line.error_text()
            self._write(task, line)

    def _write(self, task: Task, line: _Line) -> None:
        took_ms = None if line.began is None else (time.monotonic() - line.began) * 1000
        self._jobs.set_item(
            self._job_id,
            task.to_text(),
            line.state,
            detail=line.shown_detail(),
            error=line.error,
            chunks=line.chunks,
            took_ms=took_ms,
        )


def _video(transcript: Transcript, chunks: int) -> IngestedVideo:
    return IngestedVideo(transcript.video.video_id, transcript.video.title, chunks)
