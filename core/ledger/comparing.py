"""Trace by trace: what the ledger has, and what was read back from the mirror.

A trace of the ledger belongs to a period by the ledger's clock, with or without a record. A record that no trace has
belongs to it by its own. So nothing is counted twice, and a record whose time was rounded is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, case, func, literal, null, or_, select

from core.ledger.books import BOOKS
from core.ledger.database import Database
from core.ledger.outbox_rows import DEAD, SAMPLE, TRACE
from core.ledger.schema import mirrored_traces, outbox, traces
from core.ledger.tallies import Difference, DifferenceExample, DifferenceTally, Source
from core.models import AnswerStatus

_EQUAL_PART = 1e-6
"""Amounts that differ by less than this part of them are equal: a mirror may keep them as text."""

_ours, _theirs = traces.c, mirrored_traces.c
_OUR_TOKENS, _THEIR_TOKENS = BOOKS[Source.LEDGER].tokens, BOOKS[Source.MIRROR].tokens
_OUR_UNPRICED = func.count(case((BOOKS[Source.LEDGER].unpriced, 1)))
_THEIR_UNPRICED = func.count(case((and_(_theirs.record_id.is_not(None), BOOKS[Source.MIRROR].unpriced), 1)))


class ComparisonStore:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def differences(self, since: datetime, until: datetime) -> list[DifferenceTally]:
        """Every finished trace and every record of the period, counted by the kind of difference."""
        with self._database.read() as connection:
            queries = (_summed_traces(_kind_of_trace(connection)), _summed_records())
            periods = (_finished(since, until), _without_a_trace(since, until))
            found = (connection.execute(query.where(*period)) for query, period in zip(queries, periods, strict=True))
            return [_tally(row) for rows in found for row in rows]

    def examples(self, kind: Difference, since: datetime, until: datetime, limit: int) -> list[DifferenceExample]:
        """The newest traces or records of one kind."""
        with self._database.read() as connection:
            if kind in (Difference.FOREIGN, Difference.ELSEWHERE):
                query = _records(since, until).where(_kind_of_record() == str(kind))
            else:
                query = _traces(since, until).where(_kind_of_trace(connection) == str(kind))
            return [DifferenceExample(*row) for row in connection.execute(query.limit(limit))]


def _summed_traces(kind: ColumnElement[str]) -> Select[Any]:
    sums = map(func.sum, (_ours.cost_usd, _theirs.cost_usd, _OUR_TOKENS, _THEIR_TOKENS))
    query = select(kind, func.count(), *sums, _OUR_UNPRICED, _THEIR_UNPRICED)
    return query.select_from(_traces_and_records()).group_by(kind)


def _summed_records() -> Select[Any]:
    kind = _kind_of_record()
    sums: tuple[Any, ...] = (null(), func.sum(_theirs.cost_usd), null(), func.sum(_THEIR_TOKENS))
    return select(kind, func.count(), *sums, literal(0), _THEIR_UNPRICED).group_by(kind)


def _traces(since: datetime, until: datetime) -> Select[Any]:
    what = (_ours.trace_id, _theirs.record_id, _ours.started_at, _ours.question, _ours.model)
    amounts = (_ours.cost_usd, _theirs.cost_usd, _counted(_OUR_TOKENS), _counted(_THEIR_TOKENS))
    query = select(*what, *amounts).select_from(_traces_and_records()).where(*_finished(since, until))
    return query.order_by(_ours.started_at.desc(), _ours.trace_id)


def _records(since: datetime, until: datetime) -> Select[Any]:
    what = (null(), _theirs.record_id, _theirs.started_at, _theirs.name, _theirs.model)
    amounts = (null(), _theirs.cost_usd, null(), _counted(_THEIR_TOKENS))
    query = select(*what, *amounts).where(*_without_a_trace(since, until))
    return query.order_by(_theirs.started_at.desc(), _theirs.record_id)


def _counted(tokens: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.nullif(tokens, 0)


def _tally(row: Row[Any]) -> DifferenceTally:
    kind, number, our_usd, their_usd, our_tokens, their_tokens, our_unpriced, their_unpriced = tuple(row)
    amounts = (_known(our_usd, our_unpriced), _known(their_usd, their_unpriced))
    tokens = (int(our_tokens or 0), int(their_tokens or 0))
    return DifferenceTally(Difference(kind), number, *amounts, *tokens, our_unpriced, their_unpriced)


def _known(total: float | None, unpriced: int) -> float | None:
    """A sum over nothing is 0, unless what it is of has no known price."""
    return total if total is not None or unpriced else 0.0


def _traces_and_records() -> FromClause:
    """Each trace with its record, or with its row of the outbox where it has no record."""
    with_record = traces.outerjoin(mirrored_traces, _theirs.trace_id == _ours.trace_id)
    unread = and_(_theirs.record_id.is_(None), outbox.c.kind == TRACE, outbox.c.id == _ours.trace_id)
    return with_record.outerjoin(outbox, unread)


def _finished(since: datetime, until: datetime) -> Iterator[ColumnElement[bool]]:
    yield _ours.started_at >= since
    yield _ours.started_at < until
    yield _ours.status != str(AnswerStatus.RUNNING)


def _without_a_trace(since: datetime, until: datetime) -> Iterator[ColumnElement[bool]]:
    yield _theirs.started_at >= since
    yield _theirs.started_at < until
    yield ~select(_ours.trace_id).where(_ours.trace_id == _theirs.trace_id).exists()


def _kind_of_trace(connection: Connection) -> ColumnElement[str]:
    return case(
        (_theirs.record_id.is_not(None), _kind_of_both()),
        (_ours.kind.startswith(SAMPLE), str(Difference.SAMPLE)),
        (outbox.c.state.is_(None), str(Difference.UNQUEUED)),
        (outbox.c.state == DEAD, str(Difference.REFUSED)),
        (outbox.c.sent_version.is_(None), str(Difference.WAITING)),
        (_unread(connection), str(Difference.UNREAD)),
        else_=str(Difference.MISSING),
    )


def _unread(connection: Connection) -> ColumnElement[bool]:
    """Delivered after the last reading back, or from before all that was read."""
    read_at, oldest = connection.execute(select(func.max(_theirs.read_at), func.min(_theirs.started_at))).one()
    if read_at is None:
        return outbox.c.sent_version.is_not(None)
    return or_(outbox.c.sent_at > read_at, _ours.started_at < oldest)


def _kind_of_both() -> ColumnElement[str]:
    only_total = and_(
        _theirs.prompt_tokens.is_(None), _theirs.completion_tokens.is_(None), func.coalesce(_theirs.total_tokens, 0) > 0
    )
    counts = or_(
        _ours.prompt_tokens.is_distinct_from(_theirs.prompt_tokens),
        _ours.completion_tokens.is_distinct_from(_theirs.completion_tokens),
    )
    one, other = _ours.cost_usd, _theirs.cost_usd
    apart = or_(
        one.is_(None) != other.is_(None),
        func.abs(one - other) > _EQUAL_PART * (func.abs(one) + func.abs(other)),
    )
    return case(
        (and_(only_total, _OUR_TOKENS != _THEIR_TOKENS), str(Difference.TOKENS)),
        (and_(~only_total, counts), str(Difference.TOKENS)),
        (apart, str(Difference.COST)),
        else_=str(Difference.NONE),
    )


def _kind_of_record() -> ColumnElement[str]:
    return case((_theirs.trace_id.is_(None), str(Difference.FOREIGN)), else_=str(Difference.ELSEWHERE))
