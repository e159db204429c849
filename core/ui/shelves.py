"""The Library page's lower half: the videos that are there, their transcripts, and how to remove them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.ledger import LibraryVideo
from core.models import Transcript, VideoKind
from core.phrases import clock, one_line
from core.services import Services
from core.ui.components import kind_badge
from core.ui.errors import callback
from core.ui.text import count, escape_markdown, link

_KINDS = {VideoKind.YOUTUBE: "YouTube", VideoKind.FILE: "File", VideoKind.ARTICLE: "Article", VideoKind.DEMO: "Demo"}
_TABLE = "library-table"


def show(services: Services, videos: Sequence[LibraryVideo]) -> None:
    """The list, and what can be done with the rows that are marked."""
    chosen = pick(videos)
    if not chosen:
        st.caption("Mark a row to read its transcript or to remove it.")
        return
    remove_selected(services, chosen)
    if len(chosen) == 1:
        show_transcript(services.transcript(chosen[0].video.video_id))


def pick(videos: Sequence[LibraryVideo]) -> list[LibraryVideo]:
    """Draws the list, filtered by a few words; returns the videos whose rows are marked."""
    text = st.text_input(
        "Filter", key="library-filter", placeholder="Filter by title or channel", icon=":material/filter_list:",
        label_visibility="collapsed",
    ).casefold()  # fmt: skip
    shown = [entry for entry in videos if text in f"{entry.video.title} {entry.video.channel}".casefold()]
    event = st.dataframe(
        pd.DataFrame([_row(entry) for entry in shown], columns=list(_COLUMNS)), hide_index=True, key=_TABLE,
        on_select="rerun", selection_mode="multi-row", column_config=_COLUMNS, alt="The videos of the library",
    )  # fmt: skip
    return [shown[row] for row in event.selection.rows if row < len(shown)]


_COLUMNS = {
    "Title": st.column_config.TextColumn(width="large"),
    "Channel": st.column_config.TextColumn(width="medium"),
    "Kind": st.column_config.TextColumn(width="small"),
    "Language": st.column_config.TextColumn(width="small"),
    "Length": st.column_config.TextColumn(width="small", alignment="right"),
    "Passages": st.column_config.NumberColumn(width="small"),
    "Added": st.column_config.DatetimeColumn(width="medium", format="YYYY-MM-DD HH:mm", help="UTC"),
    "Transcript": st.column_config.TextColumn(width="medium", help="How the transcript was chosen"),
}


def _row(entry: LibraryVideo) -> dict[str, object]:
    video = entry.video
    return {
        "Title": one_line(video.title),
        "Channel": one_line(video.channel),
        "Kind": _KINDS[video.kind],
        "Language": video.language,
        "Length": clock(video.duration_s) if video.duration_s else "–",
        "Passages": entry.chunks,
        "Transcript": one_line(video.note or video.source),
        "Added": video.added_at,
    }


def remove_selected(services: Services, chosen: Sequence[LibraryVideo]) -> None:
    """A button that asks once more before it removes."""
    what = count(len(chosen), "video")
    with st.popover(f"Remove {what}", icon=":material/delete:", key="remove-popover"):
        st.markdown(f"Remove {what} with all passages? Answers given so far keep their quotes.")
        st.button(
            "Remove", type="primary", key="remove-confirm", on_click=callback(_remove),
            args=(services, [entry.video.video_id for entry in chosen]),
        )  # fmt: skip


def _remove(services: Services, video_ids: Sequence[str]) -> None:
    services.remove(video_ids)
    st.session_state.pop(_TABLE, None)


def show_transcript(transcript: Transcript) -> None:
    """Every caption line with its time; a table, so that twelve hours scroll as easily as one."""
    video = transcript.video
    st.subheader(escape_markdown(video.title), anchor=False)
    facts = [escape_markdown(video.channel), escape_markdown(video.language), count(len(transcript.segments), "line")]
    where = link("Open on YouTube :material/open_in_new:", video.url_at(0))
    st.markdown(f"{kind_badge(video.kind)} :gray[{' · '.join(facts)}] {where if video.url_at(0) else ''}")
    timed = any(segment.end_s > 0 for segment in transcript.segments)
    rows = [
        {**({"Time": clock(segment.start_s)} if timed else {}), "Text": one_line(segment.text)}
        for segment in transcript.segments
    ]
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, height=420, alt=f"Transcript of {one_line(video.title)}",
        column_config={"Time": st.column_config.TextColumn(width="small")},
    )  # fmt: skip
