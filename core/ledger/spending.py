"""What was spent: sums over the traces, or over what was read back from the mirror.

A stretch of time is a pair of moments, so that a day may be anybody's: the caller says where it begins and ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal,
    null,
    or_,
    select,
    values,
)

from core.ledger.columns import UtcTime, as_utc
from core.ledger.database import Database
from core.ledger.schema import feedback, mirrored_traces, traces
from core.ledger.tallies import Source, StretchTally, Tally
from core.models import AnswerStatus

Stretch = tuple[datetime, datetime]
"""From the first moment, up to and without the second."""

KEYS = ("model", "kind", "template", "user")
"""The columns that sums can be grouped by."""

_MOST_STRETCHES = 1000
"""In one statement: SQLite takes 32,766 parameters."""


@dataclass(frozen=True, slots=True)
class Book:
    """A table of things that cost, in the words of Tally."""

    table: Table
    tokens: ColumnElement[Any]
    """What was counted of a row; 0 where nothing was."""
    unpriced: ColumnElement[bool]
    sums: tuple[ColumnElement[Any], ...]
    """In the order of Tally's fields."""


def _book(table: Table, *, called: ColumnElement[bool], up: ColumnElement[bool], other: ColumnElement[Any]) -> Book:
    """``called``: a model was called, as the record says itself; one with counts was too. ``other``: the total of a
    record that has neither count.
    """
    c = table.c
    uncounted = and_(or_(c.prompt_tokens.is_(None), c.completion_tokens.is_(None)), other.is_(None))
    counted = or_(c.prompt_tokens.is_not(None), c.completion_tokens.is_not(None), other.is_not(None))
    unpriced = and_(c.cost_usd.is_(None), or_(called, counted))
    tokens = _zero(c.prompt_tokens) + _zero(c.completion_tokens) + _zero(other)
    sums = {
        "calls": func.count(),
        "prompt_tokens": func.sum(c.prompt_tokens),
        "completion_tokens": func.sum(c.completion_tokens),
        "cached_tokens": func.sum(c.cached_tokens),
        "reasoning_tokens": func.sum(c.reasoning_tokens),
        "other_tokens": func.sum(other),
        "uncounted_calls": _number(and_(or_(called, counted), uncounted)),
        "known_usd": func.sum(c.cost_usd),
        "priced_calls": func.count(c.cost_usd),
        "unpriced_calls": _number(unpriced),
        "unpriced_tokens": func.sum(case((unpriced, tokens))),
        "thumbs_up": _number(up),
        "unpriced_thumbs_up": _number(and_(up, unpriced)),
    }
    return Book(table, tokens, unpriced, tuple(sums[field.name] for field in fields(Tally)))


