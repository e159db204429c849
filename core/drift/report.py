"""Two tables -> what has drifted, and what a page shows of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.drift.columns import ColumnPair, LeftOut, harmless, pair_columns
from core.drift.decide import compare_columns, verdict
from core.drift.details import details_of
from core.drift.rows import FACTS, KINDS
from core.models import DriftColumn, DriftVerdict

_FEWEST_IDENTIFIERS = 20
_LONGEST_IDENTIFIER = 64


@dataclass(frozen=True, slots=True)
class Paired:
    """Two tables, made comparable."""

    pairs: Sequence[ColumnPair]
    left_out: tuple[tuple[str, str], ...]
    current: pd.DataFrame
    """As it is: what became of the rows is counted from it."""
    n_reference: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a comparison."""

    verdict: DriftVerdict
    sentence: str
    columns: tuple[DriftColumn, ...]
    left_out: tuple[tuple[str, str], ...]
    details: Mapping[str, Any]


def compare(reference: pd.DataFrame, current: pd.DataFrame) -> Outcome:
    """Both steps."""
    return judge(pair(reference, current))


def pair(reference: pd.DataFrame, current: pd.DataFrame) -> Paired:
    """Kinds are known where both tables have the columns of core/drift/rows.py, else told from the values."""
    named = reference.rename(columns=str), current.rename(columns=str)
    skipped = _no_measures(*named)
    before, after = (table.drop(columns=[left.column for left in skipped], errors="ignore") for table in named)
    traffic = all(set(KINDS) <= set(table.columns) for table in named)
    pairs, left_out = pair_columns(before, after, KINDS if traffic else None)
    unused = tuple((harmless(left.column), left.reason) for left in (*left_out, *skipped) if left.column not in FACTS)
    return Paired(pairs, unused, current, len(reference))


def judge(paired: Paired) -> Outcome:
    """What has drifted."""
    compared = compare_columns(paired.pairs)
    columns = tuple(item.column for item in compared)
    answer, sentence = verdict(columns, paired.n_reference, len(paired.current))
    details = details_of(paired.pairs, compared, paired.current)
    return Outcome(answer, sentence, columns, paired.left_out, details)


def _no_measures(reference: pd.DataFrame, current: pd.DataFrame) -> list[LeftOut]:
    """Columns that tell which row it is, or when: they always differ."""
    found = [LeftOut(name, "it tells which row it is") for name in FACTS]
    for position, name in enumerate(reference.columns):
        if name in FACTS or name in KINDS or name not in current.columns:
            continue
        values = reference.iloc[:, position]
        if pd.api.types.is_datetime64_any_dtype(values):
            found.append(LeftOut(name, "it holds times"))
        elif _is_identifier(values):
            found.append(LeftOut(name, "each row has a value of its own, so it tells which row it is"))
    return found


def _is_identifier(values: pd.Series) -> bool:
    """Short texts without a space, no two of them equal, and most of them no numbers."""
    texts = [value for value in values.dropna() if isinstance(value, str)]
    if len(texts) < max(_FEWEST_IDENTIFIERS, len(values.dropna())) or len(set(texts)) < len(texts):
        return False
    if not all(len(text) <= _LONGEST_IDENTIFIER and not any(map(str.isspace, text)) for text in texts):
        return False
    return 2 * sum(map(_is_number, texts)) < len(texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
