"""The words of the journey as frozen values, in the order in which one item meets them.

Seconds are ``_s``, milliseconds ``_ms``, money ``_usd``; times of day are UTC. ``None`` means "nobody measured it" and
is shown as "unknown", never as 0.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One embedding, shape (dimensions,), unit length."""

Vectors = NDArray[np.float32]
"""Embeddings, shape (n, dimensions), rows of unit length."""


class VideoKind(StrEnum):
    """Where a video's text comes from; it decides whether a time can be linked."""

    YOUTUBE = "youtube"
    FILE = "file"
    ARTICLE = "article"
    DEMO = "demo"


# ---------------------------------------------------------------------------------------------- the way of a video


@dataclass(frozen=True, slots=True)
class Video:
    """One talk, or one article that is treated like a talk without times."""

    video_id: str
    title: str
    channel: str
    language: str = "en"
    kind: VideoKind = VideoKind.YOUTUBE
    source: str = ""
    """What the user named: an address, a file name. Shown in the Library, never opened again."""
    duration_s: float = 0.0
    note: str = ""
    """How the transcript was chosen: "manual captions", "generated captions", "translated from de"."""
    added_at: datetime | None = None
    """Set by the ledger."""

    def url_at(self, seconds: float) -> str | None:
        """The address that plays this video from a second on, or None where there is no video to play."""
        if self.kind is not VideoKind.YOUTUBE:
            return None
        return f"https://www.youtube.com/watch?v={self.video_id}&t={max(0, int(seconds))}s"


