"""Rows of the rollups: sums of the traces by time and one thing more.

Time is counted in quarters of an hour since the year 1 in UTC, as the offsets of time zones are whole quarters. Coarser
levels hold the sums of an hour, six hours, a day and eight days, so that a long time is few rows. A slot of a level is
so many quarters; slots of one level lie whole in those of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.ledger.columns import as_utc

WIDTHS = (1, 4, 24, 96, 768)
"""Level -> quarters of an hour in a slot: a quarter, an hour, six hours, a day, eight days."""

DIMENSIONS = {"": 3, "model": 3, "kind": 3, "template": 3, "user": 5}
"""Dimension -> how many levels it has. There are many users: their sums over a long time need the coarse ones.

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


Run = tuple[int, int, int]
"""Level, first slot, and the slot after the last."""


def runs_over(first: int, last: int, levels: int) -> Iterator[Run]:
    """The fewest slots that cover the quarters from ``first`` up to and without ``last``, as runs of each level.

    >>> list(runs_over(3, 12, 2))
    [(0, 3, 4), (1, 1, 3)]
    """
    yield from (run for run in _runs(0, first, last, levels) if run[1] < run[2])


def _runs(level: int, first: int, last: int, levels: int) -> Iterator[Run]:
    if level + 1 == levels:
        yield level, first, last
        return
    factor = WIDTHS[level + 1] // WIDTHS[level]
    inner_first, inner_last = -(-first // factor), last // factor
    if inner_first >= inner_last:
        yield level, first, last
        return
    yield level, first, inner_first * factor
    yield from _runs(level + 1, inner_first, inner_last, levels)
    yield level, inner_last * factor, last


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
