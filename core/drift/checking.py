"""Windows as people give them, checked before any work begins. Loads nothing heavy."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from core.drift.paths import check_file, in_uploads
from core.drift.windows import RowsFile, SavedVersion, parse_window
from core.errors import InputError
from core.ledger import DatasetKind, DatasetVersion, Ledger

Checked = tuple[str, str | None]
"""A window with its file or version named in full, and the version."""


def checked_window(ledger: Ledger, text: str, now: datetime, uploads_of: Path | None) -> Checked:
    """``uploads_of``: the folder of reports whose uploads alone may be read; None: any file.

    Raises InputError, NotFound, LibraryError.
    """
    window = parse_window(text, now)
    if isinstance(window, SavedVersion):
        version = saved_traces(ledger, window.name).version
        return f"version:{version}", version
    if not isinstance(window, RowsFile):
        return text.strip(), None
    if uploads_of is not None and not in_uploads(uploads_of, window.path):
        raise InputError("A page cannot read a file of the server", subject=text, hint="Upload it instead.")
    return f"file:{check_file(window.path)}", None


def saved_traces(ledger: Ledger, name: str) -> DatasetVersion:
    """The data version of that name. Raises NotFound, and InputError for one that holds no traces."""
    version = ledger.datasets.find(name)
    if version.kind is not DatasetKind.TRACES:
        hint = "Save traces as a version on the Traces page."
        raise InputError(f"{version.title} holds {version.kind} and no traces", subject=name, hint=hint)
    return version
