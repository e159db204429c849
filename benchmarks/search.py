"""How long does a search take, and is it exact? Beside other stores at equal recall, and the limit of exact search."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.corpus import Library, ingest_once, opened, questions
from benchmarks.growth import CHANGED_WORDS, COSINE, grown
from benchmarks.harness import Context, Figure, Report, Table, Unavailable, median, ms, p95, times_of
from benchmarks.peers import STORES, Bm25, BruteForce, MakeStore, Scores
from core.adapters.milvus import MilvusIndex
from core.models import IndexRow, SearchMode, SearchQuery, Vector, Vectors
from core.ports import IndexFilter, VectorIndex
from core.retrieval import Retriever
from core.words import content_terms

LIMIT = 30
"""Results of one search, as the Search page asks for."""
SLOW_MS = 400
FEW = 12
"""Of a search slower than SLOW_MS only so many are timed."""
EVERYWHERE = IndexFilter()


def run(context: Context) -> Report:
    """Raises Unavailable where the corpus or a peer is absent."""
    for package in ("lancedb", "chromadb", "qdrant_client"):
        if find_spec(package) is None:
            raise Unavailable(f"{package} is not installed here: make bench ARGS=search installs it")
    report = Report(
        "Search",
        f"Embedding the question, searching and fetching {LIMIT} passages, one question after the other, for the "
        "questions of the corpus. The larger library is made of changed copies of the corpus: "
        f"{CHANGED_WORDS:.0%} of the words replaced by others of the same length, vectors turned to a cosine of "
        f"{COSINE}. Recall: how many of the {LIMIT} nearest vectors, by brute force, were found. The peers do the "
        "dense part only and fetch the texts: no words, no windows, no second look.",
    )
    small = ingest_once(context)
    for data_dir, target in ((small, 80.0), (grown(context, small), 150.0)):
        with opened(data_dir) as library:
            _measure(_Trial.of(library, [question.text for question in questions(context)]), target, report)
    report.notes.append(
        "Exact search in memory answers on a laptop because Milvus Lite alone cannot: its BM25 runs in Python over "
        "every row. Milvus Lite stays the durable index; a Milvus server does both."
    )
    return report


@dataclass(frozen=True, slots=True)
class _Trial:
    """One library and what is asked of it; the vectors are those that its index holds."""

    library: Library
    asked: Sequence[str]
    queries: Vectors
    rows: Sequence[IndexRow]
    vectors: Vectors

    @classmethod
    def of(cls, library: Library, asked: Sequence[str]) -> _Trial:
        rows = list(library.rows())
        return cls(library, asked, library.embedder.embed(asked), rows, np.stack([row.vector for row in rows]))

    def ours(self, mode: SearchMode, index: VectorIndex | None = None) -> list[float]:
        """Milliseconds of our whole search, on another index where one is given."""
        library = self.library
        retriever = Retriever(library.ledger.library, index, library.embedder) if index else library.retriever()
        return _times(lambda text: retriever.retrieve(SearchQuery(text, LIMIT, mode)), self.asked)

    def on_milvus_lite(self) -> list[float]:
        """Our search with Milvus Lite in place of the index in memory."""
        embedder = self.library.embedder
        with tempfile.TemporaryDirectory() as folder:
            uri = f"{folder}/milvus.db"
            index = MilvusIndex(uri, embedder_identity=embedder.identity, dimensions=embedder.dimensions)
            index.upsert(self.rows)
            times = self.ours(SearchMode.HYBRID, index)
            index.close()
        return times

    def of_peer(self, make: MakeStore) -> tuple[str, list[float], float]:
        """Name, milliseconds with embedding the question, and recall."""
        with tempfile.TemporaryDirectory() as folder:
            store = make(Path(folder), self.vectors, [row.chunk.text for row in self.rows])
            times = _times(lambda text: store.search(self.library.embedder.embed([text])[0], LIMIT), self.asked)
            alone = times_of(lambda query: store.search(query, LIMIT), list(self.queries)[:FEW])
            recalls = [_recall(self.vectors, query, store.search(query, LIMIT)) for query in self.queries[:FEW]]
            store.close()
        return f"{store.name}, dense (search alone: {median(alone):.1f})", times, float(np.mean(recalls))


def _measure(trial: _Trial, target: float, report: Report) -> None:
    count = f"{len(trial.rows):,} chunks"
    print(count, flush=True)
    embedding = _times(lambda text: trial.library.embedder.embed([text]), trial.asked)
    hybrid = trial.ours(SearchMode.HYBRID)
    cells = [["**Cuepoint, hybrid**", *ms(hybrid), "1.0 ×", ""]]
    for name, times, recall in _others(trial):
        cells.append([name, *ms(times), f"{median(times) / median(hybrid):.1f} ×", recall])
    caption = f"{count} (embedding the question alone: median {median(embedding):.1f} ms):"
    report.tables.append(Table(caption, ["", "median ms", "95 % under", "beside Cuepoint", "recall"], cells))
    report.figures += [
        Figure(f"median, {count}", median(hybrid), target, "ms"),
        Figure(f"recall of the dense part, {count}", _dense_recall(trial), 1.0, most=False),
        Figure(f"recall of the words part, {count}", _words_recall(trial), 1.0, most=False),
    ]


def _others(trial: _Trial) -> Iterator[tuple[str, list[float], str]]:
    for mode in (SearchMode.DENSE, SearchMode.KEYWORD):
        yield f"Cuepoint, {mode}", trial.ours(mode), ""
    print("  Milvus Lite, dense and words", flush=True)
    yield "Cuepoint on Milvus Lite alone, hybrid", trial.on_milvus_lite(), ""
    for key, make in STORES.items():
        print(f"  {key}", flush=True)
        name, times, recall = trial.of_peer(make)
        yield name, times, f"{recall:.3f}"


def _times(call: Callable[[str], object], asked: Sequence[str]) -> list[float]:
    """Of every question; of few where one takes long."""
    few = times_of(call, asked[:FEW])
    return few if p95(few) > SLOW_MS else times_of(call, asked, warm_up=0)


# -------------------------------------------------------------------------------------------------------- exactness


def _dense_recall(trial: _Trial) -> float:
    """Of the index's dense search against the score of every row."""
    number = {row.chunk.id: n for n, row in enumerate(trial.rows)}
    search = trial.library.index.search_dense
    found = [[number[hit.chunk_id] for hit in search(query, LIMIT, EVERYWHERE)] for query in trial.queries]
    return float(np.mean([_recall(trial.vectors, q, ids) for q, ids in zip(trial.queries, found, strict=True)]))


