"""A CSV, JSONL or Parquet file as a table; what cannot be read is said in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from core.drift.paths import check_file, given_name
from core.drift.rows import document_rows
from core.errors import InputError
from core.phrases import one_line

_TRACE_FIELDS = {"trace_id", "question", "status", "usage"}
"""A file that ``export traces`` wrote has them."""
_REASON_CHARS = 160
_HINTS = {".parquet": "Write it again as Parquet.", ".jsonl": "Write it as UTF-8 with one JSON object a line."}
_UNREADABLE = (OSError, ValueError, TypeError, LookupError, ArithmeticError, NotImplementedError, RecursionError)


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a file, columns by name. Raises InputError that names the file and what is wrong with it."""
    path = check_file(path)
    name = given_name(path)
    try:
        table = _READERS[path.suffix.lower()](path)
    except _UNREADABLE as error:
        reason = one_line(str(error))[:_REASON_CHARS] or type(error).__name__
        hint = _HINTS.get(path.suffix.lower(), "Save it again as UTF-8 with the names of the columns first.")
        raise InputError(f"{name} cannot be read: {reason}", subject=name, hint=hint) from None
    if table.empty:
        raise InputError(f"{name} has no rows", subject=name)
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, index_col=False, low_memory=False)


def _read_jsonl(path: Path) -> pd.DataFrame:
    rows = list(_objects(path))
    if rows and rows[0].keys() >= _TRACE_FIELDS:
        return document_rows(rows)
    return pd.DataFrame(rows)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number} is no JSON ({error})") from None
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no JSON object")  # noqa: TRY004  a fault of the file
            yield row


def _read_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
