"""Videos and chunks to rows of the ledger and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import EmbeddingError
from core.ledger.codec import measured, pack_cues, pack_vectors, pack_windows, unpack_cues, unpack_windows
from core.ledger.columns import finite
from core.models import Chunk, EmbeddedChunk, IndexRow, Transcript, Video, VideoKind, digest

_UNUSED = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class FreshChunk:
    """A chunk that is about to be saved, with what is worked out before the database is locked."""

    embedded: EmbeddedChunk
    content_hash: str
    index_hash: str

    @property
    def chunk(self) -> Chunk:
        return self.embedded.chunk


def fresh_chunks(transcript: Transcript, chunks: Sequence[EmbeddedChunk]) -> list[FreshChunk]:
    """Raises EmbeddingError where vectors do not fit their chunk, ValueError where a chunk is another video's."""
    for embedded in chunks:
        _check(transcript.video, embedded)
    if len({embedded.chunk.id for embedded in chunks}) < len(chunks):
        raise ValueError(f"two chunks of {transcript.video.video_id} have the same id")
    return [
        FreshChunk(embedded, embedded.chunk.content_hash, index_hash(embedded.chunk, transcript.video))
        for embedded in chunks
    ]


def index_hash(chunk: Chunk, video: Video) -> str:
    """IndexRow.content_hash, which does not look at the vector."""
    return IndexRow(chunk, video, _UNUSED).content_hash


def chunks_hash(index_hashes: Sequence[str]) -> str:
    """SHA-256 over the hashes of a video's chunks in the order of their parts."""
    return digest("\n".join(index_hashes))


def _check(video: Video, embedded: EmbeddedChunk) -> None:
    chunk, vectors = embedded.chunk, embedded.vectors
    if chunk.video_id != video.video_id:
        raise ValueError(f"chunk {chunk.id} does not belong to {video.video_id}")
    if vectors.ndim != 2 or len(vectors) != len(chunk.windows) or vectors.shape[1] == 0:  # noqa: PLR2004  a matrix
        message = (
            f"The embedder gave vectors of shape {vectors.shape} for the {len(chunk.windows)} windows of {chunk.id}"
        )
        raise EmbeddingError(message, subject=chunk.id)
    if not np.isfinite(vectors).all():
        raise EmbeddingError(f"The embedder gave a vector of {chunk.id} that is not finite", subject=chunk.id)


def dimensions_of(chunks: Sequence[EmbeddedChunk]) -> int | None:
    """The length of the vectors, None for no chunks. Raises EmbeddingError where it is not the same for all."""
    lengths = {embedded.vectors.shape[1] for embedded in chunks}
    if len(lengths) > 1:
        raise EmbeddingError(f"The embedder gave vectors of different lengths: {sorted(lengths)}")
    return lengths.pop() if lengths else None


def video_values(transcript: Transcript, fresh: Sequence[FreshChunk]) -> dict[str, Any]:
    """The row of a video without ``added_at`` and ``revision``, which the ledger sets."""
    video = transcript.video
    return {
        "video_id": video.video_id,
        "title": video.title,
        "channel": video.channel,
        "language": video.language,
        "kind": str(video.kind),
        "source": video.source,
        "duration_s": finite(video.duration_s),
        "note": video.note,
        "content_hash": transcript.content_hash,
        "chunks_hash": chunks_hash([item.index_hash for item in sorted(fresh, key=lambda item: item.chunk.part_id)]),
        "chunk_count": len(fresh),
        "char_count": sum(len(item.chunk.text) for item in fresh),
    }


def video_of(row: Any) -> Video:
    """From a row of videos."""
    return Video(
        row.video_id,
        row.title,
        row.channel,
        row.language,
        VideoKind(row.kind),
        row.source,
        measured(row.duration_s),
        row.note,
        row.added_at,
    )


def chunk_values(fresh: FreshChunk, revision: int) -> dict[str, Any]:
    chunk = fresh.chunk
    return {
        "chunk_id": chunk.id,
        "video_id": chunk.video_id,
        "part_id": chunk.part_id,
        "max_part_id": chunk.max_part_id,
        "content_hash": fresh.content_hash,
        "index_hash": fresh.index_hash,
        "revision": revision,
        "cues": pack_cues(chunk.cues),
        "windows": pack_windows(chunk.windows),
        "text": chunk.text,
    }


def chunk_of(row: Any) -> Chunk:
    """From a row of chunks."""
    return Chunk(
        row.video_id, row.part_id, row.max_part_id, row.text, unpack_cues(row.cues), unpack_windows(row.windows)
    )


def vector_values(chunk_key: int, embedder_id: int, fresh: FreshChunk) -> dict[str, Any]:
    return {"chunk_key": chunk_key, "embedder_id": embedder_id, "data": pack_vectors(fresh.embedded.vectors)}
