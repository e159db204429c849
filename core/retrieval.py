"""Query -> passages in rank order.

The index gives candidates: the nearest pooled vectors and the best BM25 rows. Fusing the two by rank finds the video
but loses the passage (docs/benchmarks.md), so the candidates get a second look: the vectors of their windows are read
from the ledger, and the score is a weighted sum of the best window's cosine, the whole chunk's cosine and the BM25
score. The neighbouring weights that were tried moved the results by a question or two out of fifty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import EmbeddingError, QuestionError
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
    """A query with what the embedder made of it, and what is to be compared."""

    query: SearchQuery
    mode: SearchMode
    vector: Vector | None = None
    related: RelatedTerms = field(default_factory=dict)
    notice: str = ""

    @property
    def count(self) -> int:
        """Candidates of each kind."""
        return max(CANDIDATES, self.query.limit * 3)


@dataclass(slots=True)
class _Candidates:
    """Chunk id -> score, by kind."""

    dense: dict[str, float] = field(default_factory=dict)
    keyword: dict[str, float] = field(default_factory=dict)


class Retriever:
    """Finds passages. May be used from any thread.

    ``refresh`` is called before each search and returns when the index stands at the ledger's present.
    """

    def __init__(
        self,
        library: LibraryStore,
        index: VectorIndex,
        embedder: Embedder,
        *,
        vocabulary: Vocabulary | None = None,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self._library = library
        self._index = index
        self._embedder = embedder
        self._vocabulary = vocabulary
        self._refresh = refresh

    def retrieve(self, query: SearchQuery) -> SearchResult:
        """The best passages of the query's channels.

        Without an embedder, or on a server without BM25, the mode that is possible is used and a notice says so.
        Raises QuestionError for an empty or endless query or a limit out of range, VectorIndexError, LibraryError.
        """
        _check(query)
        self._refresh()
        started = time.perf_counter()  # the first search of a process also waited for the index; that is no search time
        question = self._understand(query)
        passages = self._second_look(question, self._candidates(question))
        if self._is_noise(question, passages):
            passages = ()
        took_ms = (time.perf_counter() - started) * 1000
        return SearchResult(query, passages, took_ms, self._notices(question, found=bool(passages)))

    def _understand(self, query: SearchQuery) -> _Question:
        mode, notice = query.mode, ""
        if not self._index.has_keyword and mode is not SearchMode.DENSE:
            mode, notice = SearchMode.DENSE, "This Milvus server has no keyword search; only the meaning was compared."
        if mode is SearchMode.KEYWORD:
            return _Question(query, mode)
        try:
            vector, related = self._embed(query.text, mode)
        except EmbeddingError as error:
            return _Question(query, SearchMode.KEYWORD, notice=f"Only the words were compared: {error}")
        return _Question(query, mode, vector, related, notice)

    def _embed(self, text: str, mode: SearchMode) -> tuple[Vector, RelatedTerms]:
        """The query's vector, and related words. One call to the embedder, with the words that the library lacks."""
        if self._vocabulary is None or mode is SearchMode.DENSE:
            return self._embedder.embed([text])[0], {}
        stem_of = _content_words(text)
        known = self._vocabulary.vectors_of(stem_of.values())
        unknown = [word for word, stem in stem_of.items() if stem not in known]
        question, *rest = self._embedder.embed([text, *unknown])
        words = {word: known[stem] for word, stem in stem_of.items() if stem in known}
        words.update(zip(unknown, rest, strict=True))
        return question, self._vocabulary.related(words, question)

    def _candidates(self, question: _Question) -> _Candidates:
        where, found = IndexFilter(question.query.channels), _Candidates()
        if question.vector is not None:
            found.dense = _scores(self._index.search_dense(question.vector, question.count, where))
        if question.mode is not SearchMode.DENSE:
            text, depth = question.query.text, max(KEYWORD_DEPTH, question.count)
            hits = self._index.search_keyword(text, depth, where, related=question.related)
            top = max((hit.score for hit in hits), default=1.0)
            found.keyword = {hit.chunk_id: hit.score / top for hit in hits}
        return found

    def _second_look(self, question: _Question, found: _Candidates) -> tuple[Passage, ...]:
        """Scores the candidates by their windows and hydrates the best. What the ledger no longer has is left out."""
        ids = list(dict.fromkeys([*found.dense, *list(found.keyword)[: question.count]]))
        parts = self._parts(question, ids, found)
        scores = {chunk_id: _weighted(part, question.mode) for chunk_id, part in parts.items()}
        ranked = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))[: question.query.limit]
        stored = self._library.stored(ranked, embedder=self._embedder.identity)
        known = [stored[chunk_id] for chunk_id in ranked if chunk_id in stored]
        return tuple(
            Passage(
                item.chunk, item.video, rank, scores[item.chunk.id], parts[item.chunk.id], _best_span(item, question)
            )
            for rank, item in enumerate(known, start=1)
        )

    def _is_noise(self, question: _Question, passages: Sequence[Passage]) -> bool:
        """Whether no word of the query stands in the library and nothing resembles it: a slip of the keyboard."""
        floor = getattr(self._embedder, "least_similarity", None)
        windows = [passage.parts["window"] for passage in passages if "window" in passage.parts]
        if floor is None or not windows or max(windows) >= floor or not self._index.has_keyword:
            return False
        return not self._index.search_keyword(question.query.text, 1, IndexFilter())

    def _parts(self, question: _Question, ids: Sequence[str], found: _Candidates) -> dict[str, dict[str, float]]:
        """Chunk id -> the parts of its score that could be computed."""
        parts = {i: {"keyword": found.keyword.get(i, 0.0)} if found.keyword else {} for i in ids}
        if question.vector is None:
            return parts
        held = self._library.vectors(ids, embedder=self._embedder.identity)
        for chunk_id, (window, pooled) in _similarities(held, question.vector).items():
            parts[chunk_id] |= {"window": window, "dense": pooled}
        return parts

    def _notices(self, question: _Question, *, found: bool) -> tuple[str, ...]:
        notices = [question.notice] if question.notice else []
        if not found or question.notice:  # else it would cost every search a look at every chunk
            notices += self._not_searched()
        reads = getattr(self._embedder, "languages", ())
        language = guess_language(question.query.text)
        if question.vector is not None and reads and language and language not in reads:
            notices.append("The embedding model reads English; a search in another language finds less.")
        return tuple(notices)

    def _not_searched(self) -> list[str]:
        """Says what the index lacks: after another embedding model was chosen, all that it did not embed yet."""
        lacking = len(self._library.unembedded(self._embedder.identity))
        if not lacking:
            return []
        return [f"{lacking:,} of the library's videos could not be searched: the embedding model has yet to read them."]


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


