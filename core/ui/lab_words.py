"""What became of the last click in the Prompt Lab, said once, where the click was."""

from __future__ import annotations

import streamlit as st

from core.ui.errors import show_pending_error
from core.ui.text import escape_markdown

_SAID = "lab-said-"


def say(place: str, sentence: str) -> None:
    """Keeps a sentence, plain text, until it is shown."""
    st.session_state[_SAID + place] = sentence


def show_said(place: str) -> None:
    """Shows it, or what went wrong there."""
    show_pending_error(place)
    if sentence := st.session_state.pop(_SAID + place, ""):
        st.success(escape_markdown(sentence), icon=":material/check:")