@dataclass(frozen=True, slots=True)
class Segment:
    """One caption line."""

    text: str
    start_s: float
    duration_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Transcript:
    """A video with its caption lines in order of time."""

    video: Video
    segments: tuple[Segment, ...]

    @property
    def content_hash(self) -> str:
        """SHA-256 over the caption lines; the same text and times give the same hash."""
        lines = (f"{s.start_s:.3f}\t{s.duration_s:.3f}\t{s.text}" for s in self.segments)
        return digest("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Cue:
    """Where a caption line begins in its chunk's text, and when it is spoken."""

    offset: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is retrieved: consecutive caption lines of one video, about 1,000 characters.

    Its ``windows`` are what is embedded: character spans of about 300 characters that tile the text. They tell at which
    second the words stand that a question means; one vector over the whole chunk costs as much and does not
    (docs/benchmarks.md compares what both find).
    """

    video_id: str
    part_id: int
    max_part_id: int
    text: str
    cues: tuple[Cue, ...]
    windows: tuple[tuple[int, int], ...]

    @property
    def id(self) -> str:
        return f"{self.video_id}:{self.part_id}"

    @property
    def start_s(self) -> float:
        return self.cues[0].start_s

    @property
    def end_s(self) -> float:
        return max(cue.end_s for cue in self.cues)

    @property
    def content_hash(self) -> str:
        """SHA-256 over text, times and windows: equal hashes need no new embedding and no new row."""
        cues = ",".join(f"{c.offset}:{c.start_s:.3f}:{c.end_s:.3f}" for c in self.cues)
        spans = ",".join(f"{begin}-{end}" for begin, end in self.windows)
        return digest(f"{self.text}\n{cues}\n{spans}")

    def window_texts(self) -> list[str]:
        return [self.text[begin:end] for begin, end in self.windows]

    def times_of(self, begin: int, end: int) -> tuple[float, float]:
        """Start and end in seconds of the characters [begin, end): those of the caption lines that they touch."""
        offsets = [cue.offset for cue in self.cues]
        first = max(0, bisect_right(offsets, begin) - 1)
        last = max(first, bisect_right(offsets, max(begin, end - 1)) - 1)
        return self.cues[first].start_s, max(cue.end_s for cue in self.cues[first : last + 1])


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk with one vector per window."""

    chunk: Chunk
    vectors: Vectors

    @property
    def pooled(self) -> Vector:
        """The mean of the window vectors at unit length: the one vector that the index holds for the chunk."""
        mean: Vector = self.vectors.astype(np.float32).mean(axis=0)
        norm = np.float32(np.linalg.norm(mean))
        return mean / norm if norm > 0 else mean


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A chunk as the vector index stores it."""

    chunk: Chunk
    video: Video
    vector: Vector

    @property
    def content_hash(self) -> str:
        """What the index compares: the chunk's hash, and what else its row holds."""
        chunk, video = self.chunk, self.video
        return digest(f"{chunk.content_hash}\n{chunk.max_part_id}\n{video.title}\n{video.channel}\n{video.language}")


# ------------------------------------------------------------------------------------------- the way of a question


class SearchMode(StrEnum):
    HYBRID = "hybrid"
    DENSE = "dense"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question or a few words, and where to look."""

    text: str
    limit: int = 30
    mode: SearchMode = SearchMode.HYBRID
    channels: tuple[str, ...] = ()
    """Only these channels; empty means all."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One row that an index found. ``score``: higher is better, comparable only within one result."""

    chunk_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was retrieved, with its place in the ranking."""

    chunk: Chunk
    video: Video
    rank: int
    """From 1."""
    score: float
    """Higher is better; within one result only. Between 0 and 1."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What the score is made of, by name ("dense", "keyword", "window"); only the parts that were computed."""
    best_span: tuple[int, int] = (0, 0)
    """The characters of the chunk that match best; the link plays from there."""

    @property
    def best_start_s(self) -> float:
        return self.chunk.times_of(*self.best_span)[0]

    @property
    def url(self) -> str | None:
        return self.video.url_at(self.best_start_s)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages in rank order, and what the reader should know about how they were found."""

    query: SearchQuery
    passages: tuple[Passage, ...]
    took_ms: float
    """Embedding, searching and fetching, without the wait of a process's first search for the index."""
    notices: tuple[str, ...] = ()
    """Plain sentences, for example that this server has no keyword search."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's quote in a passage: verbatim text with the seconds at which it is spoken."""

    n: int
    """The number in the answer's text, from 1."""
    video_id: str
    title: str
    channel: str
    start_s: float
    end_s: float
    quote: str
    url: str | None
    chunk_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer after the check."""

    text: str
    citations: tuple[int, ...]
    """Numbers of the citations that support it."""
    supported: bool
    support: float | None = None
    """0 to 1; None for a sentence that claims nothing (a greeting, a heading)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the model server counted them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class AnswerStatus(StrEnum):
    """What became of a question."""

    RUNNING = "running"
    ANSWERED = "answered"
    """Written by the chat model, citations checked."""
    QUOTED = "quoted"
    """No model, or it failed: the best sentences as quotes."""
    REFUSED = "refused"
    """The library has no answer."""
    FAILED = "failed"
    ABANDONED = "abandoned"
    """The process ended while it was being written."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader gets."""

    trace_id: str
    status: AnswerStatus
    text: str
    language: str
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    follow_ups: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """Plain sentences above the answer: why it is quotes, what the model server said."""
    model: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = None
    ttft_ms: float | None = None
    """Time to first token as the reader sees it: from the question to the first text."""
    latency_ms: float | None = None
    cached: bool = False

    @property
    def answered(self) -> bool:
        return self.status in (AnswerStatus.ANSWERED, AnswerStatus.QUOTED)


LEFT_OUT = "left_out"
"""Attribute of a span that called a model: the options that the server rejects, ``temperature`` above all, in a row."""


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a trace."""

    name: str
    """``retrieve``, ``render``, ``generate``, ``check``…"""
    start_ms: float
    """From the start of the trace."""
    duration_ms: float
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """JSON scalars only."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """A thumb. ``value``: 1 up, -1 down, 0 taken back."""

    trace_id: str
    value: int
    reason: str = ""
    comment: str = ""
    updated_at: datetime | None = None
    correction: str = ""
    """What the answer should have said, in the reader's words."""


@dataclass(frozen=True, slots=True)
class PassageRecord:
    """A passage as a trace keeps it: enough to show it again when the video is gone."""

    chunk_id: str
    video_id: str
    title: str
    channel: str
    start_s: float
    end_s: float
    text: str
    rank: int
    score: float
    parts: Mapping[str, float]
    url: str | None


@dataclass(frozen=True, slots=True)
class Trace:
    """One question with everything that happened to it."""

    trace_id: str
    kind: str
    """``ask``, later also ``lab`` and others."""
    started_at: datetime
    question: str
    channels: tuple[str, ...]
    answer: Answer
    conversation_id: str = ""
    user: str = ""
    template: str = ""
    template_version: int | None = None
    temperature: float | None = None
    prompt: tuple[Mapping[str, str], ...] = ()
    """The exact messages sent to the model: ``{"role": …, "content": …}``."""
    passages: tuple[PassageRecord, ...] = ()
    spans: tuple[Span, ...] = ()
    error: str | None = None
    feedback: Feedback | None = None
    library_version: str | None = None
    """The content-addressed version of the library that the passages were retrieved from (core/datasets)."""
    server: str = ""
    """Host of the model server that was called; "" where none was, or from before that was kept."""


# ------------------------------------------------------------------------------------------------------ the mirror

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class MirrorRecord:
    """What a mirror is told of one trace. Clean: no number that is not finite, no lone surrogate, nothing endless."""

    id: str
    """By which the mirror knows it: 32 hex digits."""
    tags: tuple[str, ...]
    parameters: Mapping[str, Scalar]
    """By which a team filters and groups: model, temperature, template, tokens by kind, cost."""
    metrics: Mapping[str, float]
    chain: Mapping[str, Any]
    """Inputs, outputs and steps with their times, as JSON."""


@dataclass(frozen=True, slots=True)
class MirrorThumb:
    """What a mirror is told of a trace's feedback."""

    id: str
    value: int
    """1 up, -1 down, 0 taken back."""
    texts: Mapping[str, str]
    """Reason, comment and correction, those that there are."""


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """A Prompt Lab experiment as a mirror shows it."""

    experiment_id: str
    name: str
    parameters: Mapping[str, Scalar]
    metrics: Mapping[str, float | None]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Scalar, ...], ...] = ()
    """The experiment's table, one row a run."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MirroredTrace:
    """One record as it was read back from a mirror: ours, or one that another program logged there."""

    record_id: str
    trace_id: str | None
    """Ours, None for another program's."""
    name: str
    kind: str
    started_at: datetime
    user: str = ""
    template: str = ""
    model: str | None = None
    usage: Usage = Usage()
    total_tokens: int | None = None
    """Where a program counted no more than that."""
    cost_usd: float | None = None
    latency_ms: float | None = None
    feedback: int | None = None
    """1 up, -1 down, 0 taken back."""


