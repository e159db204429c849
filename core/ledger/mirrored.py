"""What was read back from a mirror: its records, ours and those that other programs logged there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, select

from core.ledger.columns import as_utc
from core.ledger.database import Database
from core.ledger.schema import mirrored_traces
from core.ledger.statements import put
from core.models import MirroredTrace, digest
from core.ports import Clock

_LONGEST = 200
"""Characters of a name. A server may give any; PostgreSQL's index entries end at 2,700 bytes."""

_FORGET = delete(mirrored_traces).where(mirrored_traces.c.record_id == bindparam("key"))


class MirroredStore:
    """A copy that may be dropped and read again. Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(self, traces: Sequence[MirroredTrace]) -> int:
        """Adds records, or brings those of the same id up to date; returns how many ids. Does not wait for the disk."""
        now = self._clock()
        rows = {trace.record_id: _values(trace) | {"read_at": now} for trace in traces}
        with self._database.write(durable=False) as connection:
            put(connection, mirrored_traces, list(rows.values()))
        return len(rows)

    def count(self) -> int:
        return int(self._scalar(select(func.count()).select_from(mirrored_traces)))

    def newest(self) -> datetime | None:
        """When the newest record started; None where nothing was read."""
        return self._moment(select(func.max(mirrored_traces.c.started_at)))

    def read_at(self) -> datetime | None:
        """When a record was last read; None where nothing was."""
        return self._moment(select(func.max(mirrored_traces.c.read_at)))

    def clear(self) -> None:
        """Forgets all, for example when the mirror is now another one."""
        with self._database.write(durable=False) as connection:
            connection.execute(delete(mirrored_traces))

    def keep_only(self, record_ids: Collection[str]) -> int:
        """Forgets every record but these; returns how many. For when all that the mirror holds was read."""
        kept = set(map(short, record_ids))
        with self._database.write(durable=False) as connection:
            gone = [key for key in connection.execute(select(mirrored_traces.c.record_id)).scalars() if key not in kept]
            if gone:
                connection.execute(_FORGET, [{"key": key} for key in gone])
        return len(gone)

    def _moment(self, query: Select[Any]) -> datetime | None:
        found: datetime | None = self._scalar(query)
        return found

    def _scalar(self, query: Select[Any]) -> Any:
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()


def _values(trace: MirroredTrace) -> dict[str, Any]:
    usage = trace.usage
    return {
        "record_id": short(trace.record_id),
        "trace_id": None if trace.trace_id is None else short(trace.trace_id),
        "name": short(trace.name),
        "kind": short(trace.kind),
        "started_at": trace.started_at,
        "day": as_utc(trace.started_at).date(),
        "user": short(trace.user),
        "template": short(trace.template),
        "model": None if trace.model is None else short(trace.model),
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": trace.total_tokens,
        "cost_usd": trace.cost_usd,
        "latency_ms": trace.latency_ms,
        "feedback": trace.feedback if trace.feedback in (-1, 0, 1) else None,
    }


def short(name: str) -> str:
    """The name, or its beginning and the hash of the whole, so that two long ones stay two."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 65]} {digest(name)}"
