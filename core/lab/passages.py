"""The passages that an answer to a case may cite: those of the trace it came from, or those in its variables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import NotFound
from core.ledger import TraceStore
from core.models import Chunk, Cue, Passage, PassageRecord, TestCase, Video

_TAG = re.compile(r'<passage n="(\d+)" title="([^"]*)" channel="([^"]*)">\n(.*?)\n</passage>', re.DOTALL)
VARIABLE = "passages"


@dataclass(frozen=True, slots=True)
class CasePassages:
    """Looks them up."""

    traces: TraceStore

    def __call__(self, case: TestCase) -> Sequence[Passage]:
        """In the order of their numbers; none where the case has none.

        What stands in the prompt goes first: that is what the model was given.
        """
        written = passages_in(case.variables.get(VARIABLE, ""))
        if written or case.trace_id is None:
            return written
        try:
            return [passage_of(record) for record in self.traces.get(case.trace_id).passages]
        except NotFound:
            return []


def passages_in(text: str) -> list[Passage]:
    """Passages as core.prompts.format_passages writes them, numbered from 1."""
    found = []
    for rank, match in enumerate(_TAG.finditer(text), 1):
        video = Video(f"passage-{rank}", match[2], match[3])
        found.append(_passage(video, f"passage-{rank}:0", match[4], 0.0, 0.0, rank=rank))
    return found


def passage_of(record: PassageRecord) -> Passage:
    """What a trace keeps of a passage, as one again."""
    video = Video(record.video_id, record.title, record.channel)
    return _passage(video, record.chunk_id, record.text, record.start_s, record.end_s, rank=record.rank)


def _passage(video: Video, chunk_id: str, text: str, start_s: float, end_s: float, *, rank: int) -> Passage:
    part = int(chunk_id.rpartition(":")[2]) if chunk_id.rpartition(":")[2].isdecimal() else 0
    chunk = Chunk(video.video_id, part, part, text, (Cue(0, start_s, end_s),), ((0, len(text)),))
    return Passage(chunk, video, rank, 1.0 / rank, best_span=(0, len(text)))
