"""Makes the rollups from the traces, eight days at a time: no slot of any level reaches beyond such a block."""

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
    or_,
    select,
    type_coerce,
)

from core.ledger.books import BOOKS
from core.ledger.rollup_rows import DIMENSIONS, WIDTHS, QuarterOf, begin_of
from core.ledger.rollups import MEASURES
from core.ledger.schema import rollups, traces
from core.ledger.tallies import Source

BLOCK = WIDTHS[-1]
"""In quarters of an hour."""

COLUMNS = [column.name for column in rollups.c]
_BOOK = BOOKS[Source.LEDGER]
_SUMS = tuple(func.sum(measure).label(name) for name, measure in MEASURES.items())
_AGAIN = tuple(func.sum(rollups.c[name]).label(name) for name in MEASURES)


def blocks(connection: Connection) -> list[int]:
    """The numbers of the blocks in which something began, or for which there are rollups."""
    days = connection.execute(select(traces.c.day).distinct()).scalars()
    begun = {(day.toordinal() - 1) * WIDTHS[3] // BLOCK for day in days}
    known: set[int] = set()
    for level, width in enumerate(WIDTHS):
        slot = rollups.c.slot // (BLOCK // width)
        known.update(connection.execute(select(slot).where(rollups.c.level == level).distinct()).scalars())
    return sorted(begun | known)


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
    """Makes all rows of a block anew, within a transaction that has taken its turn (core.ledger.rollups)."""
    connection.execute(delete(rollups).where(or_(*(within(block, level) for level in range(len(WIDTHS))))))
    for one in expectations(block):
        connection.execute(insert(rollups).from_select(COLUMNS, one.counted))


def expectations(block: int) -> Iterator[Expectation]:
    """All rows of a block, of each dimension the finest first: they are counted by the traces, the next by them."""
    for dimension, levels in DIMENSIONS.items():
        for level in range(levels):
            counted = _by_the_finer(block, dimension, level) if level else _by_the_traces(block, dimension)
            kept = and_(within(block, level), rollups.c.dimension == dimension)
            yield Expectation(dimension, level, kept, counted)


def within(block: int, level: int) -> ColumnElement[bool]:
    """The rows of one level in a block."""
    slots = BLOCK // WIDTHS[level]
    slot = rollups.c.slot
    return and_(rollups.c.level == level, slot >= block * slots, slot < (block + 1) * slots)


def _by_the_traces(block: int, dimension: str) -> Select[Any]:
    begun = traces.c.started_at
    key: tuple[ColumnElement[Any], ...] = (
        _BOOK.sample.label("is_sample"),
        literal_column(f"'{dimension}'", Text).label("of_dimension"),
        literal_column("0").label("of_level"),
        QuarterOf(begun).label("quarter"),
        _label(dimension).label("label"),
    )
    period = (begun >= begin_of(block * BLOCK), begun < begin_of((block + 1) * BLOCK))
    query = select(*key, *_SUMS).select_from(_BOOK.rows()).where(*period)
    return query.group_by(*map(_named, ("is_sample", "quarter", "label")))


def _label(dimension: str) -> Any:
    """label_of in SQL."""
    if not dimension:
        return literal_column("''")
    name = type_coerce(traces.c[dimension], Text)
    return case((name.is_(None), literal_column("''")), else_=literal_column("'='", Text) + name)


def _by_the_finer(block: int, dimension: str, level: int) -> Select[Any]:
    slot = rollups.c.slot // (WIDTHS[level] // WIDTHS[level - 1])
    place: tuple[ColumnElement[Any], ...] = (literal_column(str(level)).label("of_level"), slot.label("coarse"))
    key: tuple[ColumnElement[Any], ...] = (rollups.c.sample, rollups.c.dimension, *place, rollups.c.name)
    finer = (within(block, level - 1), rollups.c.dimension == dimension)
    query = select(*key, *_AGAIN).where(*finer)
    return query.group_by(rollups.c.sample, rollups.c.dimension, _named("coarse"), rollups.c.name)


def _named(label: str) -> ColumnElement[Any]:
    return literal_column(label)
