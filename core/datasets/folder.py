"""Versions on the disk: written whole or not at all, and never read before they are compared with their manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from core.datasets.lines import Document, json_line
from core.errors import LibraryCorrupt, LibraryError, LibraryLocked
from core.ledger import DatasetKind, DatasetVersion
from core.ledger.faults import translate_os

DATA = "data.jsonl"
MANIFEST = "manifest.json"
_UNFINISHED = "unfinished-"
_LOCK_TIMEOUT_S = 120.0
_HASH_BYTES = 1 << 20
_VERSION = re.compile(r"[0-9a-f]{64}")


class Draft:
    """A data.jsonl that is being written."""

    def __init__(self, folder: Path, file: BinaryIO) -> None:
        self.folder = folder
        self.rows = 0
        self.bytes = 0
        self._file = file
        self._hash = hashlib.sha256()

    def add(self, document: Document) -> None:
        """One more line. Raises OSError."""
        line = json_line(document)
        self._file.write(line)
        self._hash.update(line)
        self.rows += 1
        self.bytes += len(line)

    @property
    def sha256(self) -> str:
        """Of all lines so far, in hex."""
        return self._hash.hexdigest()

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Writes the manifest beside the lines; both are on the disk when this returns. Raises OSError."""
        _finish(self._file)
        with (self.folder / MANIFEST).open("wb") as file:
            file.write(manifest_bytes(manifest))
            _finish(file)
        _sync(self.folder)


class DatasetFolder:
    """``<data folder>/datasets/<kind>/<version>/`` with data.jsonl and manifest.json. Safe for threads and processes.

    Methods raise LibraryError and its kinds.
    """

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir.absolute() / "datasets"

    def of(self, version: DatasetVersion) -> Path:
        """Where a version's files are."""
        return self._of(version.kind, version.version)

    def _of(self, kind: DatasetKind, version: str) -> Path:
        if not _VERSION.fullmatch(version):
            raise ValueError(f"not a version: {version!r}")
        return self._root / str(kind) / version

    # ------------------------------------------------------------------------------------------------------- writing

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A data.jsonl to write; it is gone afterwards unless it was kept. One at a time on this machine."""
        with self._translated(), self._alone():
            self._drop_unfinished()
            folder = self._root / f"{_UNFINISHED}{uuid.uuid4().hex}"
            folder.mkdir()
            try:
                with (folder / DATA).open("wb") as file:
                    yield Draft(folder, file)
            finally:
                self._drop_unfinished()

    def keep(self, draft: Draft, kind: DatasetKind, version: str, manifest: Mapping[str, Any]) -> Path:
        """Makes a draft a version, which appears with both files at once; it takes the place of a damaged one."""
        target = self._of(kind, version)
        draft.finish(manifest)
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            target.rename(self._root / f"{_UNFINISHED}{uuid.uuid4().hex}")
        draft.folder.rename(target)
        for folder in (target.parent, self._root):
            _sync(folder)
        return target

    def drop(self, version: DatasetVersion) -> None:
        """Removes the files; fine where there are none."""
        with self._translated(), self._alone():
            folder = self.of(version)
            if folder.exists():
                folder.rename(self._root / f"{_UNFINISHED}{uuid.uuid4().hex}")
            self._drop_unfinished()

    # ------------------------------------------------------------------------------------------------------- reading

    def verify(self, version: DatasetVersion) -> Path:
        """The folder of a version whose files are those that were saved. Raises LibraryCorrupt with what is wrong."""
        folder = self.of(version)
        if not folder.is_dir():
            raise _damaged(version, folder, "its folder is not on this machine")
        with self._translated():
            check_files(folder, version)
        return folder

    def is_whole(self, version: DatasetVersion) -> bool:
        try:
            self.verify(version)
        except LibraryCorrupt:
            return False
        return True

    def documents(self, version: DatasetVersion) -> Iterator[dict[str, Any]]:
        """The lines of a version, one in memory at a time, after it was verified."""
        path = self.verify(version) / DATA
        with self._translated(), path.open("rb") as file:
            for line in file:
                yield json.loads(line)

    # ------------------------------------------------------------------------------------------------------ the disk

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._root / ".lock", timeout=_LOCK_TIMEOUT_S):
                yield
        except Timeout:
            raise LibraryLocked(
                "Another process is saving a data version", subject=str(self._root), hint="Try again in a minute."
            ) from None

    def _drop_unfinished(self) -> None:
        """What was not kept, what was replaced, what a killed process left: nobody else writes, as the lock is ours."""
        for left in self._root.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise translate_os(error, self._root) from error


def check_files(folder: Path, version: DatasetVersion) -> None:
    """Raises LibraryCorrupt where a file is missing or not the one that was saved."""
    try:
        if json.loads((folder / MANIFEST).read_bytes()) != version.manifest:
            raise _damaged(version, folder, f"{MANIFEST} was changed")
        found = file_hash(folder / DATA)
    except FileNotFoundError as error:
        raise _damaged(version, folder, f"{Path(error.filename).name} is missing") from None
    except ValueError:
        raise _damaged(version, folder, f"{MANIFEST} cannot be read") from None
    if found != version.manifest.get("sha256"):
        raise _damaged(version, folder, f"{DATA} does not match its manifest")


def file_hash(path: Path) -> str:
    """SHA-256 in hex of a file. Raises OSError."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BYTES):
            hashed.update(block)
    return hashed.hexdigest()


def embedder_of(version: DatasetVersion) -> str:
    """The identity of the embedder that a version of the library belongs to."""
    return str(version.manifest.get("embedder", ""))


def other_embedder(saved_with: str, present: str) -> str:
    """Says what a change of the embedder means for a version that is restored."""
    return (
        f"The version was saved with the embedder {saved_with}. Its content is restored; with {present}, which is used "
        "now, it has another version number."
    )


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """manifest.json as it stands on the disk and as it is downloaded."""
    return json.dumps(manifest, indent=2, allow_nan=False).encode() + b"\n"


def _damaged(version: DatasetVersion, folder: Path, what: str) -> LibraryError:
    return LibraryCorrupt(
        f"The data version {version.title} cannot be used: {what}",
        subject=str(folder),
        hint="Put its folder back from a backup; where its content is still in the library, save it again.",
    )


def _finish(file: BinaryIO) -> None:
    """What was written is on the disk when this returns."""
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """The names in a folder are on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
