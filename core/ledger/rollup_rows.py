"""Rows of the rollups: sums of the traces by time and one thing more.

Time is counted in quarters of an hour since the year 1 in UTC, as the offsets of time zones are whole quarters. A slot
of a coarser level is so many of them. There are days that begin at midnight in UTC, and days that begin 6, 12 and 18
hours later: so a day of any time zone is one slot and at most three hours more or less at each end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.ledger.columns import as_utc

_HOUR, _PHASE, _DAY, _BLOCK = 4, 24, 96, 768


@dataclass(frozen=True, slots=True)
class Level:
    """Slots of one width, in quarters of an hour."""

    width: int
    shift: int = 0
    """How much earlier than the year 1 the first one begins."""
    finer: int = 0
    """The level that its sums are made from."""

    def slot(self, quarter: int) -> int:
        """The slot that the quarter lies in."""
        return (quarter + self.shift) // self.width

    def begin(self, slot: int) -> int:
        """The first quarter of a slot."""
        return slot * self.width - self.shift


DAYS = 2
"""The level of the days of UTC."""

LEVELS = (
    Level(1),
    Level(_HOUR),
    *(Level(_DAY, (_DAY - begin) % _DAY, finer=1) for begin in range(0, _DAY, _PHASE)),
    Level(_BLOCK, finer=DAYS),
)
"""A quarter of an hour, an hour, days that begin at 0, 6, 12 and 18 hours, eight days."""

DIMENSIONS = {"": 6, "model": 6, "kind": 6, "template": 6, "user": 7}
"""Dimension -> how many of the levels it has. There are many users: a long time is still few rows.

Each trace is in one row of each dimension and level. All dimensions crossed would be as many rows as traces.
"""

_YEAR_1 = datetime(1, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)
_YEAR_1_S = -62_135_596_800
"""In seconds since 1970."""


def quarter_of(moment: datetime) -> int:
    """The quarter of an hour that it lies in."""
    return (as_utc(moment) - _YEAR_1) // _QUARTER


def first_quarter_from(moment: datetime) -> int:
    """The first quarter of an hour that begins at or after it."""
    return -((_YEAR_1 - as_utc(moment)) // _QUARTER)


def begin_of(quarter: int) -> datetime:
    return _YEAR_1 + quarter * _QUARTER


def label_of(name: str | None) -> str:
    """How a name stands in the key: None and "" differ.

    >>> label_of(None), label_of("ada")
    ('', '=ada')
    """
    return "" if name is None else f"={name}"


def name_of(label: str) -> str | None:
    """The inverse of label_of."""
    return label[1:] if label else None


Run = tuple[int, int, int, int]
"""Level, first slot, the slot after the last, and 1 where they are added or -1 where they are taken away."""


@lru_cache(maxsize=8192)
def runs_over(first: int, last: int, dimension: str) -> tuple[Run, ...]:
    """Few slots whose sums, added and taken away, are those of the quarters from ``first`` up to without ``last``.

    Remembered, as every chart asks for the same days again.
    """
    return tuple(_runs(first, last, dimension))


def _runs(first: int, last: int, dimension: str) -> Iterator[Run]:
    step = _DAY if dimension == "user" and last - first > 2 * _BLOCK else _PHASE
    begin = _nearest(first, step)
    end = begin + _nearest(last - begin, _DAY)
    yield from _days(begin, end, dimension)
    for quarter, anchor, sign in ((last, end, 1), (first, begin, -1)):
        hour = _nearest(quarter, _HOUR) if quarter < anchor else -_nearest(-quarter, _HOUR)  # halves go to the anchor
        yield from _from_to(1, anchor, hour, sign)
        yield from _from_to(0, hour, quarter, sign)


def _days(begin: int, end: int, dimension: str) -> Iterator[Run]:
    level = DAYS + begin % _DAY // _PHASE
    first, last = _nearest(begin, _BLOCK), _nearest(end, _BLOCK)
    if DIMENSIONS[dimension] < len(LEVELS) or level > DAYS or first >= last:
        yield from _from_to(level, begin, end, 1)
        return
    yield from _from_to(len(LEVELS) - 1, first, last, 1)
    yield from _from_to(level, begin, first, 1)
    yield from _from_to(level, last, end, 1)


def _from_to(number: int, begin: int, end: int, sign: int) -> Iterator[Run]:
    """The slots between two of their limits; those of a time that goes backwards are counted the other way."""
    level = LEVELS[number]
    if begin < end:
        yield number, level.slot(begin), level.slot(end), sign
    elif begin > end:
        yield number, level.slot(end), level.slot(begin), -sign


def _nearest(quarter: int, step: int) -> int:
    return (quarter + step // 2) // step * step


class QuarterOf(FunctionElement[int]):
    """quarter_of in SQL."""

    name = "quarter_of"
    inherit_cache = True
    type = BigInteger()


@compiles(QuarterOf, "sqlite")
def _quarter_on_sqlite(element: QuarterOf, compiler: SQLCompiler, **options: Any) -> str:
    """From the text of a moment, without its fraction: some versions of SQLite round that up."""
    moment = compiler.process(element.clauses, **options)
    return f"(CAST(strftime('%s', substr({moment}, 1, 19)) AS INTEGER) - ({_YEAR_1_S})) / 900"


@compiles(QuarterOf, "postgresql")
def _quarter_on_postgresql(element: QuarterOf, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"CAST(floor((extract(epoch FROM {moment}) - ({_YEAR_1_S})) / 900) AS bigint)"
