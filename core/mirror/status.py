"""How the delivery stands, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.ledger import MirrorState, OutboxRow, OutboxState, OutboxStats, SenderStatus
from core.models import ServiceHealth
from core.phrases import one_line, span_of_time

OFF = "off: set COMET_API_KEY to send traces and feedback to Comet as well"
STOPPED = "stopped"
"""The status where no process sends."""


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    """What pages and commands show of the delivery."""

    enabled: bool
    status: str
    """``sending``, ``idle``, ``waiting`` (it does not answer), ``paused`` (it rejects the key), ``stopped`` (no process
    sends), ``off`` (no key)."""
    detail: str = ""
    """Why it waits, is paused or stopped."""
    since: datetime | None = None
    """When the status began."""
    delivered: int = 0
    pending: int = 0
    oldest_pending_s: float | None = None
    dead: int = 0
    next_try_s: float | None = None
    """Until the mirror is tried again, where it is waited for and this process knows."""


@dataclass(frozen=True, slots=True)
class Here:
    """What this process knows of a sender of its own."""

    runs: bool = False
    trouble: str = ""
    """Why it has none, where it ended again and again."""
    next_try_s: float | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one trace is."""

    state: str
    """``off`` or ``none`` (it was never to be sent), ``pending``, ``sent``, ``dead``: of the trace, or of its feedback
    where the trace is sent and the feedback is not."""
    text: str
    """A sentence for people."""


def status_of(state: MirrorState, stats: OutboxStats, here: Here) -> MirrorStatus:
    """From what the sender wrote down last, and what is known here of an own one."""
    status, detail = _present(state, here)
    waits = status in (SenderStatus.WAITING, SenderStatus.PAUSED)
    return MirrorStatus(
        enabled=True,
        status=status,
        detail=detail,
        since=state.since,
        delivered=stats.sent,
        pending=stats.pending,
        oldest_pending_s=stats.oldest_pending_s,
        dead=stats.dead,
        next_try_s=here.next_try_s if waits else None,
    )


def _present(state: MirrorState, here: Here) -> tuple[str, str]:
    if state.owner_alive:
        return str(state.status), state.detail
    if here.trouble:
        return STOPPED, here.trouble
    if state.status is SenderStatus.PAUSED:  # the key is as wrong as before, whoever sends next
        return str(state.status), state.detail
    return (str(SenderStatus.IDLE), "") if here.runs else (STOPPED, "No process sends now")


def health_of(name: str, status: MirrorStatus, *, troubled: bool) -> ServiceHealth:
    """``troubled``: this process's sender ends again and again."""
    if not status.enabled:
        return ServiceHealth(name, None, OFF)
    ok, reason = _verdict(status, troubled=troubled)
    why = f" ({one_line(status.detail)})" if ok is False and status.detail else ""
    stats = OutboxStats(status.pending, status.delivered, status.dead, status.oldest_pending_s)
    return ServiceHealth(name, ok, f"{counted(stats)}{reason}{why}")


def _verdict(status: MirrorStatus, *, troubled: bool) -> tuple[bool | None, str]:
    if status.status == SenderStatus.WAITING:
        return False, "; it does not answer and is tried again by itself"
    if status.status == SenderStatus.PAUSED:
        return False, "; paused"
    if status.status == STOPPED and troubled:
        return False, "; stopped"
    if status.status == STOPPED and status.pending:  # a command has no sender, and it does not know of others
        return None, "; nobody sends now"
    return True, ""


def counted(stats: OutboxStats) -> str:
    """``1,204 delivered, 3 pending for 12 s, 1 refused``."""
    parts = [f"{stats.sent:,} delivered"]
    if stats.pending:
        oldest = stats.oldest_pending_s
        parts.append(f"{stats.pending:,} pending" + ("" if oldest is None else f" for {span_of_time(oldest)}"))
    if stats.dead:
        parts.append(f"{stats.dead:,} refused")
    return ", ".join(parts)


def delivery_of(rows: Sequence[OutboxRow], now: datetime | None = None) -> Delivery:
    """From the rows of a trace and its feedback."""
    now = now or datetime.now(UTC)
    by_kind = {row.kind: row for row in rows}
    trace, thumb = by_kind.get("trace"), by_kind.get("feedback")
    if trace is None:
        return Delivery("none", "Not in Comet: it is from before the key, or nobody asked it.")
    if trace.state is OutboxState.SENT and thumb is not None and thumb.state is not OutboxState.SENT:
        return Delivery(str(thumb.state), f"The trace was delivered to Comet; its feedback {_words(thumb, now)}")
    return Delivery(str(trace.state), f"The trace {_words(trace, now)}")


def _words(row: OutboxRow, now: datetime) -> str:
    if row.state is OutboxState.DEAD:
        return f"was refused: {one_line(row.error or 'no reason is known')}"
    since = row.sent_at if row.state is OutboxState.SENT else row.queued_at
    age = span_of_time(max(0.0, (now - since).total_seconds())) if since else "some time"
    if row.state is OutboxState.SENT:
        return f"was delivered to Comet {age} ago."
    tries = "try" if row.attempts == 1 else "tries"
    failed = f" after {row.attempts} failed {tries} ({one_line(row.error)})" if row.attempts and row.error else ""
    return f"has waited for {age}{failed}."
