"""The parts of an ingest: full batches, polite pace, tasks as text, uploads on disk."""

from __future__ import annotations

import errno
import threading
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.adapters.youtube import YouTubeSource
from core.chunking import chunk
from core.errors import EmbeddingError, LibraryFull, LibraryReadOnly, SourceError
from core.ingestion.embedding import EmbeddingLine, PendingVideo
from core.ingestion.feed import _Pace
from core.ingestion.run import Run
from core.ingestion.tasks import Task, TaskKind, tasks_of
from core.ingestion.uploads import UploadStore
from core.models import Segment, Transcript, Vectors, Video, VideoKind
from tests.fakes.ingest import open_workshop, transcript_of
from tests.fakes.models import HashingEmbedder
from tests.fakes.youtube_server import Failure, FakeList, FakeVideo, Track, YouTubeServer


class CountingEmbedder(HashingEmbedder):
    """A checksum's bits for a vector. Writes down how many texts each call had, and how many calls were under way."""

    def __init__(self, *, batch_size: int, concurrency: int, latency_s: float = 0.0) -> None:
        super().__init__(16)
        self.batch_size, self.concurrency, self.latency_s = batch_size, concurrency, latency_s
        self.calls: list[int] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            self.calls.append(len(texts))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        if self.latency_s:
            threading.Event().wait(self.latency_s)
        with self._lock:
            self._at_once -= 1
        codes = np.array([zlib.crc32(text.encode()) for text in texts], np.uint32)
        return (codes[:, None] >> np.arange(16, dtype=np.uint32) & 1).astype(np.float32)


def pending(video_id: str, lines: int = 40) -> PendingVideo:
    transcript = transcript_of(video_id, lines=lines)
    return PendingVideo(Task(TaskKind.VIDEO, video_id, video_id), transcript, chunk(transcript))


def through(line: EmbeddingLine, videos: Sequence[PendingVideo]) -> list[PendingVideo]:
    done: list[PendingVideo] = []
    with line:
        for video in videos:
            line.add(video)
            done.extend(line.ready())
        done.extend(line.rest())
    return done


@pytest.mark.parametrize(("batch_size", "concurrency", "call"), [(16, 1, 128), (64, 6, 384), (512, 1, 512)])
def test_every_call_but_the_last_is_full(batch_size: int, concurrency: int, call: int) -> None:
    """Whatever the videos' sizes are: a call takes the windows of whichever come next."""
    embedder = CountingEmbedder(batch_size=batch_size, concurrency=concurrency)
    videos = [pending(f"video{n:06d}", lines=5 + 13 * (n % 9)) for n in range(120)]
    assert {v.task.value for v in through(EmbeddingLine(embedder), videos)} == {v.task.value for v in videos}
    assert set(embedder.calls[:-1]) == {call}
    assert sum(embedder.calls) == sum(len(v.missing()) or len(v.vectors) for v in videos)


def test_each_window_gets_its_own_vector() -> None:
    """Across batches and videos; a text that stands twice in a video is embedded once."""
    embedder = CountingEmbedder(batch_size=8, concurrency=2)
    repeated = Transcript(Video("again", "T", "C"), tuple(Segment("the same words again", n, 1) for n in range(200)))
    videos = [
        *(pending(f"video{n:06d}", lines=50) for n in range(8)),
        PendingVideo(Task(TaskKind.VIDEO, "again", "again"), repeated, chunk(repeated)),
    ]
    for video in through(EmbeddingLine(embedder), videos):
        for item in video.embedded():
            expected = embedder.embed(item.chunk.window_texts())
            assert np.array_equal(item.vectors, expected)
    windows = [text for part in chunk(repeated) for text in part.window_texts()]
    assert len(set(windows)) < len(windows)
    assert len(videos[-1].vectors) == len(set(windows))


def test_calls_overlap_where_the_embedder_waits_for_a_server() -> None:
    """Two at once for a server, never two for a model on this machine."""
    for concurrency, at_once in ((6, 2), (1, 1)):
        embedder = CountingEmbedder(batch_size=64, concurrency=concurrency, latency_s=0.02)
        through(EmbeddingLine(embedder), [pending(f"video{n:06d}", lines=100) for n in range(60)])
        assert embedder.most_at_once == at_once


def test_a_video_with_known_vectors_needs_no_call() -> None:
    """It is ready at once."""
    embedder = CountingEmbedder(batch_size=16, concurrency=1)
    first, second = pending("video000000"), pending("video000000")
    (done,) = through(EmbeddingLine(embedder), [first])
    second.vectors = done.vectors
    calls = len(embedder.calls)
    assert through(EmbeddingLine(embedder), [second]) == [second]
    assert len(embedder.calls) == calls


