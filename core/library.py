"""Keeps a vector index equal to the ledger: at the start, after each video, and when another process wrote.

The ledger is the truth, the index is derived. What differs is known by chunk id and content hash, and comes from the
vectors that the ledger keeps, so that no repair embeds anything again. Only where the embedder was changed are the
chunks embedded anew, by ``reembed``.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np

from core.errors import IndexUnreachable, NotFound, VectorIndexError
from core.ledger import LibraryStore, StoredChunk
from core.models import EmbeddedChunk, IndexRow, Vector, Vectors
from core.ports import Embedder, VectorIndex

T = TypeVar("T")

OnProgress = Callable[[int, int], None]
"""Called with what is done and what there is to do in all: rows in ``sync``, videos in ``reembed``."""

ROWS_AT_ONCE = 500
TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a synchronisation changed in the index, in rows."""

    added: int = 0
    replaced: int = 0
    removed: int = 0
    rebuilt: bool = False
    """The index was damaged, emptied and filled again."""
    reason: str = ""
    """Why it was rebuilt, in one sentence."""

    @property
    def changed(self) -> int:
        return self.added + self.replaced + self.removed


@dataclass(slots=True)
class _State:
    """What the index is known to hold (video id -> chunk id -> hash) and the ledger's state that this matches."""

    held: defaultdict[str, dict[str, str]]
    revisions: dict[str, int]
    revision: int

    def hash_of(self, chunk_id: str) -> str | None:
        return self.held[_video_of(chunk_id)].get(chunk_id)


