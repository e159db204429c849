"""Whether texts have changed, by the words that they use. Pure.

Two statistics, as each sees what the other misses. One is the squared distance of the two sides' centroids, each text
being its content words weighted by their rarity: the maximum mean discrepancy under a linear kernel (Gretton et al.
2012, JMLR 13). It sees many words that move a little. The other is the sum of z² over the words that are frequent
enough to have one: it sees a few words that are new. The p-value is that of the smaller of the two under permutations
of the pooled texts (Westfall and Young 1993, minP), so that it holds its level at any size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.words import content_terms, guess_language

MOST_WORDS = 20_000
"""The most frequent ones are compared; the rest stands in a handful of texts."""
MOST_TEXTS = 2_500
"""Of a larger side, every second, third… text is compared: a shift that matters shows in these."""
PERMUTATIONS = 999
FIRST_PERMUTATIONS = 199
"""Where these give a p-value above HOPELESS, no more are made: the others could not bring it below any level."""
HOPELESS = 0.3
FEWEST_USES = 6
"""Texts that a word must stand in for a z of its own."""
_SEED = 20_261
_FEWEST_TEXTS = 2
_GUESSED = 300
"""Texts whose languages are guessed to know whether there is but one."""
_ONE_LANGUAGE = 0.95
_TEXT_CHARS = 2_000
"""A question's subject stands at its beginning; what follows would only cost time."""


@dataclass(frozen=True, slots=True)
class WordShift:
    """A word whose share of the texts changed."""

    word: str
    reference_share: float
    current_share: float
    z: float
    """Difference in standard errors; positive where it appears more often now."""


@dataclass(frozen=True, slots=True)
class TextShift:
    """Texts against texts."""

    distance: float
    """Squared distance of the centroids, 0 to 2, with what chance alone would give taken off; may be below 0."""
    p_value: float
    more: tuple[WordShift, ...]
    """Words that appear in a larger share of the current texts, the clearest first."""
    fewer: tuple[WordShift, ...]


def text_shift(reference: Sequence[str], current: Sequence[str], *, most: int = 15) -> TextShift | None:
    """None where a side has no words to compare: fewer than two texts, or emoji and punctuation only."""
    before, after = _thinned(reference), _thinned(current)
    texts = [*before, *after]
    language = _language(texts)
    bags = [_bag(text, language) for text in texts]
    vocabulary = _vocabulary(bags)
    if min(len(before), len(after)) < _FEWEST_TEXTS or not vocabulary:
        return None
    present = _matrix(bags, vocabulary)
    if not present[: len(before)].nnz or not present[len(before) :].nnz:
        return None
    is_current = np.arange(len(bags)) >= len(before)
    distance, p_value = _permutation_test(present, is_current)
    more, fewer = _shifts(present, is_current, list(vocabulary.values()), most)
    return TextShift(distance, p_value, more, fewer)


