"""A vector index in memory: exact cosine search and BM25 over every row, no approximation.

It answers searches on a laptop, where Milvus Lite keeps the rows but is too slow to search them (docs/benchmarks.md),
and it stands in for any VectorIndex in tests. Up to some 100,000 rows the whole matrix is multiplied with the query
in a few milliseconds; beyond that use a Milvus server.

Writers take a lock. Readers take none: rows are only ever appended, and a new array says which of them are alive; when
too many are dead the state is rebuilt aside and swapped in.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from core.models import Hit, IndexRow, Vector
from core.ports import IndexFilter, RelatedTerms
from core.words import base_language, content_terms

K1, B = 1.2, 0.75
"""BM25's usual constants (Robertson and Zaragoza 2009, section 3.4)."""

MAX_DEAD_SHARE = 0.25
_FIRST_CAPACITY = 1024

Slots = NDArray[np.int32]
Floats = NDArray[np.float32]
Alive = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Posting:
    """The rows that hold one stem. Replaced, never changed, so that a reader's copy stays whole."""

    slots: Slots
    counts: Floats


@dataclass(slots=True)
class _State:
    """Everything a reader needs."""

    vectors: NDArray[np.float32]
    lengths: Floats
    channels: NDArray[np.int32]
    alive: Alive = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Which rows there are, by slot. Replaced, never changed, and last of all: rows below its length are complete, and
    a row that replaces another appears in the moment in which that one goes."""
    rows: list[IndexRow] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    slot_of: dict[str, int] = field(default_factory=dict)
    channel_codes: dict[str, int] = field(default_factory=dict)
    postings: dict[str, _Posting] = field(default_factory=dict)
    forms: dict[str, dict[str, int]] = field(default_factory=dict)
    """Stem -> words with that stem -> how often each was read."""
    languages: frozenset[str] = frozenset()
    """Replaced, never changed: a reader may be going through it."""

    @classmethod
    def empty(cls, dimensions: int = 0, capacity: int = 0) -> _State:
        return cls(
            vectors=np.zeros((capacity, dimensions), np.float32),
            lengths=np.zeros(capacity, np.float32),
            channels=np.zeros(capacity, np.int32),
        )


class ExactIndex:
    """Implements core.ports.VectorIndex. The first row decides the number of dimensions, until ``reset``."""

    has_keyword = True

    def __init__(self) -> None:
        self._write = Lock()
        self._state = _State.empty()

    def count(self) -> int:
        return int(self._state.alive.sum())

    def inventory(self) -> dict[str, str]:
        """Chunk id -> content hash of every row."""
        with self._write:
            state = self._state
            return {chunk_id: state.rows[slot].content_hash for chunk_id, slot in state.slot_of.items()}

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        """Adds or replaces; a search that begins afterwards sees all of them."""
        latest = {row.chunk.id: row for row in rows}
        if not latest:
            return
        with self._write:
            state = self._state
            replaced = [state.slot_of[chunk_id] for chunk_id in latest if chunk_id in state.slot_of]
            _append(state, list(latest.values()), replaced)
            self._compact_if_needed()

    def delete(self, chunk_ids: Sequence[str]) -> None:
        """Unknown ids are fine."""
        with self._write:
            state = self._state
            gone = [state.slot_of.pop(chunk_id) for chunk_id in set(chunk_ids) if chunk_id in state.slot_of]
            _publish(state, state.alive.copy(), gone)
            self._compact_if_needed()

    def reset(self) -> None:
        """Drops every row."""
        with self._write:
            self._state = _State.empty()

    def close(self) -> None:
        """Nothing to give back."""

    # ------------------------------------------------------------------------------------------------ searching

    def search_dense(self, vector: Vector, limit: int, where: IndexFilter) -> list[Hit]:
        """By cosine similarity (rows and query have unit length), best first."""
        state = self._state
        alive = state.alive
        if not len(alive):
            return []
        scores = state.vectors[: len(alive)] @ vector.astype(np.float32)
        return _best(state, scores, _allowed(state, alive, where), limit)

    def search_keyword(
        self, text: str, limit: int, where: IndexFilter, *, related: RelatedTerms | None = None
    ) -> list[Hit]:
        """By BM25, best first; only rows that share a word (or a related word) with the text.

        With ``related``, each query word counts once per row, by its best match: itself, or a related word at its
        weight (the extended-translation BM25 of Rekabsaz et al. 2016, https://doi.org/10.1145/2983323.2983833, with
        a maximum in place of the sum, so that ten weak synonyms do not outweigh the word itself).
        """
        state = self._state
        alive = state.alive
        scores = np.zeros(len(alive), np.float32)
        norm = _length_norm(state, alive)
        for word, stems in _query_terms(text, state.languages).items():
            alternatives = {**(related or {}).get(word, {}), **dict.fromkeys(stems, 1.0)}
            scores += _term_scores(state, alive, norm, alternatives)
        return _best(state, scores, _allowed(state, alive, where) & (scores > 0), limit)

    def vocabulary(self, at_least: int = 2) -> dict[str, str]:
        """Stem -> the most frequent word with that stem, for stems that stand in at least so many rows."""
        with self._write:
            state = self._state
            frequent = [stem for stem, posting in state.postings.items() if len(posting.slots) >= at_least]
            return {stem: max(state.forms[stem], key=lambda form: state.forms[stem][form]) for stem in frequent}

    # -------------------------------------------------------------------------------------------------- writing

    def _compact_if_needed(self) -> None:
        old = self._state
        dead = len(old.alive) - self.count()
        if dead <= max(_FIRST_CAPACITY, len(old.alive) * MAX_DEAD_SHARE):
            return
        fresh = _State.empty(old.vectors.shape[1], len(old.slot_of))
        _append(fresh, [old.rows[slot] for slot in sorted(old.slot_of.values())], [])
        self._state = fresh


def _append(state: _State, rows: Sequence[IndexRow], replaced: Sequence[int]) -> None:
    """Adds rows behind the last, in place of those in the ``replaced`` slots."""
    first = len(state.alive)
    _reserve(state, first + len(rows), len(rows[0].vector) if rows else 0)
    new: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for slot, row in enumerate(rows, start=first):
        counts = _count_terms(state, row)
        state.vectors[slot] = row.vector
        state.lengths[slot] = sum(counts.values())
        state.channels[slot] = state.channel_codes.setdefault(row.video.channel, len(state.channel_codes))
        state.rows.append(row)
        state.ids.append(row.chunk.id)
        state.slot_of[row.chunk.id] = slot
        state.languages |= {base_language(row.video.language)}
        for stem, count in counts.items():
            new[stem].append((slot, count))
    _extend_postings(state, new)
    _publish(state, np.concatenate((state.alive, np.ones(len(rows), np.bool_))), replaced)


def _publish(state: _State, alive: Alive, gone: Sequence[int]) -> None:
    alive[list(gone)] = False
    state.alive = alive


def _query_terms(text: str, languages: frozenset[str]) -> dict[str, set[str]]:
    """Content word of a query -> its stems in the languages of the library."""
    terms: dict[str, set[str]] = defaultdict(set)
    for language in languages or {"en"}:
        for stem, word in content_terms(text, language):
            terms[word].add(stem)
    return terms


def _count_terms(state: _State, row: IndexRow) -> Counter[str]:
    """Stems of title and text; the title tells what a passage that never names its subject is about."""
    counts: Counter[str] = Counter()
    for stem, word in content_terms(f"{row.video.title}\n{row.chunk.text}", row.video.language):
        counts[stem] += 1
        forms = state.forms.setdefault(stem, {})
        forms[word] = forms.get(word, 0) + 1
    return counts


def _extend_postings(state: _State, new: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    for stem, entries in new.items():
        slots, counts = zip(*entries, strict=True)
        added = _Posting(np.array(slots, np.int32), np.array(counts, np.float32))
        old = state.postings.get(stem)
        if old is not None:
            added = _Posting(np.concatenate((old.slots, added.slots)), np.concatenate((old.counts, added.counts)))
        state.postings[stem] = added


def _reserve(state: _State, needed: int, dimensions: int) -> None:
    """Room for so many rows. Arrays are replaced, not resized: a reader may hold the old ones."""
    capacity = len(state.lengths)
    if needed <= capacity:
        return
    extra = max(needed, capacity * 2, _FIRST_CAPACITY) - capacity
    old = state.vectors if len(state.alive) else np.zeros((capacity, dimensions), np.float32)
    state.vectors = np.concatenate((old, np.zeros((extra, dimensions), np.float32)))
    state.lengths = np.concatenate((state.lengths, np.zeros(extra, np.float32)))
    state.channels = np.concatenate((state.channels, np.zeros(extra, np.int32)))


def _allowed(state: _State, alive: Alive, where: IndexFilter) -> Alive:
    if not where.channels:
        return alive
    codes = [state.channel_codes[name] for name in where.channels if name in state.channel_codes]
    return alive & np.isin(state.channels[: len(alive)], codes)


def _length_norm(state: _State, alive: Alive) -> Floats:
    """``k1 * (1 - b + b * length / mean length)`` of every row."""
    lengths = state.lengths[: len(alive)]
    mean = float(lengths[alive].mean()) if alive.any() else 1.0
    return (K1 * (1 - B + B * lengths / max(mean, 1.0))).astype(np.float32)


def _term_scores(state: _State, alive: Alive, norm: Floats, alternatives: Mapping[str, float]) -> Floats:
    """BM25 part of one query word in every row: the best of its alternatives."""
    best, total = np.zeros(len(alive), np.float32), int(alive.sum())
    for stem, weight in alternatives.items():
        posting = state.postings.get(stem)
        if posting is None:
            continue
        known = posting.slots < len(alive)
        slots, counts = posting.slots[known], posting.counts[known]
        frequency = int(alive[slots].sum())
        idf = math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))
        scores = (weight * idf * (K1 + 1)) * counts / (counts + norm[slots])
        best[slots] = np.maximum(best[slots], scores)
    return best


def _best(state: _State, scores: Floats, allowed: NDArray[np.bool_], limit: int) -> list[Hit]:
    """The highest scores among the allowed rows; equal scores in the order in which rows came."""
    candidates = np.flatnonzero(allowed)
    if limit < len(candidates):
        top = np.argpartition(-scores[candidates], limit - 1)[:limit] if limit > 0 else candidates[:0]
        candidates = np.sort(candidates[top])
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    return [Hit(state.ids[slot], score) for slot, score in zip(order.tolist(), scores[order].tolist(), strict=True)]
