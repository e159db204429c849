"""Keeps the rollups equal to the traces: a change of traces and what it changes in the sums are one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from operator import add, sub
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite

from core.ledger.books import BOOKS
from core.ledger.columns import escape_text, unescape_text
from core.ledger.rollup_rows import DIMENSIONS, LEVELS, QuarterOf, label_of
from core.ledger.schema import rollups, traces
from core.ledger.tallies import Source

Key = tuple[bool, str, int, int, str]
"""Sample, dimension, level, slot, name: the key of a row."""
Sums = tuple[int, ...]
"""In the order of MEASURES."""
Trace = tuple[bool, int, str | None, str, str, str]
"""What places a trace: sample, quarter, model, kind, template, user."""

_BOOK = BOOKS[Source.LEDGER]
MEASURES = {name: measure for name, measure in _BOOK.measures.items() if name in rollups.c}
"""Fields of Tally that the ledger's traces have -> what a trace adds to them."""
PLACE = (_BOOK.sample, QuarterOf(traces.c.started_at), traces.c.model, traces.c.kind, traces.c.template, traces.c.user)

_NOTHING: Sums = (0,) * len(MEASURES)
_TURN = text("SELECT pg_advisory_xact_lock(1131963728)")
"""Spells Cuep; another number than that of migrations."""

_KEY = tuple(column.name for column in rollups.primary_key.columns)
_OF_KEY = tuple(f"of_{name}" for name in _KEY)
_DROP_EMPTY = delete(rollups).where(
    *(rollups.c[name] == bindparam(of) for name, of in zip(_KEY, _OF_KEY, strict=True)), rollups.c.calls == 0
)


def take_turn(connection: Connection) -> None:
    """Writers of traces take turns, as they do on SQLite anyway: all of them change the row of the present quarter."""
    if connection.dialect.name == "postgresql":
        connection.execute(_TURN)


@contextmanager
def rolled(connection: Connection, trace_ids: Iterable[str]) -> Iterator[None]:
    """What the block does to these traces and their thumbs is put into the rollups, in the same transaction.

    The block may insert, change and delete them; the difference of before and after is what counts, so nothing is
    counted twice. What is still being answered counts nothing, so a trace begins without this. Once in a transaction,
    before other rows are locked in it. Some thousands of traces at a time.
    """
    ids = list(dict.fromkeys(trace_ids))
    take_turn(connection)
    before = _held(connection, ids)
    yield
    _apply(connection, _changes(before, _held(connection, ids)))


def _held(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Trace, Sums]]:
    """Where each trace stands, and what it adds there."""
    asked = {"ids": json.dumps([escape_text(one) for one in ids])}
    found: dict[str, tuple[Trace, Sums]] = {}
    for trace_id, sample, quarter, model, *rest in map(
        tuple, connection.execute(_holding(connection.dialect.name), asked)
    ):
        kind, template, user = map(unescape_text, rest[:3])
        place = bool(sample), quarter, None if model is None else unescape_text(model), kind, template, user
        found[trace_id] = place, tuple(rest[3:])
    return found


@cache
def _holding(dialect: str) -> TextClause:
    """Written out once, as SQLAlchemy takes longer to go through it than the database to run it."""
    query = select(traces.c.trace_id, *PLACE, *MEASURES.values()).select_from(_BOOK.rows())
    query = query.where(text(_IDS[dialect]), _BOOK.ended)
    return text(str(query.compile(dialect=_DIALECTS[dialect](), compile_kwargs={"literal_binds": True})))


_DIALECTS = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}
_IDS = {
    "sqlite": r"traces.trace_id IN (SELECT value FROM json_each(\:ids))",
    "postgresql": r"traces.trace_id IN (SELECT json_array_elements_text(CAST(\:ids AS json)))",
}


def _changes(before: Mapping[str, tuple[Trace, Sums]], after: Mapping[str, tuple[Trace, Sums]]) -> dict[Key, Sums]:
    """The difference of each row, level by level: those of a coarser one are added up from those of a finer."""
    finest: dict[Key, Sums] = {}
    for trace_id in before.keys() | after.keys():
        old, new = before.get(trace_id), after.get(trace_id)
        if old != new:
            _count(finest, old, sub)
            _count(finest, new, add)
    levels = [{key: sums for key, sums in finest.items() if any(sums)}]
    for number in range(1, len(LEVELS)):
        levels.append(_coarser(levels[LEVELS[number].finer], number))
    return {key: sums for level in levels for key, sums in level.items()}


def _count(into: dict[Key, Sums], held: tuple[Trace, Sums] | None, how: Any) -> None:
    if held is None:
        return
    (sample, quarter, *names), sums = held
    for dimension, name in zip(DIMENSIONS, (None, *names), strict=True):
        key = (sample, dimension, 0, quarter, label_of(name))
        into[key] = tuple(map(how, into.get(key, _NOTHING), sums))


def _coarser(finer: Mapping[Key, Sums], number: int) -> dict[Key, Sums]:
    level, below = LEVELS[number], LEVELS[LEVELS[number].finer]
    found: dict[Key, Sums] = {}
    for (sample, dimension, _, slot, name), sums in finer.items():
        if number < DIMENSIONS[dimension]:
            key = (sample, dimension, number, level.slot(below.begin(slot)), name)
            found[key] = tuple(map(add, found.get(key, _NOTHING), sums))
    return {key: sums for key, sums in found.items() if any(sums)}


def _apply(connection: Connection, changes: Mapping[Key, Sums]) -> None:
    """In order of the keys. A row whose last trace went goes too."""
    if not changes:
        return
    rows = [(*key[:-1], escape_text(key[-1]), *changes[key]) for key in sorted(changes)]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_ADD_UP["sqlite"], rows)
    else:
        given = json.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
        connection.exec_driver_sql(_ADD_UP["postgresql"], (given,))
    fewer = [dict(zip(_OF_KEY, key, strict=True)) for key in sorted(changes) if changes[key][_CALLS] < 0]
    if fewer:
        connection.execute(_DROP_EMPTY, fewer)


_COLUMNS = (*_KEY, *MEASURES)
_CALLS = list(MEASURES).index("calls")


def _add_up(source: str) -> str:
    """Written out: SQLAlchemy takes longer to go through thirty rows than the database to add them."""
    sums = ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in MEASURES)
    into = f"INSERT INTO rollups ({', '.join(_COLUMNS)}) {source}"
    return f"{into} ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {sums}"


_MARKS = ", ".join("?" for _ in _COLUMNS)
_TYPED = ", ".join(f"{name} {rollups.c[name].type.compile(_DIALECTS['postgresql']())}" for name in _COLUMNS)
_ADD_UP = {
    "sqlite": _add_up(f"VALUES ({_MARKS})"),
    "postgresql": _add_up(f"SELECT * FROM json_to_recordset(CAST(%s AS json)) AS given({_TYPED})"),  # noqa: S608
}
"""The quickest of several ways on each: row after row in one call, and all rows in one statement."""
