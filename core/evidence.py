"""Passages as sentences that can be quoted, and how well one of them supports a claim.

Nothing here needs a chat model. The score joins signals whose weights were fitted by ``benchmarks/citations.py``: the
share of the claim's words that the passage has, rarer words counting more; by how much another of the passages has
more of them; the likeness of claim and best quote by sentence embeddings; the claim's names. A number or a "not" that
contradicts the passage overrules them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import exp, log

import numpy as np

from core.facts import coverage, denies, missing_names, missing_numbers, names_in
from core.models import Passage, Vector, Vectors
from core.ports import Embedder
from core.sentences import split_sentences
from core.words import Span, base_language, content_stems, guess_language, words

LONGEST_QUOTE = 320
"""Characters of two neighbouring sentences that may be quoted as one."""
LONGEST_CLAIM = 600
"""Characters of a sentence that are embedded; the rest of a longer one is only compared by words."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Logistic regression: score = 1 / (1 + exp(-(bias + coverage * c + behind * b + similarity * s)))."""

    bias: float
    coverage: float
    behind: float
    similarity: float = 0.0


WITH_EMBEDDER = Weights(-2.01, 6.43, 8.83, 0.55)
WORDS_ONLY = Weights(-1.82, 6.7, 8.9)
DOUBT = (0.3, 0.9)
"""Between these scores by words alone the embedding is asked too."""
MISSING_NAME = 0.35
"""Share of the score that is lost when none of the claim's names is in the passage."""
CONTRADICTED = 0.2
"""A contradicted claim never scores more."""
NEGATION = "negation"
PAIR_MARGIN = 0.12
"""A second sentence is added to a quote only if it makes it so much better."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence of a passage, or two neighbours: what a quote can be."""

    passage: int
    """Index into the passages that were given."""
    span: Span
    text: str
    stems: frozenset[str]
    row: int
    """First row of its sentence in the vectors; a pair has the next row too."""
    is_pair: bool = False


@dataclass(frozen=True, slots=True)
class Support:
    """How well a passage supports a claim."""

    passage: int
    score: float
    """0 to 1, 0.5 parts support from none; low when something in the claim contradicts the passage."""
    fit: float
    """The same without looking for contradictions."""
    coverage: float
    """Share of the claim's stems in the passage, rarer ones counting more."""
    behind: float
    """By how much another given passage has a larger share, negative; 0 for the best."""
    similarity: float | None
    """Cosine of the claim and the nearest sentences; None without an embedder."""
    unit: Unit
    """The best quote."""
    contradictions: tuple[str, ...] = ()
    """What in the claim the passage does not have or denies: "1998", "negation"."""

    @property
    def is_denied(self) -> bool:
        return NEGATION in self.contradictions


