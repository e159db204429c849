"""The Library page's upper half: what to add, and how far it is. The work runs in the process, not in the page."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.errors import SourceError
from core.ingestion import IngestProgress
from core.ledger import ItemState, JobItem
from core.phrases import one_line
from core.services import Services
from core.ui import places
from core.ui.components import empty_state, notices
from core.ui.errors import callback, guard
from core.ui.text import count, escape_markdown, span_of_time

FILE_TYPES = ["json", "srt", "vtt", "csv"]
_TICK_S = 1.0
_SOURCES = "sources"
_UPLOAD = "upload"
_JOB = "ingest-job"


def form(services: Services) -> None:
    """Addresses, files, and the button that starts."""
    left, right = st.columns(2, gap="large")
    left.text_area(
        "Addresses", key=_SOURCES, height=100,
        placeholder="https://www.youtube.com/watch?v=…\na playlist, @channel, or video id; one per line",
        help="YouTube videos, playlists and channels; or the word demo for the demo talks.",
    )  # fmt: skip
    right.file_uploader(
        "Transcript files", FILE_TYPES, accept_multiple_files=True, key=_UPLOAD,
        help=".json, .srt and .vtt are transcripts; .csv holds articles with the columns author, title, text.",
    )  # fmt: skip
    st.button(
        "Add to the library", type="primary", icon=":material/add:", key="ingest",
        on_click=callback(_start), args=(services,),
    )  # fmt: skip


def _start(services: Services) -> None:
    sources = [line.strip() for line in st.session_state.get(_SOURCES, "").splitlines() if line.strip()]
    uploads = [(file.name, file.getvalue()) for file in st.session_state.get(_UPLOAD) or []]
    if not sources and not uploads:
        raise SourceError("There is nothing to add yet", hint="Enter an address or choose a file.")
    watch(services.ingestor.start(sources, uploads=uploads, files=False))
    st.session_state[_SOURCES] = ""


def empty_library(services: Services, title: str) -> None:
    """What is being added to an empty library, or the way to add something."""
    if services.ingestor.active():
        show_progress(services)
        return
    empty_state("video_library", title, "Add YouTube videos or transcript files first.")
    st.page_link(places.LIBRARY, label="Open the library", icon=":material/add_circle:")


def watch(job_id: str) -> None:
    """Remembers a job that this tab began, so that its end is shown here too."""
    st.session_state[_JOB] = job_id


def show_progress(services: Services) -> None:
    """The job that runs, or the last one that this tab started; it refreshes itself until the job is done."""
    running = services.ingestor.active()
    job_id = running or st.session_state.get(_JOB)
    if job_id is None:
        return
    if running:
        _watch(services, job_id)
    else:
        _show(services.ingestor.progress(job_id))


@st.fragment(run_every=_TICK_S)
def _watch(services: Services, job_id: str) -> None:
    with guard():
        progress = services.ingestor.progress(job_id)
        if progress.finished:
            st.session_state[_JOB] = job_id
            st.rerun()
        _show(progress)


def _show(progress: IngestProgress) -> None:
    with st.container(border=True, key="ingest-progress"):
        st.progress(progress.share, text=progress_line(progress))
        if progress.error:
            st.error(escape_markdown(progress.error), icon=":material/error:")
        if progress.current:
            st.caption(escape_markdown(progress.current))
        notices(progress.notices)
        what = "restored" if progress.restoring else "added"
        _failures([item for item in progress.items if item.state is ItemState.FAILED], what)


def progress_line(progress: IngestProgress) -> str:
    """Counts and time left, as Markdown."""
    restored = "Not restored" if progress.failed else "Restored"
    working, done = ("Restoring", restored) if progress.restoring else ("Adding", "Done")
    counts = [item.detail for item in progress.items if item.detail] if progress.restoring else _counts(progress)
    if progress.failed:
        counts.append(f":red[{progress.failed:,} failed]")
    if progress.finished:
        return f"{done}: " + " · ".join(counts)
    left = progress.time_left_s
    return f"{working}: " + " · ".join(
        [*counts, f"about {span_of_time(left)} left" if left is not None else "time left unknown"]
    )


def _counts(progress: IngestProgress) -> list[str]:
    counts = [f"{progress.done:,} of {progress.total:,}", count(progress.chunks, "new passage")]
    return [*counts, *([f"{progress.unchanged:,} unchanged"] if progress.unchanged else [])]


def _failures(items: Sequence[JobItem], what: str) -> None:
    """Each failed source with its reason and what to do about it."""
    if not items:
        return
    with st.expander(f"{count(len(items), 'source')} could not be {what}", icon=":material/error:", expanded=True):
        for item in items[:50]:
            st.markdown(f"**{escape_markdown(item.item)}**  \n:gray[{escape_markdown(item.error or item.detail)}]")
        if len(items) > 50:  # noqa: PLR2004  the rest is in the table
            table = [{"Source": one_line(item.item), "Reason": one_line(item.error or item.detail)} for item in items]
            st.dataframe(pd.DataFrame(table), hide_index=True)
