"""What a reader of the Cost page wants to see, and the way from there to the traces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from core.cost.printing import CostSource
from core.cost.report import By, Report
from core.cost.zones import first_moment, zone_named
from core.errors import InputError
from core.ui import places
from core.ui.cost_tables import HEADS
from core.ui.narrowing import Narrowing, address_of

_WINDOWS = {"7 days": 7, "30 days": 30, "90 days": 90, "All": None}
_SOURCES = {"Ledger": CostSource.LEDGER, "Comet": CostSource.COMET, "Both": CostSource.BOTH}
_OPEN = "cost-open"
"""In the session: the address of the traces that a click asked for."""


@dataclass(frozen=True, slots=True)
class View:
    """What was chosen."""

    window: str
    since: datetime | None
    by: By
    source: CostSource
    zone: ZoneInfo

    def ends(self, *reports: Report) -> tuple[date, date]:
        """The first and the last day of a chart: the whole window, or the days that the reports have."""
        today = datetime.now(self.zone).date()
        days = [cell.day for report in reports for cell in (*report.cells, *report.others)]
        first = min(days) if self.since is None else self.since.astimezone(self.zone).date()
        return first, max(today, *days)


@dataclass(frozen=True, slots=True)
class Window:
    """The time that was chosen, to now."""

    label: str
    since: datetime | None
    zone: ZoneInfo


def choose_window() -> Window:
    """Draws the choice, which all tabs share. Days are those of the browser's time zone."""
    label = st.segmented_control(
        "Time", list(_WINDOWS), default="30 days", required=True, key="cost-window", persist_state="session"
    )
    zone, days = viewers_zone(), _WINDOWS[label]
    first = datetime.now(zone).date() - timedelta(days=(days or 1) - 1)
    return Window(label, first_moment(first, zone) if days else None, zone)


def choose() -> View:
    """Draws all of the choices."""
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        window = choose_window()
        by = st.segmented_control(
            "By", list(By), default=By.MODEL, required=True, key="cost-by", persist_state="session",
            format_func=lambda by: HEADS[by],
        )  # fmt: skip
        source = st.segmented_control(
            "Source", list(_SOURCES), default="Ledger", required=True, key="cost-source", persist_state="session",
            help="The ledger has what this app asked; Comet what was read back from it, other programs' calls included",
        )  # fmt: skip
    return View(window.label, window.since, By(by), _SOURCES[source], window.zone)


def viewers_zone() -> ZoneInfo:
    """UTC where the browser does not say, or says one that this machine does not know."""
    try:
        return zone_named(st.context.timezone or "UTC")
    except InputError:
        return ZoneInfo("UTC")


def ask_for(narrowing: Narrowing | None) -> None:
    """For a click: remembers whose traces are wanted."""
    if narrowing is not None:
        st.session_state[_OPEN] = address_of(narrowing)


def open_what_was_asked_for() -> None:
    """Goes to those traces; first in the page, before anything is drawn."""
    address = st.session_state.pop(_OPEN, None)
    if address is not None:
        st.switch_page(places.TRACES, query_params=address)