def test_a_failing_call_surfaces() -> None:
    """As what the embedder raised."""

    class Broken(CountingEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            raise EmbeddingError("away")

    with pytest.raises(EmbeddingError, match="away"):
        through(EmbeddingLine(Broken(batch_size=1, concurrency=1)), [pending("video000000")])


def test_starts_keep_their_distance() -> None:
    """Whichever threads begin, and however many at once."""
    pace = _Pace(0.02, threading.Event())
    starts: list[float] = []
    threads = [threading.Thread(target=lambda: (pace.wait(), starts.append(time.monotonic()))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(starts) - min(starts) >= 0.095


def test_the_pace_ends_with_the_job() -> None:
    """A cancelled job does not sit out its pauses."""
    stop = threading.Event()
    stop.set()
    pace = _Pace(60.0, stop)
    began = time.monotonic()
    pace.wait()
    pace.wait()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("demo", TaskKind.DEMO),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", TaskKind.ADDRESS),
        ("@lab", TaskKind.ADDRESS),
        ("dQw4w9WgXcQ", TaskKind.ADDRESS),
        ("talks", TaskKind.PATH),
        ("missing.srt", TaskKind.PATH),
        ("./missing", TaskKind.PATH),
        ("/missing", TaskKind.PATH),
        ("file:///etc/passwd", TaskKind.ADDRESS),
        ("x\x00y.srt", TaskKind.ADDRESS),
        ("y" * 5000, TaskKind.ADDRESS),
    ],
)
def test_a_source_is_an_address_or_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, kind: TaskKind
) -> None:
    """What exists is a path, and so is what can only be meant as one."""
    (tmp_path / "talks").mkdir()
    monkeypatch.chdir(tmp_path)
    (task,) = tasks_of([source], files=True)
    assert task.kind is kind
    assert Task.from_text(task.to_text()) == task
    assert kind is not TaskKind.PATH or Path(task.value).is_absolute()


def test_uploads_are_kept_whole_under_their_hash(tmp_path: Path) -> None:
    """The same bytes once; dropping them twice is fine; a key from elsewhere is no path."""
    store = UploadStore(tmp_path / "uploads")
    key = store.keep(b"some bytes")
    assert store.keep(b"some bytes") == key
    assert store.read(key, "talk.json") == b"some bytes"
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == [key]
    store.drop(key)
    store.drop(key)
    with pytest.raises(SourceError, match=r"The upload talk\.json is gone\. Upload it again\."):
        store.read(key, "talk.json")
    with pytest.raises(ValueError, match="not the key"):
        store.read("../../etc/passwd", "x")


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, LibraryFull), (errno.EROFS, LibraryReadOnly)])
def test_a_folder_that_takes_no_upload_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    """A full disk and a read-only folder; no half file stays."""

    def fail(_: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(error):
        UploadStore(tmp_path / "uploads").keep(b"some bytes")
    assert list((tmp_path / "uploads").iterdir()) == []


class CountedSource(YouTubeSource):
    """Knows how many fetches there were at once."""

    at_once = most_at_once = 0
    lock = threading.Lock()

    def fetch(self, video_id: str, languages: Sequence[str]) -> Transcript:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return super().fetch(video_id, languages)
        finally:
            with self.lock:
                self.at_once -= 1


def test_youtube_goes_in_end_to_end(tmp_path: Path) -> None:
    """A channel by its handle, through the real client, four at once; what fails says why."""
    ids = [f"video{n:06d}" for n in range(12)]
    lines = tuple((n * 2.0, 2.0, f"words of line {n} about vectors and indexes") for n in range(80))
    track = Track("en", lines=lines)
    with YouTubeServer(latency_s=0.01) as server:
        server.lists["@lab"] = FakeList(ids)
        server.videos = {video_id: FakeVideo(title=video_id, author="A lab", tracks=(track,)) for video_id in ids}
        server.videos[ids[3]] = FakeVideo(failure=Failure.PRIVATE)
        source = CountedSource(server.url)
        shop = open_workshop(tmp_path / "data", source=source)
        report = shop.ingestor.ingest(["https://www.youtube.com/@lab"])
        source.close()
        shop.close()
    assert sorted(v.video_id for v in report.ingested) == [video_id for video_id in ids if video_id != ids[3]]
    assert [(f.source, f.reason) for f in report.failed] == [(ids[3], "private")]
    assert 1 < source.most_at_once <= 4


def test_what_was_fetched_keeps_its_link(tmp_path: Path) -> None:
    """A YouTube video plays at the second; a file with a name of its own does not."""
    shop = open_workshop(tmp_path / "data")
    shop.youtube.videos["video000000"] = transcript_of("video000000")
    shop.ingestor.ingest(["video000000", "demo"])
    kinds = {item.video.kind: item.video.url_at(5) for item in shop.ledger.library.videos()}
    assert kinds[VideoKind.YOUTUBE] == "https://www.youtube.com/watch?v=video000000&t=5s"
    assert kinds[VideoKind.DEMO] is None
    shop.close()


def test_time_left_follows_from_what_this_process_did(tmp_path: Path) -> None:
    """Unknown before the first item is done; items that a dead process did are not counted."""
    shop = open_workshop(tmp_path / "data")
    tasks = [Task(TaskKind.VIDEO, f"video{n:06d}", f"video{n:06d}").to_text() for n in range(4)]
    job_id = shop.ledger.jobs.create("ingest", tasks)
    shop.ledger.jobs.set_item(job_id, tasks[0], "done", chunks=3)
    run = Run(job_id, shop.ingestor._parts)
    progress = run.progress()
    assert (progress.done, progress.total, progress.time_left_s) == (1, 4, None)
    assert run._time_left_s(progress, 10.0) is None
    shop.ledger.jobs.set_item(job_id, tasks[1], "done", chunks=3)
    later = shop.ingestor.progress(job_id)
    assert run._time_left_s(later, 10.0) == 20.0
    shop.close()
