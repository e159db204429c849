"""Words of the Prompt Lab: what became of the last click, said once, where it was; what experiments are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC

import streamlit as st

from core.models import Experiment
from core.ui.errors import show_pending_error
from core.ui.text import count, escape_markdown, shorten

_SAID = "lab-said-"


def say(place: str, sentence: str) -> None:
    """Keeps a sentence, plain text, until it is shown."""
    st.session_state[_SAID + place] = sentence


def show_said(place: str) -> None:
    """Shows it, or what went wrong there."""
    show_pending_error(place)
    if sentence := st.session_state.pop(_SAID + place, ""):
        st.success(escape_markdown(sentence), icon=":material/check:")


def titles(experiments: Sequence[Experiment]) -> dict[str, str]:
    """By id, each another: a browser names what is chosen by its words, so of two that are equal it takes the first."""
    plain = {found.experiment_id: _title(found) for found in experiments}
    times = Counter(plain.values())
    return {key: title if times[title] == 1 else f"{title} · {key[:6]}" for key, title in plain.items()}


def _title(experiment: Experiment) -> str:
    made = f"{experiment.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    sample = "Sample: " if experiment.sample and not experiment.name.startswith("Sample") else ""
    return f"{sample}{shorten(experiment.name, 80)}, {count(experiment.total, 'cell')}, {made}"
