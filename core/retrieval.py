"""Query -> passages in rank order.

The index gives candidates: the nearest pooled vectors and the best BM25 rows. Fusing the two by rank finds the video
but loses the passage (docs/benchmarks.md), so the candidates get a second look: the vectors of their windows are read
from the ledger, and the score is a weighted sum of the best window's cosine, the whole chunk's cosine and the BM25
score. The weights were chosen on a plateau, not at a peak: half or double of any one moves the results by a question
or two out of fifty.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import QuestionError
from core.ledger import LibraryStore, StoredChunk
from core.models import Hit, Passage, SearchMode, SearchQuery, SearchResult, Vector, Vectors
from core.ports import Embedder, IndexFilter, RelatedTerms, VectorIndex
from core.vocabulary import Vocabulary
from core.words import content_terms, guess_language, highlight

MAX_QUERY_CHARS = 8000
MAX_LIMIT = 200

CANDIDATES = 150
"""Rows of each kind that get the second look; at least three times the limit."""
KEYWORD_DEPTH = 1000
"""So many BM25 scores are known when a dense candidate is scored; deeper ones count as 0."""

WEIGHTS: Mapping[SearchMode, Mapping[str, float]] = {
    SearchMode.HYBRID: {"window": 4 / 9, "dense": 2 / 9, "keyword": 3 / 9},
    SearchMode.DENSE: {"window": 2 / 3, "dense": 1 / 3},
    SearchMode.KEYWORD: {"keyword": 1.0},
}
"""``window``: cosine of the best window; ``dense``: cosine of the pooled chunk; ``keyword``: BM25 over the best BM25
of this result. They sum to 1, so a score lies between 0 and 1."""

_MAX_WORDS = 32
"""Words of a query that get related words; a longer query says enough by itself."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A query with what the embedder made of it."""

    text: str
    vector: Vector | None
    related: RelatedTerms


@dataclass(slots=True)
class _Candidates:
    """Chunk id -> score, by kind."""

    dense: dict[str, float] = field(default_factory=dict)
    keyword: dict[str, float] = field(default_factory=dict)


