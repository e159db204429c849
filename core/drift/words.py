"""Whether texts have changed, by the words that they use. Pure.

Each text is its set of content words, weighted by their rarity and scaled to unit length. The statistic is the squared
distance of the two centroids, which is the maximum mean discrepancy under a linear kernel (Gretton et al. 2012, JMLR
13); its p-value comes from permutations of the pooled texts, so that it holds its level at any size. A shift of a topic
moves the centroid even where most questions stay as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.words import content_terms, guess_language

MOST_WORDS = 20_000
"""The most frequent ones are compared; the rest stands in a handful of texts."""
MOST_TEXTS = 5_000
"""Of a larger side, every second, third… text is compared: a shift that matters shows in these."""
PERMUTATIONS = 999
_SEED = 20_261
_FEWEST_TEXTS = 2
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
    bags = [_bag(text) for text in (*before, *after)]
    vocabulary = _vocabulary(bags)
    if min(len(before), len(after)) < _FEWEST_TEXTS or not vocabulary:
        return None
    present = _matrix(bags, vocabulary)
    if not present[: len(before)].nnz or not present[len(before) :].nnz:
        return None
    is_current = np.arange(len(bags)) >= len(before)
    distance, p_value = _permutation_test(_weighted(present), is_current)
    more, fewer = _shifts(present, is_current, list(vocabulary.values()), most)
    return TextShift(distance, p_value, more, fewer)


def _thinned(texts: Sequence[str]) -> list[str]:
    step = -(-len(texts) // MOST_TEXTS)
    return list(texts[:: max(1, step)])


def _bag(text: str) -> dict[str, str]:
    """Stem -> the word itself, as it is shown to people."""
    head = text[:_TEXT_CHARS]
    return dict(content_terms(head, guess_language(head[:200]) or "en"))


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


def _permutation_test(rows: csr_matrix, is_current: NDArray[np.bool_]) -> tuple[float, float]:
    """The centroids' squared distance less its mean under permutation, and the share of permutations as far apart."""
    rng = np.random.default_rng(_SEED)
    labels = np.array([is_current, *(rng.permutation(is_current) for _ in range(PERMUTATIONS))])
    n_current = int(is_current.sum())
    weights = np.where(labels, 1 / n_current, -1 / (len(is_current) - n_current))
    squared = np.concatenate([_squared_lengths(rows, part) for part in np.array_split(weights, 20)])
    observed, chance = float(squared[0]), squared[1:]
    p_value = (1 + int((chance >= observed * (1 - 1e-12)).sum())) / (1 + PERMUTATIONS)
    return observed - float(chance.mean()), p_value


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
