"""The Traces page's pieces: filters, the table, and one trace with everything that happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from core.ledger import TraceFilter
from core.models import AnswerStatus, PassageRecord, Span, Trace
from core.phrases import clock, one_line
from core.services import Services
from core.ui import delivery, lab_from_trace, narrowing
from core.ui.answers import receipt_rows, show_answer, show_citations, show_partial, status_label
from core.ui.charts import gantt
from core.ui.errors import callback, guard
from core.ui.player import TranscriptOf, place_of, play
from core.ui.sample import is_marked, mark
from core.ui.text import count, duration_ms, escape_markdown, escape_paragraphs, moment, money, shorten

ADDRESS = "trace"
PAGE_SIZE = 100
_PERIODS = {"24 hours": timedelta(hours=24), "7 days": timedelta(days=7), "30 days": timedelta(days=30), "All": None}
_THUMBS = {"Up": 1, "Down": -1, "None": 0}
_THUMB_ICONS = {1: "👍", -1: "👎"}


def filter_from_widgets(*, sample: bool = False) -> TraceFilter:
    """Draws the filters. The address holds none of them but what a chart's bar links to.

    ``sample``: nothing but sample traffic; otherwise none of it, unless the address names its kind.
    """
    only = narrowing.show()
    with st.container(horizontal=True, vertical_alignment="top"):
        period = st.segmented_control(
            "Period", list(_PERIODS), default="7 days", required=True, key="trace-period", persist_state="session",
            disabled=only.timed,
        )  # fmt: skip
        status = st.selectbox(
            "Status", [str(status) for status in AnswerStatus], index=None, placeholder="Any", key="trace-status",
            persist_state="session", width=170,
        )  # fmt: skip
        thumb = st.selectbox(
            "Thumb", list(_THUMBS), index=None, placeholder="Any", key="trace-thumb", persist_state="session", width=120
        )
        text = st.text_input(
            "Text", key="trace-text", placeholder="In question or answer", icon=":material/search:",
            persist_state="session", width="stretch",
        )  # fmt: skip
    length = _PERIODS[period or "All"]
    return only.within(
        TraceFilter(
            since=datetime.now(UTC) - length if length else None,
            status=AnswerStatus(status) if status else None,
            text=text.strip(),
            thumb=_THUMBS[thumb] if thumb else None,
            limit=PAGE_SIZE,
            sample=None if is_marked(only.kind or "") else sample,
        )
    )


def show_table(traces: Sequence[Trace], total: int) -> str | None:
    """One row per trace, newest first; returns the id of the one that was clicked."""
    more = f", the newest {len(traces)} shown" if total > len(traces) else ""
    st.caption(f"{count(total, 'trace')}{more} · mark a row to open it")
    table = pd.DataFrame([_row(trace) for trace in traces])
    event = st.dataframe(
        table, hide_index=True, on_select="rerun", selection_mode="single-row", key="trace-table",
        column_config={
            "Question": st.column_config.TextColumn(width="large"),
            "Started": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", help="UTC"),
        },
        alt="Traces, newest first",
    )  # fmt: skip
    rows = event.selection.rows
    return traces[rows[0]].trace_id if rows and rows[0] < len(traces) else None


def _row(trace: Trace) -> dict[str, object]:
    answer = trace.answer
    return {
        **({"Sample": "sample"} if is_marked(trace.kind) else {}),
        "Started": trace.started_at,
        "Question": one_line(trace.question),
        "Status": str(answer.status),
        "Thumb": _THUMB_ICONS.get(trace.feedback.value, "") if trace.feedback else "",
        "Model": one_line(answer.model or "none"),
        "Took": duration_ms(answer.latency_ms),
        "Cost": money(answer.cost_usd),
    }


def show_trace(services: Services, trace: Trace) -> None:
    """Question, steps, answer, prompt, passages, usage; and the button that runs it again."""
    st.subheader(escape_markdown(trace.question), anchor=False)
    st.caption(f"{moment(trace.started_at)} · {escape_markdown(trace.kind)} · {escape_markdown(trace.trace_id)}")
    if mark(trace):
        st.button("Back to the list", icon=":material/arrow_back:", key="close-trace", on_click=close)
    else:
        _actions(services, trace)
    if trace.answer.status is AnswerStatus.RUNNING:
        _watch(services, trace.trace_id)
        return
    _steps(trace)
    _answer(trace, services.transcript)
    _prompt(trace)
    _passages(trace.passages, services.transcript)


def _actions(services: Services, trace: Trace) -> None:
    """Whether it has arrived at Comet, and what can be done with it."""
    delivery.of_trace(services, trace)
    with st.container(horizontal=True):
        st.button(
            "Replay", icon=":material/replay:", key="replay", help="Asks the same question again, as a new trace",
            on_click=callback(_replay), args=(services, trace.trace_id),
        )  # fmt: skip
        st.button("Back to the list", icon=":material/arrow_back:", key="close-trace", on_click=close)
        lab_from_trace.add_to_test_set(services, trace)


def _replay(services: Services, trace_id: str) -> None:
    st.query_params[ADDRESS] = services.answering.replay(trace_id)


def close() -> None:
    """Back to the list."""
    st.query_params.pop(ADDRESS, None)
    st.session_state.pop("trace-table", None)


@st.fragment(run_every=0.3)
def _watch(services: Services, trace_id: str) -> None:
    with guard():
        answer = services.answering.live(trace_id)
        if answer.status is not AnswerStatus.RUNNING:
            st.rerun()
        show_partial(answer, services.answering.stage(trace_id))


def _steps(trace: Trace) -> None:
    st.markdown("#### Steps")
    if not trace.spans:
        st.caption("No step was recorded.")
        return
    st.altair_chart(gantt(trace.spans), alt="When each step began and how long it took")
    st.table(pd.DataFrame([_step(span) for span in trace.spans]), border="horizontal", hide_index=True)


def _step(span: Span) -> dict[str, str]:
    facts = " · ".join(
        f"{escape_markdown(_words(name))} {escape_markdown(_words(value))}" for name, value in span.attributes.items()
    )
    error = f" :red[{escape_markdown(span.error)}]" if span.error else ""
    return {"Step": escape_markdown(span.name), "Took": duration_ms(span.duration_ms), "Details": facts + error}


def _words(value: object) -> str:
    """A name or a value of a step as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else shorten(str(value).replace("_", " "), 200)


