"""The landing page's pieces: the library in figures, first questions, health, next steps, the demo notice."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.demo import DEMO_QUESTIONS
from core.ledger import LibraryVideo
from core.models import LibraryStats, VideoKind
from core.services import Services
from core.ui import components, places, sample_making
from core.ui.conversation import ask_in_new
from core.ui.errors import callback, guard
from core.ui.text import count, escape_markdown, shorten, span_of_time

_MOST_SUGGESTIONS = 4
_ASKED = "suggestion-asked"
"""In the session: a page may run twice for one click (core/ui/frame.py), and a button knows of it only once."""
_POLL_S = 3.0


def figures(stats: LibraryStats) -> None:
    """How much there is to ask."""
    with st.grid(4, min_column_width=150):
        st.metric("Videos", f"{stats.videos:,}", border=True)
        st.metric("Passages", f"{stats.chunks:,}", border=True)
        st.metric("Channels", f"{stats.channels:,}", border=True)
        st.metric("Length", span_of_time(stats.duration_s) if stats.duration_s else "–", border=True)


def suggestions(services: Services) -> list[str]:
    """Questions that this library answers: those of the demo talks that are in it, else one per newest video."""
    videos = [entry.video for entry in sorted(services.videos(), key=_added_at, reverse=True)]
    demo = {video.video_id for video in videos if video.kind is VideoKind.DEMO}
    of_demo = [question.text for question in DEMO_QUESTIONS if question.video_id in demo and question.language == "en"]
    own = [f"What is said about “{shorten(video.title, 60)}”?" for video in videos if video.kind is not VideoKind.DEMO]
    return [*own[: _MOST_SUGGESTIONS // 2], *of_demo, *own[_MOST_SUGGESTIONS // 2 :]][:_MOST_SUGGESTIONS]


def _added_at(entry: LibraryVideo) -> datetime:
    return entry.video.added_at or datetime.min.replace(tzinfo=UTC)


def suggested_questions(services: Services, *, opens_ask: bool = False) -> None:
    """A button per suggestion, which asks it; ``opens_ask`` shows the answer on the Ask page then."""
    if opens_ask and st.session_state.pop(_ASKED, False):
        st.switch_page(places.ASK)
    with st.container(horizontal=True, gap="small"):
        for i, question in enumerate(suggestions(services)):
            st.button(
                escape_markdown(question), icon=":material/chat_bubble:", key=f"suggestion-{i}", wrap=True,
                on_click=callback(_ask), args=(services, question, opens_ask),
            )  # fmt: skip


def _ask(services: Services, question: str, opens_ask: bool) -> None:
    """Where it cannot be asked, the page stays and says why."""
    ask_in_new(services, question)
    st.session_state[_ASKED] = opens_ask


@st.fragment(run_every=_POLL_S)
def health(services: Services) -> None:
    """The state of each service; looks again by itself."""
    with guard():
        components.health(services.health())


def demo_notice(services: Services, stats: LibraryStats) -> None:
    """Says that demo talks are in the library, and removes them with one click."""
    if not stats.demo_videos:
        return
    with st.container(border=True, key="demo-notice"):
        words, action = st.columns([4, 1], vertical_alignment="center")
        words.markdown(
            f":orange-badge[Demo] The library holds {count(stats.demo_videos, 'short talk')} written for Cuepoint, "
            "so that you can try it at once. They have no video to play; you read their transcript instead."
        )
        remove_demo_button(services, action)


def remove_demo_button(services: Services, where: DeltaGenerator) -> None:
    where.button(
        "Remove demo", icon=":material/delete:", key="remove-demo", on_click=callback(services.remove_demo),
        width="stretch",
    )  # fmt: skip


def next_steps(services: Services, stats: LibraryStats) -> None:
    """What is worth doing next, most useful first."""
    own = stats.videos - stats.demo_videos
    step = "Add more videos" if own else "Add your own videos"
    st.page_link(
        places.LIBRARY, label=f"**{step}**: YouTube addresses or transcript files", icon=":material/add_circle:"
    )
    st.page_link(places.SEARCH, label="**Search** for the exact words or the meaning", icon=":material/search:")
    st.page_link(places.TRACES, label="**See how an answer was made**, step by step", icon=":material/timeline:")
    sample_making.offer(services)
    if not services.has_chat_model:
        with st.expander("**Bring a chat model** for written answers", icon=":material/key:", type="compact"):
            st.markdown(
                "Set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for a server of your own, in the environment or in `.env`, "
                "and start again. Until then Ask answers with quotes."
            )
