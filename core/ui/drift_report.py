"""One drift report: the verdict in a sentence, then what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.models import DriftReport, DriftVerdict
from core.services import Services
from core.ui import drift_beside, drift_columns, drift_effects, drift_evidently, drift_history, drift_rows
from core.ui.drift_phrases import ORIGINS, VERDICTS, column_name, dates_of, window_words
from core.ui.errors import guard
from core.ui.text import count, escape_markdown, span_of_time

Tab = Callable[[Services, DriftReport, Sequence[DriftReport]], None]
_TABS: dict[str, Tab] = {
    "Columns": drift_columns.show,
    "Words": drift_effects.words,
    "Effect": drift_effects.effect,
    "Over time": drift_history.show,
    "Side by side": drift_beside.show,
    "Evidently": drift_evidently.show,
}


def show(services: Services, report: DriftReport, reports: Sequence[DriftReport]) -> None:
    """``reports``: those that have ended, newest first, without their details."""
    verdict(report)
    if report.verdict is None:
        return
    left_out(report)
    if not report.columns:
        return
    drift_rows.open_dialog(services, report)
    for tab, draw in zip(st.tabs(list(_TABS), key="drift-tab", on_change="rerun"), _TABS.values(), strict=True):
        if tab.open:
            with tab, guard():
                draw(services, report, reports)


def verdict(report: DriftReport) -> None:
    """The box that is read first."""
    with st.container(border=True):
        if report.verdict is None:
            st.markdown("#### :red[:material/error:] This report was not made")
            st.markdown(escape_markdown(report.error or "Nobody knows why."))
        else:
            st.markdown(f"#### {VERDICTS[report.verdict]} {escape_markdown(report.sentence)}")
            if report.verdict is DriftVerdict.NOT_ENOUGH and report.columns:
                st.caption("What is below is no verdict: too few rows look different by chance alone.")
        if report.sample:
            st.badge("Sample traffic, not yours", icon=":material/science:", color="orange")
        st.caption(escape_markdown(_facts(report)))


def _facts(report: DriftReport) -> str:
    sides = [_side(report, report.current, report.n_current), _side(report, report.reference, report.n_reference)]
    parts = [" against ".join(sides), ORIGINS.get(report.origin, report.origin)]
    if report.finished_at:
        parts.append(f"in {span_of_time((report.finished_at - report.created_at).total_seconds())}")
    return " · ".join(parts)


def _side(report: DriftReport, window: str, rows: int | None) -> str:
    dates = dates_of(window, report.created_at)
    facts = [part for part in (dates, "" if rows is None else count(rows, "row")) if part]
    return window_words(window) + (f" ({', '.join(facts)})" if facts else "")


def left_out(report: DriftReport) -> None:
    """Columns that were not compared, each with its reason."""
    if not report.left_out:
        return
    with st.expander(
        f"{count(len(report.left_out), 'column')} left out",
        icon=":material/visibility_off:",
        key="drift-left-out",
        expanded=not report.columns,
    ):
        lines = [f"* **{escape_markdown(column_name(name))}**: {escape_markdown(why)}" for name, why in report.left_out]
        st.markdown("\n".join(lines))
