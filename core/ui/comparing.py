"""What differs between two versions of the library, as figures and a table."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from core.datasets import Comparison
from core.phrases import one_line
from core.ui.components import notices
from core.ui.text import count

_WORDS = {"text": "words", "chunks": "passages", "duration_s": "length"}


def show_comparison(found: Comparison) -> None:
    """Counts of videos and passages, then one row per video that differs."""
    notices(found.notices)
    if found.is_empty:
        st.markdown(f":green[:material/check_circle:] No difference in {count(found.same, 'video')}.")
        return
    chunks = {"added": found.chunks_added, "removed": found.chunks_removed, "changed": found.chunks_changed}
    with st.grid(3, min_column_width=150):
        for name, videos in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
            st.metric(f"Videos {name}", f"{len(videos):,}", border=True)
    parts = [f"{len(ids):,} {name}" for name, ids in chunks.items()]
    st.caption(f"Passages: {', '.join(parts)} · {count(found.same, 'video')} without a difference")
    st.dataframe(
        pd.DataFrame(list(_rows(found))), hide_index=True, key="version-differences",
        column_config={"Title": st.column_config.TextColumn(width="large")}, alt="The videos that differ",
    )  # fmt: skip


def _rows(found: Comparison) -> Iterator[dict[str, object]]:
    for video in found.added:
        yield _row("Added", video.title, (len(video.chunks), 0, 0))
    for video in found.removed:
        yield _row("Removed", video.title, (0, len(video.chunks), 0))
    for changed in found.changed:
        what = ", ".join(_WORDS.get(name, name) for name in changed.what)
        counts = (len(changed.added), len(changed.removed), len(changed.changed))
        yield _row("Changed", changed.title, counts, what)


def _row(became: str, title: str, passages: tuple[int, int, int], what: str = "") -> dict[str, object]:
    added, removed, changed = passages
    return {
        "Video": became, "Title": one_line(title), "Differs in": what, "Passages added": added,
        "Passages removed": removed, "Passages changed": changed,
    }  # fmt: skip
