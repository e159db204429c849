"""The vector index in Milvus: a Lite file in this process, a Milvus server or Zilliz Cloud, by address.

Importing this module costs about two seconds (pymilvus); nothing imports it before an index is opened.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from core.adapters.milvus_client import CALL_TIMEOUT_S, connect, place, translated
from core.adapters.milvus_lite import acquire, is_lite, release
from core.adapters.milvus_schema import (
    DENSE,
    KEYWORDS,
    TEXT_BYTES,
    clip,
    collection_name,
    is_one_of,
    knows_bm25,
    make_indexes,
    make_schema,
    to_entity,
    to_filter,
)
from core.errors import IndexUnreachable, VectorIndexError
from core.models import Hit, IndexRow, Vector
from core.ports import IndexFilter, RelatedTerms

ROWS_PER_CALL = 500
"""With 3,072 dimensions and the longest text a call stays under the 64 MB that a server accepts."""

ROWS_PER_PAGE = 4_000
MAX_LIMIT = 16_384
"""The most hits that a server returns for one search."""


class MilvusIndex:
    """A VectorIndex in Milvus.

    The constructor opens the collection of the embedder and makes it where there is none. A collection that is there
    but cannot be loaded does not stop it: then every call raises VectorIndexError until ``reset``.

    Raises LibraryError (Lite: locked, read-only, full), IndexUnreachable (no answer, wrong token), VectorIndexError.
    """

    def __init__(self, uri: str, token: str | None = None, *, embedder_identity: str, dimensions: int) -> None:
        self._uri = uri
        self._dimensions = dimensions
        self._collection = collection_name(embedder_identity, dimensions)
        self._file = acquire(uri) if is_lite(uri) else None
        self._writing = self._file.writing if self._file else threading.RLock()
        self._damage: VectorIndexError | None = None
        self._has_keyword = False
        self._closed = False
        try:
            self._client = connect(str(self._file.path) if self._file else uri, token)
            self._open_collection()
        except BaseException:
            self.close()
            raise

    @property
    def has_keyword(self) -> bool:
        return self._has_keyword

    def inventory(self) -> dict[str, str]:
        found: dict[str, str] = {}
        with translated(self._uri):
            pages = self._call("query_iterator", batch_size=ROWS_PER_PAGE, output_fields=["id", "content_hash"])
            while page := pages.next():
                found.update((row["id"], row["content_hash"]) for row in page)
            pages.close()
        return found

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        entities = list({row.chunk.id: to_entity(row) for row in rows}.values())
        with self._writing:
            for first in range(0, len(entities), ROWS_PER_CALL):
                self._call("upsert", data=entities[first : first + ROWS_PER_CALL])
            self._flush()

    def delete(self, chunk_ids: Sequence[str]) -> None:
        with self._writing:
            for first in range(0, len(chunk_ids), ROWS_PER_CALL):
                self._call("delete", filter=is_one_of("id", chunk_ids[first : first + ROWS_PER_CALL]))
            self._flush()

    def search_dense(self, vector: Vector, limit: int, where: IndexFilter) -> list[Hit]:
        return self._search(DENSE, vector, "COSINE", limit, where)

    def search_keyword(
        self, text: str, limit: int, where: IndexFilter, *, related: RelatedTerms | None = None
    ) -> list[Hit]:
        del related  # a server weighs every word of a query by its rarity alone
        if not self._has_keyword:
            raise VectorIndexError(f"Milvus at {place(self._uri)} has no keyword search", hint="It needs Milvus 2.5.")
        query = clip(text, TEXT_BYTES).strip()
        return self._search(KEYWORDS, query, "BM25", limit, where) if query else []

    def reset(self) -> None:
        with self._writing:
            self._damage = None
            self._call("drop_collection")
            if self._file:
                self._file.discard(self._collection)
            self._create_collection()
            self._load_collection()

    def close(self) -> None:
        """Closes the connection and, for a Lite file, gives other processes the lock. Safe to repeat."""
        if self._closed:
            return
        self._closed = True
        with suppress(AttributeError):  # the connection failed in the constructor
            self._client.close()
        if self._file:
            release(self._file)

    def _open_collection(self) -> None:
        with self._writing:
            try:
                if not self._call("has_collection"):
                    self._create_collection()
                self._load_collection()
            except IndexUnreachable:
                raise
            except VectorIndexError as error:
                self._damage = error

    def _create_collection(self) -> None:
        keyword = self._file is not None or knows_bm25(self._server_version())
        self._call(
            "create_collection",
            schema=make_schema(self._dimensions, keyword=keyword),
            index_params=make_indexes(keyword=keyword, lite=self._file is not None),
            consistency_level="Strong",
        )

    def _server_version(self) -> str:
        with translated(self._uri):
            return str(self._client.get_server_version(timeout=CALL_TIMEOUT_S))

    def _load_collection(self) -> None:
        self._call("load_collection")
        self._has_keyword = bool(self._call("describe_collection").get("functions"))

    def _flush(self) -> None:
        """Lite searches unflushed rows twelve times slower; a server keeps its own time and limits flushes."""
        if self._file:
            self._call("flush")

    def _search(self, field: str, data: Any, metric: str, limit: int, where: IndexFilter) -> list[Hit]:
        if limit < 1:
            return []
        found = self._call(
            "search",
            data=[data],
            anns_field=field,
            limit=min(limit, MAX_LIMIT),
            filter=to_filter(where),
            search_params={"metric_type": metric},
            output_fields=["id"],
        )
        # Lite gives BM25 as a negative distance, a server as a score.
        sign = -1.0 if self._file and field == KEYWORDS else 1.0
        return [Hit(hit["id"], sign * float(hit["distance"])) for hit in found[0]]

    def _call(self, method: str, **options: Any) -> Any:
        if self._damage is not None:
            raise self._damage
        with translated(self._uri):
            return getattr(self._client, method)(self._collection, timeout=CALL_TIMEOUT_S, **options)
