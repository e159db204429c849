"""Puts a question that was asked into a test set: on a trace, and under an answer with a thumb down."""

from __future__ import annotations

import streamlit as st

from core.answering.service import HISTORY_TURNS
from core.errors import InputError
from core.lab.from_trace import case_of_trace
from core.ledger import TestSetStore
from core.models import AnswerStatus, Trace
from core.phrases import listed
from core.services import Services
from core.ui.errors import callback, show_pending_error
from core.ui.text import count, escape_markdown

FIRST_NAME = "From traces"
"""What a first test set is called where nobody chose another name."""


def add_to_test_set(services: Services, trace: Trace) -> None:
    """A button that opens a small form; afterwards it says where the question is."""
    if trace.answer.status is AnswerStatus.RUNNING:
        return
    sets, key = services.ledger.test_sets, f"lab-case-{trace.trace_id}"
    is_in = sets.with_trace(trace.trace_id)
    label = f"In {count(len(is_in), 'test set')}" if is_in else "Add to a test set"
    with st.popover(label, icon=":material/quiz:", key=key, on_change="rerun") as area:
        if area.open:
            _form(services, trace, is_in, key)
    show_pending_error(key)


def _form(services: Services, trace: Trace, is_in: list[str], key: str) -> None:
    if is_in:
        st.caption(f"It is in {listed([escape_markdown(name) for name in is_in])}.")
    names = [found.name for found in services.ledger.test_sets.sets()]
    st.selectbox(
        "Test set", names or [FIRST_NAME], key=f"{key}-set", accept_new_options=True,
        help="A name that is not there yet makes a new one.",
    )  # fmt: skip
    given = trace.feedback
    st.text_area(
        "What would have been right", given.correction if given else "", key=f"{key}-expected", height=90,
        placeholder="Optional: scorers compare with it",
    )  # fmt: skip
    st.button("Add", type="primary", key=f"{key}-add", on_click=callback(_add, place=key), args=(services, trace, key))


def _add(services: Services, trace: Trace, key: str) -> None:
    state, sets = st.session_state, services.ledger.test_sets
    name = (state.get(f"{key}-set") or "").strip()
    if not name:
        raise InputError("No test set is named", hint="Choose one, or type a new name.")
    given = trace.feedback
    note = " ".join(filter(None, (given.reason, given.comment))) if given else ""
    case = case_of_trace(trace, _earlier(services, trace), expected=state.get(f"{key}-expected") or "", note=note)
    sets.add(_id_of(sets, name), case)
    state[key] = False


def _id_of(sets: TestSetStore, name: str) -> str:
    known = {found.name: found.set_id for found in sets.sets()}
    return known[name] if name in known else sets.create(name, "Questions that were asked.")


def _earlier(services: Services, trace: Trace) -> list[Trace]:
    """What Ask looked at before it answered."""
    turns = services.traces.conversation(trace.conversation_id) if trace.conversation_id else []
    said = [turn for turn in turns if turn.started_at < trace.started_at and turn.answer.answered]
    return said[-HISTORY_TURNS:]
