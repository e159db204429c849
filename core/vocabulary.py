"""Which words of the library mean nearly the same as a word of the question.

People ask in other words than speakers use: of the words of a question, a quarter stand in the passage that answers
it. So each word of the library gets a vector of its own, and a question's word also finds the library's nearest words,
at a lower weight (query expansion by embeddings: Rekabsaz et al. 2016, https://doi.org/10.1145/2983323.2983833).
The question as a whole has a say, so that "shot" leans to "photo" or "gun" as the question does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np

from core.models import Vector, Vectors
from core.ports import Embedder, RelatedTerms

# Chosen by looking at the questions of docs/benchmarks.md, without a held-out set.
NEAREST = 10
"""Library words taken for each word of the question."""
LEAST_SIMILARITY = 0.4
"""Cosine between two words below which they are not related."""
QUESTION_WEIGHT = 0.5
"""How much a library word's similarity to the whole question counts in choosing the nearest."""
_PORTION = 2048


class TermStore(Protocol):
    """Where word vectors are kept: the ledger."""

    def terms(self, *, embedder: str) -> tuple[list[str], Vectors]:
        """All words with their vectors, shape (n, dimensions); no words and any shape where there are none."""

    def save_terms(self, words: Sequence[str], vectors: Vectors, *, embedder: str) -> None:
        """Adds or replaces."""


class Vocabulary:
    """Vectors of the library's words by stem. May be used from any thread."""

    def __init__(self, store: TermStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._extending = Lock()
        self._vectors: dict[str, Vector] | None = None
        self._terms = _Terms.of({}, {})

    def extend(self, words: Mapping[str, str]) -> int:
        """Takes these words (stem -> the word that stands for it) for the library's; embeds and keeps the new ones.

        Returns how many were new. Raises EmbeddingError; what was embedded before it is kept.
        """
        with self._extending:
            known = self._known()
            new = [word for word in dict.fromkeys(words.values()) if word not in known]
            for begin in range(0, len(new), _PORTION):
                portion = new[begin : begin + _PORTION]
                vectors = self._embedder.embed(portion)
                self._store.save_terms(portion, vectors, embedder=self._embedder.identity)
                known.update(zip(portion, vectors, strict=True))
                self._terms = _Terms.of(words, known)
            if words != self._terms.words:
                self._terms = _Terms.of(words, known)
            return len(new)

    def use(self, words: Mapping[str, str]) -> None:
        """Takes these words for the library's as far as their vectors are kept; embeds nothing. Raises LibraryError."""
        with self._extending:
            self._terms = _Terms.of(words, self._known())

    def vectors_of(self, stems: Iterable[str]) -> dict[str, Vector]:
        """The vectors of those stems that the library knows."""
        terms = self._terms
        return {stem: terms.vectors[terms.rows[stem]] for stem in stems if stem in terms.rows}

    def related(self, words: Mapping[str, Vector], question: Vector) -> RelatedTerms:
        """For each word (with its vector) the library's nearest stems, weighted by cosine."""
        terms = self._terms
        if not terms.stems or not words:
            return {}
        context = QUESTION_WEIGHT * (terms.vectors @ question)
        similar = np.stack(list(words.values())) @ terms.vectors.T
        return {word: _nearest(terms.stems, row, row + context) for word, row in zip(words, similar, strict=True)}

    def _known(self) -> dict[str, Vector]:
        if self._vectors is None:
            words, vectors = self._store.terms(embedder=self._embedder.identity)
            self._vectors = dict(zip(words, vectors, strict=True))
        return self._vectors


@dataclass(frozen=True, slots=True)
class _Terms:
    """Never changed, so that a reader needs no lock."""

    words: Mapping[str, str]
    """As it was given, also with words that have no vector yet."""
    stems: list[str]
    vectors: Vectors
    rows: dict[str, int]

    @classmethod
    def of(cls, words: Mapping[str, str], vectors: Mapping[str, Vector]) -> _Terms:
        stems = [stem for stem, word in words.items() if word in vectors]
        matrix = np.stack([vectors[words[stem]] for stem in stems]) if stems else np.zeros((0, 0), np.float32)
        return cls(words, stems, matrix, {stem: row for row, stem in enumerate(stems)})


def _nearest(stems: list[str], similarity: Vector, preference: Vector) -> dict[str, float]:
    """The preferred stems that are similar enough, with their similarity (at most 0.99: the word itself counts 1)."""
    count = min(NEAREST, len(stems))
    top = np.argpartition(-preference, count - 1)[:count]
    return {stems[i]: min(float(similarity[i]), 0.99) for i in top if similarity[i] >= LEAST_SIMILARITY}
