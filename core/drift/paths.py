"""Files of windows and of reports: what may be read, and how what is written appears whole. Loads nothing heavy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from core.drift.windows import FILE_ENDINGS
from core.errors import InputError
from core.ledger.faults import translate_os

MOST_BYTES = 1_000_000_000
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80
_DIGEST = re.compile(r"^[0-9a-f]{16}-")
_OF_REPORT = (".html.gz", ".json.gz")


def reports_folder(data_dir: Path) -> Path:
    """Holds Evidently's reports, ``<id>.html.gz`` and ``<id>.json.gz``, and uploads."""
    return data_dir.absolute() / "drift"


def check_file(path: Path) -> Path:
    """The file, absolute. Raises InputError where there is none, it is empty or too large, or it is no table."""
    name = path.name
    _check_ending(name)
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror})", subject=name) from None
    if size is None:
        raise InputError(f"There is no file {name}", subject=name, hint="Give its whole path.")
    if size == 0:
        raise InputError(f"{name} is empty", subject=name)
    if size > MOST_BYTES:
        raise InputError(f"{name} has more than {MOST_BYTES // 10**6:,} MB", subject=name, hint="Split it.")
    return path.absolute()


def keep_upload(folder: Path, name: str, content: bytes) -> Path:
    """Where it is now. Raises InputError for what is no table, LibraryError."""
    ending = _check_ending(name)
    if not content or len(content) > MOST_BYTES:
        size = "is empty" if not content else f"has more than {MOST_BYTES // 10**6:,} MB"
        raise InputError(f"{name} {size}", subject=name)
    digest = hashlib.sha256(content).hexdigest()[:16]
    safe = _UNSAFE.sub("-", Path(name).stem)[:_LONGEST_NAME]
    path = uploads_folder(folder) / f"{digest}-{safe}{ending}"
    write_whole(path, content)
    return path


def forget_files(folder: Path, report_ids: Sequence[str]) -> None:
    """Takes out what is kept of reports that are gone: nothing leads to it any more."""
    for path in (folder / f"{report_id}{ending}" for report_id in report_ids for ending in _OF_REPORT):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def given_name(path: Path) -> str:
    """What its owner called it: an upload carries a digest in front."""
    return _DIGEST.sub("", path.name)


def in_uploads(folder: Path, path: Path) -> bool:
    """Whether it is a file that was uploaded."""
    return path.resolve().parent == uploads_folder(folder).resolve()


def uploads_folder(folder: Path) -> Path:
    """Of the reports' folder."""
    return folder / "uploads"


def write_whole(path: Path, content: bytes) -> None:
    """Whole or not at all. Raises LibraryError."""
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise translate_os(error, path) from error


def _check_ending(name: str) -> str:
    """The ending in small letters. Raises InputError."""
    ending = Path(name).suffix.lower()
    if ending not in FILE_ENDINGS:
        raise InputError(f"{name} is no table", subject=name, hint=f"It must end in {', '.join(FILE_ENDINGS)}.")
    return ending
