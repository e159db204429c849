"""The library's content-addressed version, and its videos one after the other in one state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from core.ledger.codec import dump_json, segments_of
from core.ledger.dataset_values import KeptVideo, VideoFacts
from core.ledger.library_rows import chunk_of, video_of
from core.ledger.schema import chunks, transcripts, videos
from core.models import Transcript, Video

_VIDEOS_AT_ONCE = 32
"""In memory together while a state is read; a talk of an hour has some 60 kB of lines and chunks."""

_IDS: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)
_IDENTITIES = select(
    videos.c.video_id,
    videos.c.title,
    videos.c.channel,
    videos.c.language,
    videos.c.kind,
    videos.c.source,
    videos.c.duration_s,
    videos.c.note,
    videos.c.content_hash,
    videos.c.chunks_hash,
)
_VIDEOS = select(videos, transcripts.c.segments).join(transcripts).where(videos.c.video_id.in_(_IDS))
_FACTS = select(videos).where(videos.c.video_id.in_(_IDS))
_IN_ORDER = (chunks.c.video_id, chunks.c.part_id)
_CHUNKS = select(chunks).where(chunks.c.video_id.in_(_IDS)).order_by(*_IN_ORDER)
_HASHES = (
    select(chunks.c.video_id, chunks.c.chunk_id, chunks.c.content_hash)
    .where(chunks.c.video_id.in_(_IDS))
    .order_by(*_IN_ORDER)
)


def identity_of(video: Video, content_hash: str, chunks_hash: str) -> str:
    """One line that is equal for two videos exactly where a version makes no difference between them.

    Everything that a version keeps of a video counts; when it was added does not.
    """
    names = (video.video_id, video.title, video.channel, video.language, str(video.kind), video.source)
    return dump_json([*names, video.duration_s, video.note, content_hash, chunks_hash])


def read_identities(connection: Connection, video_id: str | None = None) -> dict[str, str]:
    """Video id -> identity_of, of the whole library or of one video."""
    query = _IDENTITIES if video_id is None else _IDENTITIES.where(videos.c.video_id == video_id)
    return {row[0]: dump_json(list(row)) for row in connection.execute(query)}


def version_of(identities: Iterable[str], embedder: str) -> str:
    """SHA-256 in hex over the videos in the order of their lines, and the embedder's identity."""
    return hashlib.sha256("\n".join([dump_json(embedder), *sorted(identities)]).encode()).hexdigest()


class LibrarySnapshot:
    """One state of the library, read through one transaction; of no use after it."""

    def __init__(self, connection: Connection, embedder: str) -> None:
        self._connection = connection
        identities = read_identities(connection)
        self.video_ids: Sequence[str] = sorted(identities)
        self.version = version_of(identities.values(), embedder)

    def videos(self) -> Iterator[KeptVideo]:
        """Each with its lines and chunks, in the order of the ids' code points."""
        for ids in self._portions():
            parts = self._by_video(_CHUNKS, ids)
            rows = {row.video_id: row for row in self._connection.execute(_VIDEOS, {"ids": ids})}
            for video_id in ids:
                row = rows[video_id]
                transcript = Transcript(video_of(row), segments_of(row.segments))
                held = tuple(map(chunk_of, parts.get(video_id, ())))
                yield KeptVideo(transcript, held, row.content_hash, row.chunks_hash)

    def facts(self) -> Iterator[VideoFacts]:
        """The same videos without their text."""
        for ids in self._portions():
            parts = self._by_video(_HASHES, ids)
            rows = {row.video_id: row for row in self._connection.execute(_FACTS, {"ids": ids})}
            for video_id in ids:
                row = rows[video_id]
                held = {part.chunk_id: part.content_hash for part in parts.get(video_id, ())}
                yield VideoFacts(video_of(row), row.content_hash, row.chunks_hash, held)

    def _portions(self) -> Iterator[Sequence[str]]:
        for start in range(0, len(self.video_ids), _VIDEOS_AT_ONCE):
            yield self.video_ids[start : start + _VIDEOS_AT_ONCE]

    def _by_video(self, query: Any, ids: Sequence[str]) -> Mapping[str, list[Any]]:
        rows = self._connection.execute(query, {"ids": ids})
        return {video_id: list(group) for video_id, group in groupby(rows, key=lambda row: row.video_id)}
