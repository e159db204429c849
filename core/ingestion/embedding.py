"""Windows of many videos -> full batches -> vectors, without the embedder ever waiting for the next video."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Self

import numpy as np

from core.ingestion.tasks import Task
from core.models import Chunk, EmbeddedChunk, Transcript, Vector, Vectors
from core.ports import Embedder

_USUAL_BATCH = 64
_LEAST_TEXTS = 128
"""In one call: an embedder that sorts its texts by length needs some to choose from; more makes progress jumpy."""


@dataclass(slots=True, eq=False)
class PendingVideo:
    """A video on its way through the embedder. ``vectors``: text of a window -> vector, as far as known."""

    task: Task
    transcript: Transcript
    chunks: list[Chunk]
    vectors: dict[str, Vector] = field(default_factory=dict)
    waiting: int = 0
    unchanged: bool = False
    """The library has just this."""

    def missing(self) -> list[str]:
        """Each text once."""
        texts = dict.fromkeys(text for chunk in self.chunks for text in chunk.window_texts())
        return [text for text in texts if text not in self.vectors]

    def embedded(self) -> list[EmbeddedChunk]:
        return [
            EmbeddedChunk(chunk, np.stack([self.vectors[text] for text in chunk.window_texts()]))
            for chunk in self.chunks
        ]


_Batch = list[tuple[PendingVideo, str]]


class EmbeddingLine:
    """Takes videos, gives them back when all their windows have vectors.

    The embedder may say how it likes its work: ``batch_size`` texts go through it at once, ``concurrency`` requests
    are under way at once. A call then carries that many texts of whichever videos come next, and while one call is
    computed the next one is ready. Methods raise EmbeddingError; afterwards the line is of no use.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        concurrency = int(getattr(embedder, "concurrency", 1))
        self._call_size = max(_LEAST_TEXTS, int(getattr(embedder, "batch_size", _USUAL_BATCH)) * concurrency)
        # With a server, two calls overlap, so that the end of one does not leave requests unused.
        self._pool = ThreadPoolExecutor(1 if concurrency == 1 else 2, thread_name_prefix="ingest-embed")
        self._buffer: deque[tuple[PendingVideo, str]] = deque()
        self._under_way: deque[tuple[Future[Vectors], _Batch]] = deque()
        self._ready: list[PendingVideo] = []
        self.texts_done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def texts_waiting(self) -> int:
        return len(self._buffer) + sum(len(batch) for _, batch in self._under_way)

    def add(self, video: PendingVideo) -> None:
        """Waits where the embedder is behind."""
        missing = video.missing()
        video.waiting = len(missing)
        if not missing:
            self._ready.append(video)
        self._buffer.extend((video, text) for text in missing)
        while len(self._buffer) >= self._call_size:
            self._submit()

    def flush_if_idle(self) -> None:
        """Begins a call that is not full, where the embedder has nothing else to do."""
        if self._buffer and not self._under_way:
            self._submit()

    def ready(self) -> Iterator[PendingVideo]:
        """The videos that are complete by now; waits for nothing."""
        while self._under_way and self._under_way[0][0].done():
            self._settle()
        ready, self._ready = self._ready, []
        yield from ready

    def rest(self) -> Iterator[PendingVideo]:
        """All videos that are left, as they become complete."""
        while self._buffer:
            self._submit()
        while self._under_way:
            self._settle()
            yield from self.ready()
        yield from self.ready()

    def _submit(self) -> None:
        batch = list(islice(self._taken(), self._call_size))
        texts = [text for _, text in batch]
        self._under_way.append((self._pool.submit(self._embedder.embed, texts), batch))
        while len(self._under_way) > 2:  # noqa: PLR2004 - one at work, one behind it
            self._settle()

    def _taken(self) -> Iterator[tuple[PendingVideo, str]]:
        while self._buffer:
            yield self._buffer.popleft()

    def _settle(self) -> None:
        """Waits for the oldest call."""
        future, batch = self._under_way.popleft()
        self._assign(batch, future.result())
        self.texts_done += len(batch)

    def _assign(self, batch: _Batch, vectors: Iterable[Vector]) -> None:
        for (video, text), vector in zip(batch, vectors, strict=True):
            video.vectors[text] = vector
            video.waiting -= 1
            if video.waiting == 0:
                self._ready.append(video)
