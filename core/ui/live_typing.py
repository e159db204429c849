"""Text areas that tell what is typed while it is typed.

Streamlit's own commit what was typed when they are left, or at Ctrl+Enter. A small script presses that for the user, a
moment after the last key.
"""

from __future__ import annotations

import streamlit as st

AREA = "live-typing"
"""Key of the container whose text areas are live."""

_SCRIPT = """
const PAUSE_MS = 400;
export default function () {
  let timer;
  const commit = (area) => area.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true })
  );
  const typed = (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || !area.closest(".st-key-live-typing")) return;
    clearTimeout(timer);
    timer = setTimeout(() => commit(area), PAUSE_MS);
  };
  document.addEventListener("input", typed);
  return () => { clearTimeout(timer); document.removeEventListener("input", typed); };
}
"""


def listen() -> None:
    """Makes the text areas live; the container stands on the page once."""
    st.components.v2.component("cuepoint_live_typing", js=_SCRIPT)(key="live-typing-script", height=0)
