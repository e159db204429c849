"""What a video that came still needs: nothing, or vectors for the windows that the library does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.chunking import chunk
from core.config import Settings
from core.errors import NotFound, SourceError
from core.ingestion.embedding import PendingVideo
from core.ingestion.restoring import VersionReader
from core.ingestion.tasks import Task
from core.ingestion.uploads import UploadStore
from core.ledger import KeptVideo, Ledger
from core.ledger.library_version import identity_of
from core.models import Chunk, Transcript
from core.ports import Embedder, TranscriptSource


class Sync(Protocol):
    """Keeps the vector index equal to the ledger."""

    def follow(self) -> object:
        """Cheap where the ledger did not move. Raises VectorIndexError or LibraryError."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What every job works with."""

    ledger: Ledger
    embedder: Embedder
    sync: Sync
    source: TranscriptSource
    uploads: UploadStore
    versions: VersionReader
    settings: Settings


def prepared(parts: Parts, task: Task, arrived: Transcript | KeptVideo) -> PendingVideo:
    """The video with its chunks and the vectors that the library has of it.

    A transcript is cut by the settings; a kept video has its chunks already. Raises SourceError for one without text.
    """
    if isinstance(arrived, KeptVideo):
        video = PendingVideo(task, arrived.transcript, list(arrived.chunks))
        same = _holds(parts, arrived)
    else:
        video = PendingVideo(task, arrived, _cut(parts.settings, task, arrived))
        same = _is_same(parts, arrived)
    library, embedder, video_id = parts.ledger.library, parts.embedder.identity, video.transcript.video.video_id
    known = library.chunk_hashes(video_id, embedder=embedder)
    video.unchanged = same and known == {c.id: c.content_hash for c in video.chunks}
    if known and not video.unchanged:
        for stored in library.iter_stored(embedder=embedder, video_ids=[video_id]):
            if stored.vectors is not None:
                video.vectors |= zip(stored.chunk.window_texts(), stored.vectors, strict=True)
    return video


def _cut(settings: Settings, task: Task, transcript: Transcript) -> list[Chunk]:
    chunks = chunk(transcript, size=settings.chunk_chars, overlap=settings.chunk_overlap_chars)
    if not chunks:
        raise SourceError(f"{task.name} has no text", subject=task.name)
    return chunks


def _is_same(parts: Parts, transcript: Transcript) -> bool:
    """Whether the ledger has just this, apart from where it came from."""
    new = transcript.video
    try:
        stored = parts.ledger.library.video(new.video_id)
    except NotFound:
        return False
    old = stored.video
    return stored.content_hash == transcript.content_hash and (old.title, old.channel, old.language, old.kind) == (
        new.title,
        new.channel,
        new.language,
        new.kind,
    )


def _holds(parts: Parts, kept: KeptVideo) -> bool:
    """Whether the ledger has this to the last field."""
    video = kept.transcript.video
    wanted = identity_of(video, kept.content_hash, kept.chunks_hash)
    return parts.ledger.datasets.identity(video.video_id) == wanted
