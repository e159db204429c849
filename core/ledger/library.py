"""Videos, transcripts, chunks and their vectors: what every index is built from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, distinct, exists, func, select

from core.errors import NotFound
from core.ledger.codec import segments_of, unpack_vectors
from core.ledger.database import Database
from core.ledger.library_read import CHUNKS_BY_ID, CHUNKS_BY_KEY, CHUNKS_OF_VIDEOS, embedded, hydrate, portions
from core.ledger.library_rows import dimensions_of, fresh_chunks, video_of, video_values
from core.ledger.library_save import embedder_key, lock_revision, set_revision, write_video
from core.ledger.library_version import read_identities, version_of
from core.ledger.schema import chunks, embedders, library_state, transcripts, vectors, videos
from core.ledger.values import LibraryVideo, StoredChunk
from core.models import EmbeddedChunk, LibraryStats, Transcript, Vectors, VideoKind
from core.ports import Clock

_REVISION = select(library_state.c.revision)


class LibraryStore:
    """The library in the ledger. Every method is one transaction and may be called from any thread.

    All raise LibraryError (or LibraryFull, LibraryReadOnly, LibraryLocked, LibraryCorrupt) where the database fails.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._versions: dict[str, tuple[int, str]] = {}

    # ------------------------------------------------------------------------------------------------------ writing

    def save(
        self,
        transcript: Transcript,
        chunks: Sequence[EmbeddedChunk],
        *,
        embedder: str,
        only_at: int | None = None,
    ) -> int:
        """Makes the ledger hold this video with these chunks, all or nothing, and returns the library's revision.

        Rows and vectors of chunks that did not change are left alone; where nothing changed nothing is written and
        the revision stays. Vectors of other embedders stay with the chunks that stay. Raises EmbeddingError where the
        vectors do not fit the windows.

        ``only_at``: the revision of the video that the chunks were read at; where it is another one by now, or the
        video is gone, nothing is written and 0 returned.
        """
        fresh = fresh_chunks(transcript, chunks)
        dimensions = dimensions_of(chunks)
        values = video_values(transcript, fresh)
        with self._database.write() as connection:
            revision = lock_revision(connection)
            if only_at is not None and _revision_of(connection, transcript.video.video_id) != only_at:
                return 0
            key = None if dimensions is None else embedder_key(connection, embedder, dimensions)
            return write_video(connection, transcript, values, fresh, key, revision=revision, now=self._clock())

    def remove(self, video_ids: Sequence[str]) -> int:
        """Removes videos with everything that belongs to them; returns how many there were. Unknown ids are fine."""
        with self._database.write() as connection:
            return self._remove(connection, [videos.c.video_id.in_(ids) for ids in portions(video_ids)])

    def remove_demo(self) -> int:
        """Removes the demo library; returns how many videos it had."""
        with self._database.write() as connection:
            return self._remove(connection, [videos.c.kind == str(VideoKind.DEMO)])

    def _remove(self, connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> int:
        revision = lock_revision(connection)
        removed = sum(connection.execute(delete(videos).where(condition)).rowcount for condition in conditions)
        if removed:
            set_revision(connection, revision + 1)
        return removed

    # ------------------------------------------------------------------------------------------------------- chunks

    def chunk_hashes(self, video_id: str, *, embedder: str) -> dict[str, str]:
        """Chunk id -> Chunk.content_hash of the chunks of a video that have vectors of this embedder."""
        query = embedded(select(chunks.c.chunk_id, chunks.c.content_hash), embedder)
        return self._pairs(query.where(chunks.c.video_id == video_id))

    def inventory(self, *, embedder: str) -> dict[str, str]:
        """Chunk id -> IndexRow.content_hash of every chunk that has vectors of this embedder: what an index holds."""
        return self._pairs(embedded(select(chunks.c.chunk_id, chunks.c.index_hash), embedder))

    def vectors(self, chunk_ids: Sequence[str], *, embedder: str) -> dict[str, Vectors]:
        """Chunk id -> vectors, shape (windows, dimensions), of those ids that have them."""
        query = embedded(select(chunks.c.chunk_id, vectors.c.data, embedders.c.dimensions), embedder)
        with self._database.read() as connection:
            rows = [
                r for ids in portions(chunk_ids) for r in connection.execute(query.where(chunks.c.chunk_id.in_(ids)))
            ]
        if not rows:
            return {}
        arrays = unpack_vectors([row.data for row in rows], rows[0].dimensions)
        return {row.chunk_id: array for row, array in zip(rows, arrays, strict=True)}

    def stored(self, chunk_ids: Sequence[str], *, embedder: str) -> dict[str, StoredChunk]:
        """Chunk id -> chunk with its video and vectors, of those ids that the ledger knows."""
        with self._database.read() as connection:
            return {
                item.chunk.id: item
                for ids in portions(chunk_ids)
                for item in hydrate(connection, CHUNKS_BY_ID, embedder, {"ids": ids})
            }

    def iter_stored(
        self, *, embedder: str, video_ids: Sequence[str] | None = None, batch: int = 1000
    ) -> Iterator[StoredChunk]:
        """Every chunk, or those of some videos, ``batch`` at a time; no transaction stays open between two batches.

        Each batch is one state of the library. A video that is replaced between two of them may come with chunks of
        both editions, or incomplete: who needs one state compares ``revision()`` before and after.
        """
        if video_ids is None:
            yield from self._pages(embedder, (), batch)
            return
        for ids in portions(video_ids):
            yield from self._pages(embedder, ids, batch)

    def _pages(self, embedder: str, video_ids: Sequence[str], batch: int) -> Iterator[StoredChunk]:
        keys = select(chunks.c.chunk_key).order_by(chunks.c.chunk_key).limit(batch)
        if video_ids:
            keys = keys.where(chunks.c.video_id.in_(video_ids))
        query = CHUNKS_OF_VIDEOS if video_ids else CHUNKS_BY_KEY
        last = 0
        while True:
            with self._database.read() as connection:
                found = connection.execute(keys.where(chunks.c.chunk_key > last)).scalars().all()
                if not found:
                    return
                span = {"first": found[0], "last": found[-1]}
                page = hydrate(connection, query, embedder, span | ({"ids": video_ids} if video_ids else {}))
            yield from page
            if len(found) < batch:
                return
            last = found[-1]

    def unembedded(self, embedder: str) -> list[str]:
        """Ids of videos with a chunk that lacks vectors of this embedder, oldest first."""
        key = select(embedders.c.embedder_id).where(embedders.c.identity == embedder).scalar_subquery()
        held = exists().where(vectors.c.chunk_key == chunks.c.chunk_key, vectors.c.embedder_id == key)
        lacking = exists().where(chunks.c.video_id == videos.c.video_id, ~held)
        query = select(videos.c.video_id).where(lacking).order_by(videos.c.added_at, videos.c.video_id)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def embedders(self) -> list[str]:
        """Identities of the embedders that have vectors here."""
        used = exists().where(vectors.c.embedder_id == embedders.c.embedder_id)
        with self._database.read() as connection:
            return list(
                connection.execute(select(embedders.c.identity).where(used).order_by(embedders.c.identity)).scalars()
            )

    # ------------------------------------------------------------------------------------------------------- videos

    def revision(self) -> int:
        """Moves with every change of the library, removals too."""
        with self._database.read() as connection:
            return int(connection.execute(_REVISION).scalar_one())

    def version(self, embedder: str) -> str:
        """Names the content: 64 hex digits, the same for the same videos and chunks, whatever their order and times.

        Remembered until the revision moves, so that it costs one small SELECT.
        """
        with self._database.read() as connection:
            revision = int(connection.execute(_REVISION).scalar_one())
            known = self._versions.get(embedder)
            if known is None or known[0] != revision:
                known = (revision, version_of(read_identities(connection).values(), embedder))
                self._versions[embedder] = known
        return known[1]

    def revisions(self) -> dict[str, int]:
        """Video id -> the revision at which it last changed."""
        return self._pairs(select(videos.c.video_id, videos.c.revision))

    def videos(self) -> list[LibraryVideo]:
        """All videos in the order of channel and title."""
        with self._database.read() as connection:
            found = [_library_video(row) for row in connection.execute(select(videos))]
        return sorted(found, key=lambda item: (item.video.channel.casefold(), item.video.title.casefold()))

    def video(self, video_id: str) -> LibraryVideo:
        """Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(videos).where(videos.c.video_id == video_id)).one_or_none()
        if row is None:
            raise _no_video(video_id)
        return _library_video(row)

    def transcript(self, video_id: str) -> Transcript:
        """Raises NotFound."""
        query = select(videos, transcripts.c.segments).join(transcripts).where(videos.c.video_id == video_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise _no_video(video_id)
        return Transcript(video_of(row), segments_of(row.segments))

    def channels(self) -> list[tuple[str, int]]:
        """Channel and its number of videos, by name."""
        counted = self._pairs(select(videos.c.channel, func.count()).group_by(videos.c.channel))
        return sorted(counted.items(), key=lambda pair: (pair[0].casefold(), pair[0]))

    def stats(self) -> LibraryStats:
        query = select(
            func.count(),
            func.coalesce(func.sum(videos.c.chunk_count), 0),
            func.count(distinct(videos.c.channel)),
            func.coalesce(func.sum(videos.c.duration_s), 0.0),
            func.count().filter(videos.c.kind == str(VideoKind.DEMO)),
        )
        with self._database.read() as connection:
            count, chunk_count, channel_count, duration_s, demo = connection.execute(query).one()
        return LibraryStats(count, int(chunk_count), channel_count, float(duration_s), demo)

    def _pairs(self, query: Select[Any]) -> dict[str, Any]:
        with self._database.read() as connection:
            return {key: value for key, value in connection.execute(query)}  # noqa: C416  rows are no pairs to mypy


def _library_video(row: Any) -> LibraryVideo:
    return LibraryVideo(video_of(row), row.chunk_count, row.char_count, row.content_hash, row.revision)


def _revision_of(connection: Connection, video_id: str) -> int | None:
    found: int | None = connection.execute(
        select(videos.c.revision).where(videos.c.video_id == video_id)
    ).scalar_one_or_none()
    return found


def _no_video(video_id: str) -> NotFound:
    return NotFound(f"There is no video {video_id} in the library", subject=video_id)
