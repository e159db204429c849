"""The outbox: what a mirror has yet to hear of, and who may tell it. A row names what it tells of by kind and id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Update, and_, case, null, select, true, update

from core.errors import NotFound
from core.ledger import outbox_sending
from core.ledger.database import Database
from core.ledger.outbox_backfill import backfill, backfillable
from core.ledger.outbox_lease import Lease
from core.ledger.outbox_rows import DEAD, FEEDBACK, PENDING, TRACE, counts, enqueue, row_of
from core.ledger.processes import Processes
from core.ledger.schema import outbox
from core.ledger.values import MirrorState, OutboxRow, OutboxState, OutboxStats, SenderStatus, Settled
from core.ports import Clock

Rows = list[OutboxRow]


class OutboxStore:
    """Rows that wait, were sent or were refused. Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, processes: Processes, clock: Clock) -> None:
        self._database = database
        self._lease = Lease(database, processes, clock)
        self._clock = clock

    # ------------------------------------------------------------------------------------------------ the one sender

    def take_lease(self) -> bool:
        """True where this process is now the only sender: it was, nobody was, or who was is dead. Cheap to ask."""
        return self._lease.take()

    def leave_lease(self) -> None:
        """Lets another process send; does nothing where this one does not hold the lease."""
        self._lease.leave()

    def status(self) -> MirrorState:
        """What the sender last said of itself, and whether it lives."""
        return self._lease.status()

    def set_status(self, status: SenderStatus | str, detail: str, target: str) -> None:
        """Says what the sender does. Writes only what differs, and nothing where this process does not hold the lease.

        Raises ValueError for a status that is none of SenderStatus.
        """
        self._lease.set_status(SenderStatus(status), detail, target)

    def resume(self) -> None:
        """Turns "paused" into "idle", so that the sender tries again; any process may."""
        self._lease.resume()

    # -------------------------------------------------------------------------------------------------------- sending

    def due(self, limit: int) -> Rows:
        """Up to ``limit`` rows to send now, oldest first.

        Feedback comes only when the mirror holds its trace and no newer version of the trace waits. A row that would
        have to wait for more than ten minutes is due: it was written before the clock jumped back.
        """
        with self._database.read() as connection:
            return outbox_sending.due(connection, self._clock(), limit)

    def next_due_s(self) -> float | None:
        """Seconds until a row is due, 0 where one is; None where none waits, but for feedback that awaits its trace."""
        with self._database.read() as connection:
            return outbox_sending.next_due_s(connection, self._clock())

    def begin(self, rows: Sequence[OutboxRow]) -> None:
        """Writes down that these are about to be sent and may arrive; on the disk when it returns. Raises LeaseLost."""
        with self._database.write() as connection:
            self._lease.check(connection)
            outbox_sending.begin(connection, rows)

    def settle(self, outcomes: Sequence[Settled]) -> None:
        """Writes down what became of rows that were sent, all or nothing. Raises LeaseLost, and then writes nothing.

        A row that changed meanwhile stays pending, with what the mirror now holds as ``sent_version``. The feedback of
        a trace that was refused, and of which the mirror holds no record, is refused with it.
        """
        with self._database.write() as connection:
            self._lease.check(connection)
            outbox_sending.settle(connection, outcomes, self._clock())

    # -------------------------------------------------------------------------------------------------------- filling

    def put_document(self, kind: str, key: str, document: Any) -> None:
        """Puts in an experiment or a dataset, with the JSON document that tells the sender what to send."""
        with self._database.write() as connection:
            enqueue(connection, kind, [key], self._clock(), documents={key: document})

    def backfill(self, since: datetime | None, until: datetime | None) -> int:
        """Puts in the finished traces that started from ``since`` on and before ``until``, and their feedback.

        Only what was never put in, and no sample traffic. Returns how many traces. In portions, each a transaction:
        after a kill the rest is put in by calling it again.
        """
        return backfill(self._database, since, until, self._clock())

    def backfillable(self, since: datetime | None, until: datetime | None) -> int:
        """How many traces ``backfill`` would put in now."""
        with self._database.read() as connection:
            return backfillable(connection, since, until)

    def resend(self, kind: str, key: str, *, document: Any | None = None) -> None:
        """Sends a row again, whatever its state; ``document`` in place of the record that the ledger would give.

        A trace takes its refused feedback along, and feedback its refused trace. Raises NotFound.
        """
        mended = {} if document is None else {"document": document}
        with self._database.write() as connection:
            if kind == FEEDBACK:
                self._again(connection, TRACE, key, outbox.c.state == DEAD)
            if not self._again(connection, kind, key, **mended):
                raise _no_row(kind, key)
            if kind == TRACE:
                self._again(connection, FEEDBACK, key, outbox.c.state == DEAD)

    def resend_dead(self) -> int:
        """Sends all again that was refused; returns how many rows."""
        with self._database.write() as connection:
            return connection.execute(_again(self._clock()).where(outbox.c.state == DEAD)).rowcount

    def _again(self, connection: Connection, kind: str, key: str, *conditions: Any, **changes: Any) -> int:
        statement = _again(self._clock()).where(outbox.c.kind == kind, outbox.c.id == key, *conditions)
        return connection.execute(statement.values(changes) if changes else statement).rowcount

    # -------------------------------------------------------------------------------------------------------- reading

    def rows(
        self, state: OutboxState | str | None, *, limit: int = 100, offset: int = 0, kind: str | None = None
    ) -> Rows:
        """Rows of a state and a kind (None: any), newest first."""
        query = select(outbox).order_by(outbox.c.next_at.desc(), outbox.c.queued_at.desc(), outbox.c.kind, outbox.c.id)
        if state is not None:
            query = query.where(outbox.c.state == str(OutboxState(state)))
        if kind is not None:
            query = query.where(outbox.c.kind == kind)
        return self._read(query.limit(limit).offset(offset))

    def row(self, kind: str, key: str) -> OutboxRow:
        """Raises NotFound."""
        found = self._read(select(outbox).where(outbox.c.kind == kind, outbox.c.id == key))
        if not found:
            raise _no_row(kind, key)
        return found[0]

    def of_trace(self, trace_id: str) -> Rows:
        """The trace's row and its feedback's, in this order; those that there are."""
        query = select(outbox).where(outbox.c.kind.in_((TRACE, FEEDBACK)), outbox.c.id == trace_id)
        return self._read(query.order_by(outbox.c.kind.desc()))

    def stats(self) -> OutboxStats:
        """How many rows wait, were sent and were refused."""
        with self._database.read() as connection:
            return counts(connection, self._clock())

    def _read(self, query: Select[Any]) -> Rows:
        with self._database.read() as connection:
            return [row_of(row) for row in connection.execute(query)]


def _again(now: datetime) -> Update:
    """A new version, so that an attempt that is under way does not end the wait of the row.

    Where a change of what the mirror confirmed was refused, it may hold that no more: it has to be asked.
    """
    lost = and_(outbox.c.state == DEAD, outbox.c.sent_version.is_not(None))
    again = {"state": PENDING, "version": outbox.c.version + 1, "attempts": 0, "next_at": now, "error": null()}
    return update(outbox).values(unsure=case((lost, true()), else_=outbox.c.unsure), **again)


def _no_row(kind: str, key: str) -> NotFound:
    return NotFound(f"The outbox holds no {kind} {key}", subject=key)
