"""What our search is compared with: textbook retrieval, and other stores of vectors that need no server.

The stores are imported when they are measured: they are installed for `make bench` only.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.models import Vector, Vectors

Scores = NDArray[np.float64]

RRF_K = 60
"""Cormack, Clarke and Büttcher 2009."""


def plain_words(text: str) -> list[str]:
    """Lower-case runs of letters and digits: no stems, no stop words."""
    return re.findall(r"\w+", text.lower())


class Bm25:
    """BM25 as the textbook has it (Robertson and Zaragoza 2009), one loop over the documents that hold a term."""

    def __init__(self, documents: Sequence[Sequence[str]], k1: float = 1.2, b: float = 0.75) -> None:
        self._k1, self._b, self._count = k1, b, len(documents)
        self._lengths = [len(document) for document in documents]
        self._mean = sum(self._lengths) / max(1, self._count)
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for n, document in enumerate(documents):
            for term, count in Counter(document).items():
                self._postings[term].append((n, count))

    def scores(self, terms: Sequence[str]) -> Scores:
        """One score per document."""
        scores = np.zeros(self._count)
        for term in dict.fromkeys(terms):
            found = self._postings.get(term, [])
            idf = math.log(1 + (self._count - len(found) + 0.5) / (len(found) + 0.5))
            for n, count in found:
                norm = self._k1 * (1 - self._b + self._b * self._lengths[n] / self._mean)
                scores[n] += idf * count * (self._k1 + 1) / (count + norm)
        return scores


def ranking(scores: Scores | Vector, limit: int) -> list[int]:
    """The best documents, best first; of those that score at all."""
    order = np.argsort(-scores, kind="stable")[:limit]
    return [int(n) for n in order if scores[n] > 0]


def fused(rankings: Sequence[Sequence[int]], limit: int) -> list[int]:
    """Reciprocal-rank fusion at equal weight."""
    scores: dict[int, float] = defaultdict(float)
    for ranked in rankings:
        for rank, n in enumerate(ranked, start=1):
            scores[n] += 1 / (RRF_K + rank)
    return sorted(scores, key=lambda n: -scores[n])[:limit]


# --------------------------------------------------------------------------------------------------- vector stores


class Store(Protocol):
    """A store filled with vectors and texts. ``search``: the ids of the nearest rows; it fetches their texts too."""

    name: str

    def search(self, vector: Vector, limit: int) -> list[int]: ...

    def close(self) -> None: ...


class BruteForce:
    """One multiplication of a matrix in memory: the limit of every exact search."""

    name = "numpy brute force, the limit (no texts)"

    def __init__(self, folder: Path, vectors: Vectors, texts: Sequence[str]) -> None:
        del folder, texts
        self._vectors = vectors

    def search(self, vector: Vector, limit: int) -> list[int]:
        scores = self._vectors @ vector
        top = np.argpartition(-scores, limit)[:limit]
        return [int(n) for n in top[np.argsort(-scores[top], kind="stable")]]

    def close(self) -> None: ...


class MilvusLite:
    name = "Milvus Lite (FLAT)"

    def __init__(self, folder: Path, vectors: Vectors, texts: Sequence[str]) -> None:
        from core.adapters.milvus_client import pymilvus  # noqa: PLC0415  each peer is imported when it is measured

        self._client = pymilvus.MilvusClient(str(folder / "peer.db"))
        schema = self._client.create_schema()
        schema.add_field("id", pymilvus.DataType.INT64, is_primary=True)
        schema.add_field("text", pymilvus.DataType.VARCHAR, max_length=65_535)
        schema.add_field("vector", pymilvus.DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        index = self._client.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="COSINE")
        self._client.create_collection("peer", schema=schema, index_params=index)
        for rows in _slices(len(texts), 2_000):
            data = [{"id": n, "text": texts[n], "vector": vectors[n]} for n in rows]
            self._client.insert("peer", data)
        self._client.flush("peer")
        self._client.load_collection("peer")

    def search(self, vector: Vector, limit: int) -> list[int]:
        found = self._client.search("peer", [vector], limit=limit, output_fields=["text"])
        return [int(hit["id"]) for hit in found[0]]

    def close(self) -> None:
        self._client.close()


class LanceDb:
    name = "LanceDB (no index, exact)"

    def __init__(self, folder: Path, vectors: Vectors, texts: Sequence[str]) -> None:
        lancedb, pa = import_module("lancedb"), import_module("pyarrow")

        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        rows = pa.table({"id": pa.array(range(len(texts))), "text": pa.array(list(texts)), "vector": column})
        self._table: Any = lancedb.connect(str(folder / "lance")).create_table("peer", rows)

    def search(self, vector: Vector, limit: int) -> list[int]:
        found = self._table.search(vector).distance_type("cosine").limit(limit).select(["id", "text", "_distance"])
        return [int(row["id"]) for row in found.to_list()]

    def close(self) -> None: ...


class Chroma:
    """HNSW only; searched as widely as equal recall needs."""

    name = "Chroma (HNSW, approximate, ef_search 800)"

    def __init__(self, folder: Path, vectors: Vectors, texts: Sequence[str]) -> None:
        chromadb = import_module("chromadb")

        settings = chromadb.Settings(anonymized_telemetry=False)
        self._client: Any = chromadb.PersistentClient(str(folder / "chroma"), settings)
        graph = {"hnsw": {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 800}}
        self._rows = self._client.create_collection("peer", configuration=graph, embedding_function=None)
        for rows in _slices(len(texts), 2_000):
            ids = [str(n) for n in rows]
            self._rows.add(ids=ids, embeddings=vectors[rows.start : rows.stop], documents=[texts[n] for n in rows])

    def search(self, vector: Vector, limit: int) -> list[int]:
        found = self._rows.query(query_embeddings=[vector], n_results=limit, include=["documents"])
        return [int(key) for key in found["ids"][0]]

    def close(self) -> None:
        self._client.close()


class QdrantLocal:
    name = "Qdrant local (in memory, exact)"

    def __init__(self, folder: Path, vectors: Vectors, texts: Sequence[str]) -> None:
        qdrant = import_module("qdrant_client")
        models = qdrant.models

        del folder  # on disk it writes point by point, 12 ms each, and searches from memory all the same
        self._client: Any = qdrant.QdrantClient(":memory:")
        size = models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE)
        self._client.create_collection("peer", vectors_config=size)
        for rows in _slices(len(texts), 2_000):
            payload = [{"text": texts[n]} for n in rows]
            points = models.Batch(ids=list(rows), vectors=vectors[rows.start : rows.stop].tolist(), payloads=payload)
            self._client.upsert("peer", points=points)

    def search(self, vector: Vector, limit: int) -> list[int]:
        found = self._client.query_points("peer", query=vector.tolist(), limit=limit, with_payload=True)
        return [int(point.id) for point in found.points]

    def close(self) -> None:
        self._client.close()


MakeStore = Callable[[Path, Vectors, Sequence[str]], Store]

STORES: Mapping[str, MakeStore] = {
    "brute force": BruteForce,
    "milvus": MilvusLite,
    "lancedb": LanceDb,
    "chroma": Chroma,
    "qdrant": QdrantLocal,
}


def _slices(count: int, size: int) -> list[range]:
    return [range(begin, min(count, begin + size)) for begin in range(0, count, size)]
