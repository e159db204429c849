"""Traces, their spans and feedback. What belongs to one event is one transaction, its outbox row included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, insert, or_, select, update

from core.errors import NotFound
from core.ledger.columns import escape_text
from core.ledger.database import Database
from core.ledger.outbox_rows import SAMPLE, TRACE, counts, enqueue, enqueue_feedback, is_sample
from core.ledger.processes import Processes
from core.ledger.rollups import rolled
from core.ledger.schema import feedback, spans, traces
from core.ledger.statements import put
from core.ledger.trace_rows import HEAVY, span_of, span_values, trace_of, trace_values
from core.ledger.values import OutboxStats, TraceFilter
from core.models import AnswerStatus, Feedback, Span, Trace
from core.ports import Clock

Traces = list[Trace]

ABANDONED = "The process ended while the answer was being written."

_FEEDBACK = (
    feedback.c.value.label("feedback_value"),
    feedback.c.reason.label("feedback_reason"),
    feedback.c.comment.label("feedback_comment"),
    feedback.c.correction.label("feedback_correction"),
    feedback.c.updated_at.label("feedback_at"),
)
_ALL = (*traces.c, *_FEEDBACK)
_LIGHT = (*(column for column in traces.c if column.name not in HEAVY), *_FEEDBACK)

_ADD_TRACE = insert(traces)
_KNOWN = select(traces.c.kind, traces.c.status).where(traces.c.trace_id == bindparam("key")).with_for_update()
_DROP_SPANS = delete(spans).where(spans.c.trace_id == bindparam("key"))
_SPANS = (
    select(spans).where(spans.c.trace_id.in_(bindparam("ids", expanding=True))).order_by(*spans.primary_key.columns)
)


class TraceStore:
    """Every question with all that happened to it. Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, processes: Processes, clock: Clock) -> None:
        self._database = database
        self._processes = processes
        self._clock = clock

    # ------------------------------------------------------------------------------------------------------ writing

    def begin(self, trace: Trace) -> None:
        """Writes the trace down before its work starts, so that even a killed process leaves it behind.

        It is "running", whatever ``trace`` says, until it is finished or abandoned; no sum counts it before. Does not
        wait for the disk, as the reader waits for the answer.
        """
        begun = trace_values(trace, self._processes.register()) | {"status": str(AnswerStatus.RUNNING)}
        with self._database.write(durable=False) as connection:
            connection.execute(_ADD_TRACE, begun)

    def finish(self, trace: Trace, *, mirror: bool) -> None:
        """Writes trace, passages, spans and (with ``mirror``) the outbox row, all or nothing.

        Also for a trace that was never begun, or that was already called abandoned. ``trace.feedback`` is not
        written: that is save_feedback's.
        """
        self.finish_all([trace], mirror=mirror)

    def finish_all(self, finished: Sequence[Trace], *, mirror: bool) -> None:
        """Like finish, for many traces in one transaction: what costs is the disk, and it is waited for once."""
        if finished:
            with self._database.write() as connection:
                self.write(connection, finished, mirror=mirror)

    def write(self, connection: Connection, finished: Sequence[Trace], *, mirror: bool) -> None:
        """What finish_all does, in a transaction of another store, which has taken its turn (core.ledger.rollups)."""
        with rolled(connection, [trace.trace_id for trace in finished]):
            put(connection, traces, [trace_values(trace, None) for trace in finished])
        connection.execute(_DROP_SPANS, [{"key": trace.trace_id} for trace in finished])
        put(connection, spans, [step for trace in finished for step in span_values(trace)])
        if mirror:
            enqueue(connection, TRACE, [trace.trace_id for trace in finished], self._clock())

    def abandon_running(
        self, *, older_than: timedelta | None = None, owner: str | None = None, mirror: bool = False
    ) -> int:
        """Marks as abandoned the running traces of dead processes; returns how many.

        ``older_than`` marks also those that began longer ago, whoever owns them; ``owner`` also those of one owner.
        """
        query = select(traces.c.trace_id, traces.c.owner, traces.c.started_at)
        with self._database.write() as connection:
            running = connection.execute(query.where(traces.c.status == str(AnswerStatus.RUNNING))).all()
            dead = self._processes.dead(connection, {row.owner or "" for row in running}) if running else set()
            limit = None if older_than is None else self._clock() - older_than
            lost = [
                row.trace_id
                for row in running
                if (row.owner or "") in dead or row.owner == owner or (limit is not None and row.started_at < limit)
            ]
            with rolled(connection, lost):
                return sum(self._abandon(connection, trace_id, mirror=mirror) for trace_id in lost)

    def _abandon(self, connection: Connection, trace_id: str, *, mirror: bool) -> int:
        values = {"status": str(AnswerStatus.ABANDONED), "error": ABANDONED, "owner": None}
        still = (traces.c.trace_id == trace_id) & (traces.c.status == str(AnswerStatus.RUNNING))
        changed = connection.execute(update(traces).where(still).values(values)).rowcount
        if mirror and changed:
            enqueue(connection, TRACE, [trace_id], self._clock())
        return changed

    def save_feedback(self, thumb: Feedback, *, mirror: bool) -> None:
        """Sets or replaces a trace's thumb; with ``mirror`` its outbox row too, in the same transaction.

        The trace gets a row where it has none: it was answered before there was a mirror. Sample traffic gets none.
        Raises NotFound.
        """
        now = self._clock()
        values = {
            "trace_id": thumb.trace_id,
            "value": thumb.value,
            "reason": thumb.reason,
            "comment": thumb.comment,
            "correction": thumb.correction,
            "updated_at": now,
        }
        with self._database.write() as connection, rolled(connection, [thumb.trace_id]):
            known = connection.execute(_KNOWN, {"key": thumb.trace_id}).one_or_none()
            if known is None:
                raise _no_trace(thumb.trace_id)
            put(connection, feedback, [values])
            if mirror and not known.kind.startswith(SAMPLE):
                finished = known.status != str(AnswerStatus.RUNNING)
                enqueue_feedback(connection, thumb.trace_id, now, finished=finished)

    # ------------------------------------------------------------------------------------------------------ reading

    def get(self, trace_id: str) -> Trace:
        """Raises NotFound."""
        found = self._read(_select(_ALL).where(traces.c.trace_id == trace_id))
        if not found:
            raise _no_trace(trace_id)
        return found[0]

    def questions(self, trace_ids: Sequence[str]) -> dict[str, str]:
        """The questions of these traces by their ids; those that there are."""
        query = select(traces.c.trace_id, traces.c.question).where(traces.c.trace_id.in_(trace_ids))
        with self._database.read() as connection:
            return {row.trace_id: row.question for row in connection.execute(query)}

    def list(self, where: TraceFilter | None = None, *, light: bool = False) -> Traces:
        """Newest first. ``light`` leaves prompt and passages out, which is most of a trace."""
        where = where or TraceFilter()
        query = _select(_LIGHT if light else _ALL).where(*_conditions(where))
        query = query.order_by(traces.c.started_at.desc(), traces.c.trace_id.desc())
        return self._read(query.limit(where.limit).offset(where.offset))

    def count(self, where: TraceFilter | None = None) -> int:
        """How many traces the filter lets through, whatever its limit and offset."""
        query = _select((func.count(),)).where(*_conditions(where or TraceFilter()))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def conversation(self, conversation_id: str) -> Traces:
        """Oldest first, complete."""
        query = _select(_ALL).where(traces.c.conversation_id == conversation_id)
        return self._read(query.order_by(traces.c.started_at, traces.c.trace_id))

    def outbox_counts(self) -> OutboxStats:
        with self._database.read() as connection:
            return counts(connection, self._clock())

    def _read(self, query: Select[Any]) -> Traces:
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            steps = _spans(connection, [row["trace_id"] for row in rows])
        return [trace_of(row, steps.get(row["trace_id"], ())) for row in rows]


