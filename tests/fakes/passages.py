"""Passages for tests, from caption lines of five seconds each."""

from __future__ import annotations

from collections.abc import Sequence

from core.chunking import chunk
from core.models import Passage, Segment, Transcript, Video

LINE_S = 5.0

WINE_LINES = (
    "Welcome back everyone to the cellar.",
    "Red wine should breathe for thirty minutes before you pour it.",
    "White wine is served colder, at about eight degrees.",
    "And never freeze a bottle of champagne.",
)
BREAD_LINES = (
    "Today we bake bread at home.",
    "The dough of a sourdough loaf rests for twelve hours in the fridge.",
    "Steam in the oven makes the crust shiny and crisp.",
)


def transcript_of(
    video_id: str, lines: Sequence[str], *, title: str = "", channel: str = "A channel", language: str = "en"
) -> Transcript:
    """A transcript whose line n is spoken from ``n * LINE_S`` on."""
    video = Video(video_id, title or f"Talk {video_id}", channel, language, duration_s=len(lines) * LINE_S)
    return Transcript(video, tuple(Segment(line, n * LINE_S, LINE_S) for n, line in enumerate(lines)))


def passage_of(
    video_id: str,
    *lines: str,
    rank: int = 1,
    title: str = "",
    channel: str = "A channel",
    language: str = "en",
) -> Passage:
    """The first chunk of such a transcript as a passage."""
    transcript = transcript_of(video_id, lines, title=title, channel=channel, language=language)
    return Passage(chunk(transcript)[0], transcript.video, rank, score=1.0 / rank)
