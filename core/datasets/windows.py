"""Which traces a version is made of, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from core.datasets.lines import Document
from core.datasets.tuning import feedback_rows, finetune_rows, pages, preference_rows
from core.errors import InputError
from core.ledger import DatasetKind, TraceFilter, TraceStore
from core.ledger.outbox_rows import SAMPLE
from core.models import Trace

AsDocument = Callable[[Trace], dict[str, Any]]

_MADE = {
    DatasetKind.FEEDBACK: feedback_rows,
    DatasetKind.FINETUNE: finetune_rows,
    DatasetKind.PREFERENCES: preference_rows,
}
_NOTHING = {
    DatasetKind.TRACES: ("There is no finished trace here", "Widen the filters, or ask something first."),
    DatasetKind.FEEDBACK: ("There is no thumb here", "Widen the filters, or give thumbs on the Ask page."),
    DatasetKind.FINETUNE: (
        "There is no good answer to learn from: no answer that a chat model wrote has a thumb up or a correction",
        "Give thumbs on the Ask page, and say after a thumb down what would have been right.",
    ),
    DatasetKind.PREFERENCES: (
        "There is no pair to learn from: no answer of a chat model has a correction, and none is good beside a bad one",
        "Say on the Ask page, after a thumb down, what would have been right, or ask the same question again.",
    ),
}


class Windows:
    """The rows of each kind of version but the library."""

    def __init__(self, traces: TraceStore, as_document: AsDocument) -> None:
        self._traces = traces
        self._as_document = as_document

    def rows(self, kind: DatasetKind, where: TraceFilter) -> Iterator[Document]:
        """Newest first, some in memory at a time. Raises LibraryError."""
        if kind is DatasetKind.TRACES:
            return map(self._as_document, pages(self._traces, where))
        return _MADE[kind](self._traces, where)


def nothing_of(kind: DatasetKind) -> InputError:
    """Says what is missing where a window gives no row."""
    message, hint = _NOTHING[kind]
    return InputError(message, hint=hint)


def not_empty(rows: Iterator[Document], kind: DatasetKind) -> Iterator[Document]:
    """The rows; raises InputError at the end where there was none."""
    first = next(rows, None)
    if first is None:
        raise nothing_of(kind)
    yield first
    yield from rows


def frozen_at(where: TraceFilter, now: datetime) -> TraceFilter:
    """The filter without what begins later, so that reading it page by page misses nothing and repeats nothing.

    Sample traffic is left out of what becomes a file, unless the filter asks for it.
    """
    sample = where.sample if asks_for_sample(where) else False
    return replace(where, until=min(where.until or now, now), sample=sample)


def asks_for_sample(where: TraceFilter) -> bool:
    """Whether it lets nothing but sample traffic through."""
    return bool(where.sample) or (where.kind or "").startswith(SAMPLE)


def filter_document(where: TraceFilter) -> dict[str, Any]:
    """The window as the manifest shows it: only what narrows it."""
    named = {
        "since": where.since and where.since.isoformat(),
        "until": where.until and where.until.isoformat(),
        "kind": where.kind,
        "model": where.model,
        "template": where.template,
        "user": where.user,
        "status": where.status and str(where.status),
        "text": where.text or None,
        "thumb": where.thumb,
        "sample": where.sample or None,
    }
    return {name: value for name, value in named.items() if value is not None}
