"""The Traces page's data: the filtered traces, their thumbs, and what a model can learn from them, as files."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from core.datasets.exports import COLUMNS
from core.ledger import DatasetKind, DatasetVersion, TraceFilter
from core.phrases import one_line
from core.services import Services
from core.ui import saving
from core.ui.components import notices
from core.ui.sample import BADGE

_LABELS = {
    DatasetKind.TRACES: "Traces",
    DatasetKind.FEEDBACK: "Thumbs",
    DatasetKind.FINETUNE: "Good answers",
    DatasetKind.PREFERENCES: "Pairs",
}
_HOLDS = {
    DatasetKind.TRACES: "The traces that the filters above let through, one a line, with steps, prompt and passages.",
    DatasetKind.FEEDBACK: "The thumbs of these traces, one a line, with reason, comment and correction.",
    DatasetKind.FINETUNE: (
        "Chats to fine-tune a model with: the exact prompt and the answer, where a chat model wrote it and it has a "
        "thumb up, or what would have been right, where somebody said so."
    ),
    DatasetKind.PREFERENCES: (
        "Pairs to train preferences with: a prompt, the better answer, the worse one. From corrections, and from "
        "questions with a good and a bad answer."
    ),
}
_MOST_SHOWN = 50


def show(services: Services, where: TraceFilter) -> None:
    """A closed section; nothing is read before it is opened."""
    area = st.expander("Save or download these traces", icon=":material/dataset:", key="trace-data", on_change="rerun")
    if not area.open:
        return
    with area:
        chosen = st.segmented_control(
            "What", list(_LABELS), format_func=_LABELS.__getitem__, default=DatasetKind.TRACES, required=True,
            key="trace-data-kind",
        )  # fmt: skip
        kind = chosen or DatasetKind.TRACES
        st.caption(_HOLDS[kind])
        if missing := services.datasets.missing(kind, where):
            notices([missing])
        elif where.sample:
            st.caption(
                f"{BADGE} Sample traffic can be downloaded. It is not kept as a version, as one is told to Comet."
            )
            _download(services, kind, where)
        else:
            saving.save_form(
                "trace-data", "Save as a data version", partial(services.datasets.save_traces, kind, where)
            )
            saving.show_said()
            _download(services, kind, where)
        _saved(services, kind)


def _download(services: Services, kind: DatasetKind, where: TraceFilter) -> None:
    """Without saving a version."""
    made_up = "sample-" if where.sample else ""
    forms = (("JSONL", "jsonl", "application/jsonl"), ("CSV", "csv", "text/csv"))
    with st.container(horizontal=True):
        for label, ending, mime in forms if kind in COLUMNS else forms[:1]:
            st.download_button(
                label, partial(services.datasets.download, kind, where, as_csv=ending == "csv"),
                f"cuepoint-{made_up}{kind}.{ending}", mime, icon=":material/download:", on_click="ignore",
                key=f"trace-data-{ending}",
            )  # fmt: skip


def _saved(services: Services, kind: DatasetKind) -> None:
    """The versions of this kind; the one whose row is marked can be downloaded."""
    versions = services.datasets.versions(kind)[:_MOST_SHOWN]
    if not versions:
        return
    st.markdown("**Saved before**")
    version = pick(versions)
    if version is None:
        st.caption("Mark a row to download its files.")
        return
    with st.container(horizontal=True):
        saving.downloads(services, version)
    st.caption(f"Files: {saving.place(services, version)}")


def pick(versions: list[DatasetVersion]) -> DatasetVersion | None:
    """Draws the list; returns the version whose row is marked."""
    event = st.dataframe(
        pd.DataFrame([_row(version) for version in versions]), hide_index=True,
        key=f"trace-data-table-{versions[0].version[:12]}-{len(versions)}",
        on_select="rerun", selection_mode="single-row", alt="Saved versions of traces",
        column_config={
            "Saved": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", help="UTC"),
            "Note": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
    rows = event.selection.rows
    return versions[rows[0]] if rows and rows[0] < len(versions) else None


def _row(version: DatasetVersion) -> dict[str, object]:
    return {
        "Name": one_line(version.alias),
        "Saved": version.created_at,
        "Rows": version.rows,
        "Size": saving.size(version.bytes),
        "Note": one_line(version.note),
        "Version": version.version[:12],
    }
