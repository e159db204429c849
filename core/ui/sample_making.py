"""The button that makes sample traffic, for who looks for something to see in an empty ledger, and how far it is."""

from __future__ import annotations

import streamlit as st

from core.sample_traffic.behind import Making
from core.sample_traffic.service import DAYS, QUESTIONS
from core.services import Services
from core.ui.errors import callback, guard
from core.ui.text import escape_markdown, span_of_time

_TICK_S = 1.0
_WHAT = f"{QUESTIONS:,} made-up questions of the last {DAYS} days"


def offer(services: Services) -> None:
    """The button, where the ledger has no trace at all; why the last try failed."""
    making = services.sample.making()
    if (making and not making.error) or not services.sample.wanted():
        return
    if making:
        st.error(escape_markdown(making.error), icon=":material/error:")
    st.button(
        "Look around with sample traffic", icon=":material/science:", key="sample-make", type="tertiary",
        help=f"{_WHAT}, so that Cost, Drift, Prompt Lab and Traces have something to show. They are marked as sample, "
        "and one click removes them.",
        on_click=callback(services.sample.start),
    )  # fmt: skip


def watch(services: Services) -> None:
    """How far it is where it is being made; the page is drawn anew when it is there."""
    if _under_way(services):
        _watch(services)


def _under_way(services: Services) -> Making | None:
    making = services.sample.making()
    return making if making and not making.error else None


@st.fragment(run_every=_TICK_S)
def _watch(services: Services) -> None:
    with guard():
        making = _under_way(services)
        if making is None:
            st.rerun()
        with st.container(border=True, key="sample-making"):
            done = f"{making.share:.0%} · {span_of_time(making.seconds)} so far"
            st.progress(making.share, text=f"Making sample traffic: {_WHAT} · {done}")
