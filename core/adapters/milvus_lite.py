"""Milvus Lite's folder: opened once per process, shared by its users, really closed by the last one.

What Milvus Lite 3.2 does, and what prevents the harm:

* One process may have it open; the second gets an error without a reason. We try its lock first and name the folder.
* Of several threads that open it at once, one wins and the rest fail: all open under one guard.
* ``MilvusClient.close`` leaves server and lock alive: the last user stops the server.
* Upserts beside a flush can lose rows that were acknowledged: all writers share ``writing``.
* It writes a file per segment for the FLAT index, not atomically, and from then on cannot load a collection of which
  one is torn. Such a file only copies the vectors of its Parquet file, so all are discarded before each opening and
  Lite writes them anew when it loads: no half-written, truncated or stale one is ever read.
"""

from __future__ import annotations

import errno
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from core.adapters.milvus_client import pymilvus as _pymilvus  # noqa: F401  (milvus_lite needs its guarded import first)
from core.errors import LibraryCorrupt, LibraryError, LibraryFull, LibraryLocked, LibraryReadOnly, VectorIndexError

from milvus_lite.server_manager import server_manager_instance  # isort: skip


@dataclass
class LiteFile:
    """An open folder. ``writing`` is held around every upsert, delete and flush."""

    path: Path
    writing: threading.RLock = field(default_factory=threading.RLock)
    users: int = 0

    def discard(self, collection: str) -> None:
        """Removes what a damaged collection left behind after it was dropped."""
        shutil.rmtree(self.path / "collections" / collection, ignore_errors=True)


_guard = threading.Lock()
_open: dict[Path, LiteFile] = {}


def is_lite(uri: str) -> bool:
    return uri.endswith(".db")


def acquire(uri: str) -> LiteFile:
    """Opens the folder, or joins those in this process who have it open; give it back with release.

    Raises LibraryLocked, LibraryReadOnly, LibraryFull, LibraryCorrupt, VectorIndexError.
    """
    path = Path(uri).absolute()
    with _guard:
        if path not in _open:
            _take(path)
            if server_manager_instance.start_and_get_uri(str(path)) is None:
                raise VectorIndexError(f"Milvus Lite could not open {path}", subject=str(path))
            _open[path] = LiteFile(path)
        _open[path].users += 1
        return _open[path]


def release(file: LiteFile) -> None:
    """Gives the folder back; the last user's release frees the lock for other processes."""
    with _guard:
        file.users -= 1
        if file.users == 0:
            del _open[file.path]
            server_manager_instance.release_server(str(file.path))


def _take(path: Path) -> None:
    """Makes sure that the folder exists, can be written and is nobody else's, and discards its index files."""
    try:
        if path.is_file():
            hint = "Milvus Lite 3 keeps a folder there; move the file away and the index is built anew."
            raise LibraryCorrupt(f"{path} is a file", subject=str(path), hint=hint)
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / "LOCK", blocking=False):
            for index_file in path.glob("**/indexes/*.idx"):
                index_file.unlink()
    except Timeout:
        hint = "Close it, or set MILVUS_URI to a Milvus server, which several processes can share."
        raise LibraryLocked(f"Another process has the vector index {path} open", subject=str(path), hint=hint) from None
    except OSError as error:
        raise _library_error(error, path) from error


def _library_error(error: OSError, path: Path) -> LibraryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LibraryFull(f"The disk that holds {path} is full", subject=str(path), hint="Free some space.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return LibraryReadOnly(f"{path} cannot be written", subject=str(path), hint="Check the folder's permissions.")
    hint = "Set CUEPOINT_DATA_DIR to a folder."
    return LibraryError(f"{path} cannot be opened: {error.strerror}", subject=str(path), hint=hint)
