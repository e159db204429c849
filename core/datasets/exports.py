"""One file for other programs, JSONL or CSV: written beside the old one and put in its place when it is whole."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from core.datasets.lines import Document, json_line
from core.datasets.tuning import FEEDBACK_COLUMNS
from core.errors import InputError, LibraryFull
from core.ledger import DatasetKind
from core.ledger.faults import translate_os
from core.plain_text import spreadsheet_cell


class Export(StrEnum):
    """What can be exported."""

    DATASET = "dataset"
    TRACES = "traces"
    FEEDBACK = "feedback"
    FINETUNE = "finetune"


TRACE_COLUMNS = (
    "trace_id", "started_at", "kind", "status", "question", "answer", "language", "model", "usage.prompt_tokens",
    "usage.completion_tokens", "usage.cached_tokens", "cost_usd", "ttft_ms", "latency_ms", "cached", "template",
    "template_version", "temperature", "channels", "conversation_id", "feedback.value", "feedback.reason",
    "feedback.comment", "feedback.correction", "error", "library_version",
)  # fmt: skip
"""Of the CSV of traces: what fits into a cell. Steps, prompt and passages are in the JSONL only."""

COLUMNS: Mapping[DatasetKind, Sequence[str]] = {
    DatasetKind.TRACES: TRACE_COLUMNS,
    DatasetKind.FEEDBACK: FEEDBACK_COLUMNS,
}
"""The kinds of which there is a CSV."""

_Writer = Callable[[Document], bytes]


def checked_file(file: Path, kind: DatasetKind) -> Path:
    """The file to write. Raises InputError where its ending names no form that this kind has."""
    endings = (".jsonl", ".csv") if kind in COLUMNS else (".jsonl",)
    if file.suffix.lower() not in endings:
        raise InputError(f"{file.name} ends in none of {', '.join(endings)}", subject="--out", hint="Choose one.")
    return file.expanduser().absolute()


def write_file(file: Path, kind: DatasetKind, rows: Iterable[Document]) -> tuple[int, str]:
    """Writes the rows in the form that the file's ending names; returns how many, and the SHA-256 of them as JSONL.

    Raises InputError where the file cannot be written, LibraryFull where the disk is full; then the old one stays.
    """
    hashed, count = hashlib.sha256(), 0
    with _replacing(file) as output:
        form = _csv_rows(COLUMNS[kind], output) if file.suffix.lower() == ".csv" else json_line
        for row in rows:
            hashed.update(json_line(row))
            output.write(form(row))
            count += 1
    return count, hashed.hexdigest()


def to_bytes(kind: DatasetKind, rows: Iterable[Document], *, as_csv: bool) -> bytes:
    """The same in memory, for a download."""
    output = io.BytesIO()
    form = _csv_rows(COLUMNS[kind], output) if as_csv else json_line
    for row in rows:
        output.write(form(row))
    return output.getvalue()


def _csv_rows(columns: Sequence[str], output: BinaryIO) -> _Writer:
    """Writes the head; returns what makes a row."""
    output.write(_csv_line(columns))
    return lambda document: _csv_line([_cell(_of(document, name)) for name in columns])


def _csv_line(cells: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode("utf-8", "replace")


def _of(document: Document, name: str) -> Any:
    """``usage.prompt_tokens`` is the field of a field."""
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    return spreadsheet_cell(value) if isinstance(value, str) else value


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        fresh.replace(file)
    except OSError as error:
        raise _unwritable(file, error) from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _unwritable(file: Path, error: OSError) -> InputError | LibraryFull:
    known = translate_os(error, file)
    if isinstance(known, LibraryFull):
        return known
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{file} cannot be written: {reason}", subject="--out", hint="Choose another file.")
