"""The Ask page's state and turns. The work itself runs in worker threads; this only starts and watches it.

The address names the newest answer (``?answer=<trace_id>``), so that a reload or a reconnect shows the same answer,
running or finished, and asks nothing again; another page and back finds it in the session.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import streamlit as st

from core.answering import AskRequest
from core.errors import NotFound
from core.models import AnswerStatus, Trace
from core.services import Services
from core.ui.answers import receipt, show_answer, show_citations, show_partial, thumbs
from core.ui.errors import callback, guard
from core.ui.lab_from_trace import add_to_test_set
from core.ui.text import escape_markdown

_STATE = "conversation"
_ADDRESS = "answer"
_UNKNOWN = "This library has no answer under that address. Ask again below, or look for it on the Traces page."
_TICK_S = 0.2
"""How often a running answer is looked at."""


@dataclass(slots=True)
class Conversation:
    """What one browser tab keeps."""

    conversation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    newest: str = ""
    """Trace id; empty before the first question."""
    playing: tuple[str, int] | None = None
    """Trace id and citation number that the player shows."""


def current(services: Services) -> Conversation:
    """The conversation that the address names, else the tab's own; an unknown address is said and forgotten."""
    state = _state()
    wanted = st.query_params.get(_ADDRESS, "")
    if wanted and wanted != state.newest:
        try:
            trace = services.traces.get(wanted)
        except NotFound:
            st.warning(_UNKNOWN, icon=":material/info:")
            st.query_params.pop(_ADDRESS, None)
            return state
        belongs_to = trace.conversation_id or trace.trace_id
        if belongs_to != state.conversation_id:
            st.session_state[_STATE] = state = Conversation(belongs_to, newest=wanted)
    elif state.newest:
        st.query_params[_ADDRESS] = state.newest
    return state


def _state() -> Conversation:
    state: Conversation = st.session_state.setdefault(_STATE, Conversation())
    return state


def ask(services: Services, question: str, channels: tuple[str, ...] = ()) -> None:
    """Starts an answer and puts it into the address. Raises QuestionError."""
    state = _state()
    request = AskRequest(question=question, channels=channels, conversation_id=state.conversation_id)
    state.newest = services.answering.start(request)
    state.playing = None
    st.query_params[_ADDRESS] = state.newest


def ask_in_new(services: Services, question: str) -> None:
    """Like ``ask``, as the first question of a new conversation."""
    start_over()
    ask(services, question)


def start_over() -> None:
    """An empty conversation; the old one stays in the ledger."""
    st.session_state[_STATE] = Conversation()
    st.query_params.pop(_ADDRESS, None)


def turns(services: Services, state: Conversation) -> list[Trace]:
    """The questions of the conversation so far, oldest first."""
    if not state.newest:
        return []
    return services.traces.conversation(state.conversation_id) or [services.traces.get(state.newest)]


def show_turn(services: Services, state: Conversation, trace: Trace, *, last: bool) -> None:
    """One question with its answer; a running one refreshes itself until it is done."""
    with st.chat_message("user", avatar=":material/person:"):
        st.markdown(escape_markdown(trace.question))
        if trace.channels:
            st.caption(f"Only in {escape_markdown(', '.join(trace.channels))}")
    with st.chat_message("assistant", avatar=":material/subtitles:"):
        if trace.answer.status is AnswerStatus.RUNNING:
            _watch(services, trace.trace_id)
            return
        _show_finished(services, state, trace)
        if last:
            _show_follow_ups(services, trace)


@st.fragment(run_every=_TICK_S)
def _watch(services: Services, trace_id: str) -> None:
    """Draws what there is so far; when the answer is done, the whole page is drawn once more, without the clock."""
    with guard():
        answer = services.answering.live(trace_id)
        if answer.status is not AnswerStatus.RUNNING:
            st.rerun()
        show_partial(answer, services.answering.stage(trace_id))
        st.button(
            "Stop", icon=":material/stop_circle:", key=f"stop-{trace_id}",
            on_click=callback(services.answering.cancel), args=(trace_id,),
        )  # fmt: skip


def _show_finished(services: Services, state: Conversation, trace: Trace) -> None:
    show_answer(trace)
    playing = state.playing[1] if state.playing and state.playing[0] == trace.trace_id else None
    if trace.answer.citations:
        show_citations(
            trace.trace_id,
            trace.answer.citations,
            playing,
            _toggle_player,
            services.transcript,
            quotes=trace.answer.status is not AnswerStatus.QUOTED,
        )
    if trace.answer.answered or trace.answer.status is AnswerStatus.REFUSED:
        thumbs(trace, callback(services.answering.save_feedback))
        if trace.feedback is not None and trace.feedback.value < 0:
            add_to_test_set(services, trace)
    if trace.answer.status in (AnswerStatus.FAILED, AnswerStatus.ABANDONED):
        st.button(
            "Ask again", icon=":material/refresh:", key=f"again-{trace.trace_id}", on_click=callback(ask),
            args=(services, trace.question, trace.channels),
        )  # fmt: skip
    with st.expander("Receipt", icon=":material/receipt_long:", type="compact"):
        receipt(trace)


def _toggle_player(trace_id: str, n: int) -> None:
    state = _state()
    state.playing = None if state.playing == (trace_id, n) else (trace_id, n)


def _show_follow_ups(services: Services, trace: Trace) -> None:
    questions = trace.answer.follow_ups
    if not questions:
        return
    st.caption("Ask next")
    for i, question in enumerate(questions):
        st.button(
            escape_markdown(question), icon=":material/subdirectory_arrow_right:", key=f"follow-{trace.trace_id}-{i}",
            on_click=callback(ask), args=(services, question, trace.channels), wrap=True,
        )  # fmt: skip


def submit(services: Services) -> None:
    """The callback of the question field: runs before the page, so that no click can come between."""
    channels = tuple(st.session_state.get("ask-channels", ()))
    question = st.session_state.get("question") or ""
    callback(ask)(services, question, channels)


def controls(services: Services, state: Conversation) -> None:
    """Where to look, a fresh start, and the question field, at the bottom of the page."""
    names = [name for name, _ in services.channels()]
    with st.bottom:
        with st.container(horizontal=True, vertical_alignment="center"):
            chosen = st.session_state.get("ask-channels") or []
            label = f"{len(chosen)} of {len(names)} channels" if chosen else "All channels"
            with st.popover(label, icon=":material/filter_list:"):
                st.multiselect(
                    "Look only in these channels", names, key="ask-channels", persist_state="session",
                    placeholder="All channels",
                )  # fmt: skip
            if state.newest:
                st.button(
                    "New conversation", icon=":material/edit_square:", key="new-conversation", on_click=start_over
                )
        st.chat_input("Ask the library", key="question", on_submit=submit, args=(services,))
