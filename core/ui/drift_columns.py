"""A drift report's columns as small multiples: reference against current, those that drifted first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.drift.documents import note_of
from core.drift.sides import Bar, Side
from core.drift.windows import Period
from core.models import DriftColumn, DriftReport
from core.phrases import listed
from core.services import Services
from core.ui import drift_rows, places
from core.ui.drift_charts import PLACE_SELECTION, spread_chart
from core.ui.drift_phrases import column_name, score_words, spread_of, window_of
from core.ui.errors import callback
from core.ui.narrowing import Narrowing, address_of
from core.ui.text import count, escape_markdown, shorten

_TURN = "drift-turn"
_MOST_WORDS = 4


def show(_services: Services, report: DriftReport, _reports: Sequence[DriftReport]) -> None:
    """The whole tab."""
    st.caption("Gray is the reference, colour is the current side · click a bar to see its rows")
    _whole_sides(report)
    grid = st.grid(3, min_column_width=280)
    for column in ordered(report.columns):
        with grid.container(border=True):
            card(report, column, clickable=True)


def ordered(columns: Sequence[DriftColumn]) -> list[DriftColumn]:
    """Those that drifted first, the clearest at the top; the others as the report has them."""
    drifted = sorted((c for c in columns if c.drifted), key=lambda c: 1.0 if c.q_value is None else c.q_value)
    return [*drifted, *(column for column in columns if not column.drifted)]


def card(report: DriftReport, column: DriftColumn, *, clickable: bool = False, key: str = "drift") -> None:
    """One column: whether it drifted, the chart, and the numbers behind it."""
    mark = ":orange-badge[Drift]" if column.drifted else ":gray-badge[Same]"
    st.markdown(f"**{escape_markdown(column_name(column.column))}** {mark}")
    spread = spread_of(report, column.column)
    if spread is not None:
        chart_key = f"{key}-{report.report_id}-{column.column}-{st.session_state.get(_TURN, 0)}"
        alt = f"{column_name(column.column)}: reference against current"
        if not clickable:
            st.altair_chart(spread_chart(spread), key=chart_key, alt=alt)
        else:
            st.altair_chart(
                spread_chart(spread), key=chart_key, alt=alt, selection_mode=PLACE_SELECTION,
                on_select=partial(callback(_clicked), chart_key, column.column),
            )  # fmt: skip
    st.caption(escape_markdown(_numbers(report, column)))
    if note := note_of(report, column):
        st.caption(f":material/info: {escape_markdown(note)}")
    if column.drifted and (words := _words(report, column.column)):
        st.caption(escape_markdown(words))


def _clicked(chart_key: str, column: str) -> None:
    """The chart gets another key, so that the same bar can be clicked again."""
    points = st.session_state[chart_key].selection.get(PLACE_SELECTION) or []
    if points and isinstance(points[-1].get("place"), int):
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
        drift_rows.ask_for(Side.CURRENT, Bar(column, points[-1]["place"]))


def _numbers(report: DriftReport, column: DriftColumn) -> str:
    parts = [score_words(column)]
    spread = spread_of(report, column.column) or {}
    if "reference_median" in spread:
        unit = " characters" if "of" in spread else ""
        parts.append(f"median {spread['reference_median']:.4g} → {spread['current_median']:.4g}{unit}")
    sizes = {column.n_reference, column.n_current}
    if sizes != {report.n_reference, report.n_current}:
        parts.append(f"{column.n_current:,} values against {column.n_reference:,}")
    return " · ".join(parts)


def _words(report: DriftReport, column: str) -> str:
    """The clearest ones of a text; empty for other columns."""
    shift = report.details.get("words", {}).get(column, {})
    parts = [
        f"{title}: {listed([shorten(str(word['word']), 24) for word in shift[key][:_MOST_WORDS]])}"
        for key, title in (("more", "More often"), ("fewer", "less often"))
        if shift.get(key)
    ]
    return " · ".join(parts)


def _whole_sides(report: DriftReport) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for side, rows in ((Side.CURRENT, report.n_current), (Side.REFERENCE, report.n_reference)):
            st.button(
                f"{count(rows or 0, f'{side} row')}", icon=":material/table_rows:", key=f"drift-all-{side}",
                on_click=callback(drift_rows.ask_for), args=(side, None), disabled=not rows,
            )  # fmt: skip
        _traces_link(report)


def _traces_link(report: DriftReport) -> None:
    window = window_of(report.current, report.created_at)
    if isinstance(window, Period):
        named = {name: window.filters.get(name) for name in ("model", "kind", "template", "user")}
        st.page_link(
            places.TRACES, label="Traces of the current window", icon=":material/timeline:",
            query_params=address_of(Narrowing(window.since, window.until, **named)),
            help="All of that time: calls of the Prompt Lab, which a report leaves out, stand there too",
        )  # fmt: skip
