"""What became of the last click in the Prompt Lab, said once."""

from __future__ import annotations

import streamlit as st

from core.ui.text import escape_markdown

PLACE = "lab"
"""Where errors of its pieces are shown."""
_SAID = "lab-said"


def say(sentence: str) -> None:
    """Keeps a sentence, plain text, until it is shown."""
    st.session_state[_SAID] = sentence


def show_said() -> None:
    if sentence := st.session_state.pop(_SAID, ""):
        st.success(escape_markdown(sentence), icon=":material/check:")
