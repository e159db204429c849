"""Pieces that several pages show: notices, empty states, badges, passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.models import Passage, SearchMode, SearchResult, ServiceHealth, VideoKind
from core.phrases import clock, listed
from core.sentences import highlight, split_sentences
from core.services import Services
from core.ui.text import escape_markdown, link, mark, shorten

_KIND_BADGES = {
    VideoKind.DEMO: ":orange-badge[Demo]",
    VideoKind.FILE: ":gray-badge[File]",
    VideoKind.ARTICLE: ":gray-badge[Article]",
    VideoKind.YOUTUBE: "",
}
_EXCERPT_CHARS = 420
_MATCH = ":green[**{}**]"


def notices(sentences: Sequence[str]) -> None:
    """What the reader should know, one quiet line each."""
    for sentence in sentences:
        st.caption(f":material/info: {escape_markdown(sentence)}")


def empty_state(icon: str, title: str, text: str) -> None:
    """What to see where there is nothing yet. ``text`` is Markdown of ours."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(f"### :material/{icon}: {title}", text_alignment="center")
        st.markdown(text, text_alignment="center")
        st.space("small")


def nothing_found(result: SearchResult) -> None:
    """What was looked for and where, and what to try."""
    query = result.query
    where = f" in {escape_markdown(listed(query.channels))}" if query.channels else ""
    tips = "Try fewer or other words" + (", all channels" if query.channels else "")
    tips += ", or the mode hybrid." if query.mode is not SearchMode.HYBRID else "."
    empty_state(
        "search_off",
        "No passage found",
        f"Nothing matches “{escape_markdown(shorten(query.text, 120))}”{where}.  \n{tips}",
    )


def still_starting(services: Services) -> None:
    """Says that the index is being loaded, or why it cannot be; the page looks again by itself until it is."""
    if not services.ready:
        _wait_until_ready(services)


@st.fragment(run_every=1.0)
def _wait_until_ready(services: Services) -> None:
    if services.ready:
        st.rerun()
    failed = [service.detail for service in services.health() if service.name == "Search index" and service.ok is False]
    if failed:
        why = escape_markdown(failed[0])
        st.warning(f"The search index cannot be loaded yet and is tried again: {why}", icon=":material/sync_problem:")
    else:
        st.info(
            "The search index is being loaded. Questions and searches wait for it.", icon=":material/hourglass_top:"
        )


def kind_badge(kind: VideoKind) -> str:
    """Markdown; empty for a YouTube video, which is what people expect."""
    return _KIND_BADGES[kind]


def health(services: Sequence[ServiceHealth]) -> None:
    """One line per service: works, fails, or is switched off."""
    icons = {
        True: ":green[:material/check_circle:]",
        False: ":red[:material/error:]",
        None: ":gray[:material/radio_button_unchecked:]",
    }
    for service in services:
        detail = f"  \n:gray[{escape_markdown(service.detail)}]" if service.detail else ""
        st.markdown(f"{icons[service.ok]} **{escape_markdown(service.name)}**{detail}")


def passage_card(
    passage: Passage, query: str, playing: bool, on_play: Callable[[str, str], None], args: tuple[str, str]
) -> DeltaGenerator:
    """One result with a button that plays it; returns the card, for the player."""
    video, chunk = passage.video, passage.chunk
    card = st.container(border=True, key=f"passage-{passage.rank}")
    head, action = card.columns([5, 1], vertical_alignment="center")
    head.markdown(
        f"**{passage.rank}. {escape_markdown(video.title)}** {kind_badge(video.kind)}  \n"
        f":gray[{escape_markdown(video.channel)} ·] {_time(passage)}"
    )
    label, icon = ("Play", "play_arrow") if passage.url else ("Read", "subject")
    action.button(
        "Close" if playing else label, icon=f":material/{'close' if playing else icon}:", key=f"play-{chunk.id}",
        width="stretch", on_click=on_play, args=args,
    )  # fmt: skip
    card.markdown(excerpt(passage, query))
    card.caption(score_line(passage))
    return card


def _time(passage: Passage) -> str:
    """mm:ss, linked to the second on YouTube where the video is there."""
    if passage.chunk.end_s <= 0:
        return f":gray[part {passage.chunk.part_id + 1} of {passage.chunk.max_part_id + 1}]"
    time = escape_markdown(clock(passage.best_start_s))
    return link(f"{time} :material/open_in_new:", passage.url) if passage.url else f":gray[{time}]"


def excerpt(passage: Passage, query: str) -> str:
    """Markdown of the sentences around the best match, the words of the query marked."""
    text = passage.chunk.text
    begin, end = _around(text, *passage.best_span)
    piece = text[begin:end]
    marked = mark(piece, highlight(piece, query, passage.video.language), style=_MATCH)
    before, after = "…\u00a0" if begin > 0 else "", "\u00a0…" if end < len(text) else ""
    return before + marked + after


def _around(text: str, begin: int, end: int) -> tuple[int, int]:
    """The best span widened on both sides by whole sentences to about ``_EXCERPT_CHARS`` characters."""
    spare = max(0, _EXCERPT_CHARS - (end - begin)) // 2
    sentences = split_sentences(text)
    first = min((s for s, _ in sentences if begin - spare <= s), default=begin)
    last = max((e for _, e in sentences if e <= end + spare), default=end)
    return min(begin, first), max(end, last)


def score_line(passage: Passage) -> str:
    """The score with what it is made of."""
    parts = " · ".join(f"{escape_markdown(name)} {value:.3f}" for name, value in passage.parts.items())
    return f"Score {passage.score:.3f}" + (f" ({parts})" if parts else "")