def _recall(vectors: Vectors, query: Vector, found: Sequence[int]) -> float:
    """Share of the nearest that were found; of equally near ones any will do."""
    best = BruteForce(Path(), vectors, ()).search(query, LIMIT)
    least = float(vectors[best[-1]] @ query) - 1e-6
    return sum(float(vectors[n] @ query) >= least for n in found) / len(best)


def _words_recall(trial: _Trial) -> float:
    """The same for words, against BM25 written down as in the textbook."""
    documents = [_terms(f"{row.video.title}\n{row.chunk.text}", row.video.language) for row in trial.rows]
    oracle, languages = Bm25(documents), {row.video.language for row in trial.rows}
    number = {row.chunk.id: n for n, row in enumerate(trial.rows)}
    recalls = []
    for text in trial.asked[:FEW]:
        scores = _best_of_each_word(oracle, text, languages)
        hits = trial.library.index.search_keyword(text, LIMIT, EVERYWHERE)
        least = np.sort(scores)[::-1][:LIMIT][-1] * (1 - 1e-5)
        recalls.append(np.mean([scores[number[hit.chunk_id]] >= least for hit in hits]))
    return float(np.mean(recalls))


def _terms(text: str, language: str) -> list[str]:
    return [stem for stem, _ in content_terms(text, language)]


def _best_of_each_word(oracle: Bm25, text: str, languages: set[str]) -> Scores:
    """A word may have another stem in each language of the library; its best counts."""
    stems: dict[str, set[str]] = defaultdict(set)
    for language in languages:
        for stem, word in content_terms(text, language):
            stems[word].add(stem)
    parts = [np.max([oracle.scores([stem]) for stem in alternatives], axis=0) for alternatives in stems.values()]
    total: Scores = np.sum(parts, axis=0)
    return total
