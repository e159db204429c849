"""What the drift did: thumbs, refusals and cost among the rows that make the difference, against the rest. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.drift.columns import ColumnKind, ColumnPair, harmless
from core.drift.psi import quantile_edges
from core.drift.words import TextShift
from core.models import AnswerStatus
from core.phrases import listed
from core.words import content_terms, guess_language

Json = dict[str, Any]
Mask = NDArray[np.bool_]

MOST_TRACES = 50
"""Of the drifted part, newest first, are named."""
_WORDS = 8
_VALUES = 5
_LEAST_GROWTH = 0.02
_TEXT_CHARS = 2_000


def impact_of(pair: ColumnPair, shift: TextShift | None, current: pd.DataFrame) -> Json | None:
    """None where nothing has grown: what is gone has no rows."""
    position = [str(name) for name in current.columns].index(pair.name)
    values = current.iloc[:, position]
    what, mask = _part(pair, shift, values)
    if not mask.any():
        return None
    part = current[mask]
    found: Json = {"rows": what, "part": figures(part), "rest": figures(current[~mask])}
    if "trace_id" in part:
        found["trace_ids"] = [str(trace_id) for trace_id in part["trace_id"].iloc[::-1][:MOST_TRACES]]
    return found


def figures(rows: pd.DataFrame) -> Json:
    """None where nobody measured it. ``thumbs_up`` is a share of the rows with a thumb."""
    found: Json = {"rows": len(rows), "thumbs": None, "thumbs_up": None, "refused": None, "cost_usd": None}
    if "feedback" in rows:
        thumbs = rows["feedback"][rows["feedback"].isin(["up", "down"])]
        found |= {"thumbs": len(thumbs), "thumbs_up": _mean(thumbs == "up")}
    if "status" in rows:
        found["refused"] = _mean(rows["status"] == str(AnswerStatus.REFUSED))
    if "cost_usd" in rows:
        found["cost_usd"] = _mean(pd.to_numeric(rows["cost_usd"], errors="coerce").dropna())
    return found


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None


def _part(pair: ColumnPair, shift: TextShift | None, values: pd.Series) -> tuple[str, Mask]:
    """In words, and which rows."""
    if pair.kind is ColumnKind.TEXT:
        return _with_words(shift, values)
    return _with_values(pair, values) if pair.kind is ColumnKind.CATEGORY else _in_ranges(pair, values)


def _with_words(shift: TextShift | None, values: pd.Series) -> tuple[str, Mask]:
    more = [] if shift is None else [item.word for item in shift.more[:_WORDS]]
    if not more:
        return "", np.zeros(len(values), dtype=bool)
    wanted = {stem for word in more for stem, _ in content_terms(word, "en")} | set(more)
    mask = np.array([bool(wanted & _terms(value)) for value in values], dtype=bool)
    return f"with one of the words {listed(more)}", mask


def _terms(value: Any) -> set[str]:
    if not isinstance(value, str):
        return set()
    head = harmless(value[:_TEXT_CHARS])
    return {term for pair in content_terms(head, guess_language(head[:200]) or "en") for term in pair}


def _with_values(pair: ColumnPair, values: pd.Series) -> tuple[str, Mask]:
    before, after = pair.reference.value_counts(normalize=True), pair.current.value_counts(normalize=True)
    growth = after.sub(before, fill_value=0.0).sort_values(ascending=False)
    grown = [str(value) for value in growth[growth >= _LEAST_GROWTH].index[:_VALUES]]
    mask = values.map(lambda value: None if pd.isna(value) else harmless(str(value))).isin(grown)
    return f"with {listed(grown)}" if grown else "", mask.to_numpy(dtype=bool)


def _in_ranges(pair: ColumnPair, values: pd.Series) -> tuple[str, Mask]:
    """Where more rows are now than a tenth of the reference each, the values beyond its ends included."""
    edges = quantile_edges(pair.reference.to_numpy())
    bins = [np.searchsorted(edges[1:-1], side, side="right") for side in (pair.reference, pair.current)]
    before, after = (np.bincount(side, minlength=max(1, len(edges) - 1)) / len(side) for side in bins)
    grown = after - before >= _LEAST_GROWTH
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype="float64")
    at = np.searchsorted(edges[1:-1], np.nan_to_num(numbers), side="right")
    ranges = [f"{low:.4g} to {high:.4g}" for low, high in _joined(edges, np.flatnonzero(grown))][:_VALUES]
    return f"in the range {listed(ranges)}", np.isfinite(numbers) & grown[at]


def _joined(edges: NDArray[np.float64], grown: NDArray[np.intp]) -> list[tuple[float, float]]:
    """Bins that touch are one range."""
    found: list[tuple[float, float]] = []
    for n in grown if len(edges) > 1 else ():
        low, high = float(edges[n]), float(edges[n + 1])
        if found and found[-1][1] == low:
            low = found.pop()[0]
        found.append((low, high))
    return found
