"""Reports that are being made, and the daily one. They are made beside the app: a closed tab loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

import streamlit as st

from core.drift.schedule import SCHEDULE
from core.errors import NotFound
from core.ledger.drift import RUNNING
from core.models import DriftReport
from core.services import Services
from core.ui.drift_phrases import report_title, window_words
from core.ui.errors import callback, guard
from core.ui.text import escape_markdown, moment, span_of_time

_TICK_S = 1.0
_STAGES = [
    "waiting for its turn", "starting its process", "reading the rows", "comparing the columns",
    "making Evidently's report",
]  # fmt: skip
_LAST_ONES = 5


def watch(services: Services, running: Sequence[DriftReport], ended: Sequence[DriftReport]) -> None:
    """A box for each report under way; the page is drawn anew when one has ended."""
    if running:
        _watch(services, [report.report_id for report in running], usual_s(ended))


@st.fragment(run_every=_TICK_S)
def _watch(services: Services, report_ids: Sequence[str], usually_s: float | None) -> None:
    with guard():
        try:
            reports = [services.drift.report(report_id) for report_id in report_ids]
        except NotFound:  # removed meanwhile, as those of sample traffic can be
            st.rerun()
        if any(report.state != RUNNING for report in reports):
            st.rerun()
        for report in reports:
            _box(services, report, usually_s)


def _box(services: Services, report: DriftReport, usually_s: float | None) -> None:
    stage = services.drift.stage(report.report_id)
    with st.container(border=True, key=f"drift-making-{report.report_id}"):
        words = f"{window_words(report.current)} against {window_words(report.reference)}"
        st.markdown(f":blue[:material/play_circle:] **{escape_markdown(words)}**")
        st.progress(_part(stage), text=escape_markdown(_progress_words(report, stage, usually_s)))
        if stage:
            st.button(
                "Stop", icon=":material/stop:", key=f"drift-stop-{report.report_id}",
                on_click=callback(services.drift.stop), args=(report.report_id,),
            )  # fmt: skip


def _part(stage: str) -> float:
    return (_STAGES.index(stage) + 1) / (len(_STAGES) + 1) if stage in _STAGES else 0.0


def _progress_words(report: DriftReport, stage: str, usually_s: float | None) -> str:
    since = max(0.0, (datetime.now(UTC) - report.created_at).total_seconds())
    parts = [stage.capitalize() if stage else "Another process makes it", f"{span_of_time(since)} so far"]
    if usually_s is not None:
        parts.append(f"the last ones took {span_of_time(usually_s)}")
    return " · ".join(parts)


def usual_s(ended: Sequence[DriftReport]) -> float | None:
    """The median of the last finished ones, in seconds."""
    took = [
        (report.finished_at - report.created_at).total_seconds()
        for report in ended
        if report.finished_at and report.verdict is not None
    ]
    return median(took[:_LAST_ONES]) if took else None


def schedule(services: Services, ended: Sequence[DriftReport]) -> None:
    """When the daily report is due, and what the last one said."""
    last = next((report for report in ended if report.origin == SCHEDULE), None)
    said = f" · last: {escape_markdown(report_title(last))}" if last else ""
    if services.daily is None:
        text = "No daily report: set `CUEPOINT_DRIFT_AT`, for example to 06:00 in UTC, to have one."
    else:
        text = f"Next daily report {moment(services.daily.next_due)}" + (said or " · none was made yet")
    st.caption(f":material/event_repeat: {text}")