def _select(columns: Sequence[Any]) -> Select[Any]:
    return select(*columns).select_from(traces.outerjoin(feedback, feedback.c.trace_id == traces.c.trace_id))


def _conditions(where: TraceFilter) -> Iterator[ColumnElement[bool]]:
    if where.since is not None:
        yield traces.c.started_at >= where.since
    if where.until is not None:
        yield traces.c.started_at < where.until
    for column in (traces.c.kind, traces.c.template, traces.c.user):
        if (wanted := getattr(where, column.name)) is not None:
            yield column == wanted
    if where.model is not None:
        yield func.coalesce(traces.c.model, "") == where.model
    if where.status is not None:
        yield traces.c.status == str(where.status)
    if where.thumb is not None:
        thumb = func.coalesce(feedback.c.value, 0) if where.thumb == 0 else feedback.c.value
        yield thumb == where.thumb
    if where.sample is not None:
        yield is_sample(traces.c.kind) if where.sample else ~is_sample(traces.c.kind)
    if where.text:
        needle = escape_text(where.text.lower())
        yield or_(
            *(func.lower(text).contains(needle, autoescape=True) for text in (traces.c.question, traces.c.answer))
        )


def _spans(connection: Connection, trace_ids: Sequence[str]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for start in range(0, len(trace_ids), 1000):
        for row in connection.execute(_SPANS, {"ids": trace_ids[start : start + 1000]}):
            found.setdefault(row.trace_id, []).append(span_of(row))
    return found


def _no_trace(trace_id: str) -> NotFound:
    return NotFound(f"There is no trace {trace_id}", subject=trace_id)
