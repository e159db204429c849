"""Two tables made comparable, column by column; what cannot be compared is named with its reason. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from core.phrases import count

FEWEST_ROWS = 100
"""Below it even equal distributions look different too often for a verdict."""
MOST_CATEGORIES = 50
OTHER = "other values"
"""In a distribution: the values that are too many to be shown by themselves."""
LONGEST_VALUE = 80
"""Characters of a value in a distribution."""
_NUMERIC_SHARE = 0.95
_SHORT_CHARS = 60
_FIRST = 1000
_MOSTLY = 0.4
_UNSAFE = ("<", ">", "\0")
_HALVES = re.compile("[\ud800-\udfff]")
_ANGLES = str.maketrans({"<": "\u2039", ">": "\u203a"})


class ColumnKind(StrEnum):
    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ColumnPair:
    """One column of both sides, without missing values: floats that are finite, or harmless texts."""

    name: str
    kind: ColumnKind
    reference: pd.Series
    current: pd.Series
    note: str = ""
    """What a reader should know of how it is compared."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not compared."""

    column: str
    reason: str


def pair_columns(
    reference: pd.DataFrame, current: pd.DataFrame, kinds: Mapping[str, ColumnKind] | None = None
) -> tuple[list[ColumnPair], list[LeftOut]]:
    """Columns in the reference's order, then those that only the current side has.

    ``kinds``: what is known of them; the kind of any other is told from its values. Never raises for odd content.
    """
    pairs: list[ColumnPair] = []
    left_out: list[LeftOut] = []
    for name in dict.fromkeys([*map(str, reference.columns), *map(str, current.columns)]):
        outcome = _pair(name, _column(reference, name), _column(current, name), (kinds or {}).get(name))
        if isinstance(outcome, ColumnPair):
            pairs.append(outcome)
        else:
            left_out.append(LeftOut(name, outcome))
    return pairs, left_out


def harmless(text: str) -> str:
    """The text with lookalikes of ``<`` and ``>``: an HTML report holds values inside a script as they are."""
    if not any(mark in text for mark in _UNSAFE) and (text.isascii() or not _HALVES.search(text)):
        return text
    return text.translate(_ANGLES).encode("utf-8", "replace").decode().replace("\0", "")


def all_harmless(texts: list[str]) -> list[str]:
    """``harmless`` of each. Most columns have no such character at all, which one look at all their text tells."""
    whole = "".join(texts)
    if harmless(whole) is whole:
        return texts
    shown = {text: harmless(text) for text in set(texts)}
    return [shown[text] for text in texts]


def _column(table: pd.DataFrame, name: str) -> pd.Series | None:
    """The first column of that name; two of one name are a fault of a file, and the first is what people see."""
    for position, label in enumerate(table.columns):
        if str(label) == name:
            return table.iloc[:, position]
    return None


def _pair(
    name: str, reference: pd.Series | None, current: pd.Series | None, known: ColumnKind | None
) -> ColumnPair | str:
    """The pair, or why there is none."""
    if reference is None or current is None:
        return f"only the {'current' if reference is None else 'reference'} side has it"
    before, after = reference.dropna(), current.dropna()
    for side, values in (("reference", before), ("current", after)):
        if values.empty:
            return f"it is empty on the {side} side"
    kind = known or kind_of(pd.concat([before, after], ignore_index=True))
    note = "" if known else _stray_text(kind, before, after)
    before, after = _cleaned(before, kind), _cleaned(after, kind)
    for side, values in (("reference", before), ("current", after)):
        if len(values) < FEWEST_ROWS:
            return f"only {count(len(values), 'usable value')} on the {side} side, {FEWEST_ROWS} are needed"
    if before.iloc[0] == after.iloc[0] and before.nunique() == 1 and after.nunique() == 1:
        return "it has the same single value on both sides"
    return ColumnPair(name, kind, before, after, note)


def kind_of(values: pd.Series) -> ColumnKind:
    """By the values: numbers, a few short words, or texts. Truth values are categories."""
    found = values.tolist()
    if all(isinstance(value, bool | np.bool_) for value in found):
        return ColumnKind.CATEGORY
    if _are_numbers(values):
        return ColumnKind.NUMBER
    return ColumnKind.CATEGORY if _are_few_words(found) else ColumnKind.TEXT


def _stray_text(kind: ColumnKind, reference: pd.Series, current: pd.Series) -> str:
    """Of a column that holds mostly numbers and is not compared as such: what keeps it from that."""
    if kind is ColumnKind.NUMBER or not any(map(_mostly_numbers, (reference, current))):
        return ""
    counts = [
        f"{int(numbers_of(side).isna().sum()):,} of {len(side):,} {name} values"
        for name, side in (("current", current), ("reference", reference))
    ]
    return f"Most of its values are numbers, but {' and '.join(counts)} are not, so it is compared as {kind}."


def _mostly_numbers(values: pd.Series) -> bool:
    """Truth values are none. A sample tells most columns."""
    some = values.iloc[:: max(1, len(values) // _FIRST)].tolist()
    if all(isinstance(value, bool | np.bool_) for value in some):
        return False
    known = sum(not math.isnan(_number(value)) for value in some)
    return known >= _MOSTLY * len(some) and bool(numbers_of(values).notna().mean() > 0.5)  # noqa: PLR2004


def _are_few_words(values: Sequence[Any]) -> bool:
    """Texts are known for what they are after a few."""
    most = min(MOST_CATEGORIES, max(2, len(values) // 10))
    for some in (values[:_FIRST], values):
        words = set(map(str, some))
        if len(words) > most or max(map(len, words)) > _SHORT_CHARS:
            return False
    return True


def _are_numbers(values: pd.Series) -> bool:
    """Nearly all of them; texts are known for what they are after a few."""
    if pd.api.types.is_numeric_dtype(values):
        return bool(numbers_of(values).notna().mean() >= _NUMERIC_SHARE)
    others_allowed = (1 - _NUMERIC_SHARE) * len(values)
    others = (n for n, _ in enumerate((value for value in values.tolist() if math.isnan(_number(value))), start=1))
    return all(n <= others_allowed for n in others)


def _cleaned(values: pd.Series, kind: ColumnKind) -> pd.Series:
    if kind is ColumnKind.NUMBER:
        numbers = numbers_of(values)
        return pd.Series(numbers[np.isfinite(numbers)].to_numpy())
    texts = all_harmless(list(map(str, values.tolist())))
    if kind is ColumnKind.TEXT:
        texts = [text for text in texts if text.strip()]
    return pd.Series(texts, dtype=object)


def numbers_of(values: pd.Series) -> pd.Series:
    """As float64; what is no number is NaN."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_complex_dtype(values):
        return pd.Series(values.to_numpy(dtype="float64", na_value=math.nan), index=values.index)
    return pd.Series([_number(value) for value in values.tolist()], index=values.index, dtype="float64")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
