"""What a database says when it fails, in our words."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import LibraryCorrupt, LibraryError, LibraryFull, LibraryLocked, LibraryReadOnly

_FULL_HINT = "Free some space and try again; what was saved before is complete."
_LOCKED_HINT = "Close the other program that uses it, or try again in a minute."
_READ_ONLY_HINT = "Make the folder and its files writable for this user, or set CUEPOINT_DATA_DIR to another folder."
_UNUSABLE_HINT = "If it is no library of this version of Cuepoint, move it away or set CUEPOINT_DATA_DIR elsewhere."
_ALMOST_NOTHING = 1_000_000
"""Bytes. SQLite reports a disk without even this as an input/output error when it grows its shared-memory file."""

_SQLSTATES: dict[str, tuple[type[LibraryError], str, str]] = {
    "53100": (LibraryFull, "The disk of the database {name} is full", _FULL_HINT),
    "25006": (
        LibraryReadOnly,
        "The database {name} accepts no writes",
        "Give DATABASE_URL a server that can be written.",
    ),
    "42501": (
        LibraryReadOnly,
        "The user of {name} may not write there",
        "Grant it the rights on its tables and schema.",
    ),
    "55P03": (LibraryLocked, "Another process holds a lock in {name} for too long", _LOCKED_HINT),
    "40P01": (LibraryLocked, "Another process changed the same rows of {name}", "Try again."),
    "40001": (LibraryLocked, "Another process changed the same rows of {name}", "Try again."),
    "XX001": (LibraryCorrupt, "A table of {name} is damaged", "Restore the database from a backup."),
    "XX002": (LibraryCorrupt, "An index of {name} is damaged", "Run REINDEX DATABASE, or restore a backup."),
}


def library_file(url: URL) -> Path | None:
    """The SQLite file, or None for a server."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def safe_name(url: URL) -> str:
    """What may be shown of the address: the file, or host, port and database, never user or password."""
    file = library_file(url)
    if file is not None:
        return str(file)
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}:{url.port or 5432}/{url.database or ''}"


def translate(error: SQLAlchemyError | sqlite3.Error, url: URL) -> LibraryError:
    """The error of our tree for one of the database's; its message holds no password and no row."""
    name = safe_name(url)
    if isinstance(error, PoolTimeout):
        return busy(name)
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _from_sqlite(original, Path(name))
    return _from_postgres(original or error, name)


def translate_os(error: OSError, path: Path) -> LibraryError:
    """The error of our tree for one of the operating system's while the folder was made or opened."""
    name = str(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LibraryFull(f"The disk that holds {name} is full", subject=name, hint=_FULL_HINT)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return LibraryReadOnly(f"The library {name} cannot be written", subject=name, hint=_READ_ONLY_HINT)
    reason = (error.strerror or str(error)).lower()
    return LibraryError(
        f"The library {name} cannot be opened: {reason}", subject=name, hint="Set CUEPOINT_DATA_DIR to a usable folder."
    )


def busy(name: str) -> LibraryLocked:
    """Threads of this process waited for each other for too long."""
    return LibraryLocked(f"The library {name} is too busy", subject=name, hint="Try again in a minute.")


def corrupt(file: Path, detail: str) -> LibraryCorrupt:
    """A damaged SQLite file. It is never touched: the hint says where it is and how to go on without it."""
    return LibraryCorrupt(
        f"The library file {file} is damaged ({detail})",
        subject=str(file),
        hint=f"It was left as it is. Put a backup in its place, or move {file.name}, {file.name}-wal and "
        f"{file.name}-shm away together to begin with an empty library.",
    )


def _from_sqlite(error: sqlite3.Error, file: Path) -> LibraryError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = str(file)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return corrupt(file, str(error))
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_space(file)):
        return LibraryFull(f"The disk that holds {name} is full", subject=name, hint=_FULL_HINT)
    if code == sqlite3.SQLITE_READONLY or (
        code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM) and not _writable(file)
    ):
        return LibraryReadOnly(f"The library {name} cannot be written", subject=name, hint=_READ_ONLY_HINT)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryLocked(f"Another process holds the library {name} for too long", subject=name, hint=_LOCKED_HINT)
    return LibraryError(f"The library {name} cannot be used: {error}", subject=name, hint=_UNUSABLE_HINT)


def _from_postgres(error: BaseException, name: str) -> LibraryError:
    state = getattr(error, "sqlstate", None)
    if state in _SQLSTATES:
        kind, message, hint = _SQLSTATES[state]
        return kind(message.format(name=name), subject=name, hint=hint)
    if state is None or state[:2] in ("08", "28", "3D", "57"):
        return LibraryError(
            f"PostgreSQL at {name} does not accept the connection{_reason(state)}",
            subject=name,
            hint="Check that the server runs, and host, port, user and password in DATABASE_URL.",
        )
    return LibraryError(f"PostgreSQL at {name} refused a statement (SQLSTATE {state})", subject=name)


def _reason(state: str | None) -> str:
    if state is None:
        return ""
    return {"28": ": user or password is wrong", "3D": ": there is no such database"}.get(state[:2], "")


def _no_space(file: Path) -> bool:
    try:
        return shutil.disk_usage(file.parent).free < _ALMOST_NOTHING
    except OSError:
        return False


def _writable(file: Path) -> bool:
    folder = file.parent
    return os.access(folder, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))
