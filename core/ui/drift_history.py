"""Each column's score over the past reports of the same windows, with its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.models import DriftColumn, DriftReport
from core.services import Services
from core.ui.drift_charts import POINT_SELECTION, history_chart, history_table
from core.ui.drift_columns import ordered
from core.ui.drift_phrases import column_name
from core.ui.errors import callback
from core.ui.text import count, escape_markdown

_ASKED = "drift-open"
Runs = list[tuple[DriftReport, DriftColumn]]


def show(_services: Services, report: DriftReport, reports: Sequence[DriftReport]) -> None:
    """The whole tab."""
    same = same_windows(report, reports)
    if len(same) == 1:
        st.caption("This is the only report of these windows. Each further one adds a point to each column's chart.")
        return
    st.caption(f"{count(len(same), 'report')} of these windows · up is more drift · click a point to open its report")
    grid = st.grid(3, min_column_width=280)
    for column in ordered(report.columns):
        with grid.container(border=True):
            _card(report, column, runs_of(column, same))


def same_windows(report: DriftReport, reports: Sequence[DriftReport]) -> list[DriftReport]:
    """Finished ones, oldest first. Scores of other windows would say nothing about these."""
    wanted = (report.reference, report.current)
    found = [one for one in reports if one.verdict is not None and (one.reference, one.current) == wanted]
    return found[::-1]


def runs_of(column: DriftColumn, reports: Sequence[DriftReport]) -> Runs:
    """The column in each of them, where it was judged by the same method: scores of two methods do not compare."""
    return [
        (report, found)
        for report in reports
        for found in report.columns
        if found.column == column.column and found.method == column.method
    ]


def _card(report: DriftReport, column: DriftColumn, runs: Runs) -> None:
    st.markdown(f"**{escape_markdown(column_name(column.column))}**")
    table = history_table(runs)
    if table.empty:
        st.caption("No run has a score for it.")
        return
    key = f"drift-history-{report.report_id}-{column.column}"
    st.altair_chart(
        history_chart(table, column.method), key=key, alt=f"{column_name(column.column)} over the past reports",
        selection_mode=POINT_SELECTION, on_select=partial(callback(_clicked), key),
    )  # fmt: skip
    drifted = sum(found.drifted for _, found in runs)
    st.caption(f"Drift in {drifted} of {count(len(runs), 'report')}")


def _clicked(key: str) -> None:
    points = st.session_state[key].selection.get(POINT_SELECTION) or []
    if points:
        st.session_state[_ASKED] = str(points[-1].get("report"))


def asked_for() -> str | None:
    """The report whose point was clicked, once."""
    found: str | None = st.session_state.pop(_ASKED, None)
    return found
