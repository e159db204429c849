"""What a price would change: told at once where few traces are concerned, on a click where many are."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import streamlit as st

from core.cost.price_documents import change_text
from core.ledger import PriceChange
from core.ui.errors import callback
from core.ui.text import count, escape_markdown

MANY = 2000
"""Traces; what concerns more is worked out on a click and done in the background, so that nobody waits for the page."""


def show(place: str, asked: Hashable, reach: int, work_out: Callable[[], PriceChange]) -> None:
    """``reach``: the most traces that can change. What a click worked out stays while ``asked`` and it stay."""
    known = st.session_state.get(_key(place))
    if reach <= MANY:
        _tell(work_out() if reach else PriceChange())
    elif known is not None and known[0] == (asked, reach):
        _tell(known[1])
    else:
        st.caption(f"It concerns {count(reach, 'question')}; working out what would change takes some seconds.")
        st.button(
            "Work out what would change", key=f"{place}-work-out", icon=":material/calculate:",
            on_click=callback(_keep, place=place), args=(place, (asked, reach), work_out),
        )  # fmt: skip


def forget(place: str) -> None:
    """After a change of prices."""
    st.session_state.pop(_key(place), None)


def _keep(place: str, asked: Hashable, work_out: Callable[[], PriceChange]) -> None:
    st.session_state[_key(place)] = (asked, work_out())


def _tell(change: PriceChange) -> None:
    st.caption(escape_markdown(change_text(change, done=False)) + ".")


def _key(place: str) -> str:
    return f"{place}-worked-out"
