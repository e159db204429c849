"""Plays a place in a video; where there is no video, shows the transcript around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.models import Citation, Passage, PassageRecord, Segment, Transcript
from core.phrases import clock, one_line
from core.ui.errors import guard
from core.ui.text import escape_markdown, link, mark

_LINES_AROUND = 4
"""Caption lines before and after the quote."""
_PLAYER_PX = 720
_LONGEST_EXCERPT = 60
"""Lines. A quote never needs more, a broken transcript might."""

TranscriptOf = Callable[[str], Transcript]
"""From a video id to its transcript; raises NotFound."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to play, and the words that are said there."""

    video_id: str
    title: str
    start_s: float
    end_s: float
    words: str
    url: str | None


def place_of(source: Citation | Passage | PassageRecord) -> Place:
    if isinstance(source, Citation):
        return Place(source.video_id, source.title, source.start_s, source.end_s, source.quote, source.url)
    if isinstance(source, PassageRecord):
        return Place(source.video_id, source.title, source.start_s, source.end_s, source.text, source.url)
    start_s, end_s = source.chunk.times_of(*source.best_span)
    words = source.chunk.text[slice(*source.best_span)]
    return Place(source.video.video_id, source.video.title, start_s, end_s, words, source.url)


def play(place: Place, transcript_of: TranscriptOf) -> None:
    """The embedded player from that second on, or the caption lines around it."""
    if place.url is not None:
        name = f"{one_line(place.title)} on YouTube"
        st.video(place.url, start_time=int(place.start_s), autoplay=True, width=_PLAYER_PX, alt=name)
        where = link(f"Open on YouTube at {escape_markdown(clock(place.start_s))}", place.url)
        st.caption(f":material/open_in_new: {where}")
        return
    with guard():
        _show_lines(place, transcript_of(place.video_id).segments)


def _show_lines(place: Place, segments: Sequence[Segment]) -> None:
    timed = any(segment.end_s > 0 for segment in segments)
    said = [i for i, segment in enumerate(segments) if _says(segment, place, timed=timed)]
    first, last = (said[0], said[-1]) if said else (0, 0)
    shown = range(max(0, first - _LINES_AROUND), min(len(segments), last + _LINES_AROUND + 1))[:_LONGEST_EXCERPT]
    with st.container(border=True, key=f"excerpt-{place.video_id}-{int(place.start_s)}"):
        where = f" around {clock(place.start_s)}" if timed else ""
        st.caption(f"Transcript of {escape_markdown(place.title)}{where}")
        st.markdown("  \n".join(_line(segments[i], place, said=i in said, timed=timed) for i in shown))


def _says(segment: Segment, place: Place, *, timed: bool) -> bool:
    """Whether the quote is (partly) in this line: by time, or by its words where the text has no times."""
    if timed:
        return segment.start_s < max(place.end_s, place.start_s + 0.1) and segment.end_s > place.start_s
    line, words = one_line(segment.text), one_line(place.words)
    return bool(line) and (words in line or line in words)


def _line(segment: Segment, place: Place, *, said: bool, timed: bool) -> str:
    text, words = one_line(segment.text), one_line(place.words)
    at = text.find(words) if words else -1
    spans = [] if not said else [(at, at + len(words))] if at >= 0 else [(0, len(text))]
    time = f":gray[{escape_markdown(clock(segment.start_s))}]  " if timed else ""
    return time + mark(text, spans)
