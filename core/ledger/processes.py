"""Which processes use this ledger, and which of them are dead: so that nobody's work stays "running" for ever."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, delete, select

from core.errors import LibraryError
from core.ledger.database import Database
from core.ledger.schema import processes
from core.ledger.statements import put
from core.ports import Clock

HEARTBEAT_S = 10.0
SILENT_S = 90.0
"""A process of another machine that was silent for so long is dead, and so is one that was last heard so far in the
future: the clock was set back. Machines on one PostgreSQL need clocks that agree within about a minute."""

_SAME_BIRTH_S = 5.0
"""A process id that began within this of what was written down is the same process, not a later one."""


class Processes:
    """The entry of this process in the ledger, kept alive by a thread from the first time that it owns something."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.owner = uuid.uuid4().hex
        self._database = database
        self._clock = clock
        self._closed = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def register(self) -> str:
        """The owner's name for rows of this process; call it before writing one. Raises LibraryError."""
        with self._starting:
            if self._thread is None:
                with self._database.write(durable=False) as connection:
                    self._forget(connection)
                    self._enter(connection)
                self._thread = threading.Thread(target=self._beat, name="ledger-heartbeat", daemon=True)
                self._thread.start()
        return self.owner

    def dead(self, connection: Connection, owners: set[str]) -> set[str]:
        """Those of the owners whose process has ended, by our own knowledge or by its long silence."""
        rows = {row.owner: row for row in connection.execute(select(processes).where(processes.c.owner.in_(owners)))}
        return {owner for owner in owners - {self.owner} if owner not in rows or self._is_dead(rows[owner])}

    def close(self) -> None:
        """Takes the entry out: what this process left running is free for others at once."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            with suppress(LibraryError), self._database.write() as connection:
                connection.execute(delete(processes).where(processes.c.owner == self.owner))

    def _is_dead(self, row: Any) -> bool:
        if row.place == here():
            return not _lives(row.pid, row.born_s)
        silent = abs(self._clock() - row.heartbeat_at)
        return bool(silent > timedelta(seconds=SILENT_S))

    def _forget(self, connection: Connection) -> None:
        """Takes out the entries of processes that are long dead. Not by the clock alone, which may have jumped."""
        old = processes.c.heartbeat_at < self._clock() - timedelta(days=1)
        gone = [row.owner for row in connection.execute(select(processes).where(old)).all() if self._is_dead(row)]
        connection.execute(delete(processes).where(processes.c.owner.in_(gone)))

    def _enter(self, connection: Connection) -> None:
        born_s = _birth_s(psutil.Process())
        row = {
            "owner": self.owner,
            "place": here(),
            "pid": os.getpid(),
            "born_s": born_s,
            "heartbeat_at": self._clock(),
        }
        put(connection, processes, [row])

    def _beat(self) -> None:
        """A beat that fails (full disk, server away) is left out; the next one may succeed."""
        while not self._closed.wait(HEARTBEAT_S):
            with suppress(LibraryError), self._database.write(durable=False) as connection:
                self._enter(connection)


def here() -> str:
    """Where process ids mean something: this machine, and on Linux this container's process table since this boot."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()} {boot}"
    return socket.gethostname()


def _birth_s(process: psutil.Process) -> float:
    """When it began, by what no change of the clock moves: on Linux, where the time of boot moves, since the boot."""
    born_s = float(process.create_time())
    return born_s - psutil.boot_time() if psutil.LINUX else born_s


def _lives(pid: int, born_s: float) -> bool:
    try:
        process = psutil.Process(pid)
        same = abs(_birth_s(process) - born_s) < _SAME_BIRTH_S
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
