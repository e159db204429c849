"""Which columns have drifted, and the verdict in a sentence. Pure.

A column has drifted where two things hold. The change matters: its score is beyond the threshold, which is the
population stability index of 0.2 for categories and for numbers of 300 rows and more. And it is no chance: its p-value,
corrected by Benjamini and Hochberg (1995) over the columns of the report, is below LEVEL. Thresholds alone call equal
traffic different far too often in small windows (PSI 0.2 in 59 of 100 at 100 rows); p-values alone call every trifle
a drift in large ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.drift.columns import FEWEST_ROWS, ColumnKind, ColumnPair
from core.drift.psi import psi, psi_of_categories
from core.drift.words import TextShift, text_shift
from core.models import DriftColumn, DriftVerdict
from core.phrases import count, listed

LEVEL = 0.04
"""The correction holds exactly this share of false alarms; the promise, over any sample of reports, is 0.05."""
PSI_THRESHOLD = 0.2
PSI_FROM_ROWS = 300
"""Numbers of fewer rows are judged by Kolmogorov and Smirnov's test alone: PSI alarms there without cause."""
_FEWEST_EXPECTED = 5
"""Categories that would be seen less often are counted together: the chi-square law does not hold for them."""
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Compared:
    """A column's outcome, with the words behind it where it is a text."""

    column: DriftColumn
    words: TextShift | None = None


def compare_columns(pairs: Sequence[ColumnPair]) -> list[Compared]:
    """Each column by the method of its kind and size, with corrected p-values."""
    found = [_COMPARE[pair.kind](pair) for pair in pairs]
    corrected = benjamini_hochberg([item.column.p_value for item in found])
    return [
        replace(item, column=_decided(item.column, q_value)) for item, q_value in zip(found, corrected, strict=True)
    ]


def _decided(column: DriftColumn, q_value: float | None) -> DriftColumn:
    clear = q_value is not None and q_value < LEVEL
    by_p_value = column.method in ("ks", "words")
    beyond = column.score is not None and column.threshold is not None and column.score >= column.threshold
    return replace(column, q_value=q_value, drifted=clear and (by_p_value or beyond))


def method_of(pair: ColumnPair) -> str:
    """``ks``, ``psi`` or ``words``, by kind and size."""
    if pair.kind is ColumnKind.NUMBER:
        return "ks" if min(len(pair.reference), len(pair.current)) < PSI_FROM_ROWS else "psi"
    return "psi" if pair.kind is ColumnKind.CATEGORY else "words"


def _numbers(pair: ColumnPair) -> Compared:
    from scipy.stats import ks_2samp  # noqa: PLC0415  a second; no page compares columns

    test = ks_2samp(pair.reference, pair.current, method="asymp")
    if method_of(pair) == "ks":
        return Compared(_column(pair, "ks", float(test.pvalue), LEVEL, float(test.pvalue)))
    return Compared(_column(pair, "psi", psi(pair.reference, pair.current), PSI_THRESHOLD, float(test.pvalue)))


def _categories(pair: ColumnPair) -> Compared:
    score = psi_of_categories(pair.reference.tolist(), pair.current.tolist())
    return Compared(_column(pair, "psi", score, PSI_THRESHOLD, _chi_square_p(pair.reference, pair.current)))


def _texts(pair: ColumnPair) -> Compared:
    shift = text_shift(pair.reference.tolist(), pair.current.tolist())
    p_value = None if shift is None else shift.p_value
    return Compared(_column(pair, "words", p_value, LEVEL, p_value), shift)


_COMPARE: dict[ColumnKind, Callable[[ColumnPair], Compared]] = {
    ColumnKind.NUMBER: _numbers,
    ColumnKind.CATEGORY: _categories,
    ColumnKind.TEXT: _texts,
}


def _column(pair: ColumnPair, method: str, score: float | None, threshold: float, p_value: float | None) -> DriftColumn:
    sizes = len(pair.reference), len(pair.current)
    return DriftColumn(pair.name, str(pair.kind), method, score, threshold, p_value, None, False, *sizes)


def _chi_square_p(reference: pd.Series, current: pd.Series) -> float:
    """Pearson's test of homogeneity; 1 where all values are rare."""
    from scipy.stats import chi2_contingency  # noqa: PLC0415  a second; no page compares columns

    table = pd.concat([reference.value_counts(), current.value_counts()], axis=1).fillna(0).to_numpy()
    share = table.sum(axis=0).min() / table.sum()
    rare = table.sum(axis=1) * share < _FEWEST_EXPECTED
    merged = np.vstack([table[~rare], table[rare].sum(axis=0, keepdims=True)])
    merged = merged[merged.sum(axis=1) > 0]
    if len(merged) == 1:
        return 1.0
    return float(chi2_contingency(merged, correction=False).pvalue)


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for their number; None stays None and does not count."""
    known = sorted((p, n) for n, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    smallest = 1.0
    for rank in range(len(known), 0, -1):
        p_value, position = known[rank - 1]
        smallest = min(smallest, p_value * len(known) / rank)
        corrected[position] = smallest
    return corrected


def verdict(columns: Sequence[DriftColumn], n_reference: int, n_current: int) -> tuple[DriftVerdict, str]:
    """The verdict and its sentence."""
    if min(n_reference, n_current) < FEWEST_ROWS:
        side, n = ("reference", n_reference) if n_reference <= n_current else ("current", n_current)
        few = f"the {side} window has {count(n, 'row')}, and a verdict needs {FEWEST_ROWS} on each side."
        return DriftVerdict.NOT_ENOUGH, f"Not enough data: {few}"
    if not columns:
        return DriftVerdict.NOT_ENOUGH, "Not enough data: no column has values on both sides that can be compared."
    drifted = sorted((c for c in columns if c.drifted), key=lambda c: c.q_value or 0.0)
    among = f"{len(columns)} column" if len(columns) == 1 else f"{len(columns)} columns"
    sizes = f"{n_current:,} rows against {n_reference:,}"
    if not drifted:
        return DriftVerdict.NO_DRIFT, f"No drift in {among} ({sizes})."
    names = [c.column.replace("_", " ") for c in drifted[:_NAMED]]
    if more := len(drifted) - len(names):
        names.append(f"{more} more")
    return DriftVerdict.DRIFT, f"Drift in {len(drifted)} of {among}: {listed(names)} ({sizes})."
