"""Uploaded bytes on disk until their job is done, so that they survive the process."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from core.errors import SourceError
from core.ledger.faults import translate_os

_KEY = re.compile(r"[0-9a-f]{64}")


class UploadStore:
    """Files named by the SHA-256 of their content; an upload's own name never becomes a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: bytes) -> str:
        """Writes the bytes, whole or not at all, and returns their key. Raises LibraryError."""
        key = hashlib.sha256(data).hexdigest()
        path = self._folder / key
        fresh = path.with_name(f"{key}.{os.getpid()}.new")
        try:
            if path.exists():
                return key
            self._folder.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise translate_os(error, self._folder) from error
        return key

    def read(self, key: str, name: str) -> bytes:
        """Raises SourceError where the bytes are gone."""
        try:
            return self._path(key).read_bytes()
        except OSError:
            raise SourceError(f"The upload {name} is gone", subject=name, hint="Upload it again.") from None

    def drop(self, key: str) -> None:
        """Unknown keys are fine."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not the key of an upload: {key!r}")
        return self._folder / key
