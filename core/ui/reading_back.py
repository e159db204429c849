"""Reading Comet back, on the screen: how old it is, how far it is, the button, and what to set without a key."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core.mirror.service import ReadBackState
from core.services import Services
from core.ui.errors import callback, guard
from core.ui.text import count, escape_markdown, moment, shorten, span_of_time

NO_KEY = (
    "Set `COMET_API_KEY` in the environment or in `.env` and start again, with `COMET_WORKSPACE` and "
    "`COMET_PROJECT_NAME` where they are not your own workspace and the project `cuepoint`. Then this page can read "
    "usage, cost and thumbs back from there, for what other programs logged as well."
)
_POLL_S = 1.5
_REASON_CHARS = 300


def panel(services: Services, since: datetime | None) -> None:
    """When Comet was read back, with the button that reads it again from the beginning of the window."""
    if not services.mirroring.enabled:
        st.info(NO_KEY, title="No Comet key", icon=":material/key:")
        kept = services.mirroring.read_back_state()
        if kept.kept:
            st.caption(_age(kept))
        return
    state = services.mirroring.read_back_state()
    with st.container(border=True, key="read-back"):
        if state.state == "running":
            _watch(services)
        else:
            _idle(services, state, since)


def _idle(services: Services, state: ReadBackState, since: datetime | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":material/cloud_download: {_age(state)}", width="content")
        st.button(
            "Read back now", icon=":material/refresh:", key="read-back-now", args=(since,),
            on_click=callback(services.mirroring.start_read_back),
            help="Records from the beginning of this time on" if since else "All records",
        )  # fmt: skip
    if state.state == "failed":
        why = escape_markdown(shorten(state.detail, _REASON_CHARS))
        st.warning(f"The last reading stopped after {count(state.records, 'record')}. {why}", icon=":material/error:")


@st.fragment(run_every=_POLL_S)
def _watch(services: Services) -> None:
    """Looks again by itself; the page is drawn anew when it is done."""
    with guard():
        state = services.mirroring.read_back_state()
        if state.state != "running":
            st.rerun()
        st.markdown(f":material/hourglass_top: Reading Comet back: {count(state.records, 'record')} so far")


def _age(state: ReadBackState) -> str:
    if state.read_at is None:
        return "Nothing was read back from Comet yet."
    ago = span_of_time(max(0.0, (datetime.now(UTC) - state.read_at).total_seconds()))
    return f"{count(state.kept, 'record')} of Comet here, read back {ago} ago :gray[({moment(state.read_at)})]"
