"""Which rows a report compares, as a short text that a page, a command and a schedule share. Pure.

========================================  ==============================================================
``7d``, ``24h``                           the last seven days, the last day
``14d..7d``                               from fourteen to seven days ago
``2026-11-01..2026-11-08``                from a time to another, the end left out; ISO 8601, UTC without a zone
``version:NAME``                          a saved data version, by its id, the beginning of it, or its alias
``file:PATH``                             a CSV, JSONL or Parquet file
========================================  ==============================================================

A period may be narrowed: ``7d?kind=ask&model=small&template=cited-answer&user=ana``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

from core.errors import InputError

FILTERS = ("kind", "model", "template", "user")
FILE_ENDINGS = (".csv", ".jsonl", ".parquet")
_AGO = re.compile(r"(\d{1,5})\s*([hd])", re.IGNORECASE)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
_SAMPLE = "sample"
"""What the kind of made-up traffic begins with."""
_HINT = "Write for example 7d, 14d..7d, 2026-11-01..2026-11-08, version:NAME or file:PATH."


@dataclass(frozen=True, slots=True)
class Period:
    """Traces that started from ``since`` on and before ``until``, both UTC."""

    since: datetime
    until: datetime
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """A data version of kind "traces"."""

    name: str


@dataclass(frozen=True, slots=True)
class RowsFile:
    """A file on the machine of who asks."""

    path: Path


Window = Period | SavedVersion | RowsFile


def parse_window(text: str, now: datetime, *, files: bool = True) -> Window:
    """Reads the forms above; ``files`` False: a page must not be able to name a file of the server.

    Raises InputError that quotes what cannot be read.
    """
    kind, _, rest = text.strip().partition(":")
    if kind == "version" and rest:
        return SavedVersion(rest.strip())
    if kind == "file" and rest:
        if not files:
            raise InputError("A page cannot read a file of the server", subject=text, hint="Upload it instead.")
        return _file(rest.strip())
    return _period(text.strip(), now)


def is_sample(window: Window) -> bool:
    """Whether it asks for sample traffic."""
    return isinstance(window, Period) and window.filters.get("kind", "").startswith(_SAMPLE)


def _file(name: str) -> RowsFile:
    path = Path(name)
    if path.suffix.lower() not in FILE_ENDINGS:
        raise InputError(f"{path.name} is no table", subject=name, hint=f"It must end in {', '.join(FILE_ENDINGS)}.")
    return RowsFile(path)


def _period(text: str, now: datetime) -> Period:
    span, _, query = text.partition("?")
    begin, dots, end = span.partition("..")
    since, until = _moment(begin, now, text), _moment(end, now, text) if dots else now
    if since >= until:
        raise InputError(f"The window {text!r} ends before it begins", subject=text, hint=_HINT)
    return Period(since, until, _filters(query, text))


def _moment(part: str, now: datetime, text: str) -> datetime:
    """``3d`` is three days ago."""
    if ago := _AGO.fullmatch(part.strip()):
        try:
            return now - int(ago[1]) * _UNITS[ago[2].lower()]
        except OverflowError:
            raise InputError(f"The window {text!r} begins before all calendars", subject=text, hint=_HINT) from None
    try:
        moment = datetime.fromisoformat(part.strip())
    except ValueError:
        raise InputError(f"The window {text!r} cannot be read", subject=text, hint=_HINT) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _filters(query: str, text: str) -> dict[str, str]:
    found = dict(parse_qsl(query, keep_blank_values=True))
    for name in found:
        if name not in FILTERS:
            known = ", ".join(FILTERS)
            raise InputError(f"The window {text!r} filters by {name!r}", subject=text, hint=f"There is {known}.")
    return found
