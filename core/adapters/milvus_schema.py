"""How a row of the index looks in Milvus: the collection's name, its fields, its indexes, its filters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from core.adapters.milvus_client import pymilvus
from core.errors import VectorIndexError
from core.models import IndexRow, digest
from core.ports import IndexFilter

SCHEMA_VERSION = 1
"""Part of the collection's name: a change of the fields below makes a new collection, filled from the ledger."""

TEXT_BYTES = 65_535
"""The most that a VARCHAR holds. A server counts bytes, Milvus Lite characters."""

NAME_BYTES = 4_096
DENSE, KEYWORDS = "vector", "keywords"


def collection_name(embedder_identity: str, dimensions: int) -> str:
    """One collection per embedder, so that vectors of two models never mix.

    >>> collection_name("all-MiniLM-L6-v2@53aa51", 384).rpartition("_")[0]
    'cuepoint_all_MiniLM_L6_v2_53aa51'
    """
    readable = re.sub(r"[^A-Za-z0-9]+", "_", embedder_identity)[:80].strip("_")
    mark = digest(f"{SCHEMA_VERSION}\n{embedder_identity}\n{dimensions}")[:12]
    return f"cuepoint_{readable}_{mark}"


def knows_bm25(server_version: str) -> bool:
    """Whether a server computes BM25 itself: from Milvus 2.5 on.

    It is asked for its version because an older one does not refuse: it drops the function and keeps half a collection.

    >>> knows_bm25("v2.3.5-lite"), knows_bm25("2.5.4"), knows_bm25("v2.10.0"), knows_bm25("v3.0")
    (False, True, True, True)
    """
    found = re.search(r"(\d+)\.(\d+)", server_version)
    return found is None or (int(found[1]), int(found[2])) >= (2, 5)


def make_schema(dimensions: int, *, keyword: bool) -> Any:
    """The fields of a collection; ``keyword`` adds the sparse vector that the server fills with BM25 from the text."""
    types = pymilvus.DataType
    schema = pymilvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", types.VARCHAR, is_primary=True, max_length=NAME_BYTES)
    for name in ("video_id", "title", "channel", "language", "content_hash"):
        schema.add_field(name, types.VARCHAR, max_length=NAME_BYTES)
    for name in ("part_id", "max_part_id"):
        schema.add_field(name, types.INT64)
    for name in ("start_s", "end_s"):
        schema.add_field(name, types.DOUBLE)
    analyzer = {"enable_analyzer": True, "analyzer_params": {"type": "standard"}} if keyword else {}
    schema.add_field("text", types.VARCHAR, max_length=TEXT_BYTES, **analyzer)
    schema.add_field(DENSE, types.FLOAT_VECTOR, dim=dimensions)
    if keyword:
        schema.add_field(KEYWORDS, types.SPARSE_FLOAT_VECTOR)
        bm25 = pymilvus.FunctionType.BM25
        outputs = {"input_field_names": ["text"], "output_field_names": [KEYWORDS]}
        schema.add_function(pymilvus.Function(name="bm25", function_type=bm25, **outputs))
    return schema


def make_indexes(*, keyword: bool, lite: bool) -> Any:
    """FLAT is exact, and on Lite the only index with full recall (AUTOINDEX there found 0.42 of the true rows)."""
    indexes = pymilvus.MilvusClient.prepare_index_params()
    indexes.add_index(DENSE, index_type="FLAT" if lite else "AUTOINDEX", metric_type="COSINE")
    if keyword:
        indexes.add_index(KEYWORDS, index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    return indexes


def to_entity(row: IndexRow) -> dict[str, Any]:
    """Raises VectorIndexError where the id is too long to be a key."""
    chunk, video = row.chunk, row.video
    if clip(chunk.id, NAME_BYTES) != chunk.id:
        raise VectorIndexError("The id of a video is too long for the index", subject=chunk.video_id[:80])
    return {
        "id": chunk.id,
        "video_id": chunk.video_id,
        "title": clip(video.title, NAME_BYTES),
        "channel": clip(video.channel, NAME_BYTES),
        "language": clip(video.language, NAME_BYTES),
        "content_hash": row.content_hash,
        "part_id": chunk.part_id,
        "max_part_id": chunk.max_part_id,
        "start_s": chunk.start_s,
        "end_s": chunk.end_s,
        "text": clip(chunk.text, TEXT_BYTES),
        DENSE: row.vector,
    }


def clip(text: str, limit: int) -> str:
    """What Milvus can hold: no NUL, no lone surrogate, at most ``limit`` bytes of UTF-8, no letter cut in half."""
    return text.replace("\0", "").encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def is_one_of(field: str, values: Iterable[str]) -> str:
    r"""A filter expression with every value quoted, whatever is in it.

    >>> print(is_one_of("channel", ['say "hi"', "x"]))
    channel in ["say \\"hi\\"", "x"]
    """
    return f"{field} in [{', '.join(_quote(value) for value in values)}]"


def to_filter(where: IndexFilter) -> str:
    """The expression that keeps the rows that a search may return; empty for all."""
    return is_one_of("channel", where.channels) if where.channels else ""


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _quote(value: str) -> str:
    return f'"{clip(value, NAME_BYTES).translate(_ESCAPES)}"'
