"""Files that came from a browser: kept while a report may still be read, then removed. Loads nothing heavy."""

from __future__ import annotations

import logging
import os
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from pathlib import Path

from core.drift.paths import uploads_folder

KEPT = timedelta(days=30)
"""After its last use an upload goes."""
KEPT_BYTES = 2_000_000_000
"""Of more than these together, those go first that were not used for longest."""
_UNFINISHED = timedelta(hours=1)

_log = logging.getLogger(__name__)


def touch_upload(path: Path, now: datetime) -> None:
    """Notes that a report uses it."""
    try:
        os.utime(path, (now.timestamp(), now.timestamp()))
    except OSError as error:
        _log.warning("The upload %s cannot be marked as used: %s", path.name, error.strerror)


def clean_uploads(folder: Path, now: datetime, in_use: AbstractSet[Path]) -> int:
    """Removes old uploads, and what a killed process left unfinished; returns how many. Never raises.

    ``in_use``: files that stay whatever their age: those of reports under way.
    """
    try:
        known = [(_age(path, now), path.stat().st_size, path) for path in uploads_folder(folder).iterdir()]
    except OSError:
        return 0
    removed, total = 0, 0
    for age, size, path in sorted(known):
        total += size
        unfinished = path.suffix == ".unfinished" and age > _UNFINISHED
        if path not in in_use and (unfinished or age > KEPT or total > KEPT_BYTES):
            removed += _remove(path)
    return removed


def _age(path: Path, now: datetime) -> timedelta:
    return now - datetime.fromtimestamp(path.stat().st_mtime, tz=now.tzinfo)


def _remove(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("The upload %s cannot be removed: %s", path.name, error.strerror)
        return False
    return True
