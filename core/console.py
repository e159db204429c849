"""What commands share: results on standard output, everything else on standard error, times as arguments."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import typer

from core.documents import Document
from core.phrases import one_line


def show_result(document: Document, lines: Sequence[str], *, as_json: bool) -> None:
    """The document as JSON, or the lines for people."""
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines) + "\n")


def show_progress(text: str) -> None:
    """One line on standard error that the next one writes over; nothing where that is no terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{one_line(text)}")
        sys.stderr.flush()


def end_progress() -> None:
    """Takes the line away."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def complain(sentence: str) -> None:
    """Says on standard error what is wrong, in one line."""
    sys.stderr.write(f"cuepoint: {one_line(sentence)}\n")


def moment(text: str | None, option: str, zone: tzinfo = UTC) -> datetime | None:
    """An option's time; one without a zone of its own is in ``zone``. Raises typer.BadParameter."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time, such as 2026-11-01T09:30", param_hint=option) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)
