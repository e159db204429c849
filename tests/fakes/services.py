"""Services over an in-memory state: every page runs against them in milliseconds, without index, model or ledger.

Nothing here sleeps. An answer that is being written, and an ingest, move one step each time a page looks at them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from core.answering import AskRequest
from core.chunking import chunk
from core.config import Settings
from core.cost.service import Costs
from core.demo import demo_transcripts
from core.errors import NotFound, QuestionError
from core.ingestion import IngestProgress
from core.ledger import DatasetVersion, ItemState, JobItem, LibraryVideo, TraceFilter
from core.models import (
    Answer,
    AnswerStatus,
    Chunk,
    Citation,
    Claim,
    Feedback,
    LibraryStats,
    Passage,
    PassageRecord,
    SearchQuery,
    SearchResult,
    Segment,
    ServiceHealth,
    Span,
    Trace,
    Transcript,
    Usage,
    Video,
    VideoKind,
)
from core.sentences import content_stems, split_sentences
from tests.fakes.budgeting import NoBudgets
from tests.fakes.mirroring import FakeMirroring
from tests.fakes.registry import small_ledger
from tests.fakes.sampled import FakeSample
from tests.fakes.shipped_prices import ShippedPrices
from tests.fakes.spending import PlainComparison, PlainSpending

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def talk(
    video_id: str, title: str, lines: Sequence[str], *, kind: VideoKind = VideoKind.YOUTUBE, channel: str = "A channel"
) -> Transcript:
    """A transcript of ten-second lines."""
    segments = tuple(Segment(text, 10.0 * i, 10.0) for i, text in enumerate(lines))
    return Transcript(Video(video_id, title, channel, kind=kind, duration_s=10.0 * len(lines)), segments)


class FakeLibrary:
    """Transcripts and their chunks."""

    def __init__(self, transcripts: Sequence[Transcript]) -> None:
        self.transcripts = {item.video.video_id: item for item in transcripts}
        self._chunks: dict[str, list[Chunk]] = {}

    def chunks(self, video_id: str) -> list[Chunk]:
        if video_id not in self._chunks:
            self._chunks[video_id] = chunk(self.transcripts[video_id])
        return self._chunks[video_id]

    def videos(self) -> list[LibraryVideo]:
        return [
            LibraryVideo(
                replace(item.video, added_at=START + timedelta(seconds=n)),
                len(self.chunks(key)),
                1000,
                item.content_hash,
                n,
            )
            for n, (key, item) in enumerate(self.transcripts.items(), start=1)
        ]

    def channels(self) -> list[tuple[str, int]]:
        names = [item.video.channel for item in self.transcripts.values()]
        return [(name, names.count(name)) for name in sorted(set(names))]

    def stats(self) -> LibraryStats:
        videos = [item.video for item in self.transcripts.values()]
        return LibraryStats(
            videos=len(videos),
            chunks=sum(len(self.chunks(video.video_id)) for video in videos),
            channels=len({video.channel for video in videos}),
            duration_s=sum(video.duration_s for video in videos),
            demo_videos=sum(video.kind is VideoKind.DEMO for video in videos),
        )

    def remove(self, video_ids: Sequence[str]) -> int:
        return sum(self.transcripts.pop(video_id, None) is not None for video_id in video_ids)

    def remove_demo(self) -> int:
        return self.remove([key for key, item in self.transcripts.items() if item.video.kind is VideoKind.DEMO])

    def transcript(self, video_id: str) -> Transcript:
        if video_id not in self.transcripts:
            raise NotFound(f"There is no video {video_id} in the library", subject=video_id)
        return self.transcripts[video_id]


@dataclass
class FakeRetriever:
    """Ranks chunks by the words that they share with the query: a ranking that means something."""

    library: FakeLibrary
    asked: list[SearchQuery] = field(default_factory=list)
    longest_query: int = 2000

    def retrieve(self, query: SearchQuery) -> SearchResult:
        self.asked.append(query)
        if len(query.text) > self.longest_query:
            raise QuestionError(f"The query has {len(query.text):,} characters", hint="Shorten it to 2,000.")
        wanted = set(content_stems(query.text, "en"))
        scored = [(self._score(chunk, wanted), video, chunk) for video, chunk in self._candidates(query)]
        best = sorted((row for row in scored if row[0] > 0), key=lambda row: (-row[0], row[2].id))[: query.limit]
        passages = [
            Passage(chunk, video, rank, score, {"keyword": score}, self._best_span(chunk, wanted))
            for rank, (score, video, chunk) in enumerate(best, start=1)
        ]
        return SearchResult(query, tuple(passages), took_ms=1.5)

    def _candidates(self, query: SearchQuery) -> Iterator[tuple[Video, Chunk]]:
        for key, item in self.library.transcripts.items():
            if not query.channels or item.video.channel in query.channels:
                yield from ((item.video, chunk) for chunk in self.library.chunks(key))

    @staticmethod
    def _score(chunk: Chunk, wanted: set[str]) -> float:
        return len(wanted & set(content_stems(chunk.text, "en"))) / max(1, len(wanted))

    @staticmethod
    def _best_span(chunk: Chunk, wanted: set[str]) -> tuple[int, int]:
        spans = split_sentences(chunk.text)
        return max(spans, key=lambda span: len(wanted & set(content_stems(chunk.text[slice(*span)], "en"))))


class FakeTraces:
    """The traces in the order in which they began."""

    def __init__(self) -> None:
        self.rows: dict[str, Trace] = {}
        self.asked: list[TraceFilter] = []

    def put(self, trace: Trace) -> None:
        self.rows[trace.trace_id] = trace

    def get(self, trace_id: str) -> Trace:
        if trace_id not in self.rows:
            raise NotFound(f"There is no answer {trace_id}", subject=trace_id, hint="Ask again.")
        return self.rows[trace_id]

    def conversation(self, conversation_id: str) -> list[Trace]:
        return [trace for trace in self.rows.values() if trace.conversation_id == conversation_id]

    def list(self, where: TraceFilter) -> list[Trace]:
        self.asked.append(where)
        found = [trace for trace in reversed(self.rows.values()) if self._matches(trace, where)]
        return found[where.offset : None if where.limit is None else where.offset + where.limit]

    def count(self, where: TraceFilter) -> int:
        return len(self.list(replace(where, limit=None, offset=0)))

    @staticmethod
    def _matches(trace: Trace, where: TraceFilter) -> bool:
        thumb = trace.feedback.value if trace.feedback else 0
        names = {"model": trace.answer.model or "", "kind": trace.kind, "template": trace.template, "user": trace.user}
        return (
            all(getattr(where, name) in (None, value) for name, value in names.items())
            and (where.since is None or trace.started_at >= where.since)
            and (where.until is None or trace.started_at < where.until)
            and (where.status is None or trace.answer.status is where.status)
            and (where.thumb is None or thumb == where.thumb)
            and where.sample in (None, trace.kind.startswith("sample"))
            and where.text.casefold() in f"{trace.question} {trace.answer.text}".casefold()
        )


class FakeAnswering:
    """Writes an answer word by word: each look shows ``words_per_look`` more. ``script`` replaces what it says."""

    def __init__(self, traces: FakeTraces, retriever: FakeRetriever) -> None:
        self.traces, self.retriever = traces, retriever
        self.started: list[AskRequest] = []
        self.words_per_look: int | None = None
        """None: the answer is there at once."""
        self.script: str | None = None
        self.status = AnswerStatus.ANSWERED
        self._ids = (f"trace-{n}" for n in itertools.count(1))
        self._final: dict[str, Trace] = {}
        self._shown: dict[str, int] = {}

    def start(self, request: AskRequest) -> str:
        if len(request.question) > 4000:
            raise QuestionError(f"The question has {len(request.question):,} characters", hint="Shorten it to 4,000.")
        self.started.append(request)
        final = self._write(next(self._ids), request)
        self._final[final.trace_id] = final
        self._shown[final.trace_id] = 0
        running = Answer(final.trace_id, AnswerStatus.RUNNING, "", "en")
        self.traces.put(replace(final, answer=running) if self.words_per_look else final)
        return final.trace_id

    def live(self, trace_id: str) -> Answer:
        trace = self.traces.get(trace_id)
        if trace.answer.status is not AnswerStatus.RUNNING:
            return trace.answer
        self._shown[trace_id] += self.words_per_look or 0
        words = self._final[trace_id].answer.text.split(" ")
        if self._shown[trace_id] >= len(words):
            self.finish(trace_id)
            return self._final[trace_id].answer
        return replace(trace.answer, text=" ".join(words[: self._shown[trace_id]]))

    def finish(self, trace_id: str) -> None:
        self.traces.put(self._final[trace_id])

    def stage(self, trace_id: str) -> str:
        return "generate" if self._shown.get(trace_id) else "retrieve"

    def final_text(self, trace_id: str) -> str:
        return self._final[trace_id].answer.text

    def cancel(self, trace_id: str) -> None:
        self.finish(trace_id)

    def replay(self, trace_id: str) -> str:
        trace = self.traces.get(trace_id)
        return self.start(AskRequest(question=trace.question, channels=trace.channels))

    def save_feedback(self, feedback: Feedback) -> None:
        trace = self.traces.get(feedback.trace_id)
        self.traces.put(replace(trace, feedback=feedback))

    def _write(self, trace_id: str, request: AskRequest) -> Trace:
        result = self.retriever.retrieve(SearchQuery(request.question, limit=4, channels=request.channels))
        citations = tuple(self._cite(n, passage) for n, passage in enumerate(result.passages, start=1))
        claims = [Claim(f"{c.quote} [{c.n}]", (c.n,), supported=True, support=0.9) for c in citations]
        text = " ".join(claim.text for claim in claims)
        status = self.status if citations else AnswerStatus.REFUSED
        if not citations:
            text = f"The library has nothing about “{request.question}”."
        if self.script is not None:
            text, claims = self.script, [Claim(self.script, (), supported=False, support=0.0)]
        answer = Answer(
            trace_id, status, text, "en", citations, tuple(claims), ("What is a chunk?",), model="fake-model",
            usage=Usage(900, 120, None, None), cost_usd=None, ttft_ms=120.0, latency_ms=900.0,
        )  # fmt: skip
        return Trace(
            trace_id, "ask", START + timedelta(minutes=len(self._final)), request.question, request.channels, answer,
            conversation_id=request.conversation_id, template="cited-answer", template_version=1, temperature=0.0,
            prompt=({"role": "system", "content": "Answer from the passages."}, {"role": "user", "content": "…"}),
            passages=tuple(_record(passage) for passage in result.passages),
            spans=(Span("retrieve", 0.0, 12.0, {"passages": len(citations)}), Span("render", 12.0, 1.0),
                   Span("generate", 13.0, 880.0, {"model": "fake-model"}), Span("check", 893.0, 7.0)),
        )  # fmt: skip

    @staticmethod
    def _cite(n: int, passage: Passage) -> Citation:
        start_s, end_s = passage.chunk.times_of(*passage.best_span)
        video, quote = passage.video, passage.chunk.text[slice(*passage.best_span)]
        return Citation(
            n, video.video_id, video.title, video.channel, start_s, end_s, quote, passage.url, passage.chunk.id
        )


def _record(passage: Passage) -> PassageRecord:
    return PassageRecord(
        passage.chunk.id, passage.video.video_id, passage.video.title, passage.video.channel, passage.chunk.start_s,
        passage.chunk.end_s, passage.chunk.text, passage.rank, passage.score, passage.parts, passage.url,
    )  # fmt: skip


class FakeIngestor:
    """One source more is done at each look; a source with "broken" in its name fails."""

    def __init__(self) -> None:
        self.started: list[tuple[list[str], list[tuple[str, bytes]]]] = []
        self._items: list[JobItem] = []
        self._running = False

    def start(self, sources: Sequence[str], *, uploads: Sequence[tuple[str, bytes]] = (), files: bool = True) -> str:
        assert not files, "a page never names files of the server"
        self.started.append((list(sources), list(uploads)))
        self._items = [JobItem(name, ItemState.PENDING) for name in (*sources, *(name for name, _ in uploads))]
        self._running = True
        return "job-1"

    def active(self) -> str | None:
        return "job-1" if self._running else None

    def progress(self, job_id: str) -> IngestProgress:
        pending = [i for i, item in enumerate(self._items) if item.state is ItemState.PENDING]
        if pending:
            self._items[pending[0]] = self._outcome(self._items[pending[0]])
        self._running = len(pending) > 1
        return IngestProgress(
            job_id=job_id, items=tuple(self._items), finished=not self._running, time_left_s=2.0 * len(pending)
        )

    @staticmethod
    def _outcome(item: JobItem) -> JobItem:
        if "broken" in item.item:
            return replace(item, state=ItemState.FAILED, error=f"{item.item} is empty. Export the captions again.")
        return replace(item, state=ItemState.DONE, chunks=3)


class NoDatasets:
    """Nothing was saved yet. Tests of what is saved put a real one in its place (tests/fakes/archive.py)."""

    def versions(self, kind: str | None = None) -> list[DatasetVersion]:
        return []

    def save_library(self, alias: str = "", note: str = "") -> NoReturn:
        raise AssertionError("this library saves nothing")


class FakeServices:
    """What the pages see."""

    def __init__(self, transcripts: Sequence[Transcript] | None = None) -> None:
        self.settings = Settings(_env_file=None)  # type: ignore[call-arg]
        self.ready = True
        self.opened = 0
        self.has_chat_model = False
        self.library = FakeLibrary(demo_transcripts() if transcripts is None else transcripts)
        self.traces = FakeTraces()
        self.retriever = FakeRetriever(self.library)
        self.answering = FakeAnswering(self.traces, self.retriever)
        self.ingestor = FakeIngestor()
        self.mirroring = FakeMirroring()
        self.costs = Costs(PlainSpending(self.traces.rows.values), PlainComparison())
        self.prices = ShippedPrices()
        self.budgets = NoBudgets()
        self.sample = FakeSample(self.traces.rows)
        self.datasets = NoDatasets()
        self.ledger = small_ledger()
        self.videos = self.library.videos
        self.channels = self.library.channels
        self.stats = self.library.stats
        self.remove = self.library.remove
        self.remove_demo = self.library.remove_demo
        self.transcript = self.library.transcript

    def open_app(self) -> None:
        self.opened += 1

    def health(self) -> list[ServiceHealth]:
        return [
            ServiceHealth("Ledger", ok=True, detail="SQLite, data/cuepoint.db"),
            ServiceHealth("Vector index", ok=True, detail="Milvus Lite, 67 rows"),
            ServiceHealth("Chat model", ok=None, detail="no key: answers are quotes"),
            ServiceHealth("YouTube", ok=False, detail="no answer within 5 s"),
        ]
