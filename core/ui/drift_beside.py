"""Two drift reports side by side: both verdicts, every column's scores, and the charts of one column."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.models import DriftColumn, DriftReport
from core.services import Services
from core.ui.drift_columns import card
from core.ui.drift_phrases import VERDICTS, column_name, report_title, score_words
from core.ui.text import escape_markdown

_OTHER, _COLUMN = "drift-other", "drift-beside-column"
_CHANGES = {
    (True, False): "drift in this one only", (False, True): "drift in the other only",
    (True, True): "drift in both", (False, False): "same in both",
}  # fmt: skip
_HERE_MISSING, _THERE_MISSING = "not compared in this one", "not compared in the other"
_ORDER = [*_CHANGES.values(), _HERE_MISSING, _THERE_MISSING]


def show(services: Services, report: DriftReport, reports: Sequence[DriftReport]) -> None:
    """The whole tab."""
    others = {one.report_id: one for one in reports if one.verdict is not None and one.report_id != report.report_id}
    if not others:
        st.caption("There is no second report yet.")
        return
    if st.session_state.get(_OTHER) not in others:
        st.session_state[_OTHER] = next(iter(others))
    picked = st.selectbox(
        "Beside", list(others), key=_OTHER,
        format_func=lambda key: report_title(others[key]) if key in others else str(key),
    )  # fmt: skip
    other = services.drift.report(picked)
    _verdicts(report, other)
    table = beside_table(report, other)
    st.dataframe(table, hide_index=True, alt="Each column in both reports")
    _charts(report, other)


def _verdicts(report: DriftReport, other: DriftReport) -> None:
    for place, title, one in zip(st.columns(2), ("This report", "The other"), (report, other), strict=True):
        with place.container(border=True):
            st.caption(f"{title} · {escape_markdown(report_title(one))}")
            mark = VERDICTS[one.verdict] if one.verdict is not None else ""
            st.markdown(f"{mark} {escape_markdown(one.sentence)}")


def beside_table(report: DriftReport, other: DriftReport) -> pd.DataFrame:
    """A row for each column of either, those first whose outcome differs."""
    this, that = _by_name(report), _by_name(other)
    outcomes = {name: _outcome(this.get(name), that.get(name)) for name in [*this, *that]}
    return pd.DataFrame([
        {
            "Column": column_name(name),
            "Outcome": outcomes[name],
            "This report": _score(this.get(name)),
            "The other": _score(that.get(name)),
        }
        for name in sorted(outcomes, key=lambda name: _ORDER.index(outcomes[name]))
    ])  # fmt: skip


def _by_name(report: DriftReport) -> dict[str, DriftColumn]:
    return {column.column: column for column in report.columns}


def _outcome(this: DriftColumn | None, that: DriftColumn | None) -> str:
    if this is None or that is None:
        return _HERE_MISSING if this is None else _THERE_MISSING
    return _CHANGES[this.drifted, that.drifted]


def _score(column: DriftColumn | None) -> str:
    return "–" if column is None else score_words(column)


def _charts(report: DriftReport, other: DriftReport) -> None:
    this, that = _by_name(report), _by_name(other)
    common = [name for name in this if name in that]
    if not common:
        st.caption("The two reports have no column in common.")
        return
    first = [*(name for name in common if this[name].drifted != that[name].drifted), *common]
    if st.session_state.get(_COLUMN) not in common:
        st.session_state[_COLUMN] = first[0]
    name = st.selectbox("Column", common, key=_COLUMN, format_func=column_name)
    for place, one, column in zip(st.columns(2), (report, other), (this[name], that[name]), strict=True):
        with place.container(border=True):
            card(one, column, key="drift-beside")
