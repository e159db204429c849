"""Embeddings of an OpenAI-compatible server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from core.adapters.openai_access import Access, Failed, Timeouts
from core.adapters.openai_lazy import LazyEndpoint
from core.config import Settings
from core.errors import EmbeddingError
from core.models import Vectors

DEFAULT_EMBEDDING_MODEL = "text-embedding-3-small"
_MOST_CHARS = 8_000
"""Of one text: OpenAI takes 8,192 tokens, and a token is a character at worst in nearly every script."""
_BATCH_CHARS = 100_000
"""Of one request: OpenAI takes 300,000 tokens."""
_BLANK = "."
"""Stands for a text without a visible character, which servers reject."""


class OpenAIEmbedder:
    """An Embedder; one object serves all threads. Raises SettingsError for an address or key that cannot be one.

    ``dimensions`` asks a model that can (text-embedding-3) for shorter vectors; None takes what comes.
    """

    def __init__(
        self,
        model: str = DEFAULT_EMBEDDING_MODEL,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        dimensions: int | None = None,
        batch_size: int = 64,
        concurrency: int = 6,
        timeout_s: float = 60.0,
    ) -> None:
        limits = Timeouts(first_s=timeout_s, between_s=timeout_s)
        self._access = Access.checked(base_url, api_key, timeouts=limits, variable="CUEPOINT_EMBEDDING_MODEL")
        self._endpoint = LazyEndpoint(self._access)
        self._model = model
        self._asked_dimensions = dimensions
        self._found_dimensions: int | None = None
        self._lock = threading.Lock()
        self.batch_size = batch_size
        self.concurrency = concurrency

    @classmethod
    def from_settings(cls, settings: Settings) -> OpenAIEmbedder | None:
        """The embedder that the settings choose by name, or None where they leave it to the local one."""
        if settings.embedding_model is None:
            return None
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
        return cls(settings.embedding_model, base_url=settings.openai_base_url, api_key=key)

    @property
    def identity(self) -> str:
        """Model, and dimensions where they were asked for; the server is left out, so that it may move."""
        return self._model if self._asked_dimensions is None else f"{self._model}@{self._asked_dimensions}"

    @property
    def dimensions(self) -> int:
        """Learnt from the first answer where they were not asked for. Raises EmbeddingError."""
        with self._lock:
            if self._asked_dimensions is None and self._found_dimensions is None:
                self._found_dimensions = int(self._request([_BLANK]).shape[1])
            return self._asked_dimensions or self._found_dimensions or 0

    def warm_up(self) -> None:
        """Imports the SDK, so that the first text does not wait for it; sends nothing."""
        self._endpoint.get()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), unit rows in the order of the texts, several requests at once.

        Raises EmbeddingError, also where the server gives another number, size or order of vectors than asked for.
        """
        batches = list(_batches([_clean(text) for text in texts], self.batch_size))
        if not batches:
            return np.empty((0, self.dimensions), np.float32)
        parts = [self._request(batches[0])] if len(batches) == 1 else self._request_all(batches)
        if len({part.shape[1] for part in parts}) > 1:
            raise self._odd("vectors of different lengths")
        return np.concatenate(parts)

    def _request_all(self, batches: Sequence[Sequence[str]]) -> list[Vectors]:
        pool = ThreadPoolExecutor(min(self.concurrency, len(batches)), thread_name_prefix="embed")
        try:
            return list(pool.map(self._request, batches))
        finally:
            pool.shutdown(cancel_futures=True)  # after an error the rest is not asked for

    def _request(self, batch: Sequence[str]) -> Vectors:
        asked: dict[str, Any] = {} if self._asked_dimensions is None else {"dimensions": self._asked_dimensions}
        try:
            answer = self._endpoint.get().embed(self._model, batch, asked)
        except Failed as error:
            raise EmbeddingError(error.failure.message, subject=self._model, hint=error.failure.hint) from error
        return self._checked(answer, len(batch))

    def _checked(self, answer: Any, count: int) -> Vectors:
        rows = list(getattr(answer, "data", None) or ())
        try:
            by_index = {int(row.index): row.embedding for row in rows}
            vectors = np.array([by_index[n] for n in range(count)], np.float32)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._odd(f"{len(rows)} vectors for {count} texts, or vectors of odd form") from None
        return self._normalised(vectors, len(rows), count)

    def _normalised(self, vectors: Vectors, rows: int, count: int) -> Vectors:
        expected = self._asked_dimensions or self._found_dimensions
        if rows != count or vectors.ndim != 2 or vectors.shape[1] == 0:  # noqa: PLR2004 - rows and columns
            raise self._odd(f"{rows} vectors for {count} texts")
        if expected is not None and vectors.shape[1] != expected:
            raise self._odd(f"vectors of {vectors.shape[1]} numbers instead of {expected}")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not (norms > 0).all():
            raise self._odd("a vector without length")
        return np.asarray(vectors / norms, np.float32)

    def _odd(self, what: str) -> EmbeddingError:
        return EmbeddingError(
            f"The embeddings server {self._access.host} sent {what}",
            subject=self._model,
            hint="Check CUEPOINT_EMBEDDING_MODEL: it must be an embedding model of that server.",
        )


def _clean(text: str) -> str:
    text = text[:_MOST_CHARS].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return text if text.strip() else _BLANK


def _batches(texts: Sequence[str], most: int) -> Iterator[list[str]]:
    """Consecutive texts, at most ``most`` and a bounded number of characters together."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        if batch and (len(batch) == most or chars + len(text) > _BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    if batch:
        yield batch
