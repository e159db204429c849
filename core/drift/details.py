"""What a report shows beside its verdict: distributions, words, and what became of the drifted part. Pure.

Everything is JSON. ``distributions``: column -> bins or values with both sides' shares; ``words``: text column -> words
that appear more and less; ``impact``: drifted column -> the current rows that make the difference, against the rest;
``notes``: column -> a sentence on how it is compared, where one is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.drift.columns import LONGEST_VALUE, OTHER, ColumnKind, ColumnPair
from core.drift.decide import Compared
from core.drift.impact import impact_of
from core.drift.words import TextShift, WordShift

Json = dict[str, Any]

BINS = 20
MOST_VALUES = 12


def details_of(pairs: Sequence[ColumnPair], compared: Sequence[Compared], current: pd.DataFrame) -> Json:
    """``current``: the rows as they are, from which the impact is counted."""
    shifts = {item.column.column: item.words for item in compared if item.words is not None}
    drifted = {item.column.column for item in compared if item.column.drifted}
    impact = {pair.name: impact_of(pair, shifts.get(pair.name), current) for pair in pairs if pair.name in drifted}
    return {
        "distributions": {pair.name: distribution(pair) for pair in pairs},
        "words": {name: _words(shift) for name, shift in shifts.items()},
        "impact": {name: found for name, found in impact.items() if found is not None},
        "notes": {pair.name: pair.note for pair in pairs if pair.note},
    }


def distribution(pair: ColumnPair) -> Json:
    """Shares of both sides, by bin of equal width for numbers and lengths of texts, by value for categories."""
    if pair.kind is ColumnKind.CATEGORY:
        return _values(pair)
    if pair.kind is ColumnKind.TEXT:
        before, after = (side.map(len).to_numpy(dtype="float64") for side in (pair.reference, pair.current))
        return _histogram(before, after) | {"of": "characters"}
    return _histogram(pair.reference.to_numpy(), pair.current.to_numpy())


def _histogram(before: np.ndarray, after: np.ndarray) -> Json:
    """The outer bins also hold what is beyond the middle 98 in 100, so that one outlier does not flatten the rest."""
    pooled = np.concatenate([before, after])
    low, high = np.quantile(pooled, [0.01, 0.99])
    if low == high:
        low, high = pooled.min(), pooled.max()
    with np.errstate(over="ignore"):
        edges = np.linspace(low, high, BINS + 1) if np.isfinite(high - low) and high > low else np.array([low, high])
    shares = [np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] / len(side) for side in (before, after)]
    medians = [float(np.median(side)) for side in (before, after)]
    return {
        "edges": edges.tolist(), "reference": shares[0].tolist(), "current": shares[1].tolist(),
        "reference_median": medians[0], "current_median": medians[1],
    }  # fmt: skip


def _values(pair: ColumnPair) -> Json:
    counts = pd.concat([pair.reference.value_counts(), pair.current.value_counts()], axis=1).fillna(0).to_numpy()
    names = pd.concat([pair.reference.value_counts(), pair.current.value_counts()], axis=1).index
    shares = counts / counts.sum(axis=0)
    order = np.argsort(-shares.max(axis=1), kind="stable")
    shown, rest = order[:MOST_VALUES], order[MOST_VALUES:]
    values = [str(names[n])[:LONGEST_VALUE] for n in shown]
    before, after = shares[shown, 0].tolist(), shares[shown, 1].tolist()
    if len(rest):
        values.append(OTHER)
        before.append(float(shares[rest, 0].sum()))
        after.append(float(shares[rest, 1].sum()))
    return {"values": values, "reference": before, "current": after}


def _words(shift: TextShift) -> Json:
    return {
        "distance": shift.distance,
        "p_value": shift.p_value,
        "more": [_word(word) for word in shift.more],
        "fewer": [_word(word) for word in shift.fewer],
    }


def _word(shift: WordShift) -> Json:
    return {
        "word": shift.word,
        "reference_share": shift.reference_share,
        "current_share": shift.current_share,
        "z": shift.z,
    }
