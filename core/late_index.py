"""A vector index that is opened when it is first used: connecting to a server takes seconds, and may fail for now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from core.models import Hit, IndexRow, Vector
from core.ports import IndexFilter, RelatedTerms, VectorIndex


class LateIndex:
    """Implements core.ports.VectorIndex. A failed opening is raised, and tried again at the next call."""

    def __init__(self, open_index: Callable[[], VectorIndex]) -> None:
        self._open = open_index
        self._opening = Lock()
        self._index: VectorIndex | None = None

    @property
    def has_keyword(self) -> bool:
        return self._opened().has_keyword

    def inventory(self) -> dict[str, str]:
        return self._opened().inventory()

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        self._opened().upsert(rows)

    def delete(self, chunk_ids: Sequence[str]) -> None:
        self._opened().delete(chunk_ids)

    def search_dense(self, vector: Vector, limit: int, where: IndexFilter) -> list[Hit]:
        return self._opened().search_dense(vector, limit, where)

    def search_keyword(
        self, text: str, limit: int, where: IndexFilter, *, related: RelatedTerms | None = None
    ) -> list[Hit]:
        return self._opened().search_keyword(text, limit, where, related=related)

    def reset(self) -> None:
        self._opened().reset()

    def close(self) -> None:
        with self._opening:
            if self._index is not None:
                self._index.close()

    def _opened(self) -> VectorIndex:
        index = self._index
        if index is None:
            with self._opening:
                index = self._index
                if index is None:
                    index = self._index = self._open()
        return index