# -------------------------------------------------------------------------------------------- Prompt Lab and Drift


@dataclass(frozen=True, slots=True)
class TestCase:
    """One case of a test set: what a template is filled with, and what a good answer would be."""

    __test__ = False  # no test for pytest

    case_id: str
    variables: Mapping[str, str]
    expected: str = ""
    """What scorers compare with; empty where there is no one answer."""
    tests: str = ""
    """Source of a unittest module for generated code."""
    note: str = ""
    trace_id: str | None = None
    """The trace that it came from."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one scorer says of one output."""

    value: float | None
    """0 to 1, higher is better, or a measure such as milliseconds; None: it could not be scored."""
    passed: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What became of one unit test on generated code."""

    __test__ = False  # no test for pytest

    name: str
    """``TestStack.test_push``."""
    passed: bool
    message: str = ""
    """Why it did not pass, in one line. Holds text of the code and of the tests: untrusted."""


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """What became of a run of unit tests in a sandbox. Its texts are untrusted."""

    passed: bool
    """Every test that the module was known to hold before it ran has passed."""
    tests: tuple[TestOutcome, ...]
    stdout: str
    """What code and tests printed; cut."""
    stderr: str
    exit_code: int | None
    """Of the process with the generated code, where it ended by itself."""
    limit: str | None
    """``time``, ``memory`` or ``output``: what was used up."""
    duration_ms: float


class RunState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One cell of an experiment: a template, a model and a temperature on one case."""

    position: int
    """From 0, in the order of the grid."""
    template: str
    version: int | None
    model: str
    temperature: float | None
    case_id: str
    repeat: int
    """From 0; those above it are never served from the cache."""
    state: RunState = RunState.PENDING
    content_key: str = ""
    """SHA-256 over what decides the output: messages, model, server, temperature."""
    trace_id: str | None = None
    output: str | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
    passed: bool | None = None
    """Whether every scorer that passes or fails let it pass; None where none does."""
    usage: Usage = Usage()
    cost_usd: float | None = None
    latency_ms: float | None = None
    cached: bool = False
    error: str | None = None


class ExperimentState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    """By a person; it can be resumed."""
    CAPPED = "capped"
    """It would have cost more than its cap."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A grid of runs."""

    experiment_id: str
    name: str
    state: ExperimentState
    spec: Mapping[str, Any]
    total: int
    """Its cells."""
    created_at: datetime
    finished_at: datetime | None = None
    max_cost_usd: float | None = None
    spent_usd: float | None = None
    """None where a price is unknown."""
    error: str | None = None
    sample: bool = False
    """Made up: part of the sample traffic."""


class DriftVerdict(StrEnum):
    DRIFT = "drift"
    NO_DRIFT = "no drift"
    NOT_ENOUGH = "not enough data"


@dataclass(frozen=True, slots=True)
class DriftColumn:
    """One column of a drift report."""

    column: str
    kind: str
    """``number``, ``category`` or ``text``."""
    method: str
    score: float | None
    threshold: float | None
    p_value: float | None
    q_value: float | None
    """The p-value after Benjamini and Hochberg (1995) over the report's columns."""
    drifted: bool
    n_reference: int
    n_current: int


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The traffic of one window against that of another."""

    report_id: str
    created_at: datetime
    state: str
    """``running``, ``finished`` or ``failed``."""
    reference: str
    current: str
    """Windows as core/drift/windows.py writes them."""
    origin: str = "page"
    """``page``, ``command`` or ``schedule``."""
    n_reference: int | None = None
    n_current: int | None = None
    verdict: DriftVerdict | None = None
    sentence: str = ""
    columns: tuple[DriftColumn, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    """Column and why it was not compared."""
    details: Mapping[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None
    error: str | None = None
    sample: bool = False
    """Made of sample traffic."""


# ----------------------------------------------------------------------------------------------------- the library


@dataclass(frozen=True, slots=True)
class LibraryStats:
    videos: int
    chunks: int
    channels: int
    duration_s: float
    demo_videos: int


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """One line of the landing page and of ``python -m core status``."""

    name: str
    ok: bool | None
    """None: switched off by settings, or still starting."""
    detail: str


def digest(text: str) -> str:
    """SHA-256 in hex of the text as UTF-8; lone surrogates are replaced, so that no text raises."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
