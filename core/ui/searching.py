"""The Search page's pieces: its widgets as a query, and a result with charts, list, table and files."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.models import SearchMode, SearchQuery, SearchResult, digest
from core.phrases import listed
from core.retrieval import MAX_LIMIT
from core.ui.charts import BAR_SELECTION, TIMELINE_SELECTION, bar_chart, timeline
from core.ui.components import notices, passage_card
from core.ui.exports import details_table, to_csv, to_json
from core.ui.player import TranscriptOf, place_of, play
from core.ui.text import count, duration_ms, escape_markdown

_PLAYING = "search-playing"
_CLOSED = "timeline-closed"


def query_from_widgets(channels: Sequence[tuple[str, int]]) -> SearchQuery:
    """Draws query and filters; the address holds them all. ``channels`` are names with their number of videos."""
    text = st.text_input(
        "Search", key="q", bind="query-params", placeholder="What was said about…", label_visibility="collapsed",
        icon=":material/search:",
    )  # fmt: skip
    where, how, many = st.columns([3, 2, 1])
    chosen = where.multiselect(
        "Channels", [name for name, _ in channels], key="channel", bind="query-params", placeholder="All channels"
    )
    mode = how.segmented_control(
        "Mode", [str(mode) for mode in SearchMode], default=str(SearchMode.HYBRID), required=True, key="mode",
        bind="query-params", help="hybrid: by meaning and by words · dense: by meaning · keyword: by words (BM25)",
    )  # fmt: skip
    limit = many.number_input("Results", 1, MAX_LIMIT, 30, key="limit", bind="query-params")
    return SearchQuery(text.strip(), limit=limit, mode=SearchMode(mode or SearchMode.HYBRID), channels=tuple(chosen))


def show_result(result: SearchResult, transcript_of: TranscriptOf) -> None:
    """Charts, player, list, table and files of a result that has passages."""
    videos = len({passage.video.video_id for passage in result.passages})
    st.caption(f"{count(len(result.passages), 'passage')} in {count(videos, 'video')} · {duration_ms(result.took_ms)}")
    notices(result.notices)
    video_ids, chunk_id = _charts(result)
    _play_from_timeline(result, chunk_id, transcript_of)
    shown = [passage for passage in result.passages if not video_ids or passage.video.video_id in video_ids]
    if video_ids:
        titles = list(dict.fromkeys(passage.video.title for passage in shown))
        st.caption(f"Only **{escape_markdown(listed(titles))}**. Click a bar again to take it back.")
    playing = st.session_state.get(_PLAYING)
    for passage in shown:
        place = (_identity(result), passage.chunk.id)
        with passage_card(passage, result.query.text, playing == place, _toggle, place):
            if playing == place:
                play(place_of(passage), transcript_of)
    _details(result)


def _toggle(identity: str, chunk_id: str) -> None:
    """Opens the player in the card of a passage, or closes it."""
    place = (identity, chunk_id)
    st.session_state[_PLAYING] = None if st.session_state.get(_PLAYING) == place else place


def _identity(result: SearchResult) -> str:
    """Changes with query, filters and result, so that a selection never outlives what it was made in."""
    query = result.query
    found = ",".join(passage.chunk.id for passage in result.passages)
    return digest("\n".join((query.text, str(query.mode), *query.channels, found)))[:12]


def _charts(result: SearchResult) -> tuple[set[str], str | None]:
    """Draws bars and timeline; returns the videos whose bars are marked and the chunk to play."""
    identity = _identity(result)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Relevant passages per video** :gray[· click to filter]")
        bars = st.altair_chart(
            bar_chart(result.passages), key=f"bars-{identity}", on_select="rerun", selection_mode=BAR_SELECTION,
            alt="Number of relevant passages per video",
        )  # fmt: skip
    with right:
        st.markdown("**Where in the videos** :gray[· click to play]")
        places = st.altair_chart(
            timeline(result.passages), key=f"places-{identity}-{st.session_state.get(_CLOSED, 0)}", on_select="rerun",
            selection_mode=TIMELINE_SELECTION, alt="The place of every passage in its video",
        )  # fmt: skip
    chunks = _picked(places, TIMELINE_SELECTION, "chunk_id")
    return set(_picked(bars, BAR_SELECTION, "video_id")), chunks[-1] if chunks else None


def _picked(event: object, selection: str, field: str) -> list[str]:
    """The values that clicks chose in a chart."""
    points = getattr(event, "selection", {}).get(selection) or []
    return [str(point[field]) for point in points if field in point]


def _play_from_timeline(result: SearchResult, chunk_id: str | None, transcript_of: TranscriptOf) -> None:
    """The player below the charts, for the passage that is marked in the timeline."""
    passage = next((passage for passage in result.passages if passage.chunk.id == chunk_id), None)
    if passage is None:
        return
    with st.container(border=True, key="timeline-player"):
        title, close = st.columns([5, 1], vertical_alignment="center")
        title.markdown(f"**{escape_markdown(passage.video.title)}** :gray[· {escape_markdown(passage.video.channel)}]")
        close.button("Close", icon=":material/close:", key="timeline-close", on_click=_close_timeline, width="stretch")
        play(place_of(passage), transcript_of)


def _close_timeline() -> None:
    """A chart forgets what is marked in it only when it is a new chart."""
    st.session_state[_CLOSED] = st.session_state.get(_CLOSED, 0) + 1


def _details(result: SearchResult) -> None:
    with st.expander("Details and download", icon=":material/table:"):
        st.dataframe(details_table(result), hide_index=True, alt="All passages with their scores")
        with st.container(horizontal=True):
            st.download_button(
                "CSV", lambda: to_csv(result), "cuepoint-search.csv", "text/csv", icon=":material/download:",
                on_click="ignore", key="download-csv",
            )  # fmt: skip
            st.download_button(
                "JSON", lambda: to_json(result), "cuepoint-search.json", "application/json", icon=":material/download:",
                on_click="ignore", key="download-json",
            )  # fmt: skip
