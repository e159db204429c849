"""Traces of one bar of a chart: the Traces page's filter in its address, which other pages link to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import streamlit as st

from core.errors import InputError
from core.ledger import TraceFilter
from core.ui.text import escape_markdown, moment, shorten

_NAMES = ("model", "kind", "template", "user")
_NAMELESS = {"model": "no model", "kind": "no kind", "template": "no template", "user": "nobody named"}
_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Only these traces. None means "any", an empty name those without one."""

    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    kind: str | None = None
    template: str | None = None
    user: str | None = None

    @property
    def timed(self) -> bool:
        return self.since is not None or self.until is not None

    def within(self, where: TraceFilter) -> TraceFilter:
        """Both filters; where this one has times, they count."""
        since, until = (self.since, self.until) if self.timed else (where.since, where.until)
        return replace(where, since=since, until=until, **{name: getattr(self, name) for name in _NAMES})


def address_of(narrowing: Narrowing) -> dict[str, str]:
    """The query of the Traces page's address."""
    names = {name: value for name in _NAMES if (value := getattr(narrowing, name)) is not None}
    times = {"since": narrowing.since, "until": narrowing.until}
    return names | {name: when.astimezone(UTC).isoformat() for name, when in times.items() if when}


def from_address(query: Mapping[str, str]) -> Narrowing:
    """The inverse. Raises InputError for a time that is none."""
    names = {name: query[name] for name in _NAMES if name in query}
    return Narrowing(_time(query, "since"), _time(query, "until"), **names)


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        when = datetime.fromisoformat(query[name])
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        hint = "Leave it out, or write it as 2026-11-24T00:00Z."
        raise InputError(f"The address has a {name!r} that is no time", subject=name, hint=hint) from None


def show() -> Narrowing:
    """What the address says, drawn with a button that takes it back where it says anything. Raises InputError."""
    narrowing = from_address(st.query_params)
    if narrowing != Narrowing():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/filter_alt: Only {described(narrowing)}", width="content")
            st.button("Show all", icon=":material/close:", key="trace-narrowing", on_click=_widen)
    return narrowing


def described(narrowing: Narrowing) -> str:
    """Markdown of one line."""
    parts = [
        f"{name} **{escape_markdown(shorten(value, _NAME_CHARS))}**" if value else _NAMELESS[name]
        for name in _NAMES
        if (value := getattr(narrowing, name)) is not None
    ]
    if narrowing.timed:
        since = moment(narrowing.since) if narrowing.since else "the beginning"
        until = moment(narrowing.until) if narrowing.until else "now"
        parts.append(f"from {since} to {until}")
    return ", ".join(parts)


def _widen() -> None:
    for name in (*_NAMES, "since", "until"):
        st.query_params.pop(name, None)
