"""Who sends to the mirror: one process at a time, and what it says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, select, update

from core.errors import LeaseLost
from core.ledger.database import Database
from core.ledger.processes import Processes
from core.ledger.schema import mirror_state
from core.ledger.statements import add
from core.ledger.values import MirrorState, SenderStatus
from core.ports import Clock

_ROW = 1
_STATE: Select[Any] = select(mirror_state).where(mirror_state.c.id == _ROW)
_OWNER = select(mirror_state.c.owner).where(mirror_state.c.id == _ROW)
_OWNER_LOCKED = _OWNER.with_for_update()
_CHANGE = update(mirror_state).where(mirror_state.c.id == _ROW)


class Lease:
    """The right to send, which one living process holds, and the status that it shows."""

    def __init__(self, database: Database, processes: Processes, clock: Clock) -> None:
        self._database = database
        self._processes = processes
        self._clock = clock

    def take(self) -> bool:
        """Whether this process holds it now: it did, or nobody did, or who did is dead. Asking again is cheap."""
        me = self._processes.owner
        with self._database.read() as connection:
            owner = connection.execute(_OWNER).scalar_one_or_none()
            if owner == me:
                return True
            if self._lives(connection, owner):
                return False
        self._processes.register()
        with self._database.write(durable=False) as connection:
            _ensure_row(connection, self._clock())
            if self._lives(connection, connection.execute(_OWNER_LOCKED).scalar_one()):
                return False
            connection.execute(_CHANGE.values(owner=me))
        return True

    def leave(self) -> None:
        """Gives it back, where this process holds it."""
        with self._database.write(durable=False) as connection:
            connection.execute(_CHANGE.where(mirror_state.c.owner == self._processes.owner).values(owner=None))

    def check(self, connection: Connection) -> None:
        """Raises LeaseLost where this process does not hold it; keeps others from taking it in this transaction."""
        if connection.execute(_OWNER_LOCKED).scalar_one_or_none() != self._processes.owner:
            raise LeaseLost("Another process sends to the mirror now", hint="It goes on from where this one stopped.")

    def status(self) -> MirrorState:
        with self._database.read() as connection:
            row = connection.execute(_STATE).one_or_none()
            if row is None:
                return MirrorState()
            alive = self._lives(connection, row.owner)
        return MirrorState(SenderStatus(row.status), row.detail, row.since, row.target, alive)

    def set_status(self, status: SenderStatus, detail: str, target: str) -> None:
        """Writes only what differs, and only where this process holds the lease. Does not wait for the disk."""
        new = {"status": str(status), "detail": detail, "target": target}
        with self._database.read() as connection:
            old = connection.execute(_STATE).mappings().one_or_none()
        if old is None or all(old[name] == value for name, value in new.items()):
            return
        since = case((mirror_state.c.status != str(status), bindparam("now")), else_=mirror_state.c.since)
        change = _CHANGE.where(mirror_state.c.owner == self._processes.owner).values(since=since, **new)
        with self._database.write(durable=False) as connection:
            connection.execute(change, {"now": self._clock()})

    def resume(self) -> None:
        """Ends a pause, whoever holds the lease."""
        values = {"status": str(SenderStatus.IDLE), "detail": "", "since": self._clock()}
        with self._database.write(durable=False) as connection:
            connection.execute(_CHANGE.where(mirror_state.c.status == str(SenderStatus.PAUSED)).values(values))

    def _lives(self, connection: Connection, owner: str | None) -> bool:
        return owner is not None and owner not in self._processes.dead(connection, {owner})


def _ensure_row(connection: Connection, now: datetime) -> None:
    row = {"id": _ROW, "owner": None, "status": str(SenderStatus.IDLE), "detail": "", "since": now, "target": ""}
    add(connection, mirror_state, [row])
