"""What the mirror refused, as a person sees it: why, what would be sent, and how it is mended and sent again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import CuepointError, InputError
from core.ledger import Ledger, OutboxRow, OutboxState
from core.mirror.documents import experiment_from, thumb_document, thumb_from
from core.mirror.parcels import Parcels
from core.mirror.records import from_document, record_id, to_document

_OF_TRACES = ("trace", "feedback")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One thing that the mirror refused."""

    kind: str
    """``trace``, ``feedback``, ``experiment``, ``dataset``."""
    id: str
    reason: str
    queued_at: datetime
    attempts: int
    title: str
    """The question, or the name of the experiment or data version; empty where nobody knows it (any more)."""


class Letters:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._outbox = ledger.outbox
        self._parcels = Parcels(ledger)

    def dead(self, limit: int, offset: int) -> list[DeadLetter]:
        """Newest first."""
        rows = self._outbox.rows(OutboxState.DEAD, limit=limit, offset=offset)
        questions = self._ledger.traces.questions([row.id for row in rows if row.kind in _OF_TRACES])
        return [
            DeadLetter(row.kind, row.id, row.error or "", row.queued_at, row.attempts, _title(row, questions))
            for row in rows
        ]

    def document(self, kind: str, key: str) -> str:
        """JSON of what would be sent. Raises NotFound; InputError where nothing can be made of the row."""
        row = self._outbox.row(kind, key)
        try:
            document = self._document(row)
        except CuepointError:
            raise
        except Exception as error:
            raise InputError(f"Nothing can be made of this {kind} ({type(error).__name__})", subject=key) from error
        return json.dumps(document, ensure_ascii=False, indent=2)

    def _document(self, row: OutboxRow) -> Any:
        if row.kind == "trace":
            return to_document(self._parcels.record(row))
        if row.kind == "feedback":
            return thumb_document(self._parcels.thumb(row))
        return row.document

    def send_again(self, kind: str, key: str, document: str | None) -> None:
        """Sends a row again; ``document``: the mended JSON that goes instead. Raises NotFound, InputError."""
        mended = None
        if document is not None:
            mended = _read(document)
            _check(kind, key, mended)
        self._outbox.resend(kind, key, document=mended)


def _title(row: OutboxRow, questions: Mapping[str, str]) -> str:
    if row.kind in _OF_TRACES:
        return questions.get(row.id, "")
    return str(row.document.get("name", "")) if isinstance(row.document, Mapping) else ""


def _read(document: str) -> Any:
    try:
        return json.loads(document)
    except ValueError as error:
        raise InputError(f"This is no JSON: {error}", hint="Mend it, or put back what was shown.") from None
    except RecursionError:
        raise InputError("This JSON is nested too deeply", hint="Put back what was shown.") from None


def _check(kind: str, key: str, document: Any) -> None:
    """Raises InputError that says what is wrong with a mended document."""
    if kind == "trace":
        from_document(document)
    elif kind == "feedback":
        thumb_from(document, record_id(key))
    elif kind == "experiment":
        if experiment_from(document).experiment_id != key:
            raise InputError(f"The experiment's id must stay {key}", subject="experiment_id")
    else:
        # It names files of this machine, which nobody may choose from a page.
        raise InputError(f"A {kind} is sent as it is", hint="Send it again without a change, or save a new version.")
