"""Sums over stretches of time from the rollups; the ends that lie within a quarter of an hour from the traces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, Connection, TextClause, bindparam, select, text

from core.ledger.columns import escape_text, unescape_text
from core.ledger.rollup_rows import (
    DAYS,
    begin_of,
    first_quarter_from,
    label_of,
    name_of,
    quarter_of,
    runs_over,
)
from core.ledger.rollups import MEASURES
from core.ledger.schema import rollups
from core.ledger.tallies import StretchTally, Tally

Stretch = tuple[datetime, datetime]
"""From the first moment, up to and without the second."""
Numbered = tuple[int, Stretch]
"""A stretch with its number."""
Given = tuple[int, int, int, int, int]
"""A run of slots, with the number of its stretch before it."""


def whole_quarters(stretches: Iterable[Numbered], dimension: str) -> tuple[list[Given], list[Numbered]]:
    """The slots within the stretches, and what is left of them at their ends."""
    runs: list[Given] = []
    edges: list[Numbered] = []
    for n, (begin, until) in stretches:
        first, last = first_quarter_from(begin), quarter_of(until)
        if first >= last:
            edges.append((n, (begin, until)))
            continue
        runs += [(n, *run) for run in runs_over(first, last, dimension)]
        ends = (begin, begin_of(first)), (begin_of(last), until)
        edges += [(n, end) for end in ends if end[0] < end[1]]
    return runs, edges


def sums_over(connection: Connection, runs: Sequence[Given], dimension: str, *, sample: bool) -> Iterator[StretchTally]:
    """Of each name that has any."""
    if runs:
        asked = {"given": json.dumps(runs), "dimension": dimension, "sample": sample}
        yield from map(_tally, connection.execute(_OVER[connection.dialect.name], asked).all())


def sums_of(
    connection: Connection, runs: Sequence[Given], dimension: str, names: Iterable[str | None], *, sample: bool
) -> Iterator[StretchTally]:
    """Of these names alone: each is looked up in each slot, as the others may be many."""
    labels = [escape_text(label_of(name)) for name in names]
    slots = [(n, level, slot, slot + 1, sign) for n, level, first, last, sign in runs for slot in range(first, last)]
    if labels and slots:
        asked = {"given": json.dumps(slots), "names": json.dumps(labels), "dimension": dimension, "sample": sample}
        yield from map(_tally, connection.execute(_OF[connection.dialect.name], asked).all())


def days_with_traces(connection: Connection, first: date, last: date, *, sample: bool) -> list[date]:
    """The days of UTC on which something began, in order."""
    slot = rollups.c.slot
    days = (rollups.c.sample == sample, rollups.c.dimension == "", rollups.c.level == DAYS)
    query = select(slot).where(*days, slot >= first.toordinal() - 1, slot < last.toordinal()).order_by(slot)
    return [date.fromordinal(day + 1) for day in connection.execute(query).scalars()]


def _tally(row: Any) -> StretchTally:
    return StretchTally(row[0], _name(row[1]), Tally._make(row[2:]))


@lru_cache(maxsize=4096)
def _name(stored: str) -> str | None:
    return name_of(unescape_text(stored))


# Written out, as SQLAlchemy would take longer to build a list of stretches than the database takes to sum over it.
_SUM = {"sqlite": "sum(given.sign * r.{})", "postgresql": "CAST(sum(given.sign * r.{}) AS bigint)"}  # or a Decimal
_NUMBER = {"sqlite": "json_extract(value, '$[{}]')", "postgresql": "CAST(value->>{} AS bigint)"}
_GIVEN = {"sqlite": "json_each(:given)", "postgresql": "json_array_elements(CAST(:given AS json))"}
_NAMES = {"sqlite": "json_each(:names)", "postgresql": "json_array_elements_text(CAST(:names AS json))"}


def _statement(dialect: str, tables: str, slots: str) -> TextClause:
    """``given`` is in order, so that SQLite reads its JSON once. CROSS JOIN keeps it from reading the rollups first."""
    sums = ", ".join(_SUM[dialect].format(name) if name in MEASURES else "0" for name in Tally._fields)
    columns = enumerate(("n", "level", "slot", "past", "sign"))
    numbers = ", ".join(f"{_NUMBER[dialect].format(place)} AS {name}" for place, name in columns)
    query = (
        f"WITH given AS (SELECT {numbers} FROM {_GIVEN[dialect]} ORDER BY 1)"  # noqa: S608  made of constants
        f" SELECT given.n, r.name, {sums} FROM {tables} CROSS JOIN rollups AS r WHERE r.sample = :sample"
        f" AND r.dimension = :dimension AND r.level = given.level AND {slots} GROUP BY given.n, r.name"
        " HAVING sum(given.sign * r.calls) <> 0"
    )
    return text(query).bindparams(bindparam("sample", type_=Boolean))


_OVER = {one: _statement(one, "given", "r.slot >= given.slot AND r.slot < given.past") for one in _GIVEN}
_OF = {
    one: _statement(one, f"given CROSS JOIN {names} AS named", "r.slot = given.slot AND r.name = named.value")
    for one, names in _NAMES.items()
}
