"""The outbox: what Comet has yet to hear. A row names a trace or a feedback by the id that Comet will know it by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from core.ledger.schema import outbox
from core.ledger.statements import put
from core.ledger.values import OutboxStats

TRACE = "trace"
FEEDBACK = "feedback"


def enqueue(connection: Connection, kind: str, trace_id: str, now: datetime) -> None:
    """Puts a row in, or back in where it was sent before; its version tells a sender that it was overtaken."""
    row = {
        "kind": kind,
        "id": trace_id,
        "state": "pending",
        "version": 1,
        "attempts": 0,
        "queued_at": now,
        "next_at": now,
    }
    put(connection, outbox, row | {"sent_at": None, "error": None})


def counts(connection: Connection, now: datetime) -> OutboxStats:
    query = select(outbox.c.state, func.count(), func.min(outbox.c.queued_at)).group_by(outbox.c.state)
    by_state = {state: (count, oldest) for state, count, oldest in connection.execute(query)}
    pending, oldest = by_state.get("pending", (0, None))
    age_s = None if oldest is None else max(0.0, (now - oldest).total_seconds())
    return OutboxStats(pending, by_state.get("sent", (0, None))[0], by_state.get("dead", (0, None))[0], age_s)
