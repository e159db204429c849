"""What saving, restoring and exporting tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.ledger import DatasetVersion


@dataclass(frozen=True, slots=True)
class Saved:
    """A version that is saved now."""

    version: DatasetVersion
    new: bool
    """False: this content was saved before, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Restoring:
    """A restoration that has begun."""

    job_id: str | None
    """The job that does it; None where the library is that version already."""
    before: DatasetVersion | None
    """What the library was, saved to go back to; None where there is no job."""
    notice: str = ""
    """A plain sentence, for example that another embedder is used now."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written."""

    file: Path
    rows: int
    version: str
    """Names the content: the library's version, or the hash of the rows."""
