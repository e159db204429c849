"""What an ingest tells those who watch it."""

from __future__ import annotations

from dataclasses import dataclass

from core.ledger import ItemState, JobItem


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """How far a job is: one item per video or file. A playlist counts once it is known what is in it."""

    job_id: str
    items: tuple[JobItem, ...]
    """``item`` is the name to show; ``error`` says why it failed and what to do."""
    finished: bool
    time_left_s: float | None = None
    """None: unknown."""
    error: str | None = None
    """Why the job as a whole ended early."""
    notices: tuple[str, ...] = ()
    chunks_per_s: float | None = None
    partly: float = 0.0
    """How much of the items at work is done, where that is known: the sum of their shares."""
    restoring: bool = False
    """Whether the library becomes a saved version of it."""

    @property
    def total(self) -> int:
        return len(self.items)

    @property
    def done(self) -> int:
        """Items that are finished, however they ended."""
        return self.total - self._count(ItemState.PENDING) - self._count(ItemState.RUNNING)

    @property
    def share(self) -> float:
        """What is done of the whole, 0 to 1."""
        if self.finished:
            return 1.0
        return min(1.0, (self.done + self.partly) / self.total) if self.total else 0.0

    @property
    def ingested(self) -> int:
        return self._count(ItemState.DONE)

    @property
    def unchanged(self) -> int:
        return self._count(ItemState.UNCHANGED)

    @property
    def failed(self) -> int:
        return self._count(ItemState.FAILED)

    @property
    def chunks(self) -> int:
        """Chunks of the videos that were saved."""
        return sum(item.chunks or 0 for item in self.items)

    @property
    def current(self) -> str:
        """The name of an item at work with how far it is where that is known, or ""."""
        item = next((item for item in self.items if item.state is ItemState.RUNNING), None)
        return ": ".join(filter(None, (item.item, item.detail))) if item else ""

    def _count(self, state: ItemState) -> int:
        return sum(item.state is state for item in self.items)


@dataclass(frozen=True, slots=True)
class IngestedVideo:
    video_id: str
    title: str
    chunks: int


@dataclass(frozen=True, slots=True)
class IngestFailure:
    """What could not be ingested.

    ``error``: the sentence with what to do; ``reason``: one word, the ``kind`` of TranscriptUnavailable where it is
    one, else ``source``, ``embedding``, ``library`` or ``internal``.
    """

    source: str
    error: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of everything that was named."""

    ingested: tuple[IngestedVideo, ...] = ()
    unchanged: tuple[IngestedVideo, ...] = ()
    failed: tuple[IngestFailure, ...] = ()
    notices: tuple[str, ...] = ()
