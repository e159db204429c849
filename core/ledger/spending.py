"""What was spent: sums from the rollups, or over what was read back from the mirror.

A stretch of time is a pair of moments, so that a day may be anybody's: the caller says where it begins and ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    TextClause,
    and_,
    case,
    column,
    false,
    literal_column,
    null,
    select,
    text,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from core.ledger.books import BOOKS
from core.ledger.columns import as_utc, unescape_text
from core.ledger.database import Database
from core.ledger.rollup_proof import Proof, repair, verify
from core.ledger.rollup_sums import Numbered, Stretch, days_with_traces, sums_of, sums_over, whole_quarters
from core.ledger.tallies import Breakdown, Source, StretchTally, Tally

KEYS = ("model", "kind", "template", "user")
"""The columns that sums can be grouped by."""

Names = Sequence[str | None]


class SpendingStore:
    """Sums for reports. Methods may be called from any thread; all raise LibraryError.

    ``sample``: of sample traffic and nothing else; otherwise of the real one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def days(
        self, source: Source, since: datetime | None, until: datetime | None, *, sample: bool = False
    ) -> list[date]:
        """The days of UTC on which something began, in order."""
        first = date.min if since is None else as_utc(since).date()
        last = date.max if until is None else as_utc(until).date()
        with self._database.read() as connection:
            if source is Source.LEDGER:
                return days_with_traces(connection, first, last, sample=sample)
            book = BOOKS[source]
            day = book.table.c.day
            query = select(day).where(day.between(first, last), book.sample == sample)
            return list(connection.execute(query.distinct().order_by(day)).scalars())

    def tallies(
        self, source: Source, stretches: Sequence[Stretch], key: str | None = None, *, sample: bool = False
    ) -> list[StretchTally]:
        """The sum over each stretch and each value of the column ``key`` (one of KEYS); none where nothing began.

        The stretches do not overlap. A stretch and a value may come twice, to be added up. No order; all of one state
        of the ledger.
        """
        with self._database.read() as connection:
            return list(_sums(connection, source, list(enumerate(stretches)), key, None, sample=sample))

    def breakdown(
        self, source: Source, stretches: Sequence[Stretch], key: str, *, most: int | None, sample: bool = False
    ) -> Breakdown:
        """The sums by the column ``key``: of the ``most`` costliest names for each stretch, of the others together.

        ``most`` None: of every name for each stretch. With many names that is as many sums as there are traces.
        """
        numbered = list(enumerate(stretches))
        with self._database.read() as connection:
            whole = [(0, one) for one in _joined(stretches)]
            names = by_cost(_merged(_sums(connection, source, whole, key, None, sample=sample)))
            first = None if most is None or len(names) <= most else [one.key for one in names[:most]]
            cells = _merged(_sums(connection, source, numbered, key, first, sample=sample))
            if first is None:
                return Breakdown(tuple(names), tuple(cells), ())
            every = _merged(_sums(connection, source, numbered, None, None, sample=sample))
        return Breakdown(tuple(names), tuple(cells), tuple(rest_of(every, cells)))

    def unpriced(self, source: Source, since: datetime, until: datetime, *, sample: bool = False) -> list[StretchTally]:
        """How many calls have no known cost and how many tokens, by model. No model: it ended before that was kept."""
        return [
            StretchTally(0, one.key, one.tally.unpriced)
            for one in self.tallies(source, [(since, until)], "model", sample=sample)
            if one.tally.unpriced_calls
        ]

    def verify(self, *, most: int = 20) -> Proof:
        """Holds every sum against the traces; ``most``: how many differences the proof describes.

        About a minute for 200,000 traces with many people.
        """
        return verify(self._database, most)

    def repair(self, proof: Proof) -> None:
        """Makes the sums anew that differed, eight days in a transaction."""
        repair(self._database, proof)