class Retriever:
    """Finds passages. May be used from any thread.

    ``embedder`` None: no embedder is to be had, only keyword search works.
    """

    def __init__(
        self,
        library: LibraryStore,
        index: VectorIndex,
        embedder: Embedder | None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self._library = library
        self._index = index
        self._embedder = embedder
        self._vocabulary = vocabulary

    def retrieve(self, query: SearchQuery) -> SearchResult:
        """The best passages of the query's channels.

        Raises QuestionError for an empty or endless query or a limit out of range, EmbeddingError, VectorIndexError,
        LibraryError.
        """
        started = time.perf_counter()
        _check(query)
        mode = self._possible_mode(query.mode)
        question = self._understand(query.text, mode)
        candidates = self._candidates(question, query, mode)
        passages = self._second_look(question, candidates, query, mode)
        took_ms = (time.perf_counter() - started) * 1000
        return SearchResult(query, passages, took_ms, self._notices(query, mode))

    def _possible_mode(self, wanted: SearchMode) -> SearchMode:
        if self._embedder is None:
            return SearchMode.KEYWORD
        return wanted if self._index.has_keyword else SearchMode.DENSE

    def _understand(self, text: str, mode: SearchMode) -> _Question:
        """One call to the embedder, for the query and its words together."""
        if self._embedder is None or mode is SearchMode.KEYWORD:
            return _Question(text, None, {})
        if self._vocabulary is None or mode is SearchMode.DENSE:
            return _Question(text, self._embedder.embed([text])[0], {})
        content = _content_words(text)
        vectors = self._embedder.embed([text, *content])
        related = self._vocabulary.related(dict(zip(content, vectors[1:], strict=True)), vectors[0])
        return _Question(text, vectors[0], related)

    def _candidates(self, question: _Question, query: SearchQuery, mode: SearchMode) -> _Candidates:
        where, count = IndexFilter(query.channels), max(CANDIDATES, query.limit * 3)
        found = _Candidates()
        if question.vector is not None:
            found.dense = _scores(self._index.search_dense(question.vector, count, where))
        if mode is not SearchMode.DENSE:
            hits = self._index.search_keyword(question.text, KEYWORD_DEPTH, where, related=question.related)
            top = max((hit.score for hit in hits), default=1.0)
            found.keyword = {hit.chunk_id: hit.score / top for hit in hits}
        return found

    def _second_look(
        self, question: _Question, found: _Candidates, query: SearchQuery, mode: SearchMode
    ) -> tuple[Passage, ...]:
        """Scores the candidates by their windows and hydrates the best. What the ledger no longer has is left out."""
        count = max(CANDIDATES, query.limit * 3)
        ids = list(dict.fromkeys([*found.dense, *list(found.keyword)[:count]]))
        parts = self._parts(question, ids, found)
        weights = WEIGHTS[mode]
        scored = {
            chunk_id: sum(weights[name] * part.get(name, 0.0) for name in weights) for chunk_id, part in parts.items()
        }
        ranked = sorted(scored, key=lambda chunk_id: (-scored[chunk_id], chunk_id))[: query.limit]
        stored = self._library.stored(ranked, embedder=self._identity)
        known = [stored[chunk_id] for chunk_id in ranked if chunk_id in stored]
        return tuple(
            _passage(item, rank, max(0.0, scored[item.chunk.id]), parts[item.chunk.id], question)
            for rank, item in enumerate(known, start=1)
        )

    def _parts(self, question: _Question, ids: Sequence[str], found: _Candidates) -> dict[str, dict[str, float]]:
        """Chunk id -> the parts of its score that could be computed."""
        parts = {i: {"keyword": found.keyword.get(i, 0.0)} if found.keyword else {} for i in ids}
        if question.vector is None:
            return parts
        for chunk_id, vectors in self._library.vectors(ids, embedder=self._identity).items():
            window, pooled = _similarities(vectors, question.vector)
            parts[chunk_id] |= {"window": window, "dense": pooled}
        return parts

    @property
    def _identity(self) -> str:
        return self._embedder.identity if self._embedder is not None else ""

    def _notices(self, query: SearchQuery, mode: SearchMode) -> tuple[str, ...]:
        notices = []
        if self._embedder is None and query.mode is not SearchMode.KEYWORD:
            notices.append("No embedding model is available, so only the words were compared.")
        elif mode is not query.mode:
            notices.append("This Milvus server has no keyword search, so only the meaning was compared.")
        if (
            mode is not SearchMode.KEYWORD
            and self._reads_english_only()
            and guess_language(query.text) not in ("", "en")
        ):
            notices.append("The embedding model reads English; searches in other languages find less.")
        return tuple(notices)

    def _reads_english_only(self) -> bool:
        return getattr(self._embedder, "languages", None) == ("en",)


def _check(query: SearchQuery) -> None:
    if not any(char.isalnum() for char in query.text):
        raise QuestionError("The query has no words", hint="Type what you are looking for.")
    if len(query.text) > MAX_QUERY_CHARS:
        raise QuestionError(
            f"The query has {len(query.text):,} characters; at most {MAX_QUERY_CHARS:,} can be searched",
            hint="Shorten it to a few sentences.",
        )
    if not 1 <= query.limit <= MAX_LIMIT:
        raise QuestionError(f"The number of results is {query.limit}", hint=f"Choose between 1 and {MAX_LIMIT}.")


def _content_words(text: str) -> list[str]:
    """The query's words without the stop words of its language, each once."""
    terms = content_terms(text, guess_language(text) or "en")
    return list(dict.fromkeys(word for _, word in terms))[:_MAX_WORDS]


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.chunk_id: hit.score for hit in hits}


def _similarities(vectors: Vectors, question: Vector) -> tuple[float, float]:
    """Cosine of the best window, and of the mean of all."""
    windows = vectors @ question
    mean = vectors.mean(axis=0)
    norm = float(np.linalg.norm(mean))
    return float(windows.max()), float(mean @ question) / norm if norm else 0.0


def _passage(item: StoredChunk, rank: int, score: float, parts: Mapping[str, float], question: _Question) -> Passage:
    return Passage(item.chunk, item.video, rank, score, parts, _best_span(item, question))


def _best_span(item: StoredChunk, question: _Question) -> tuple[int, int]:
    """The window nearest to the question, or the one with most of its words."""
    chunk = item.chunk
    if question.vector is not None and item.vectors is not None:
        return chunk.windows[int(np.argmax(item.vectors @ question.vector))]
    matches = [begin for begin, _ in highlight(chunk.text, question.text, item.video.language)]
    return max(chunk.windows, key=lambda span: sum(span[0] <= at < span[1] for at in matches))
