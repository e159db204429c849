"""What the user named -> tasks, which a job keeps in the ledger as text and can begin again from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from core.errors import CuepointError, EmbeddingError, LibraryError, SourceError, TranscriptUnavailable
from core.ingestion.values import IngestFailure
from core.sources import SUFFIXES
from core.sources.text import shown

DEMO = "demo"


class TaskKind(StrEnum):
    ADDRESS = "address"
    """Of one video or of many; unfolds into VIDEO tasks."""
    PATH = "path"
    """A folder unfolds into FILE tasks; a file is read as it is."""
    DEMO = "demo"
    VIDEO = "video"
    FILE = "file"
    UPLOAD = "upload"
    VERSION = "version"
    """A saved version of the library, which the library becomes."""


@dataclass(frozen=True, slots=True)
class Task:
    """``value``: the address, the id, the absolute path, the upload's hash or the version; ``name``: what people see.

    The same thing under two names is one task.
    """

    kind: TaskKind
    value: str
    name: str = field(compare=False)

    def to_text(self) -> str:
        return json.dumps([self.kind, self.value, self.name], ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Task:
        kind, value, name = json.loads(text)
        return cls(TaskKind(kind), value, name)


def tasks_of(sources: Sequence[str], *, files: bool) -> list[Task]:
    """One task per source that is not empty. ``files`` False: nothing is looked up on this machine's disk."""
    return [_task(source.strip(), files=files) for source in sources if source.strip()]


def video_tasks(address: Task, video_ids: Sequence[str]) -> list[Task]:
    """A single video keeps the name that the user gave it."""
    alone = len(video_ids) == 1
    return [Task(TaskKind.VIDEO, video_id, address.name if alone else video_id) for video_id in video_ids]


def file_task(path: Path, as_named: str) -> Task:
    return Task(TaskKind.FILE, str(path), as_named)


def _task(source: str, *, files: bool) -> Task:
    name = shown(source, 200)
    if source == DEMO:
        return Task(TaskKind.DEMO, DEMO, DEMO)
    if files and _is_path(source):
        # Absolute, because a job may be resumed from another folder.
        return Task(TaskKind.PATH, str(Path(source).expanduser().absolute()), name)
    return Task(TaskKind.ADDRESS, source, name)


def _is_path(source: str) -> bool:
    """Whether it exists, or looks so much like a file that "names nothing on YouTube" would be the wrong answer."""
    if "\x00" in source or "://" in source:
        return False
    try:
        path = Path(source).expanduser()
        return path.exists() or source.startswith(("/", "./", "../", "~")) or path.suffix.lower() in SUFFIXES
    except (OSError, RuntimeError, ValueError):
        return False


def failure_of(name: str, error: CuepointError) -> IngestFailure:
    return IngestFailure(name, str(error), _reason(error))


def _reason(error: CuepointError) -> str:
    if isinstance(error, TranscriptUnavailable):
        return error.kind
    kinds: tuple[tuple[type[CuepointError], str], ...] = (
        (SourceError, "source"),
        (EmbeddingError, "embedding"),
        (LibraryError, "library"),
    )
    return next((reason for cls, reason in kinds if isinstance(error, cls)), "internal")
