"""The rows behind a report's numbers: those of one bar of a column's chart, or a whole side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.datasets.folder import DatasetFolder
from core.drift.columns import LONGEST_VALUE, OTHER, harmless, numbers_of
from core.drift.sides import Bar, Rows, Side
from core.drift.tables import read_side
from core.errors import NotFound
from core.ledger import Ledger
from core.models import DriftReport

Mask = NDArray[np.bool_]


def rows_behind(ledger: Ledger, folder: DatasetFolder, report: DriftReport, side: Side, bar: Bar | None = None) -> Rows:
    """Without a bar all rows. They are read anew: a thumb given since then counts.

    Raises InputError, NotFound, LibraryError.
    """
    window = report.current if side is Side.CURRENT else report.reference
    table = read_side(ledger, folder, window, report.created_at, sample=bool(report.details.get("sample")))
    if bar is None:
        return Rows(table, len(table))
    spread = report.details.get("distributions", {}).get(bar.column)
    if spread is None or not 0 <= bar.place < len(spread[side]):
        raise NotFound("The report has no such bar", subject=bar.column)
    position = [harmless(str(name)) for name in table.columns].index(harmless(bar.column))
    return Rows(table[in_place(table.iloc[:, position], spread, bar.place)], len(table))


def in_place(values: pd.Series, spread: Mapping[str, Any], place: int) -> Mask:
    """Which of a column's values stand in that bin, or have that value, of a distribution (core/drift/details.py)."""
    if "values" in spread:
        return _of_value(values, spread["values"], place)
    return _in_bin(_lengths(values) if "of" in spread else numbers_of(values).to_numpy(), spread["edges"], place)


def _of_value(values: pd.Series, names: list[str], place: int) -> Mask:
    there = values.notna().to_numpy()
    shown = values.map(lambda value: harmless(str(value))[:LONGEST_VALUE])
    if names[place] == OTHER and place == len(names) - 1:
        return np.asarray(there & ~shown.isin(names[:place]).to_numpy())
    return np.asarray(there & (shown == names[place]).to_numpy())


def _lengths(values: pd.Series) -> NDArray[np.float64]:
    """Characters of each text; what is missing or blank was not compared."""
    texts = [None if missing else harmless(str(value)) for value, missing in zip(values, values.isna(), strict=True)]
    return np.array([float(len(text)) if text and text.strip() else math.nan for text in texts])


def _in_bin(numbers: NDArray[np.float64], edges: list[float], place: int) -> Mask:
    """The outer bins reach to infinity, and the last one has its upper edge: as they were counted."""
    usable = np.isfinite(numbers)
    at = np.searchsorted(np.asarray(edges[1:-1]), np.where(usable, numbers, 0.0), side="right")
    return np.asarray(usable & (at == place))