def _thinned(texts: Sequence[str]) -> list[str]:
    step = -(-len(texts) // MOST_TEXTS)
    return list(texts[:: max(1, step)])


def _language(texts: Sequence[str]) -> str | None:
    """The one that nearly all texts are in, by a sample: guessing for each would take longer than all the rest."""
    step = -(-len(texts) // _GUESSED) or 1
    guessed = Counter(_guess(text) for text in texts[::step])
    language, times = guessed.most_common(1)[0] if guessed else ("en", 0)
    return language if times >= _ONE_LANGUAGE * guessed.total() else None


def _guess(text: str) -> str:
    return guess_language(text[:200]) or "en"


def _bag(text: str, language: str | None) -> dict[str, str]:
    """Stem -> the word itself, as it is shown to people."""
    return dict(content_terms(text[:_TEXT_CHARS], language or _guess(text)))


def _vocabulary(bags: Sequence[dict[str, str]]) -> dict[str, str]:
    """Stem -> a word for it, of those that stand in at least two texts, most frequent first."""
    counts: dict[str, int] = {}
    shown: dict[str, str] = {}
    for bag in bags:
        for stem, word in bag.items():
            counts[stem] = counts.get(stem, 0) + 1
            shown.setdefault(stem, word)
    kept = sorted((stem for stem, n in counts.items() if n > 1), key=lambda stem: (-counts[stem], stem))
    return {stem: shown[stem] for stem in kept[:MOST_WORDS]}


def _matrix(bags: Sequence[dict[str, str]], vocabulary: dict[str, str]) -> csr_matrix:
    """Shape (texts, words): 1 where the text has the word."""
    column = {stem: n for n, stem in enumerate(vocabulary)}
    rows = [(n, column[stem]) for n, bag in enumerate(bags) for stem in bag if stem in column]
    at = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return csr_matrix((np.ones(len(at)), (at[:, 0], at[:, 1])), shape=(len(bags), len(vocabulary)))


def _weighted(present: csr_matrix) -> csr_matrix:
    """Rows of unit length, each word weighted by log(texts / texts with it); empty rows stay empty."""
    frequency = np.asarray(present.sum(axis=0)).ravel()
    weighted = present.multiply(np.log((1 + present.shape[0]) / (1 + frequency)) + 1.0).tocsr()
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return weighted.multiply(scale[:, None]).tocsr()


def _permutation_test(present: csr_matrix, is_current: NDArray[np.bool_]) -> tuple[float, float]:
    """The centroids' squared distance less its mean under permutation, and the p-value of the two statistics."""
    rng = np.random.default_rng(_SEED)
    weighted, standard = _weighted(present), _standardised(present, int(is_current.sum()))
    found = _statistics(weighted, standard, np.array([is_current]))
    for wanted in (FIRST_PERMUTATIONS, PERMUTATIONS):
        labels = np.array([rng.permutation(is_current) for _ in range(wanted + 1 - len(found))])
        parts = [_statistics(weighted, standard, part) for part in np.array_split(labels, 1 + len(labels) // 50)]
        found = np.concatenate([found, *parts])
        if (p_value := _smallest_p(found)) > HOPELESS:
            break
    return float(found[0, 0] - found[1:, 0].mean()), p_value


def _statistics(weighted: csr_matrix, standard: csr_matrix, labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Shape (labellings, 2)."""
    weights = _contrast(labels)
    return np.column_stack([_squared_lengths(weighted, weights), _squared_lengths(standard, weights)])


def _contrast(labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights by which a sum over the texts becomes the current mean less the reference mean."""
    current = labels.sum(axis=1, keepdims=True)
    return np.asarray(np.where(labels, 1 / current, -1 / (labels.shape[1] - current)))


def _smallest_p(found: NDArray[np.float64]) -> float:
    """The first row's smallest p-value over the columns, against the smallest of every other row."""
    rounded = np.round(found / np.maximum(np.abs(found).max(axis=0), 1e-300), 12)  # ties must stay ties
    ranks = np.column_stack([np.searchsorted(np.sort(column), column, side="left") for column in rounded.T])
    best = ranks.max(axis=1)
    return float((best >= best[0]).mean())


def _standardised(present: csr_matrix, n_current: int) -> csr_matrix:
    """Words of at least FEWEST_USES texts, scaled so that a squared difference of shares is z² under permutation."""
    n = present.shape[0]
    counts = np.asarray(present.sum(axis=0)).ravel()
    kept = np.flatnonzero((counts >= FEWEST_USES) & (counts < n))
    share = counts[kept] / n
    variance = share * (1 - share) * n / (n - 1) * n / (n_current * (n - n_current))
    return present[:, kept].multiply(1 / np.sqrt(variance)).tocsr()


def _squared_lengths(rows: csr_matrix, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    differences = rows.T @ weights.T
    return np.asarray((differences**2).sum(axis=0)).ravel()


def _shifts(
    present: csr_matrix, is_current: NDArray[np.bool_], words: list[str], most: int
) -> tuple[tuple[WordShift, ...], tuple[WordShift, ...]]:
    """By the z of two proportions; only words that stand out from the noise of that many words."""
    n_after = int(is_current.sum())
    n_before = len(is_current) - n_after
    before = np.asarray(present[~is_current].sum(axis=0)).ravel() / n_before
    after = np.asarray(present[is_current].sum(axis=0)).ravel() / n_after
    pooled = (before * n_before + after * n_after) / len(is_current)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / n_before + 1 / n_after))
    z = (after - before) / error
    found = [WordShift(words[n], float(before[n]), float(after[n]), float(z[n])) for n in np.argsort(-np.abs(z))]
    clear = [shift for shift in found if abs(shift.z) >= _CLEAR_Z]
    more = tuple(shift for shift in clear if shift.z > 0)[:most]
    return more, tuple(shift for shift in clear if shift.z < 0)[:most]


_CLEAR_Z = 2.5
"""Words are listed to explain a shift, not to prove one, so that they are not corrected for their number."""
