"""A vector index that can lose rows, break and be out of reach, and remembers what it was told."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import IndexUnreachable, VectorIndexError
from core.exact_index import ExactIndex
from core.models import IndexRow


class FragileIndex(ExactIndex):
    """``damaged``: every call fails until reset. ``unreachable``: every call fails, reset too."""

    def __init__(self) -> None:
        super().__init__()
        self.damaged = self.unreachable = self.beyond_repair = False
        self.breaks_after: int | None = None
        """Damaged by the upsert that comes after so many more."""
        self.upserted: list[str] = []
        self.deleted: list[str] = []
        self.resets = 0

    def inventory(self) -> dict[str, str]:
        self._fail_if_broken()
        return super().inventory()

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        if self.breaks_after is not None:
            self.damaged, self.breaks_after = self.breaks_after == 0, max(0, self.breaks_after - 1)
        self._fail_if_broken()
        self.upserted += [row.chunk.id for row in rows]
        super().upsert(rows)

    def delete(self, chunk_ids: Sequence[str]) -> None:
        self._fail_if_broken()
        self.deleted += chunk_ids
        super().delete(chunk_ids)

    def reset(self) -> None:
        if self.unreachable:
            self._fail_if_broken()
        self.resets += 1
        self.damaged, self.breaks_after = self.beyond_repair, None
        super().reset()

    def lose(self, *chunk_ids: str) -> None:
        """Rows vanish without anybody being told."""
        super().delete(chunk_ids)

    def forget_calls(self) -> None:
        self.upserted.clear()
        self.deleted.clear()

    def _fail_if_broken(self) -> None:
        if self.unreachable:
            raise IndexUnreachable("Milvus at somewhere does not answer")
        if self.damaged:
            raise VectorIndexError("A file of the index is damaged")
