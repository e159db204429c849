"""Brings a ledger to the schema of this version, from code: no ini file, no env.py, nothing written to the package."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Select, Text, column, inspect, select, table, text

from core.errors import LibraryError, LibraryLocked
from core.ledger.database import Database
from core.ledger.faults import corrupt, library_file, translate_os

_log = logging.getLogger(__name__)

HEAD = "0003"
"""The newest revision in migrations/versions. Alembic is imported only where the ledger does not stand at it."""

VERSION_TABLE = "cuepoint_version"
"""Not Alembic's own name, which another program in the same PostgreSQL database may use."""

_VERSION: Select[str] = select(column("version_num", Text)).select_from(table(VERSION_TABLE))
_ADVISORY_LOCK = 0x43756570
"""A number for PostgreSQL's pg_advisory_xact_lock; spells Cuep."""

_PATIENCE_S = 600.0
"""So long a process that migrates a large ledger is waited for; its lock ends with it, should it die."""
_SILENT_S = 1.0
"""Of that so long without a word: most ledgers are small or new."""

_ALEMBIC = threading.Lock()
"""Alembic's ``op`` is one per process."""


def prepare(database: Database, *, patience_s: float = _PATIENCE_S) -> None:
    """Makes folder and file, and migrates. Several processes may do this at once: one works, the others wait.

    Raises LibraryError (a ledger of a newer version too), LibraryReadOnly, LibraryFull, LibraryCorrupt, LibraryLocked.
    """
    file = library_file(database.url)
    if file is None:
        _migrate_if_needed(database, patience_s)
        return
    _make_folder(file)
    if _is_ready(database):
        _probe_write(database)
        return
    with _file_lock(file, patience_s):
        _use_wal(database)
        _migrate_if_needed(database, patience_s)


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        wal = file.with_name(f"{file.name}-wal")
        emptied = file.exists() and file.stat().st_size == 0 and wal.exists() and wal.stat().st_size > 0
    except OSError as error:
        raise translate_os(error, file.parent) from error
    if emptied:
        raise corrupt(file, "it is empty, but its write-ahead log is not")


def _file_lock(file: Path, timeout_s: float) -> Any:
    """The system takes it from a process that dies, so whoever holds it is alive."""
    lock = FileLock(file.with_name(f"{file.name}.lock"))
    try:
        try:
            return lock.acquire(timeout=min(timeout_s, _SILENT_S))
        except Timeout:
            _tell_of_waiting(str(file), timeout_s)
            return lock.acquire(timeout=timeout_s)
    except Timeout:
        name = str(file)
        raise LibraryLocked(
            f"Another process is preparing the library {name}", subject=name, hint="Try again."
        ) from None
    except OSError as error:
        raise translate_os(error, file) from error


def _tell_of_waiting(name: str, patience_s: float) -> None:
    _log.warning("Another process is preparing the library %s; waiting for it up to %.0f s", name, patience_s)


def _is_ready(database: Database) -> bool:
    """Whether schema and journal mode are as they should be: the usual start, two reads."""
    with database.read() as connection:
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return journal == "wal" and _version(connection, database.name) == HEAD


def _probe_write(database: Database) -> None:
    """Finds a read-only file or folder at the start instead of at the first answer.

    Changes no row; BEGIN IMMEDIATE alone would not do, SQLite quietly makes it a BEGIN where it cannot write.
    """
    with database.write() as connection:
        connection.execute(text("UPDATE library_state SET revision = revision WHERE id < 0"))


def _use_wal(database: Database) -> None:
    """WAL stays with the file once it is set; a restored backup may have lost it."""
    with database.translated():
        connection = database.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()


def _version(connection: Connection, name: str) -> str | None:
    """The revision of the ledger, None for an empty database. Raises LibraryError for one that is not ours to read."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.execute(_VERSION).scalar_one_or_none()
    if version is not None and version > HEAD:
        raise LibraryError(
            f"The library {name} was written by a newer version of Cuepoint (schema {version}, this one knows {HEAD})",
            subject=name,
            hint="Update Cuepoint, or use another library.",
        )
    return version


def _advisory_lock(connection: Connection, name: str, timeout_s: float) -> None:
    """PostgreSQL's, until the transaction ends; other locks are waited for as shortly as ever."""
    key = {"key": _ADVISORY_LOCK}
    if connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), key).scalar_one():
        return
    _tell_of_waiting(name, timeout_s)
    connection.execute(text(f"SET LOCAL lock_timeout TO {int(timeout_s * 1000)}"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)
    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


def _migrate_if_needed(database: Database, patience_s: float) -> None:
    with database.write() as connection:
        if not database.is_sqlite:
            _advisory_lock(connection, database.name, patience_s)
        if _version(connection, database.name) != HEAD:
            _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    """All missing migrations in the transaction of the connection: a kill leaves the old schema or the new one."""
    from alembic.config import Config  # noqa: PLC0415  a slow import, needed once per schema change
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs(HEAD, revision)  # noqa: SLF001  what alembic's own commands call

    with _ALEMBIC, EnvironmentContext(config, script, fn=steps, destination_rev=HEAD) as environment:
        environment.configure(connection=connection, transactional_ddl=True, version_table=VERSION_TABLE)
        environment.run_migrations()
