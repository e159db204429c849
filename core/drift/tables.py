"""The two tables that a report compares, whatever its windows are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from core.datasets.folder import DatasetFolder
from core.drift.checking import saved_traces
from core.drift.files import read_table
from core.drift.rows import document_rows, period_rows
from core.drift.windows import Period, SavedVersion, Window, is_sample, parse_window
from core.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Tables:
    """Reference and current rows."""

    reference: pd.DataFrame
    current: pd.DataFrame
    sample: bool
    """Sample traffic, as there is no other, or as it was asked for."""


def read_tables(ledger: Ledger, folder: DatasetFolder, reference: str, current: str, now: datetime) -> Tables:
    """Sample traffic is read only where both windows have nothing else. Raises InputError, NotFound, LibraryError."""
    windows = parse_window(reference, now), parse_window(current, now)
    before, after = (_rows(ledger, folder, window) for window in windows)
    sample = before.empty and after.empty and any(isinstance(window, Period) for window in windows)
    if sample:
        before, after = (_rows(ledger, folder, window, sample=True) for window in windows)
        sample = not (before.empty and after.empty)
    return Tables(before, after, sample or any(map(is_sample, windows)))


def read_side(ledger: Ledger, folder: DatasetFolder, window: str, now: datetime, *, sample: bool) -> pd.DataFrame:
    """The rows of one of them, as a report read them at ``now``. Raises InputError, NotFound, LibraryError."""
    return _rows(ledger, folder, parse_window(window, now), sample=sample)


def _rows(ledger: Ledger, folder: DatasetFolder, window: Window, *, sample: bool = False) -> pd.DataFrame:
    if isinstance(window, Period):
        return period_rows(ledger, window, sample=sample)
    if isinstance(window, SavedVersion):
        return document_rows(folder.documents(saved_traces(ledger, window.name)))
    return read_table(window.path)