def _zero(count: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(count, 0)


def _number(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.count(case((condition, 1)))


_NOTHING = cast(null(), BigInteger)
_CALLED = or_(
    and_(traces.c.model.is_not(None), ~traces.c.cached),
    traces.c.status == str(AnswerStatus.ABANDONED),  # what it had called when its process ended, nobody knows
)
_LOGGED = or_(
    mirrored_traces.c.model.is_not(None),
    mirrored_traces.c.trace_id.is_(None),  # another program's, of a call to a model whatever it says
)
_NO_COUNT = and_(mirrored_traces.c.prompt_tokens.is_(None), mirrored_traces.c.completion_tokens.is_(None))

BOOKS = {
    Source.LEDGER: _book(
        traces,
        called=_CALLED,
        up=false(),  # thumbs have a table of their own
        other=_NOTHING,
    ),
    Source.MIRROR: _book(
        mirrored_traces,
        called=_LOGGED,
        up=mirrored_traces.c.feedback == 1,
        other=case((_NO_COUNT, mirrored_traces.c.total_tokens)),
    ),
}


class SpendingStore:
    """Sums for reports. Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def days(self, source: Source, since: datetime | None, until: datetime | None) -> list[date]:
        """The days of UTC on which something began, in order."""
        day = BOOKS[source].table.c.day
        query = select(day).distinct().order_by(day)
        if since is not None:
            query = query.where(day >= as_utc(since).date())
        if until is not None:
            query = query.where(day <= as_utc(until).date())
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def tallies(self, source: Source, stretches: Sequence[Stretch], key: str | None = None) -> list[StretchTally]:
        """The sum over each stretch and each value of the column ``key`` (one of KEYS); none where nothing began.

        The stretches do not overlap. A stretch and a value may come twice, to be added up. No order; all of one state
        of the ledger.
        """
        found: list[StretchTally] = []
        with self._database.read() as connection:
            for first in range(0, len(stretches), _MOST_STRETCHES):
                some = list(enumerate(stretches[first : first + _MOST_STRETCHES], start=first))
                found += [_tally(row) for row in connection.execute(_sums(BOOKS[source], some, key))]
            if source is Source.LEDGER and found:
                found += _thumbs(connection, stretches, key)
        return found

    def unpriced(self, source: Source, since: datetime, until: datetime) -> list[StretchTally]:
        """The calls whose cost is unknown, by model, without their thumbs. No model: it ended before that was kept."""
        book = BOOKS[source]
        begun = book.table.c.started_at
        query = select(literal(0), book.table.c.model, *book.sums).where(begun >= since, begun < until, book.unpriced)
        with self._database.read() as connection:
            return [_tally(row) for row in connection.execute(query.group_by(book.table.c.model))]


def _sums(book: Book, stretches: Sequence[tuple[int, Stretch]], key: str | None) -> Select[Any]:
    """One look into the index for each stretch; no row of the table is read."""
    given, begun = _given(stretches), book.table.c.started_at
    name = null() if key is None else book.table.c[key]
    query = select(given.c.n, name, *book.sums).join(book.table, and_(begun >= given.c.begin, begun < given.c.until))
    return query.group_by(given.c.n) if key is None else query.group_by(given.c.n, name)


def _thumbs(connection: Connection, stretches: Sequence[Stretch], key: str | None) -> list[StretchTally]:
    """From the thumbs to their traces, as there are far fewer of them."""
    name = null() if key is None else traces.c[key]
    unpriced = BOOKS[Source.LEDGER].unpriced
    query = select(traces.c.started_at, name, unpriced).join(feedback, feedback.c.trace_id == traces.c.trace_id)
    query = query.where(feedback.c.value == 1, traces.c.started_at >= min(stretches)[0])
    ordered = sorted((begin, until, n) for n, (begin, until) in enumerate(stretches))
    begins = [begin for begin, _, _ in ordered]
    found: Counter[tuple[int, str | None, bool]] = Counter()
    for begun, named, without_price in connection.execute(query):
        _, until, n = ordered[bisect_right(begins, begun) - 1]
        if begun < until:
            found[n, named, without_price] += 1
    return [
        StretchTally(n, named, Tally(thumbs_up=up, unpriced_thumbs_up=up if without_price else 0))
        for (n, named, without_price), up in found.items()
    ]


def _given(stretches: Sequence[tuple[int, Stretch]]) -> CTE:
    columns = (column("n", Integer), column("begin", UtcTime()), column("until", UtcTime()))
    return values(*columns, name="stretches").data([(n, begin, until) for n, (begin, until) in stretches]).cte("given")


def _tally(row: Row[Any]) -> StretchTally:
    n, key, *sums = tuple(row)
    return StretchTally(n, key, Tally(*(_as(type_, value) for type_, value in zip(_TYPES, sums, strict=True))))


_TYPES = tuple(float if field.name.endswith("_usd") else int for field in fields(Tally))


def _as(type_: type, value: Any) -> Any:
    """PostgreSQL sums whole numbers to a Decimal, and both databases nothing to NULL."""
    return type_(value or 0)
