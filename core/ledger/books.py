"""The tables of things that cost, in the words of Tally: what each row counts for, in SQL.

Money is added up in whole nano-dollars, so that a sum is exact in any order. A number that cannot be true counts as one
that nobody measured: sums of them would not fit into the database's integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.ledger.outbox_rows import SAMPLE
from core.ledger.schema import feedback, mirrored_traces, traces
from core.ledger.tallies import Source
from core.models import AnswerStatus

MOST_TOKENS = 10**12
"""Of one call. More cannot be true, and a million of them fit into an integer."""
MOST_USD = 1e5
"""Of one call, likewise."""


class NanoUsd(FunctionElement[int]):
    """Whole nano-dollars of an amount in dollars that is not negative: the same number from either database."""

    name = "nano_usd"
    inherit_cache = True
    type = BigInteger()


@compiles(NanoUsd, "sqlite")
def _nano_usd_on_sqlite(element: NanoUsd, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} * 1e9 + 0.5 AS INTEGER)"


@compiles(NanoUsd, "postgresql")
def _nano_usd_on_postgresql(element: NanoUsd, compiler: SQLCompiler, **options: Any) -> str:
    amount = compiler.process(element.clauses, **options)
    return f"CAST(floor({amount} * CAST(1e9 AS double precision) + 0.5) AS bigint)"


@dataclass(frozen=True, slots=True)
class Book:
    """A table of things that cost."""

    table: Table
    thumbs: Table | None
    """Where they have a table of their own, by ``trace_id``."""
    ended: ColumnElement[bool]
    """Whether a row counts: what is still being answered has no cost, and is in no sum before it ends."""
    sample: ColumnElement[bool]
    """Whether a row is sample traffic."""
    tokens: ColumnElement[Any]
    """What was counted of a row; 0 where nothing was."""
    unpriced: ColumnElement[bool]
    measures: Mapping[str, ColumnElement[Any]]
    """Field of Tally -> what one row adds to it; a whole number, never NULL."""

    def rows(self, given: FromClause | None = None, on: ColumnElement[bool] | None = None) -> FromClause:
        """The table with all that its measures need; joined to ``given`` where that is given."""
        rows: FromClause = self.table if given is None else given.join(self.table, on)
        if self.thumbs is None:
            return rows
        return rows.outerjoin(self.thumbs, self.thumbs.c.trace_id == self.table.c.trace_id)

    @property
    def sums(self) -> tuple[ColumnElement[Any], ...]:
        return tuple(func.sum(measure) for measure in self.measures.values())


def _book(
    table: Table,
    thumbs: Table | None,
    *,
    ended: ColumnElement[bool],
    called: ColumnElement[bool],
    thumb: ColumnElement[Any],
    other: ColumnElement[Any],
) -> Book:
    """``called``: a model was called, as the record says itself; one with counts was too. ``other``: the total of a
    record that has neither count.
    """
    c = table.c
    prompt, completion, other = (_counted(count) for count in (c.prompt_tokens, c.completion_tokens, other))
    cost = case((c.cost_usd.between(0, MOST_USD), c.cost_usd))
    up = func.coalesce(thumb, 0) == 1
    uncounted = and_(or_(prompt.is_(None), completion.is_(None)), other.is_(None))
    counted = or_(prompt.is_not(None), completion.is_not(None), other.is_not(None))
    unpriced = and_(cost.is_(None), or_(called, counted))
    tokens = _zero(prompt) + _zero(completion) + _zero(other)
    measures = {
        "calls": literal(1, literal_execute=True),
        "prompt_tokens": _zero(prompt),
        "completion_tokens": _zero(completion),
        "cached_tokens": _zero(_counted(c.cached_tokens)),
        "reasoning_tokens": _zero(_counted(c.reasoning_tokens)),
        "other_tokens": _zero(other),
        "uncounted_calls": _one(and_(or_(called, counted), uncounted)),
        "nano_usd": case((cost.is_not(None), NanoUsd(c.cost_usd)), else_=0),
        "priced_calls": _one(cost.is_not(None)),
        "unpriced_calls": _one(unpriced),
        "unpriced_tokens": case((unpriced, tokens), else_=0),
        "thumbs_up": _one(up),
        "unpriced_thumbs_up": _one(and_(up, unpriced)),
    }
    return Book(table, thumbs, ended, func.substr(c.kind, 1, len(SAMPLE)) == SAMPLE, tokens, unpriced, measures)


def _counted(count: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((count.between(0, MOST_TOKENS), count))


def _zero(count: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(count, 0)


def _one(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return case((condition, 1), else_=0)


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
        feedback,
        ended=traces.c.status != str(AnswerStatus.RUNNING),
        called=_CALLED,
        thumb=feedback.c.value,
        other=_NOTHING,
    ),
    Source.MIRROR: _book(
        mirrored_traces,
        None,
        ended=true(),
        called=_LOGGED,
        thumb=mirrored_traces.c.feedback,
        other=case((_NO_COUNT, mirrored_traces.c.total_tokens)),
    ),
}
