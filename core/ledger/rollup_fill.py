"""Makes the rollups from the traces, eight days at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    type_coerce,
)

from core.ledger.books import BOOKS
from core.ledger.rollup_rows import DAYS, DIMENSIONS, LEVELS, QuarterOf, begin_of
from core.ledger.rollups import MEASURES
from core.ledger.schema import rollups, traces
from core.ledger.tallies import Source

BLOCK = LEVELS[-1].width
"""In quarters of an hour."""

_DAY = LEVELS[DAYS].width

COLUMNS = [column.name for column in rollups.c]
_BOOK = BOOKS[Source.LEDGER]
_SUMS = tuple(func.sum(measure).label(name) for name, measure in MEASURES.items())
_AGAIN = tuple(func.sum(rollups.c[name]).label(name) for name in MEASURES)


def blocks(connection: Connection) -> list[int]:
    """The numbers of the blocks in which something began, or in which rows of the rollups do."""
    days = connection.execute(select(traces.c.day).distinct()).scalars()
    found = {(day.toordinal() - 1) * _DAY // BLOCK for day in days}
    for number, level in enumerate(LEVELS):
        begin = rollups.c.slot * level.width - level.shift + BLOCK
        known = select(begin // BLOCK - 1).where(rollups.c.level == number).distinct()
        found.update(connection.execute(known).scalars())
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the rows of one dimension and level should be within a block."""

    dimension: str
    level: int
    kept: ColumnElement[bool]
    """Which rows of the rollups these are."""
    counted: Select[Any]
    """What they should be, in the columns of the rollups."""


def refill(connection: Connection, block: int) -> None:
    """Makes all rows of a block anew, within a transaction that has taken its turn (core.ledger.rollups).

    Those too that only reach into it from the block before.
    """
    for one in expectations(block, overlapping=True):
        connection.execute(delete(rollups).where(one.kept))
        connection.execute(insert(rollups).from_select(COLUMNS, one.counted))


def expectations(block: int, *, overlapping: bool = False) -> Iterator[Expectation]:
    """All rows of a block, of each dimension the finest first: they are counted by the traces, the others by them.

    ``overlapping``: also those that begin in the block before.
    """
    for dimension, levels in DIMENSIONS.items():
        for number in range(levels):
            level = LEVELS[number]
            begin, end = level.slot(block * BLOCK), level.slot((block + 1) * BLOCK - 1) + 1
            if level.begin(begin) < block * BLOCK and not overlapping:
                begin += 1
            kept = and_(_of(dimension, number), rollups.c.slot >= begin, rollups.c.slot < end)
            if number:
                counted = _by_the_finer(dimension, number, level.begin(begin), level.begin(end))
            else:
                counted = _by_the_traces(dimension, begin, end)
            yield Expectation(dimension, number, kept, counted)


def _of(dimension: str, level: int) -> ColumnElement[bool]:
    return and_(rollups.c.sample.in_([False, True]), rollups.c.dimension == dimension, rollups.c.level == level)


def _by_the_traces(dimension: str, first: int, last: int) -> Select[Any]:
    begun = traces.c.started_at
    key: tuple[ColumnElement[Any], ...] = (
        _BOOK.sample.label("is_sample"),
        literal_column(f"'{dimension}'", Text).label("of_dimension"),
        literal_column("0").label("of_level"),
        QuarterOf(begun).label("quarter"),
        _label(dimension).label("label"),
    )
    period = (begun >= begin_of(first), begun < begin_of(last))
    query = select(*key, *_SUMS).select_from(_BOOK.rows()).where(*period, _BOOK.ended)
    return query.group_by(*map(_named, ("is_sample", "quarter", "label")))


def _label(dimension: str) -> Any:
    """label_of in SQL."""
    if not dimension:
        return literal_column("''")
    name = type_coerce(traces.c[dimension], Text)
    return case((name.is_(None), literal_column("''")), else_=literal_column("'='", Text) + name)


def _by_the_finer(dimension: str, number: int, first: int, last: int) -> Select[Any]:
    level, below = LEVELS[number], LEVELS[LEVELS[number].finer]
    slot = (rollups.c.slot * below.width - below.shift + level.shift) // level.width
    place: tuple[ColumnElement[Any], ...] = (literal_column(str(number)).label("of_level"), slot.label("coarse"))
    key: tuple[ColumnElement[Any], ...] = (rollups.c.sample, rollups.c.dimension, *place, rollups.c.name)
    slots = (rollups.c.slot >= below.slot(first), rollups.c.slot < below.slot(last))
    query = select(*key, *_AGAIN).where(_of(dimension, level.finer), *slots)
    return query.group_by(rollups.c.sample, rollups.c.dimension, _named("coarse"), rollups.c.name)


def _named(label: str) -> ColumnElement[Any]:
    return literal_column(label)