class Evidence:
    """The passages given to a model (or to a reader), split and embedded once.

    ``embedder`` None: words only. ``embedded``: only these passages (indexes) are embedded, the others compared by
    words. ``always``: a claim is embedded even where its words leave no doubt. ``around``: only sentences within so
    many characters of each passage's best span.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        embedder: Embedder | None,
        *,
        embedded: Collection[int] | None = None,
        always: bool = False,
        around: int | None = None,
    ) -> None:
        self._around, self._always = around, always
        self._embedded = frozenset(range(len(passages)) if embedded is None else embedded)
        self.passages = passages
        self.embedder = embedder
        self.languages = [_language_of(passage) for passage in passages]
        self.units: list[Unit] = []
        self._sentences: list[str] = []
        for number in range(len(passages)):
            self._add(number)
        self._said = [f"{p.chunk.text} {p.video.title} {p.video.channel}" for p in passages]
        self._stems = [
            frozenset(content_stems(said, lang)) for said, lang in zip(self._said, self.languages, strict=True)
        ]
        self._words = [frozenset(words(said)) for said in self._said]

    @property
    def main_language(self) -> str:
        """That of the best passage; "" without passages: a text too short to tell is taken to be in it."""
        return self.languages[0] if self.languages else ""

    def _add(self, number: int) -> None:
        chunk, language = self.passages[number].chunk, self.languages[number]
        spans = self._near(number, split_sentences(chunk.text, [cue.offset for cue in chunk.cues]))
        first = len(self._sentences)
        self._sentences.extend(chunk.text[begin:end] for begin, end in spans)
        pairs = [(a[0], b[1]) for a, b in pairwise(spans)]
        rows = [(span, row, False) for row, span in enumerate(spans, first)]
        rows += [(span, row, True) for row, span in enumerate(pairs, first) if span[1] - span[0] <= LONGEST_QUOTE]
        for (begin, end), row, is_pair in rows:
            text = chunk.text[begin:end]
            self.units.append(Unit(number, (begin, end), text, frozenset(content_stems(text, language)), row, is_pair))

    def _near(self, number: int, spans: list[Span]) -> list[Span]:
        begin, end = self.passages[number].best_span
        if self._around is None or end <= begin:
            return spans
        return [span for span in spans if span[1] > begin - self._around and span[0] < end + self._around]

    @cached_property
    def weights(self) -> dict[str, float]:
        """Inverse document frequency of stems over the single sentences."""
        counts: Counter[str] = Counter()
        for unit in self.units:
            if not unit.is_pair:
                counts.update(unit.stems)
        return {stem: log(1 + len(self._sentences) / count) for stem, count in counts.items()}

    @cached_property
    def vectors(self) -> Vectors | None:
        """One row per unit, unit length; a pair's is the mean of its sentences'; zeros where it was not embedded."""
        wanted = sorted({unit.row for unit in self.units if not unit.is_pair and unit.passage in self._embedded})
        if self.embedder is None or not wanted:
            return None
        sentences = np.zeros((len(self._sentences), self.embedder.dimensions), np.float32)
        sentences[wanted] = self.embedder.embed([self._sentences[row] for row in wanted])
        rows = np.array([unit.row for unit in self.units])
        nexts = rows + np.array([unit.is_pair for unit in self.units])
        both = sentences[rows] + sentences[nexts]
        return np.asarray(both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-9), np.float32)

    def supports(self, claim: str, language: str) -> list[Support]:
        """How well each passage supports the claim, in the order of the passages that have any text.

        Raises EmbeddingError.
        """
        stems = frozenset(content_stems(claim, language))
        shares = [self.coverage(stems, theirs) for theirs in self._stems]
        likeness = self.likeness(claim) if self._always or self._is_doubtful(shares, language) else None
        rows: dict[int, list[int]] = {}
        for row, unit in enumerate(self.units):
            rows.setdefault(unit.passage, []).append(row)
        found = []
        for number, own in rows.items():
            best = self.units[self._best(own, stems, likeness)]
            similarity = None
            if likeness is not None and number in self._embedded:
                similarity = float(max(likeness[row] for row in own))
            behind = shares[number] - max(shares)
            fit = _logistic(shares[number], behind, similarity) * self._known_names(claim, language, number)
            contradictions = self._contradictions(claim, language, best)
            score = min(fit, CONTRADICTED) if contradictions else fit
            found.append(Support(number, score, fit, shares[number], behind, similarity, best, contradictions))
        return found

    def _is_doubtful(self, shares: Sequence[float], language: str) -> bool:
        """Whether embedding can change a verdict: it takes the time of a whole search, and mostly it cannot."""
        low, high = DOUBT
        fits = (_logistic(shares[n], shares[n] - max(shares), None) for n in self._embedded if 0 <= n < len(shares))
        return any(low < fit < high for fit in fits) or any(theirs != language for theirs in self.languages)

    def likeness(self, claim: str) -> Vector | None:
        """Cosine of the claim with each unit; None without an embedder. Raises EmbeddingError."""
        if self.embedder is None or self.vectors is None:
            return None
        return np.asarray(self.vectors @ self.embedder.embed([claim[:LONGEST_CLAIM]])[0])

    def coverage(self, stems: frozenset[str], evidence: frozenset[str]) -> float:
        return coverage(stems, evidence, self.weights, log(1 + len(self._sentences)))

    def _best(self, rows: Sequence[int], stems: frozenset[str], likeness: Vector | None) -> int:
        """The row of the best quote; a pair has to be clearly better than a sentence."""

        def value(row: int) -> float:
            unit = self.units[row]
            like = 0.0 if likeness is None else float(likeness[row])
            return like + self.coverage(stems, unit.stems) - PAIR_MARGIN * unit.is_pair

        return max(rows, key=value)

    def _contradictions(self, claim: str, language: str, quote: Unit) -> tuple[str, ...]:
        said, their_language = self._said[quote.passage], self.languages[quote.passage]
        found = [
            number.text for number in missing_numbers(claim, said, language=language, evidence_language=their_language)
        ]
        if their_language == language and denies(claim, quote.text, language=language):
            found.append(NEGATION)
        return tuple(found)

    def _known_names(self, claim: str, language: str, number: int) -> float:
        """1 less what names cost that the passage does not have."""
        names = names_in(claim, language)
        missing = len(missing_names(claim, self._words[number], language)) / len(names) if names else 0.0
        return 1 - MISSING_NAME * missing


def _logistic(share: float, behind: float, similarity: float | None) -> float:
    w = WORDS_ONLY if similarity is None else WITH_EMBEDDER
    return 1 / (1 + exp(-(w.bias + w.coverage * share + w.behind * behind + w.similarity * (similarity or 0.0))))


def _language_of(passage: Passage) -> str:
    return base_language(passage.video.language) or guess_language(passage.chunk.text)
