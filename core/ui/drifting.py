"""The Drift page: what is compared, the report that is being made, and the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import InputError, NotFound
from core.ledger.drift import RUNNING
from core.models import DriftReport
from core.services import Services
from core.ui import drift_form, drift_history, drift_making, drift_report, sample, sample_making
from core.ui.components import empty_state
from core.ui.drift_phrases import report_title, window_words
from core.ui.errors import callback, show_error
from core.ui.text import escape_markdown

ADDRESS = "report"
"""In the address of the page: the report that is shown."""
_REPORT, _FOLLOWED = "drift-report", "drift-followed"
_MOST = 200


def show(services: Services) -> None:
    """The whole page. Reports of sample traffic are left out where the page does not show that."""
    reports = [report for report in services.drift.reports(_MOST) if sample.shown() or not report.sample]
    running = [report for report in reports if report.state == RUNNING]
    ended = [report for report in reports if report.state != RUNNING]
    _ask(services, first=not reports)
    drift_making.watch(services, running, ended)
    drift_making.schedule(services, ended)
    if ended or ADDRESS in st.query_params:
        _look(services, ended)
    elif not running:
        _nothing(services)


def _ask(services: Services, *, first: bool) -> None:
    """The button first, what it would compare beside it; how to change that in an expander."""
    line = st.container(horizontal=True, vertical_alignment="center", key="drift-ask")
    with st.expander("What is compared", icon=":material/tune:", expanded=first, key="drift-what"):
        windows = drift_form.draw(services)
    with line:
        st.button(
            "Look for drift", type="primary", icon=":material/troubleshoot:", key=drift_form.RUN,
            disabled=windows is None, on_click=callback(_start), args=(services,),
        )  # fmt: skip
        if windows is None:
            st.caption("Choose what is compared on both sides.", width="content")
        else:
            reference, current = (escape_markdown(window_words(window)) for window in windows)
            st.markdown(f"**{current}** against **{reference}**", width="content")


def _start(services: Services) -> None:
    windows = drift_form.chosen()
    if windows is None:
        raise InputError("There is nothing to compare yet", hint="Choose what is compared on both sides.")
    st.session_state[_FOLLOWED] = _under_way(services, *windows) or services.drift.start(*windows)


def _under_way(services: Services, reference: str, current: str) -> str | None:
    """The report that is being made of the same windows: a second click wants that one too."""
    reports = services.drift.reports(_MOST)
    same = (one for one in reports if one.state == RUNNING and (one.reference, one.current) == (reference, current))
    return next((report.report_id for report in same), None)


def _look(services: Services, ended: Sequence[DriftReport]) -> None:
    """The report that the address names, the one that was just made, or the newest."""
    by_id = {report.report_id: report for report in ended}
    _follow(by_id)
    _from_address(services, by_id)
    if not by_id:
        return
    if st.session_state.get(_REPORT) not in by_id:
        st.session_state[_REPORT] = next(iter(by_id))
    picked = st.selectbox(
        "Report", list(by_id), key=_REPORT, on_change=_remember,
        format_func=lambda key: report_title(by_id[key]) if key in by_id else str(key),
    )  # fmt: skip
    drift_report.show(services, services.drift.report(picked), list(by_id.values()))


def _follow(by_id: dict[str, DriftReport]) -> None:
    followed = st.session_state.get(_FOLLOWED)
    if followed in by_id:
        st.session_state.pop(_FOLLOWED)
        _open(followed)
    if clicked := drift_history.asked_for():
        _open(clicked)


def _from_address(services: Services, by_id: dict[str, DriftReport]) -> None:
    wanted = st.query_params.get(ADDRESS)
    if not wanted:
        return
    if wanted not in by_id:
        try:
            found = services.drift.report(wanted)
        except NotFound as error:
            show_error(error)
            return
        if found.state == RUNNING:
            return
        by_id[wanted] = found
    st.session_state[_REPORT] = wanted


def _remember() -> None:
    st.query_params[ADDRESS] = st.session_state[_REPORT]


def _open(report_id: str) -> None:
    """Before the list of reports is drawn."""
    st.session_state[_REPORT] = report_id
    st.query_params[ADDRESS] = report_id


def _nothing(services: Services) -> None:
    """What there is, and what there would have to be."""
    rows = {words: services.drift.size(window) for window, words in _DEFAULTS.items()}
    there = ", ".join(f"{words}: **{found:,}**" for words, found in rows.items())
    empty_state(
        "monitoring",
        "No report yet",
        "A report compares what people asked lately with what they asked before, and says whether it has changed: in "
        "which words, lengths, languages, scores, times, costs and thumbs.  \n"
        f"Questions in {there}. A verdict needs 100 on each side, or two files of your own.",
    )
    sample_making.offer(services)


_DEFAULTS = {"7d": "the last 7 days", "14d..7d": "the 7 days before"}
