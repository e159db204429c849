"""The proof that the rollups equal the traces, and their repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select

from core.ledger.books import BOOKS
from core.ledger.database import Database
from core.ledger.rollup_fill import COLUMNS, Expectation, blocks, expectations, refill
from core.ledger.rollup_rows import LEVELS, begin_of, name_of
from core.ledger.rollups import MEASURES, take_turn
from core.ledger.schema import rollups, traces
from core.ledger.tallies import Source, Tally

_ENDED = BOOKS[Source.LEDGER].ended
_KEYS = len(COLUMNS) - len(MEASURES)


@dataclass(frozen=True, slots=True)
class RollupDifference:
    """One sum of the rollups that is not what it should be."""

    begin: datetime
    until: datetime
    dimension: str
    """"" where it is of all traces of that time."""
    name: str | None
    sample: bool
    kept: Tally
    """What the rollups say."""
    counted: Tally
    """What the traces add up to; of more than a quarter of an hour, what the finer rollups do."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Every sum of the rollups held against the traces, in one state of the ledger."""

    traces: int
    """How many have ended."""
    rows: int
    differences: tuple[RollupDifference, ...]
    """The first of them."""
    different: int
    """How many there are."""
    blocks: tuple[int, ...]
    """Where they are."""


def verify(database: Database, most: int) -> Proof:
    """Adds up all traces; ``most``: how many differences it describes. Raises LibraryError."""
    with database.read() as connection:
        all_traces, all_rows = _count(connection, traces, _ENDED), _count(connection, rollups)
        found: list[RollupDifference] = []
        wrong: dict[int, int] = {}
        for block in blocks(connection):
            for difference in _differences(connection, block):
                wrong[block] = wrong.get(block, 0) + 1
                if len(found) < most:
                    found.append(difference)
    return Proof(all_traces, all_rows, tuple(found), sum(wrong.values()), tuple(wrong))


def _count(connection: Connection, table: Table, *which: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*which)).scalar_one())


def repair(database: Database, proof: Proof) -> None:
    """Makes the rollups anew where the proof found differences, eight days in a transaction. Raises LibraryError."""
    for block in proof.blocks:
        with database.write() as connection:
            take_turn(connection)
            refill(connection, block)


def _differences(connection: Connection, block: int) -> Iterator[RollupDifference]:
    for one in expectations(block):
        rows = connection.execute(_apart(one)).all()
        for row in sorted(map(tuple, rows)):
            yield _difference(connection, row[:_KEYS], Tally(**_measures(row)))


def _apart(one: Expectation) -> Select[Any]:
    """The rows that the two sides do not agree on, with what is kept too much."""
    counted = one.counted.subquery()
    key, measures = list(counted.c)[:_KEYS], list(counted.c)[_KEYS:]
    minus = select(*key, *(-measure for measure in measures))
    both = select(rollups).where(one.kept).union_all(minus).subquery()
    left = [func.sum(both.c[name]) for name in MEASURES]
    names = [both.c[name] for name in COLUMNS[:_KEYS]]
    return select(*names, *left).group_by(*names).having(or_(*(one != 0 for one in left)))


def _difference(connection: Connection, key: tuple[Any, ...], too_much: Tally) -> RollupDifference:
    held = select(*(rollups.c[name] for name in MEASURES)).where(
        *(rollups.c[name] == value for name, value in zip(COLUMNS, key, strict=False))
    )
    row = connection.execute(held).one_or_none()
    kept = Tally() if row is None else Tally(**dict(zip(MEASURES, row, strict=True)))
    sample, dimension, level, slot, label = key
    begin, until = (begin_of(LEVELS[level].begin(end)) for end in (slot, slot + 1))
    return RollupDifference(begin, until, dimension, name_of(label), bool(sample), kept, kept - too_much)


def _measures(row: tuple[Any, ...]) -> dict[str, int]:
    return dict(zip(MEASURES, map(int, row[_KEYS:]), strict=True))
