"""Transcript ``.json`` -> Transcript. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import SourceError
from core.models import Segment, Transcript, Video, VideoKind
from core.sentences import guess_language
from core.sources.identity import LONGEST_NAME, OWN_ID, UNKNOWN_CHANNEL, YOUTUBE_ID, kind_of
from core.sources.lines import LONGEST_S, tidy
from core.sources.text import clean_text, shown

_HINT = 'It should be {"video_id", "title", "channel", "language", "segments": [{"start", "duration", "text"}]}.'
_MEANINGS = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "is empty",
    "float_type": "must be a number of seconds",
    "finite_number": "must be a number of seconds",
    "less_than_equal": "is more than 30 days: it must be seconds",
    "greater_than_equal": "is less than minus 30 days: it must be seconds",
    "list_type": "must be a list",
    "model_type": "must be an object",
}

_Seconds = Annotated[float, Field(le=LONGEST_S, ge=-LONGEST_S)]


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    start: _Seconds
    duration: _Seconds | None = None
    text: str


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    video_id: Annotated[str, Field(min_length=1)]
    title: str | None = None
    channel: str | None = None
    language: str | None = None
    kind: str | None = None
    segments: list[_Line]


def read_transcript(text: str, name: str) -> Transcript:
    """The transcript of a JSON document; ``name`` is the file's, for messages. Raises SourceError.

    A video id of YouTube's form is a YouTube video unless ``kind`` says ``file``.
    """
    file = _validated(_parsed(text, name), name)
    if not OWN_ID.fullmatch(file.video_id):
        raise SourceError(
            f'{name}: video_id "{shown(file.video_id, 30)}" cannot be used',
            subject=name,
            hint="It may have up to 64 letters (a to z), digits, dots, - and _.",
        )
    segments, notes = tidy(_segments(file.segments))
    if not segments:
        raise SourceError(f"{name} has no text", subject=name, hint="Give a transcript with at least one line.")
    return Transcript(_video(file, name, segments, notes), segments)


def _parsed(text: str, name: str) -> object:
    try:
        return json.loads(text.replace("\x00", ""), strict=False)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SourceError(f"{name} is not valid JSON ({error.msg} at {where})", subject=name, hint=_HINT) from None
    except (ValueError, RecursionError):
        raise SourceError(f"{name} is not a transcript", subject=name, hint=_HINT) from None


def _validated(document: object, name: str) -> _File:
    try:
        return _File.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        message = _MEANINGS.get(first["type"], first["msg"])
        subject = _place(first["loc"]) or "the document"
        raise SourceError(f"{name}: {subject} {message}", subject=name, hint=_HINT) from None


def _place(loc: tuple[int | str, ...]) -> str:
    """``("segments", 12, "start")`` as ``segments[12].start``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _segments(lines: list[_Line]) -> list[Segment]:
    """A line without duration lasts until the next begins."""
    nexts = [line.start for line in (*lines[1:], *lines[-1:])]
    return [
        Segment(line.text, line.start, line.duration if line.duration is not None else max(0.0, following - line.start))
        for line, following in zip(lines, nexts, strict=True)
    ]


def _video(file: _File, name: str, segments: Sequence[Segment], notes: list[str]) -> Video:
    spoken = " ".join(segment.text for segment in segments[:50])
    kind = VideoKind.ARTICLE if file.kind == VideoKind.ARTICLE else VideoKind.FILE
    if file.kind in (None, "", VideoKind.YOUTUBE) and YOUTUBE_ID.fullmatch(file.video_id):
        kind = kind_of(file.video_id)
    return Video(
        video_id=file.video_id,
        title=clean_text(file.title or "")[:LONGEST_NAME] or file.video_id,
        channel=clean_text(file.channel or "")[:LONGEST_NAME] or UNKNOWN_CHANNEL,
        language=clean_text(file.language or "")[:20] or guess_language(spoken) or "en",
        kind=kind,
        source=name,
        duration_s=segments[-1].end_s,
        note="; ".join(notes),
    )