def _answer(trace: Trace, transcript_of: TranscriptOf) -> None:
    st.markdown(f"#### Answer {status_label(trace.answer.status)}")
    words, facts = st.columns([2, 1], gap="large")
    with words:
        show_answer(trace, label=False)
        playing = st.session_state.get("trace-playing")
        n = playing[1] if playing and playing[0] == trace.trace_id else None
        show_citations(
            trace.trace_id,
            trace.answer.citations,
            n,
            _toggle,
            transcript_of,
            quotes=trace.answer.status is not AnswerStatus.QUOTED,
        )
    with facts:
        st.table(
            {
                **receipt_rows(trace.answer, ()),
                "Template": escape_markdown(f"{trace.template or 'none'} {trace.template_version or ''}"),
                "Temperature": "none" if trace.temperature is None else f"{trace.temperature:g}",
                "Thumb": _thumb(trace),
                "Library version": (trace.library_version or "unknown")[:12],
            },
            border="horizontal",
        )
        _correction(trace)


def _correction(trace: Trace) -> None:
    """What the reader would have liked to read."""
    if trace.feedback is not None and trace.feedback.correction:
        st.markdown("**What would have been right**")
        st.markdown(escape_paragraphs(trace.feedback.correction))


def _thumb(trace: Trace) -> str:
    given = trace.feedback
    if given is None or given.value == 0:
        return "none"
    return escape_markdown(" ".join((_THUMB_ICONS[given.value], given.reason, given.comment)))


def _toggle(trace_id: str, n: int) -> None:
    playing = st.session_state.get("trace-playing")
    st.session_state["trace-playing"] = None if playing == (trace_id, n) else (trace_id, n)


def _prompt(trace: Trace) -> None:
    st.markdown("#### Prompt")
    if not trace.prompt:
        st.caption("No prompt: the answer was made without a chat model.")
    for number, message in enumerate(trace.prompt):
        with st.expander(escape_markdown(message.get("role", "message")).capitalize(), expanded=number == 0):
            st.code(message.get("content", ""), language=None, wrap_lines=True)


def _passages(passages: Sequence[PassageRecord], transcript_of: TranscriptOf) -> None:
    st.markdown(f"#### Passages :gray[{len(passages)}]")
    for record in passages:
        label = f"{record.rank}. {shorten(record.title, 60)} · {shorten(record.channel, 30)} · {clock(record.start_s)}"
        area = st.expander(
            f"{escape_markdown(label)} :gray[{record.score:.3f}]", key=f"record-{record.rank}", on_change="rerun"
        )
        if not area.open:
            continue
        with area:
            st.markdown(escape_paragraphs(record.text))
            st.caption(" · ".join(f"{escape_markdown(name)} {value:.3f}" for name, value in record.parts.items()))
            if st.toggle("Play here", key=f"record-play-{record.rank}"):
                play(place_of(record), transcript_of)
