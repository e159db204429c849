"""SubRip and WebVTT -> Transcript. Pure.

Both are parsed by webvtt-py, which reads in linear time; the library ``srt`` needs minutes for a line of 2,000 digits.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError
from webvtt.models import Caption

from core.errors import SourceError
from core.models import Segment, Transcript, Video
from core.sentences import guess_language
from core.sources.identity import UNKNOWN_CHANNEL, from_file_name, kind_of, name_of
from core.sources.lines import is_time, tidy
from core.sources.text import clean_text

_ROLLING_SHARE = 0.4
"""When so many cues begin with what the one before ended with, the captions roll up the screen."""
_STYLE = re.compile(r"\{\\[^{}]{0,100}\}")
"""Position marks of SubStation Alpha that .srt files inherit, such as ``{\\an8}``."""
_HEADER_LANGUAGE = re.compile(r"Language:\s*([A-Za-z0-9-]{2,20})")


def read_captions(text: str, path: str) -> Transcript:
    """The transcript of an .srt or .vtt file. Raises SourceError.

    ``path`` is the file as the user named it (below the folder that was named); title, video id and language come
    from its name. Lines that YouTube's generated captions repeat while they roll are taken once.
    """
    name = name_of(path)
    lines = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    captions, header_language = _parsed(lines, name)
    segments, notes = tidy(_segments(captions))
    unread = sum("-->" in line for line in lines) - len(captions)
    if not segments:
        raise SourceError(f"{name} has no caption that can be read", subject=name, hint="Export the captions again.")
    if unread > 0:
        notes.append(f"{unread} caption{'' if unread == 1 else 's'} without valid times left out")
    video_id, title, language = from_file_name(path)
    spoken = " ".join(segment.text for segment in segments[:50])
    return Transcript(
        Video(
            video_id=video_id,
            title=title,
            channel=UNKNOWN_CHANNEL,
            language=language or header_language or guess_language(spoken) or "en",
            kind=kind_of(video_id),
            source=name,
            duration_s=segments[-1].end_s,
            note="; ".join(notes),
        ),
        segments,
    )


def _parsed(lines: list[str], name: str) -> tuple[list[Caption], str]:
    is_vtt = lines[0].startswith("WEBVTT")
    try:
        file = webvtt.from_buffer(lines if is_vtt else _numbered(lines), format="vtt" if is_vtt else "srt")
    except (MalformedFileError, MalformedCaptionError, ValueError):
        raise SourceError(
            f"{name} is not a caption file",
            subject=name,
            hint="A .vtt file begins with WEBVTT, an .srt file with a number and a line of two times joined by -->.",
        ) from None
    language = _HEADER_LANGUAGE.search("\n".join(file.metadata))
    return list(file.captions), language[1] if language else ""


def _numbered(lines: Sequence[str]) -> list[str]:
    """SubRip lines in which every cue has its number: some tools leave it out."""
    numbered: list[str] = []
    for line in lines:
        if "-->" in line and not (numbered and numbered[-1].strip().isdigit()):
            numbered += ["", "1"]
        numbered.append(line)
    return numbered[1:] if numbered[:1] == [""] else numbered


def _segments(captions: list[Caption]) -> Iterator[Segment]:
    cues = [[line for line in (_plain(line) for line in caption.text.split("\n")) if line] for caption in captions]
    for caption, lines in zip(captions, _unrolled(cues) if _rolls(cues) else cues, strict=True):
        start_s, end_s = _seconds(caption.start_time), _seconds(caption.end_time)
        if lines and is_time(end_s) and is_time(start_s):
            yield Segment(" ".join(lines), start_s, end_s - start_s)


def _plain(line: str) -> str:
    return clean_text(html.unescape(_STYLE.sub("", line)))


def _seconds(timestamp: webvtt.models.Timestamp) -> float:
    return float(timestamp.in_milliseconds()) / 1000


def _repeated(before: list[str], lines: list[str]) -> int:
    """How many lines at the beginning are those that the cue before ended with."""
    longest = min(len(before), len(lines))
    return next((n for n in range(longest, 0, -1) if before[-n:] == lines[:n]), 0)


def _rolls(cues: list[list[str]]) -> bool:
    spoken = [cue for cue in cues if cue]
    rolled = sum(_repeated(before, lines) > 0 for before, lines in pairwise(spoken))
    return rolled >= max(2, _ROLLING_SHARE * len(spoken))


def _unrolled(cues: list[list[str]]) -> Iterator[list[str]]:
    before: list[str] = []
    for lines in cues:
        yield lines[_repeated(before, lines) :]
        before = lines or before