def _sums(
    connection: Connection,
    source: Source,
    stretches: Sequence[Numbered],
    key: str | None,
    names: Names | None,
    *,
    sample: bool,
) -> Iterator[StretchTally]:
    """Of the names, or of all."""
    left = stretches
    if source is Source.LEDGER:
        dimension = key or ""
        runs, left = whole_quarters(stretches, dimension)
        if names is None:
            yield from sums_over(connection, runs, dimension, sample=sample)
        else:
            yield from sums_of(connection, runs, dimension, names, sample=sample)
    if left:
        query = _row_by_row(source, key, connection.dialect.name)
        asked = {"given": json.dumps([(n, *map(_written, stretch)) for n, stretch in left]), "sample": sample}
        found = map(_tally, connection.execute(query, asked))
        yield from found if names is None else (one for one in found if one.key in names)


@cache
def _row_by_row(source: Source, key: str | None, dialect: str) -> TextClause:
    """One look into the index for each stretch; of the traces, no row of the table is read.

    Written out once, as SQLAlchemy takes longer to go through it than the database to run it.
    """
    book = BOOKS[source]
    given = text(_GIVEN[dialect]).columns(column("n", Integer), column("begin"), column("until")).cte("given")
    begun = book.table.c.started_at
    name = null() if key is None else book.table.c[key]
    query = select(given.c.n, name, *book.sums)
    query = query.select_from(book.rows(given, and_(begun >= given.c.begin, begun < given.c.until)))
    query = query.where(book.ended, case((book.sample, true()), else_=false()) == literal_column(r":sample"))
    query = query.group_by(given.c.n) if key is None else query.group_by(given.c.n, name)
    return text(str(query.compile(dialect=_DIALECTS[dialect](), compile_kwargs={"literal_binds": True})))


_DIALECTS = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}
_GIVEN = {
    "sqlite": r"SELECT json_extract(value, '$[0]') AS n, json_extract(value, '$[1]') AS begin,"
    r" json_extract(value, '$[2]') AS until FROM json_each(\:given)",
    "postgresql": "SELECT CAST(value->>0 AS bigint) AS n, CAST(value->>1 AS timestamptz) AS begin,"
    r" CAST(value->>2 AS timestamptz) AS until FROM json_array_elements(CAST(\:given AS json))",
}


def _written(moment: datetime) -> str:
    """As both databases read it; SQLite keeps moments as this text."""
    return as_utc(moment).replace(tzinfo=None).isoformat(" ", "microseconds")


def _tally(row: Row[Any]) -> StretchTally:
    """PostgreSQL sums whole numbers to a Decimal."""
    n, key, *sums = tuple(row)
    return StretchTally(n, None if key is None else unescape_text(key), Tally(*map(int, sums)))


def _joined(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """The same time in as few stretches as can be."""
    begin: datetime | None = None
    for place, (first, until) in enumerate(ordered := sorted(stretches)):
        begin = first if begin is None else begin
        if place + 1 == len(ordered) or ordered[place + 1][0] > until:
            yield begin, until
            begin = None


def _merged(found: Iterator[StretchTally]) -> list[StretchTally]:
    """Each stretch and name once."""
    sums: dict[tuple[int, str | None], Tally] = {}
    for one in found:
        place = one.stretch, one.key
        sums[place] = sums[place] + one.tally if place in sums else one.tally
    return [StretchTally(n, key, tally) for (n, key), tally in sums.items()]


def by_cost(names: Sequence[StretchTally]) -> list[StretchTally]:
    """What cost most first."""
    return sorted(names, key=lambda one: one.tally.rank(one.key))


def rest_of(every: Sequence[StretchTally], parts: Sequence[StretchTally]) -> Iterator[StretchTally]:
    """What is left of each stretch's sum without its parts; none where that is nothing."""
    left = {one.stretch: one.tally for one in every}
    for part in parts:
        left[part.stretch] -= part.tally
    return (StretchTally(n, None, tally) for n, tally in left.items() if tally.calls)
