"""Any value as JSON that every server takes: finite, valid UTF-8, of bounded size and depth. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

import numpy as np

MOST_CHARS = 100_000
"""Of one text; what is longer is cut."""
MOST_KEY_CHARS = 200
MOST_KEY_CHARS_IN_ALL = 200_000
MOST_CHARS_IN_ALL = 600_000
"""Of all texts of one value together."""
MOST_DEPTH = 12
MOST_ITEMS = 500
"""Of one list or mapping."""
MOST_VALUES = 20_000
"""In one value, all levels together."""
LARGEST_INT = 2**63 - 1
"""What a server that counts in 64 bits can hold."""

_UNSENDABLE = re.compile("[\0\ud800-\udfff]")
_NOTHING = object()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def clean(value: object, *, most_chars: int = MOST_CHARS) -> Any:
    r"""The value as plain JSON types.

    NaN, infinities and integers beyond 64 bits were not measured or cannot be held: they are left out of mappings and
    are None elsewhere. Lone surrogates and NUL become U+FFFD; times become ISO 8601 in UTC. What is too long, too deep
    or too much is cut, and a mark says how much.

    >>> clean({"score": float("nan"), "text": "a\0b", 1: (True, None)})
    {'text': 'a�b', '1': [True, None]}
    """
    cleaned = _Cleaner(most_chars).value(value, 0)
    return None if cleaned is _NOTHING else cleaned


def clean_text(text: str, most_chars: int = MOST_CHARS) -> str:
    """The text without what UTF-8 or a database cannot hold, cut with a mark that says how much.

    >>> clean_text("abcdef", 4)
    'abcd… (2 characters more)'
    """
    kept = _UNSENDABLE.sub("\ufffd", str.__str__(text)[: max(0, most_chars)])
    more = len(text) - len(kept)
    return kept if more <= 0 else f"{kept}… ({more:,} characters more)"


def finite(value: object) -> float | int | None:
    """The number, or None for what is none: NaN, infinities, texts, truth values."""
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _number(value)


def milliseconds(moment: datetime) -> int | None:
    """Since 1970 in UTC; None for a time that no clock of this century shows: a server might refuse it."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if not _EARLIEST <= aware < _LATEST:
        return None
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def iso(moment: datetime | date) -> str:
    """ISO 8601, a time of day in UTC; one without a zone counts as UTC."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC).isoformat()
    except OverflowError:  # within a day of the calendar's first or last moment
        return aware.isoformat()


def _plain(value: object) -> object:
    """Python's own scalar for one of numpy's or of a library's."""
    if isinstance(value, UUID | PurePath):
        return str(value)
    if isinstance(value, np.floating | Decimal):
        return float(value) if not isinstance(value, Decimal) or value.is_finite() else math.nan
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def _number(value: float) -> float | int | None:
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST_INT else None
    return float(value) if math.isfinite(value) else None


@dataclass(slots=True)
class _Cleaner:
    """Walks through one value; what it may still take shrinks as it goes."""

    most_chars: int
    chars: int = MOST_CHARS_IN_ALL
    key_chars: int = MOST_KEY_CHARS_IN_ALL
    values: int = MOST_VALUES

    def value(self, value: object, depth: int) -> Any:
        self.values -= 1
        value = _plain(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            number = _number(value)
            return _NOTHING if number is None else number
        return self._compound(value, depth)

    def text(self, text: str) -> str:
        kept = clean_text(text, min(self.most_chars, self.chars))
        self.chars = max(0, self.chars - len(kept))
        return kept

    def _compound(self, value: object, depth: int) -> Any:
        if isinstance(value, Mapping | list | tuple | set | frozenset | np.ndarray):
            if depth >= MOST_DEPTH or self.values <= 0:
                return "… (more levels)" if depth >= MOST_DEPTH else "… (more values)"
            return self._mapping(value, depth) if isinstance(value, Mapping) else self._items(value, depth)
        return self._other(value, depth)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        taken = 0
        for key, item in islice(value.items(), MOST_ITEMS):
            if self.values <= 0 or self.key_chars <= 0:
                break
            taken += 1
            kept = self.value(item, depth + 1)
            if kept is not _NOTHING:
                cleaned[self._key(key)] = kept
        if taken < len(value):
            cleaned["…"] = f"{len(value) - taken:,} more"
        return cleaned

    def _items(self, value: Any, depth: int) -> list[Any]:
        cleaned: list[Any] = []
        for item in islice(value, MOST_ITEMS):
            if self.values <= 0:
                break
            kept = self.value(item, depth + 1)
            cleaned.append(None if kept is _NOTHING else kept)
        if len(cleaned) < len(value):
            cleaned.append(f"… ({len(value) - len(cleaned):,} more)")
        return cleaned

    def _key(self, key: object) -> str:
        plain = _plain(key)
        text = plain if isinstance(plain, str) else str(self._other(plain, 0))
        kept = clean_text(text, MOST_KEY_CHARS)
        self.key_chars -= len(kept)
        return kept

    def _other(self, value: object, depth: int) -> Any:
        """What JSON has no form for. A foreign object's own text is not asked: it may raise."""
        if isinstance(value, Enum):
            return self.value(value.value, depth)
        if isinstance(value, datetime | date):
            return iso(value)
        if isinstance(value, timedelta):
            return value.total_seconds()
        if isinstance(value, bytes | bytearray):
            return self.text(bytes(value[: 4 * MOST_CHARS]).decode("utf-8", "replace"))
        if isinstance(value, bool | int | float):  # a key
            return str(value) if isinstance(value, bool) else str(_number(value))
        return f"({clean_text(type(value).__name__, MOST_KEY_CHARS)})"
