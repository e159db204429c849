"""The talks in core/demo/talks, read as transcripts.

A talk is a text file: lines ``title:``, ``channel:`` and ``language:``, an empty line, then paragraphs. Its file name
``04-hybrid-retrieval.txt`` gives its place and its video id ``demo-hybrid-retrieval``; the times come from the text
(core/demo/timing.py). So a talk is edited as prose and nothing else has to be kept in step.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from core.demo.timing import spoken
from core.errors import SourceError
from core.models import Transcript, Video, VideoKind

NOTE = "demo talk written for this project"
_HEADER = ("title", "channel", "language")


def demo_transcripts() -> list[Transcript]:
    """The twelve demo talks in their order. Raises SourceError for a file that is not a talk."""
    return list(_transcripts())


@cache
def _transcripts() -> tuple[Transcript, ...]:
    folder = files("core.demo") / "talks"
    talks = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".txt")), key=lambda entry: entry.name)
    return tuple(transcript_of(entry.name, entry.read_text(encoding="utf-8")) for entry in talks)


def transcript_of(name: str, text: str) -> Transcript:
    """A talk from its file name and text. Raises SourceError."""
    head, _, body = text.partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    if sorted(fields) != sorted(_HEADER):
        hint = f"It begins with the lines {', '.join(_HEADER)} and an empty line."
        raise SourceError(f"The demo talk {name} has no proper header", subject=name, hint=hint)
    try:
        segments = spoken(body)
    except ValueError as error:
        raise SourceError(f"The demo talk {name} cannot be timed: {error}", subject=name) from error
    return Transcript(_video(name, fields, segments[-1].end_s), segments)


def _video(name: str, fields: dict[str, str], duration_s: float) -> Video:
    return Video(
        video_id=f"demo-{name.removesuffix('.txt').split('-', 1)[1]}",
        title=fields["title"],
        channel=fields["channel"],
        language=fields["language"],
        kind=VideoKind.DEMO,
        source="demo",
        duration_s=duration_s,
        note=NOTE,
    )
