"""What a sender does with the outbox: which rows are due, that an attempt begins, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, case, null, or_, select, update

from core.ledger.outbox_rows import DEAD, FEEDBACK, PENDING, SENT, TRACE, TRACE_ARRIVED, drop_feedback, row_of
from core.ledger.schema import outbox
from core.ledger.values import OutboxRow, OutboxState, Settled

LONGEST_WAIT_S = 600.0
"""Nothing is told to wait longer; so a row whose time is further away was written before the clock jumped back."""

_READY = select(outbox).where(outbox.c.state == PENDING, or_(outbox.c.kind != FEEDBACK, TRACE_ARRIVED))
_BY_AGE = (outbox.c.next_at, outbox.c.queued_at)
_DUE = _READY.where(outbox.c.next_at <= bindparam("now")).order_by(*_BY_AGE).limit(bindparam("most"))
_LOST_IN_TIME = _READY.where(outbox.c.next_at > bindparam("far")).order_by(*_BY_AGE).limit(bindparam("most"))
_SOONEST = _READY.with_only_columns(outbox.c.next_at).order_by(outbox.c.next_at).limit(1)
_FARTHEST = _READY.with_only_columns(outbox.c.next_at).order_by(outbox.c.next_at.desc()).limit(1)

_CHANGE = update(outbox).where(outbox.c.kind == bindparam("its_kind"), outbox.c.id == bindparam("its_id"))
_UNMOVED = outbox.c.version == bindparam("its_version")
_BEGIN = _CHANGE.values(unsure=True)
_SENT = _CHANGE.values(
    state=case((_UNMOVED, SENT), else_=outbox.c.state),
    sent_version=bindparam("its_version"),
    sent_at=bindparam("now"),
    unsure=False,
    attempts=0,
    error=null(),
)
_FAILED = {"attempts": outbox.c.attempts + 1, "error": bindparam("reason"), "unsure": bindparam("doubt")}
_LATER = _CHANGE.values(next_at=bindparam("later"), **_FAILED)
_REFUSED = _CHANGE.values(state=case((_UNMOVED, DEAD), else_=outbox.c.state), **_FAILED)
_END = {OutboxState.SENT: _SENT, OutboxState.PENDING: _LATER, OutboxState.DEAD: _REFUSED}


def due(connection: Connection, now: datetime, limit: int) -> list[OutboxRow]:
    """Oldest first; those that a clock put absurdly far ahead come before the others."""
    late = {"far": now + timedelta(seconds=LONGEST_WAIT_S), "most": limit}
    rows = list(connection.execute(_LOST_IN_TIME, late))
    rows += connection.execute(_DUE, {"now": now, "most": limit - len(rows)})
    return [row_of(row) for row in rows]


def next_due_s(connection: Connection, now: datetime) -> float | None:
    """Seconds until a row is due; None where none is ready to wait for a time."""
    soonest = connection.execute(_SOONEST).scalar_one_or_none()
    farthest = connection.execute(_FARTHEST).scalar_one_or_none()
    if soonest is None or farthest is None:
        return None
    jumped = (farthest - now).total_seconds() > LONGEST_WAIT_S
    return 0.0 if jumped else max(0.0, (soonest - now).total_seconds())


def begin(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    if rows:
        connection.execute(_BEGIN, [_key(row) for row in sorted(rows, key=_place)])


def settle(connection: Connection, outcomes: Sequence[Settled], now: datetime) -> None:
    """In the order in which every transaction takes rows, so that none waits for another in a circle."""
    ordered = sorted(outcomes, key=lambda item: _place(item.row))
    for state, items in groupby(ordered, key=lambda item: OutboxState(item.state)):
        connection.execute(_END[state], [_end(item, state, now) for item in items])
    refused = [item for item in ordered if item.state == OutboxState.DEAD and item.row.kind == TRACE]
    drop_feedback(connection, {item.row.id: item.error for item in refused})


def _key(row: OutboxRow) -> dict[str, Any]:
    return {"its_kind": row.kind, "its_id": row.id}


def _end(item: Settled, state: OutboxState, now: datetime) -> dict[str, Any]:
    version = {"its_version": item.row.version}
    if state is OutboxState.SENT:
        return _key(item.row) | version | {"now": now}
    failure = _key(item.row) | {"reason": item.error, "doubt": item.unsure}
    return failure | (version if state is OutboxState.DEAD else {"later": now + _wait(item)})


def _wait(item: Settled) -> timedelta:
    """A number that is none, as a server may ask for, counts as the longest wait."""
    asked_s = item.retry_after_s or 0.0
    return timedelta(seconds=min(max(asked_s, 0.0), LONGEST_WAIT_S) if math.isfinite(asked_s) else LONGEST_WAIT_S)


def _place(row: OutboxRow) -> tuple[bool, str]:
    """Traces before all else, and in order of the ids."""
    return row.kind != TRACE, row.id
