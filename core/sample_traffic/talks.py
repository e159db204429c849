"""The demo talks as material for answers: their chunks as passages, their sentences as what can be cited. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from core.chunking import chunk
from core.demo import demo_transcripts
from core.models import Chunk, Video
from core.prompts import estimate_tokens
from core.sentences import split_sentences

_SHORTEST, _LONGEST = 40, 320
"""Characters of a sentence that an answer can be made of."""


@dataclass(frozen=True)
class Material:
    """A chunk of a talk."""

    video: Video
    chunk: Chunk

    @cached_property
    def sentences(self) -> tuple[tuple[int, int], ...]:
        """Where the chunk's whole sentences begin and end."""
        spans = split_sentences(self.chunk.text)[1:-1]
        return tuple((begin, end) for begin, end in spans if _SHORTEST <= end - begin <= _LONGEST)

    @cached_property
    def tokens(self) -> int:
        return estimate_tokens(self.chunk.text)


@cache
def talks() -> dict[str, tuple[Material, ...]]:
    """Video id -> its chunks in order; those that no sentence can be cited from are left out."""
    found = {}
    for transcript in demo_transcripts():
        parts = (Material(transcript.video, part) for part in chunk(transcript))
        found[transcript.video.video_id] = tuple(part for part in parts if part.sentences)
    return found