class IndexSync:
    """One index and the ledger. May be used from any thread; one synchronisation runs at a time.

    Methods raise IndexUnreachable where the index's server does not answer, VectorIndexError where even an emptied
    index fails, and LibraryError.
    """

    def __init__(self, library: LibraryStore, index: VectorIndex, embedder: Embedder) -> None:
        self._library = library
        self._index = index
        self._embedder = embedder
        self._state: _State | None = None
        self._syncing = threading.RLock()
        self._embedding = threading.Lock()

    def sync(self, on_progress: OnProgress | None = None) -> SyncReport:
        """Compares every row and repairs the difference; an index that fails is emptied and filled again."""
        with self._syncing:
            self._state = None
            try:
                return self._align(on_progress)
            except IndexUnreachable:
                raise
            except VectorIndexError as damage:
                self._index.reset()
                report = self._align(on_progress)
                return replace(report, rebuilt=True, reason=damage.message)

    def follow(self) -> SyncReport:
        """Brings over the videos that changed since the last time; one small query where none did."""
        with self._syncing:
            state = self._state
            if state is None:
                return self.sync()
            revision = self._library.revision()
            if revision == state.revision:
                return SyncReport()
            try:
                revisions = self._library.revisions()
                report = self._bring(state, revisions)
            except IndexUnreachable:
                raise
            except VectorIndexError:
                return self.sync()
            state.revision, state.revisions = revision, revisions
            return report

    def reembed(self, on_progress: OnProgress | None = None, *, stop: threading.Event | None = None) -> int:
        """Embeds every video that lacks vectors of this embedder; each can be searched as soon as it is done.

        Returns the number of videos done. What is done stays done when the process ends or ``stop`` is set. Raises
        EmbeddingError.
        """
        with self._embedding:
            lacking = self._library.unembedded(self._embedder.identity)
            done = 0
            for seen, video_id in enumerate(lacking):
                _report(on_progress, seen, len(lacking))
                if stop is not None and stop.is_set():
                    break
                done += self._reembed_video(video_id)
                self.follow()
            else:
                _report(on_progress, len(lacking), len(lacking))
            return done

    def _align(self, on_progress: OnProgress | None) -> SyncReport:
        # In this order: what another process adds while we read is then wanted before it is missed, so that it is at
        # worst written twice and never deleted; and a revision that moves meanwhile brings the next follow.
        revision = self._library.revision()
        held = self._index.inventory()
        revisions = self._library.revisions()
        wanted = self._library.inventory(embedder=self._embedder.identity)
        stale = [chunk_id for chunk_id in held if chunk_id not in wanted]
        missing = [chunk_id for chunk_id, content in wanted.items() if held.get(chunk_id) != content]
        state = _State(_by_video(held), revisions, revision)
        total = len(stale) + len(missing)
        _report(on_progress, 0, total)
        self._delete(state, stale)
        added = replaced = 0
        for batch in _batches(missing, ROWS_AT_ONCE):
            new, old = self._upsert(state, self._rows(batch))
            added, replaced = added + new, replaced + old
            _report(on_progress, min(total, len(stale) + added + replaced), total)
        self._state = state
        return SyncReport(added, replaced, len(stale))

    def _rows(self, chunk_ids: Sequence[str]) -> list[IndexRow]:
        found = self._library.stored(chunk_ids, embedder=self._embedder.identity)
        return [row for stored in found.values() if (row := _row(stored)) is not None]

    def _bring(self, state: _State, revisions: Mapping[str, int]) -> SyncReport:
        changed = [video_id for video_id, revision in revisions.items() if state.revisions.get(video_id) != revision]
        stale = {chunk_id for gone in state.revisions.keys() - revisions.keys() for chunk_id in state.held[gone]}
        stale.update(chunk_id for video_id in changed for chunk_id in state.held[video_id])
        added = replaced = 0
        for batch in _batches(self._rows_of(changed), ROWS_AT_ONCE):
            stale.difference_update(row.chunk.id for row in batch)
            new, old = self._upsert(state, [row for row in batch if state.hash_of(row.chunk.id) != row.content_hash])
            added, replaced = added + new, replaced + old
        self._delete(state, sorted(stale))
        return SyncReport(added, replaced, len(stale))

    def _rows_of(self, video_ids: Sequence[str]) -> Iterator[IndexRow]:
        for stored in self._library.iter_stored(embedder=self._embedder.identity, video_ids=video_ids):
            row = _row(stored)
            if row is not None:
                yield row

    def _upsert(self, state: _State, rows: Sequence[IndexRow]) -> tuple[int, int]:
        """Returns how many rows were new and how many replaced another."""
        if not rows:
            return 0, 0
        self._index.upsert(rows)
        known = sum(state.hash_of(row.chunk.id) is not None for row in rows)
        for row in rows:
            state.held[row.chunk.video_id][row.chunk.id] = row.content_hash
        return len(rows) - known, known

    def _delete(self, state: _State, chunk_ids: Sequence[str]) -> None:
        if not chunk_ids:
            return
        self._index.delete(chunk_ids)
        for chunk_id in chunk_ids:
            del state.held[_video_of(chunk_id)][chunk_id]

    def _reembed_video(self, video_id: str) -> bool:
        """False where the video was removed or edited meanwhile: then its new chunks bring their own vectors."""
        try:
            before = self._library.video(video_id).revision
            transcript = self._library.transcript(video_id)
            stored = list(self._library.iter_stored(embedder=self._embedder.identity, video_ids=[video_id]))
        except NotFound:
            return False
        embedded = self._embed(stored)
        return bool(self._library.save(transcript, embedded, embedder=self._embedder.identity, only_at=before))

    def _embed(self, stored: Sequence[StoredChunk]) -> list[EmbeddedChunk]:
        texts = [text for item in stored if item.vectors is None for text in item.chunk.window_texts()]
        fresh = self._embed_texts(texts)
        return [EmbeddedChunk(item.chunk, _vectors_of(item, fresh)) for item in stored]

    def _embed_texts(self, texts: Sequence[str]) -> Iterator[Vector]:
        for batch in _batches(texts, TEXTS_AT_ONCE):
            yield from self._embedder.embed(batch)


def _vectors_of(stored: StoredChunk, fresh: Iterator[Vector]) -> Vectors:
    if stored.vectors is not None:
        return stored.vectors
    return np.stack(list(islice(fresh, len(stored.chunk.windows))))


def _row(stored: StoredChunk) -> IndexRow | None:
    """None for a chunk without vectors of this embedder, which no search of it can find."""
    if stored.vectors is None:
        return None
    return IndexRow(stored.chunk, stored.video, EmbeddedChunk(stored.chunk, stored.vectors).pooled)


def _video_of(chunk_id: str) -> str:
    """See Chunk.id."""
    return chunk_id.rpartition(":")[0]


def _by_video(inventory: Mapping[str, str]) -> defaultdict[str, dict[str, str]]:
    grouped: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for chunk_id, content in inventory.items():
        grouped[_video_of(chunk_id)][chunk_id] = content
    return grouped


def _report(on_progress: OnProgress | None, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress(done, total)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
