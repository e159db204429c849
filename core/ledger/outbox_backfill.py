"""Puts what happened before there was a mirror into the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, literal, select

from core.ledger.database import Database
from core.ledger.outbox_rows import FEEDBACK, PENDING, SAMPLE, TRACE
from core.ledger.schema import feedback, outbox, traces
from core.ledger.statements import add_found
from core.models import AnswerStatus

PORTION = 5000
"""Traces a transaction: so many take well under a second, and an answer that is being finished waits no longer."""

_INTO = ("kind", "id", "state", "version", "unsure", "attempts", "queued_at", "next_at")


def backfill(database: Database, since: datetime | None, until: datetime | None, now: datetime) -> int:
    """Returns how many traces were put in."""
    period = [] if until is None else [traces.c.started_at < until]
    first = [] if since is None else [traces.c.started_at >= since]
    found = 0
    for portion in _portions(database, first, period):
        with database.write() as connection:
            found += _put_in(connection, TRACE, select(traces.c.trace_id), portion, now)
            thumbs = select(feedback.c.trace_id).join(traces, traces.c.trace_id == feedback.c.trace_id)
            _put_in(connection, FEEDBACK, thumbs, portion, now)
    return found


def backfillable(connection: Connection, since: datetime | None, until: datetime | None) -> int:
    """How many traces ``backfill`` would put in now."""
    period = [] if until is None else [traces.c.started_at < until]
    first = [] if since is None else [traces.c.started_at >= since]
    query = select(func.count()).select_from(traces).where(*first, *period, *_never_put_in(TRACE, traces.c.trace_id))
    return int(connection.execute(query).scalar_one())


Conditions = list[ColumnElement[bool]]


def _portions(database: Database, first: Conditions, period: Conditions) -> Iterator[Conditions]:
    """Conditions under which about PORTION traces stand, oldest first; traces of one moment are never parted."""
    begin = first
    while True:
        query = select(traces.c.started_at).where(*begin, *period).order_by(traces.c.started_at)
        with database.read() as connection:
            last = connection.execute(query.limit(1).offset(PORTION - 1)).scalar_one_or_none()
        if last is None:
            yield [*begin, *period]
            return
        yield [*begin, traces.c.started_at <= last, *period]
        begin = [traces.c.started_at > last]


def _put_in(connection: Connection, kind: str, ids: Select[Any], portion: Conditions, now: datetime) -> int:
    (key,) = ids.selected_columns
    fresh = (PENDING, 1, False, 0)
    rows = ids.with_only_columns(
        literal(kind),
        key,
        *map(literal, fresh),
        literal(now, outbox.c.queued_at.type),
        literal(now, outbox.c.next_at.type),
    )
    rows = rows.where(*portion, *_never_put_in(kind, key)).order_by(traces.c.started_at)
    return add_found(connection, outbox, _INTO, rows)


def _never_put_in(kind: str, key: ColumnElement[Any]) -> Conditions:
    """Finished, no sample traffic, and without a row of that kind."""
    finished = traces.c.status != str(AnswerStatus.RUNNING)
    known = exists().where(outbox.c.kind == kind, outbox.c.id == key)
    return [finished, ~traces.c.kind.startswith(SAMPLE), ~known]
