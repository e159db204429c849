"""What the Library and the Traces page share about versions of the data: the form, what became of it, downloads."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.datasets import Saved
from core.ledger import DatasetVersion
from core.services import Services
from core.ui.errors import callback, show_pending_error
from core.ui.text import escape_markdown, moment

PLACE = "versions"
"""Where errors of these pieces are shown."""
_SAID = "version-said"
_LONGEST_NAME, _LONGEST_NOTE = 80, 2000
_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def save_form(key: str, label: str, save: Callable[[str, str], Saved]) -> None:
    """Name, note, and the button that saves; below it what became of the last click."""
    names = (f"{key}-name", f"{key}-note")
    with st.form(f"{key}-form", clear_on_submit=True, border=False):
        name, note, button = st.columns([2, 4, 2], vertical_alignment="bottom")
        name.text_input("Name", key=names[0], max_chars=_LONGEST_NAME, placeholder="Optional")
        note.text_input("Note", key=names[1], max_chars=_LONGEST_NOTE, placeholder="Optional: why it is kept")
        button.form_submit_button(
            label, icon=":material/save:", key=f"{key}-save", width="stretch", on_click=callback(_save, place=PLACE),
            args=(names, save),
        )  # fmt: skip


def _save(names: tuple[str, str], save: Callable[[str, str], Saved]) -> None:
    name, note = (st.session_state.get(key, "") for key in names)
    say(_became(save(name, note)))


def _became(saved: Saved) -> str:
    title = escape_markdown(saved.version.title)
    if saved.new:
        return f"Saved as {title}."
    return f"Nothing was written: this content is {title}, saved on {moment(saved.version.created_at)}."


def say(sentence: str) -> None:
    """Keeps a sentence, Markdown of ours, until it is shown."""
    st.session_state[_SAID] = sentence


def show_said() -> None:
    """Shows it, or what went wrong, once."""
    show_pending_error(PLACE)
    if sentence := st.session_state.pop(_SAID, ""):
        st.success(sentence, icon=":material/check:")


def downloads(services: Services, version: DatasetVersion) -> None:
    """Buttons for the rows and for the manifest. The rows are compared with the manifest when they are asked for."""
    short = version.version[:12]
    st.download_button(
        "Data", lambda: services.datasets.data_file(version).read_bytes(), f"{version.kind}-{short}.jsonl",
        "application/jsonl", icon=":material/download:", on_click="ignore", key=f"data-{short}",
        help=f"data.jsonl, {size(version.bytes)}",
    )  # fmt: skip
    st.download_button(
        "Manifest", services.datasets.manifest(version), f"{version.kind}-{short}.manifest.json", "application/json",
        icon=":material/download:", on_click="ignore", key=f"manifest-{short}", help="What it holds and was made with",
    )  # fmt: skip


def place(services: Services, version: DatasetVersion) -> str:
    """Where the files are, as Markdown."""
    return escape_markdown(str(services.datasets.folder_of(version)))


def size(number: int) -> str:
    """``812 B``, ``4.2 MB``."""
    for unit, scale in _UNITS:
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} B"
