"""Chunks with their videos and vectors, read in few and prebuilt statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, select

from core.ledger.codec import unpack_vectors
from core.ledger.library_rows import chunk_of, video_of
from core.ledger.schema import chunks, embedders, vectors, videos
from core.ledger.values import StoredChunk
from core.models import Vectors, Video

_IDS_AT_ONCE = 1000
"""Ids in one IN list; SQLite allows 32,766."""

_IDS: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)
_SPAN = chunks.c.chunk_key.between(bindparam("first"), bindparam("last"))

_EMBEDDER = select(embedders.c.embedder_id, embedders.c.dimensions).where(embedders.c.identity == bindparam("identity"))
_VIDEOS = select(videos).where(videos.c.video_id.in_(_IDS))
_CHUNKS = (
    select(
        chunks.c.video_id,
        chunks.c.part_id,
        chunks.c.max_part_id,
        chunks.c.text,
        chunks.c.cues,
        chunks.c.windows,
        vectors.c.data,
    )
    .outerjoin(
        vectors, and_(vectors.c.chunk_key == chunks.c.chunk_key, vectors.c.embedder_id == bindparam("embedder_id"))
    )
    .order_by(chunks.c.chunk_key)
)
CHUNKS_BY_ID = _CHUNKS.where(chunks.c.chunk_id.in_(_IDS))
CHUNKS_BY_KEY = _CHUNKS.where(_SPAN)
CHUNKS_OF_VIDEOS = CHUNKS_BY_KEY.where(chunks.c.video_id.in_(_IDS))


def hydrate(connection: Connection, query: Select[Any], embedder: str, parameters: dict[str, Any]) -> list[StoredChunk]:
    """The chunks that one of the three queries above finds; each video is made once."""
    known = connection.execute(_EMBEDDER, {"identity": embedder}).one_or_none()
    rows = connection.execute(query, parameters | {"embedder_id": known.embedder_id if known else None}).all()
    by_id = _videos(connection, {row.video_id for row in rows})
    arrays = _arrays([row.data for row in rows], known.dimensions if known else 0)
    return [StoredChunk(chunk_of(row), by_id[row.video_id], array) for row, array in zip(rows, arrays, strict=True)]


def embedded(query: Select[Any], embedder: str) -> Select[Any]:
    """Narrows a query over chunks to those with vectors of one embedder."""
    joined = query.join_from(chunks, vectors, vectors.c.chunk_key == chunks.c.chunk_key)
    joined = joined.join(embedders, embedders.c.embedder_id == vectors.c.embedder_id)
    return joined.where(embedders.c.identity == embedder)


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Slices of the ids that fit into one IN list."""
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]


def _arrays(blobs: Sequence[bytes | None], dimensions: int) -> list[Vectors | None]:
    """One array per blob, None for None; unpacked together, as that is what takes the time."""
    unpacked = iter(unpack_vectors([blob for blob in blobs if blob is not None], dimensions) if dimensions else ())
    return [None if blob is None else next(unpacked) for blob in blobs]


def _videos(connection: Connection, video_ids: set[str]) -> dict[str, Video]:
    found = [
        video_of(row) for ids in portions(sorted(video_ids)) for row in connection.execute(_VIDEOS, {"ids": ids}).all()
    ]
    return {video.video_id: video for video in found}
