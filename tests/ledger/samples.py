"""Videos, chunks and traces whose values are all different, so that a column mixed up with another is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from core.models import (
    Answer,
    AnswerStatus,
    Chunk,
    Citation,
    Claim,
    Cue,
    EmbeddedChunk,
    PassageRecord,
    Segment,
    Span,
    Trace,
    Transcript,
    Usage,
    Video,
    VideoKind,
)

START = datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)
MINILM = "all-MiniLM-L6-v2@1"
NASTY = "tab\t NUL\x00 lone\ud800 low\udfff escape\ufdd00000 \u202eright-to-left \u200bzero 😀 %_\\"


class Ticking:
    """A clock that a test moves."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def make_video(video_id: str, **changes: Any) -> Video:
    given = {
        "title": f"Title of {video_id}",
        "channel": "Channel A",
        "language": "en",
        "kind": VideoKind.YOUTUBE,
        "source": f"https://youtu.be/{video_id}",
        "duration_s": 61.5,
        "note": "manual captions",
    }
    return Video(video_id, **(given | changes))


def unit_rows(count: int, dimensions: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make_chunk(video_id: str, part: int, parts: int, text: str) -> Chunk:
    middle = len(text) // 2
    begin_s = part * 60.0
    cues = (Cue(0, begin_s + 0.1, begin_s + 30.25), Cue(middle, begin_s + 30.0, begin_s + 59.875))
    return Chunk(video_id, part, parts - 1, text, cues, ((0, middle), (middle, len(text))))


def embed(chunk: Chunk, dimensions: int = 8) -> EmbeddedChunk:
    seed = int(chunk.content_hash[:8], 16)
    return EmbeddedChunk(chunk, unit_rows(len(chunk.windows), dimensions, seed))


def library_item(
    video_id: str, texts: list[str], *, dimensions: int = 8, **changes: Any
) -> tuple[Transcript, list[EmbeddedChunk]]:
    """What ``LibraryStore.save`` takes: one chunk per text."""
    segments = tuple(Segment(text, part * 60.0 + 0.1, 59.775) for part, text in enumerate(texts))
    chunks = [embed(make_chunk(video_id, part, len(texts), text), dimensions) for part, text in enumerate(texts)]
    return Transcript(make_video(video_id, **changes), segments), chunks


def passage(rank: int, text: str = "What was said") -> PassageRecord:
    return PassageRecord(
        f"v:{rank}", "v", "Title", "Channel", 1.25, 9.5, text, rank, 0.75 / rank, {"dense": 0.5, "window": 0.25}, None
    )


def answer(trace_id: str, **changes: Any) -> Answer:
    given: dict[str, Any] = {
        "status": AnswerStatus.ANSWERED,
        "text": "Vectors are lists of numbers [1].",
        "language": "de",
        "citations": (
            Citation(1, "v", "Title", "Channel", 1.5, 2.5, "a list of numbers", "https://youtu.be/v", "v:1"),
        ),
        "claims": (Claim("Vectors are lists.", (1,), supported=True, support=0.9), Claim("Hm.", (), supported=False)),
        "follow_ups": ("Why?", "How?"),
        "notices": ("The model was slow",),
        "model": "gpt-x",
        "usage": Usage(101, 102, 103, 104),
        "cost_usd": 0.00125,
        "ttft_ms": 210.5,
        "latency_ms": 905.25,
        "cached": True,
    }
    return Answer(trace_id, **(given | changes))


def trace(trace_id: str, *, answer_changes: dict[str, Any] | None = None, **changes: Any) -> Trace:
    given: dict[str, Any] = {
        "kind": "ask",
        "started_at": START,
        "question": "What is a vector?",
        "channels": ("Channel A", "Channel B"),
        "answer": answer(trace_id, **(answer_changes or {})),
        "conversation_id": "talk-1",
        "user": "ada@example.org",
        "template": "answer",
        "template_version": 3,
        "temperature": 0.25,
        "prompt": ({"role": "system", "content": "Be short."}, {"role": "user", "content": "What is a vector?"}),
        "passages": (passage(1), passage(2, "Another")),
        "spans": (
            Span("retrieve", 0.5, 12.25, {"candidates": 50, "mode": "hybrid"}),
            Span("generate", 13.0, 880.0, {}, "the stream was cut"),
        ),
        "error": "cut",
        "server": "models.example:8000",
    }
    return Trace(trace_id, **(given | changes))


def running(trace_id: str, **changes: Any) -> Trace:
    """A trace at its start: nothing measured yet."""
    blank = Answer(trace_id, AnswerStatus.RUNNING, "", "en")
    return Trace(trace_id, "ask", START, "What is a vector?", (), blank, **changes)
