"""The outbox: what Comet has yet to hear. A row names a trace or a feedback by the id that Comet will know it by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from core.ledger.schema import outbox
from core.ledger.statements import put
from core.ledger.values import OutboxStats

TRACE = "trace"
FEEDBACK = "feedback"


def enqueue(connection: Connection, kind: str, trace_ids: Sequence[str], now: datetime) -> None:
    """Puts rows in, or back in where they were sent before; a row's version tells a sender that it was overtaken."""
    fresh = {"state": "pending", "version": 1, "attempts": 0, "queued_at": now, "next_at": now}
    fresh |= {"sent_at": None, "error": None, "sent_version": None, "unsure": False, "document": None}
    put(connection, outbox, [{"kind": kind, "id": trace_id} | fresh for trace_id in trace_ids])


def counts(connection: Connection, now: datetime) -> OutboxStats:
    query = select(outbox.c.state, func.count(), func.min(outbox.c.queued_at)).group_by(outbox.c.state)
    by_state = {state: (count, oldest) for state, count, oldest in connection.execute(query)}
    pending, oldest = by_state.get("pending", (0, None))
    age_s = None if oldest is None else max(0.0, (now - oldest).total_seconds())
    return OutboxStats(pending, by_state.get("sent", (0, None))[0], by_state.get("dead", (0, None))[0], age_s)