def _content_words(text: str) -> dict[str, str]:
    """Word -> stem of the query's words that are no stop words of its language."""
    terms = content_terms(text, guess_language(text) or "en")
    return dict(list({word: stem for stem, word in terms}.items())[:_MAX_WORDS])


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.chunk_id: hit.score for hit in hits}


def _similarities(held: Mapping[str, Vectors], question: Vector) -> dict[str, tuple[float, float]]:
    """Chunk id -> cosine of the best window, and of the mean of all windows."""
    if not held:
        return {}
    counts = np.array([len(vectors) for vectors in held.values()])
    begins = np.concatenate(([0], np.cumsum(counts)[:-1]))
    rows = np.concatenate(list(held.values()))
    best = np.maximum.reduceat(rows @ question, begins)
    means = np.add.reduceat(rows, begins) / counts[:, None]
    pooled = (means @ question) / np.maximum(np.linalg.norm(means, axis=1), 1e-9)
    return {chunk_id: (float(b), float(p)) for chunk_id, b, p in zip(held, best, pooled, strict=True)}


def _weighted(part: Mapping[str, float], mode: SearchMode) -> float:
    """The score: 0 to 1."""
    return max(0.0, sum(weight * part.get(name, 0.0) for name, weight in WEIGHTS[mode].items()))


def _best_span(item: StoredChunk, question: _Question) -> tuple[int, int]:
    """The window nearest to the question, or the one with most of its words."""
    chunk = item.chunk
    if question.vector is not None and item.vectors is not None:
        return chunk.windows[int(np.argmax(item.vectors @ question.vector))]
    matches = [begin for begin, _ in highlight(chunk.text, question.query.text, item.video.language)]
    return max(chunk.windows, key=lambda span: sum(span[0] <= at < span[1] for at in matches))
