"""What the stores return and take for versions of the data, besides core.models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.models import Chunk, Transcript, Video


class DatasetKind(StrEnum):
    """What a version of the data holds."""

    LIBRARY = "library"
    TRACES = "traces"
    FEEDBACK = "feedback"
    FINETUNE = "finetune"
    PREFERENCES = "preferences"


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A version of the data that was saved."""

    version: str
    """Names the content: the same content has the same version. 64 hex digits."""
    kind: DatasetKind
    name: str
    """What the versions of one kind have in common."""
    alias: str
    """What the user calls it, or ""."""
    note: str
    created_at: datetime
    rows: int
    bytes: int
    manifest: Mapping[str, Any]
    """What manifest.json holds."""
    answers: int = 0
    """So many answers were given from it."""

    @property
    def title(self) -> str:
        """How people see it named: its alias, or the first digits of its version."""
        return self.alias or self.version[:12]


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """One thing that used a version: an experiment, a drift report."""

    kind: str
    id: str
    used_at: datetime


@dataclass(frozen=True, slots=True)
class DatasetUses:
    """Everything that is known to have used a version."""

    answers: int
    newest: tuple[tuple[str, str, datetime], ...]
    """(trace id, question, started at) of some of the answers, newest first."""
    others: tuple[DatasetUse, ...]
    """Newest first."""

    def __bool__(self) -> bool:
        return bool(self.answers or self.others)


@dataclass(frozen=True, slots=True)
class KeptVideo:
    """A video as a version holds it."""

    transcript: Transcript
    chunks: tuple[Chunk, ...]
    """In the order of their parts."""
    content_hash: str
    chunks_hash: str


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What two states of a video are compared by."""

    video: Video
    content_hash: str
    chunks_hash: str
    chunks: Mapping[str, str] = field(default_factory=dict)
    """Chunk id -> Chunk.content_hash."""
