"""What the stores return and take besides core.models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.models import AnswerStatus, Chunk, Vectors, Video


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it stands in the ledger."""

    chunk: Chunk
    video: Video
    vectors: Vectors | None
    """Shape (windows, dimensions), unit rows; None where this embedder has not seen the chunk."""


@dataclass(frozen=True, slots=True)
class LibraryVideo:
    """One line of the Library page."""

    video: Video
    chunks: int
    chars: int
    content_hash: str
    """Transcript.content_hash."""
    revision: int
    """The library's revision at which this video last changed."""


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces, newest first. None means "any"."""

    since: datetime | None = None
    """Started at or after."""
    until: datetime | None = None
    """Started before."""
    kind: str | None = None
    model: str | None = None
    """Empty: no model was called."""
    template: str | None = None
    user: str | None = None
    status: AnswerStatus | None = None
    text: str = ""
    """Stands in the question or the answer, in upper or lower case."""
    thumb: int | None = None
    """1 up, -1 down, 0 no thumb or one taken back."""
    sample: bool | None = None
    """Nothing but sample traffic, or none of it."""
    limit: int | None = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class OutboxStats:
    """What waits for Comet."""

    pending: int
    sent: int
    dead: int
    """Given up after too many refusals; kept, with the reason."""
    oldest_pending_s: float | None
    """Age of the oldest waiting row; None where none waits."""


class OutboxState(StrEnum):
    """What became of one row of the outbox."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"
    """The mirror refused it for good; kept with the reason, to be mended and sent again."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing that the mirror is to hear of."""

    kind: str
    """``trace``, ``feedback``, ``experiment``, ``dataset``."""
    id: str
    """Of the trace (for its feedback too), of the experiment, the version of the data."""
    state: OutboxState
    version: int
    """Counts the changes, from 1."""
    sent_version: int | None
    """The version that the mirror has confirmed; None where it confirmed none."""
    unsure: bool
    """An attempt was begun, and nobody knows whether it arrived: ask before sending again."""
    attempts: int
    """Those that failed since the last change."""
    queued_at: datetime
    """When the oldest change was made that the mirror has not confirmed; of a sent row its last change."""
    next_at: datetime
    """Not to be tried before."""
    sent_at: datetime | None
    """When ``sent_version`` was confirmed."""
    error: str | None
    """Why the last attempt failed."""
    document: Any
    """JSON: what is sent of an experiment or a dataset, or a mended record; None: made from the ledger."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt to send a row."""

    row: OutboxRow
    """As ``due()`` gave it: its version is the one that the mirror now holds."""
    state: OutboxState | str
    error: str | None = None
    retry_after_s: float | None = None
    """Of a pending one: wait so long, at most ten minutes; None: at once."""
    unsure: bool = False
    """What was sent, now or in an earlier attempt, may have arrived."""


class SenderStatus(StrEnum):
    """What the process that sends to the mirror is doing."""

    SENDING = "sending"
    IDLE = "idle"
    WAITING = "waiting"
    """The mirror does not answer; it is tried again after a while."""
    PAUSED = "paused"
    """The mirror rejects the key; nothing is tried until that changes."""


@dataclass(frozen=True, slots=True)
class MirrorState:
    """What the sender last said of itself."""

    status: SenderStatus = SenderStatus.IDLE
    detail: str = ""
    since: datetime | None = None
    """When the status began; None where nobody sent yet."""
    target: str = ""
    """Where the records stand, for people."""
    owner_alive: bool = False
    """Whether a living process holds the lease; without one nothing is sent, whatever the status says."""


class ItemState(StrEnum):
    """What became of one item of a job."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class JobState(StrEnum):
    RUNNING = "running"
    """Its owner works on it, or died; then another process may claim it."""
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Job:
    """Work that outlives the browser and the process."""

    job_id: str
    kind: str
    """``ingest``, later also ``experiment`` and ``report``."""
    state: JobState
    owner: str
    created_at: datetime
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its worker needs to resume it; JSON."""
    finished_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobItem:
    """One item of a job, in the order in which it was given."""

    item: str
    state: ItemState
    detail: str = ""
    error: str | None = None
    chunks: int | None = None
    took_ms: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
