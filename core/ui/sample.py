"""Sample traffic on the pages: what says that it is none of yours, shows or hides it, and takes it out in one click."""

from __future__ import annotations

import streamlit as st

from core.ledger import SampleState
from core.ledger.outbox_rows import SAMPLE
from core.models import Trace
from core.phrases import count, listed
from core.services import Services
from core.ui import sample_making
from core.ui.errors import callback, show_pending_error

BADGE = ":orange-badge[:material/science: Sample]"
ASK_KIND = f"{SAMPLE}-ask"
_PLACE = "sample"
_ADDRESSES = ("report", "experiment")
_WANTED, _SHOWN, _SAID = "sample-wanted", "sample-shown", "sample-said"


def choose(services: Services) -> bool:
    """Draws what there is of it; says whether the page is to show it, and then nothing else.

    It is shown by itself where nobody asked anything real yet, else by a switch that all pages share.
    """
    _show_said()
    sample_making.watch(services)
    state = services.sample.state()
    if not state:
        st.session_state[_SHOWN] = False
        return False
    with _box():
        words = st.container(width="stretch")
        shown = state.only or st.toggle("Show it here", key=_WANTED, persist_state="session")
        _remove_button(services)
    st.session_state[_SHOWN] = shown  # in one step: a click may end this run anywhere, and its callback reads it
    words.markdown(f"{BADGE} {_words(state, shown=shown)}")
    return shown


def shown() -> bool:
    """What ``choose`` said in this run of the page."""
    return bool(st.session_state.get(_SHOWN, False))


def notice(services: Services) -> None:
    """For pages that show none of it: that there is some, and the button that takes it out."""
    _show_said()
    sample_making.watch(services)
    state = services.sample.state()
    if state:
        with _box():
            st.container(width="stretch").markdown(
                f"{BADGE} Cost, Drift, Prompt Lab and Traces have sample traffic to show: {_counts(state)}. "
                "None of it is yours."
            )
            _remove_button(services)


def mark(trace: Trace) -> bool:
    """Draws the mark of a trace that nobody asked; whether it is one."""
    if trace.kind.startswith(SAMPLE):
        st.markdown(f"{BADGE} Sample traffic, not yours: nobody asked this, and no model answered.")
        return True
    return False


def is_marked(kind: str) -> bool:
    """Whether the traces of a kind are sample traffic."""
    return kind.startswith(SAMPLE)


def _words(state: SampleState, *, shown: bool) -> str:
    if state.only:
        return (
            f"**Sample traffic, not yours**: {_counts(state)}, made up so that there is something to see. "
            "What you ask yourself takes its place here."
        )
    if shown:
        return f"**Sample traffic, not yours**: {_counts(state)}, made up. What was really asked is left out now."
    return f"There is sample traffic too ({_counts(state)}). It is left out here."


def _counts(state: SampleState) -> str:
    parts = [
        count(number, noun)
        for number, noun in (
            (state.traces, "trace"), (state.experiments, "experiment"), (state.drift_reports, "drift report"),
            (state.test_sets, "test set"),
        )
        if number
    ]  # fmt: skip
    return listed(parts)


def _box() -> st.delta_generator.DeltaGenerator:
    return st.container(border=True, horizontal=True, vertical_alignment="center", key="sample-notice")


def _remove_button(services: Services) -> None:
    st.button(
        "Remove sample", icon=":material/delete:", key="sample-remove",
        on_click=callback(_remove, place=_PLACE), args=(services,),
    )  # fmt: skip


def _remove(services: Services) -> None:
    removed = services.sample.remove()
    for name in _ADDRESSES:
        st.query_params.pop(name, None)  # what it names may be gone
    st.session_state[_SAID] = f"Removed from the ledger: {_counts(removed)} of sample traffic, and nothing else."


def _show_said() -> None:
    show_pending_error(_PLACE)
    if said := st.session_state.pop(_SAID, ""):
        st.success(said, icon=":material/check:")
