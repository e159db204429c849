"""Rows of the outbox: how they come in, in the transaction of what they tell of, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from core.ledger.schema import outbox
from core.ledger.statements import add
from core.ledger.values import OutboxRow, OutboxState, OutboxStats

TRACE = "trace"
FEEDBACK = "feedback"
SAMPLE = "sample"
"""What the kind of a trace begins with that nobody asked for: made-up traffic, of which a mirror is told nothing."""

SAMPLE_END = SAMPLE[:-1] + chr(ord(SAMPLE[-1]) + 1)
"""The first text after all that begin so."""

PENDING, SENT, DEAD = str(OutboxState.PENDING), str(OutboxState.SENT), str(OutboxState.DEAD)

_BY_STATE = select(outbox.c.state, func.count()).group_by(outbox.c.state)
_OLDEST = select(func.min(outbox.c.queued_at)).where(outbox.c.state == PENDING)
_OF_TRACE = (
    select(outbox.c.state, outbox.c.sent_version, outbox.c.error)
    .where(outbox.c.kind == TRACE, outbox.c.id == bindparam("trace_id"))
    .with_for_update()
)


def enqueue(
    connection: Connection,
    kind: str,
    ids: Sequence[str],
    now: datetime,
    *,
    documents: Mapping[str, Any] | None = None,
) -> None:
    """Puts rows in, or back in; a row's version tells a sender that it was overtaken.

    What the mirror has confirmed, and whether an attempt may have arrived, stays known. A mended document is dropped.
    In order of the ids, so that two transactions never wait for each other.
    """
    rows = [_fresh(kind, key, now, (documents or {}).get(key)) for key in sorted(ids)]
    if rows:
        connection.execute(_upsert(for_sqlite=connection.dialect.name == "sqlite"), rows)


def _fresh(kind: str, key: str, now: datetime, document: Any = None) -> dict[str, Any]:
    row = {"kind": kind, "id": key, "state": PENDING, "version": 1, "attempts": 0, "queued_at": now, "next_at": now}
    return row | {"sent_at": None, "error": None, "sent_version": None, "unsure": False, "document": document}


def enqueue_feedback(connection: Connection, trace_id: str, now: datetime, *, finished: bool) -> None:
    """Puts a thumb in, and before it its ``finished`` trace where that was never put in.

    The thumb of a trace that the mirror refused is refused with it.
    """
    known = connection.execute(_OF_TRACE, {"trace_id": trace_id}).one_or_none()
    if known is None and finished:
        add(connection, outbox, [_fresh(TRACE, trace_id, now)])
    enqueue(connection, FEEDBACK, [trace_id], now)
    if known is not None and known.state == DEAD:
        drop_feedback(connection, {trace_id: known.error})


def drop_feedback(connection: Connection, refused: Mapping[str, str | None]) -> None:
    """Makes the waiting thumbs of refused traces (id -> reason) dead, where the mirror holds no record of the trace."""
    rows = [
        {"trace": key, "reason": f"Its trace was refused: {reason or 'no reason is known'}"}
        for key, reason in refused.items()
    ]
    if rows:
        connection.execute(_DROP, rows)


_TRACE = outbox.alias("of_trace")


def _its_trace(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether it holds for the trace's row that a row of feedback belongs to.

    Not an EXISTS, for which PostgreSQL would read all rows of traces at once instead of the one.
    """
    return select(condition).where(_TRACE.c.kind == TRACE, _TRACE.c.id == outbox.c.id).scalar_subquery()


TRACE_ARRIVED = _its_trace(and_(_TRACE.c.state != PENDING, _TRACE.c.sent_version.is_not(None)))
"""The mirror holds the trace, and no newer version of it waits."""

_TRACE_REFUSED = _its_trace(and_(_TRACE.c.state == DEAD, _TRACE.c.sent_version.is_(None)))

_DROP = (
    update(outbox)
    .where(outbox.c.kind == FEEDBACK, outbox.c.id == bindparam("trace"), outbox.c.state == PENDING, _TRACE_REFUSED)
    .values(state=DEAD, error=bindparam("reason"))
)


def is_sample(kind: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the kind of a trace is that of sample traffic; an index of kinds is used."""
    return and_(kind >= SAMPLE, kind < SAMPLE_END, kind.startswith(SAMPLE, autoescape=True))


def row_of(row: Any) -> OutboxRow:
    return OutboxRow(
        row.kind,
        row.id,
        OutboxState(row.state),
        row.version,
        row.sent_version,
        row.unsure,
        row.attempts,
        row.queued_at,
        row.next_at,
        row.sent_at,
        row.error,
        row.document,
    )


def counts(connection: Connection, now: datetime) -> OutboxStats:
    by_state = {state: count for state, count in connection.execute(_BY_STATE)}  # noqa: C416  rows are no pairs to mypy
    oldest = connection.execute(_OLDEST).scalar_one()
    age_s = None if oldest is None else max(0.0, (now - oldest).total_seconds())
    return OutboxStats(by_state.get(PENDING, 0), by_state.get(SENT, 0), by_state.get(DEAD, 0), age_s)


@cache
def _upsert(*, for_sqlite: bool) -> Insert:
    statement = sqlite.insert(outbox) if for_sqlite else postgresql.insert(outbox)
    fresh = statement.excluded
    changed = {
        "state": fresh.state,
        "version": outbox.c.version + 1,
        "attempts": 0,
        "queued_at": case((outbox.c.state == PENDING, outbox.c.queued_at), else_=fresh.queued_at),
        "next_at": fresh.next_at,
        "error": null(),
        "document": fresh.document,
    }
    return statement.on_conflict_do_update(index_elements=[outbox.c.kind, outbox.c.id], set_=changed)
