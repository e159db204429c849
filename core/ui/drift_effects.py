"""What has changed in the words, and what became of the answers to the rows that make the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.models import DriftReport
from core.services import Services
from core.ui.drift_charts import words_chart
from core.ui.drift_phrases import column_name, p_words
from core.ui.drift_rows import trace_address
from core.ui.text import UNKNOWN, count, escape_markdown, money, shorten

_QUESTION_CHARS = 200
_TRACE_NAME = r"#(.+)$"


def words(_services: Services, report: DriftReport, _reports: Sequence[DriftReport]) -> None:
    """For each text column the words that stand in more, and in fewer, of its texts."""
    found: Mapping[str, Any] = report.details.get("words", {})
    if not found:
        st.caption("No column holds texts with words to compare.")
        return
    drifted = {column.column for column in report.columns if column.drifted}
    st.caption("From the gray point, the reference, to the coloured one, the current side")
    for name, shift in found.items():
        mark = ":orange-badge[Drift]" if name in drifted else ":gray-badge[Same]"
        st.markdown(f"#### {escape_markdown(column_name(name))} {mark}")
        more, fewer = st.columns(2, gap="medium")
        with more:
            _words("Appear more", shift.get("more", ()), f"drift-more-{name}")
        with fewer:
            _words("Appear less", shift.get("fewer", ()), f"drift-fewer-{name}")
        if name not in drifted and (shift.get("more") or shift.get("fewer")):
            st.caption(f"Taken together these are no drift ({p_words(shift.get('p_value'))}): some words always move.")


def _words(title: str, found: Sequence[Mapping[str, Any]], key: str) -> None:
    st.markdown(f"**{title}**")
    if found:
        st.altair_chart(words_chart(found), key=key, alt=f"{title}: share of the texts before and now")
    else:
        st.caption("No word stands out.")


def effect(services: Services, report: DriftReport, _reports: Sequence[DriftReport]) -> None:
    """For each drifted column: thumbs, refusals and cost among the rows that make the difference, and the rest."""
    found: Mapping[str, Any] = report.details.get("impact", {})
    if not found:
        drifted = any(column.drifted for column in report.columns)
        st.caption(
            "What drifted has only become rarer: no row of the current side makes the difference."
            if drifted
            else "Nothing drifted, so there is no part to hold against the rest."
        )
        return
    for name, impact in found.items():
        with st.container(border=True):
            _impact(services, name, impact)


def _impact(services: Services, name: str, impact: Mapping[str, Any]) -> None:
    part, rest = impact["part"], impact["rest"]
    rows = f"{part['rows']:,} of {count(part['rows'] + rest['rows'], 'current row')}"
    st.markdown(f"**{escape_markdown(column_name(name))}**: {rows} {escape_markdown(shorten(impact['rows'], 400))}")
    st.table(effect_table(part, rest), border="horizontal", hide_index=True)
    if impact.get("trace_ids"):
        _examples(services, name, impact["trace_ids"])


def effect_table(part: Mapping[str, Any], rest: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each figure, as people read it."""
    return pd.DataFrame([
        {"": title, "These rows": written(part), "The rest": written(rest)}
        for title, written in (
            ("Thumbs up", _thumbs),
            ("Refused", lambda side: _share(side["refused"])),
            ("Cost of an answer", lambda side: money(side["cost_usd"]).replace("$", "\\$")),
        )
    ])  # fmt: skip


def _thumbs(side: Mapping[str, Any]) -> str:
    if side["thumbs_up"] is None:
        return "no thumbs" if side["thumbs"] == 0 else UNKNOWN
    return f"{_share(side['thumbs_up'])} of {count(side['thumbs'], 'thumb')}"


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1%}"


def _examples(services: Services, name: str, trace_ids: Sequence[str]) -> None:
    area = st.expander(
        f"The last {count(len(trace_ids), 'question')} of them", key=f"drift-examples-{name}", on_change="rerun"
    )
    if not area.open:
        return
    questions = services.ledger.traces.questions(trace_ids)
    table = pd.DataFrame([
        {"Trace": trace_address(trace_id), "Question": shorten(questions[trace_id], _QUESTION_CHARS)}
        for trace_id in trace_ids
        if trace_id in questions
    ])  # fmt: skip
    with area:
        if table.empty:
            st.caption("The ledger does not have these traces: they came from a file, or were removed.")
            return
        link = st.column_config.LinkColumn(display_text=_TRACE_NAME, width="small")
        st.dataframe(table, hide_index=True, column_config={"Trace": link}, alt="Questions of the drifted part")
