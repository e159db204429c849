"""The connection to SQLite or PostgreSQL: how it is opened, read and written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from core.errors import SettingsError
from core.ledger.faults import busy, library_file, safe_name, translate

_BEGIN = {
    True: ("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE"),
    False: ("PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE"),
}
_POSTGRES_NAMES = ("postgres", "postgresql", "postgresql+psycopg")


def parse_url(address: str) -> URL:
    """``sqlite:///path``, ``postgres://…`` or ``postgresql://…`` as SQLAlchemy's URL.

    Raises SettingsError for anything else; its message does not repeat the address, which may hold a password.
    """
    hint = "Use sqlite:///path/to/file.db or postgresql://user:password@host:5432/database."
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise SettingsError("DATABASE_URL is not a database address", subject="DATABASE_URL", hint=hint) from None
    if url.drivername in _POSTGRES_NAMES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        if not url.database or url.database == ":memory:":
            raise SettingsError("DATABASE_URL names no file", subject="DATABASE_URL", hint=hint)
        return url.set(drivername="sqlite")
    message = f"DATABASE_URL begins with {url.drivername}://, which is not supported"
    raise SettingsError(message, subject="DATABASE_URL", hint=hint)


class Database:
    """One engine with the two ways to use it: ``read()`` and ``write()``.

    SQLite: WAL, so that readers never wait; ``synchronous=FULL``, so that what was committed survives a power cut;
    writes begin with BEGIN IMMEDIATE, so that a transaction waits for its turn at its start and never fails midway.
    Threads of this process take turns at a lock of ours first, which wakes the next at once; SQLite's own waiting is
    for other processes, and polls.
    """

    def __init__(self, url: URL, *, lock_timeout_s: float = 30.0) -> None:
        self.url = url
        self.name = safe_name(url)
        self.is_sqlite = library_file(url) is not None
        self._turn = threading.Lock()
        self._lock_timeout_s = lock_timeout_s
        self.engine = _sqlite_engine(url, lock_timeout_s) if self.is_sqlite else _postgres_engine(url, lock_timeout_s)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a transaction of its own, which sees one state of the database. Raises LibraryError."""
        with self.translated(), self.engine.connect() as connection:
            yield connection if self.is_sqlite else connection.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, or undone by any exception. Raises LibraryError.

        ``durable=False`` does not wait for the disk: a killed process still loses nothing, and a power cut at most
        the last moment, never a part of a transaction. For what is only progress.
        """
        with self.translated(), self._our_turn(), self.engine.connect() as plain:
            connection = plain.execution_options(begin_statements=_BEGIN[durable])
            with connection.begin():
                if not self.is_sqlite and not durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
                yield connection

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise translate(error, self.url) from error

    @contextmanager
    def _our_turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=self._lock_timeout_s):
            raise busy(self.name)
        try:
            yield
        finally:
            self._turn.release()


def _sqlite_engine(url: URL, lock_timeout_s: float) -> Engine:
    """Connections without limit: each is a file handle, and fifty sessions must not queue for one."""
    engine = create_engine(
        url, pool_size=8, max_overflow=-1, hide_parameters=True, connect_args={"timeout": lock_timeout_s}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.create_function("lower", 1, _lower, deterministic=True)
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "temp_store=MEMORY", "journal_size_limit=67108864"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        for statement in connection.get_execution_options().get("begin_statements", ("BEGIN",)):
            connection.exec_driver_sql(statement)

    return engine


def _lower(value: Any) -> Any:
    """SQLite's own lower() knows ASCII only."""
    return value.lower() if isinstance(value, str) else value


def _postgres_engine(url: URL, lock_timeout_s: float) -> Engine:
    """At most 20 connections, as a small server allows 100 in all; the rest wait for one of these."""
    options = f"-c lock_timeout={int(lock_timeout_s * 1000)} -c timezone=UTC"
    return create_engine(
        url,
        pool_size=5,
        max_overflow=15,
        pool_timeout=lock_timeout_s,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 10, "options": options, "application_name": "cuepoint"},
    )
