"""Whether a search found the place where a question is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.corpus import Question
from core.models import Chunk

LIMIT = 10
"""So many passages are looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found for one question, by rank."""

    question: Question
    video: tuple[bool, ...]
    window: tuple[bool, ...]
    all_videos: tuple[bool, ...]
    """Whether every video that the question needs is among the first so many."""

    @classmethod
    def of(cls, question: Question, chunks: Sequence[Chunk]) -> Found:
        places = (*question.gold, *question.other)
        videos = {place.video_id for place in places}
        needed = {place.video_id for place in question.gold}
        ids = [chunk.video_id for chunk in chunks[:LIMIT]]
        return cls(
            question,
            tuple(video_id in videos for video_id in ids),
            tuple(any(place.is_in(chunk) for place in places) for chunk in chunks[:LIMIT]),
            tuple(needed <= set(ids[: n + 1]) for n in range(len(ids))),
        )

    @property
    def reciprocal(self) -> float:
        return 1 / (self.video.index(True) + 1) if any(self.video) else 0.0


HEADER = ["", "recall@1", "@5", "@10", "window hit@1", "@5", "@10", "MRR", "strict recall@5"]


def measures(found: Sequence[Found]) -> list[float]:
    """In the order of HEADER."""
    values = [np.mean([any(f.video[:k]) for f in found]) for k in (1, 5, 10)]
    values += [np.mean([any(f.window[:k]) for f in found]) for k in (1, 5, 10)]
    values += [np.mean([f.reciprocal for f in found]), np.mean([any(f.all_videos[:5]) for f in found])]
    return [float(value) for value in values]
