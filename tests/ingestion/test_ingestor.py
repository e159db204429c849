"""Ingests from end to end on a real ledger and a real index in memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.chunking import chunk
from core.config import Settings
from core.errors import (
    EmbeddingError,
    IndexUnreachable,
    LibraryFull,
    NotFound,
    SourceError,
    TranscriptUnavailable,
)
from core.ingestion import IngestProgress
from core.ingestion.feed import Feed
from core.ingestion.restoring import VersionReader
from core.ingestion.tasks import Task, TaskKind
from core.ingestion.uploads import UploadStore
from core.ledger import ItemState, JobState
from core.models import Segment, Transcript, Vectors, VideoKind
from tests.fakes.ingest import ScriptedYouTube, Workshop, open_workshop, transcript_of, write_json
from tests.fakes.models import HashingEmbedder


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    shop = open_workshop(tmp_path / "data")
    yield shop
    shop.close()


def ids(count: int) -> list[str]:
    return [f"video{n:06d}" for n in range(count)]


def folder_of(tmp_path: Path, count: int) -> Path:
    for video_id in ids(count):
        write_json(tmp_path / "talks", transcript_of(video_id))
    return tmp_path / "talks"


def wait_for(shop: Workshop, job_id: str) -> IngestProgress:
    deadline = time.monotonic() + 30
    while not (progress := shop.ingestor.progress(job_id)).finished:
        assert time.monotonic() < deadline, progress
        threading.Event().wait(0.005)
    return progress


def test_a_folder_goes_in_and_is_searchable(shop: Workshop, tmp_path: Path) -> None:
    """Every chunk of every file is in the ledger and the index; the report names the videos."""
    report = shop.ingestor.ingest([str(folder_of(tmp_path, 5))])
    assert [v.video_id for v in report.ingested] == ids(5)
    assert (report.unchanged, report.failed, report.notices) == ((), (), ())
    assert {v.chunks for v in report.ingested} == {len(chunk(transcript_of(ids(1)[0])))}
    assert set(shop.index.inventory()) == {c.id for video in ids(5) for c in chunk(transcript_of(video))}
    assert shop.ledger.library.transcript(ids(1)[0]).segments == transcript_of(ids(1)[0]).segments


def test_ingesting_again_changes_nothing(shop: Workshop, tmp_path: Path) -> None:
    """No text is embedded, no revision made."""
    folder = folder_of(tmp_path, 4)
    shop.ingestor.ingest([str(folder)])
    revision, embedded = shop.ledger.library.revision(), len(shop.embedder.texts)
    report = shop.ingestor.ingest([str(folder)])
    assert [v.video_id for v in report.unchanged] == ids(4)
    assert report.ingested == ()
    assert (shop.ledger.library.revision(), len(shop.embedder.texts)) == (revision, embedded)


def test_an_edited_line_embeds_only_its_windows(shop: Workshop) -> None:
    """The other windows keep their vectors, also in the chunk that was edited."""
    transcript = transcript_of("video000000", lines=200)
    shop.youtube.videos["video000000"] = transcript
    shop.ingestor.ingest(["video000000"])
    before = shop.ledger.library.chunk_hashes("video000000", embedder=shop.embedder.identity)
    shop.embedder.texts.clear()
    edited = (
        *transcript.segments[:150],
        replace(transcript.segments[150], text="A new line."),
        *transcript.segments[151:],
    )
    shop.youtube.videos["video000000"] = Transcript(transcript.video, edited)
    report = shop.ingestor.ingest(["video000000"])
    after = shop.ledger.library.chunk_hashes("video000000", embedder=shop.embedder.identity)
    assert len(report.ingested) == 1
    unchanged = [chunk_id for chunk_id, content in before.items() if after.get(chunk_id) == content]
    assert len(unchanged) > len(before) / 2
    windows = {w for c in chunk(Transcript(transcript.video, edited)) for w in c.window_texts()}
    old_windows = {w for c in chunk(transcript) for w in c.window_texts()}
    assert set(shop.embedder.texts) == windows - old_windows
    assert shop.index.inventory() == shop.ledger.library.inventory(embedder=shop.embedder.identity)


def test_a_new_title_is_saved_without_embedding(shop: Workshop) -> None:
    """The text is the same, the video is not."""
    shop.youtube.videos["video000000"] = transcript_of("video000000")
    shop.ingestor.ingest(["video000000"])
    shop.embedder.texts.clear()
    shop.youtube.videos["video000000"] = transcript_of("video000000", title="Better title")
    assert len(shop.ingestor.ingest(["video000000"]).ingested) == 1
    assert shop.ledger.library.video("video000000").video.title == "Better title"
    assert shop.embedder.texts == []


def test_each_failure_is_named_and_the_rest_goes_in(shop: Workshop, tmp_path: Path) -> None:
    """Files, addresses and videos fail one by one, each with its sentence and its kind."""
    folder = folder_of(tmp_path, 3)
    (folder / "broken.json").write_text("{")
    private = TranscriptUnavailable("It is private.", kind="private", subject="x", hint="Ask its owner.")
    shop.youtube.lists["@lab"] = ["video000100", "video000101"]
    shop.youtube.videos = {"video000100": transcript_of("video000100"), "video000101": private}
    report = shop.ingestor.ingest([str(folder), "@lab", "nonsense", str(tmp_path / "missing.srt"), " "])
    assert sorted(v.video_id for v in report.ingested) == [*ids(3), "video000100"]
    assert {(f.source, f.reason) for f in report.failed} == {
        ("broken.json", "source"),
        ("video000101", "private"),
        ("nonsense", "source"),
        (str(tmp_path / "missing.srt"), "source"),
    }
    assert "It is private. Ask its owner." in {f.error for f in report.failed}


def test_a_single_video_is_named_as_the_user_did(shop: Workshop) -> None:
    """Not by the id that its address hides."""
    address = "https://youtu.be/video000000"
    shop.youtube.lists[address] = ["video000000"]
    shop.youtube.videos["video000000"] = TranscriptUnavailable("No.", kind="disabled")
    assert [f.source for f in shop.ingestor.ingest([address]).failed] == [address]


def test_a_video_that_is_named_twice_is_fetched_once(shop: Workshop) -> None:
    """By id, by address and in a playlist."""
    shop.youtube.lists |= {"PL1": ["video000000", "video000001"], "https://youtu.be/video000000": ["video000000"]}
    shop.youtube.videos = {video_id: transcript_of(video_id) for video_id in ids(2)}
    report = shop.ingestor.ingest(["video000000", "https://youtu.be/video000000", "PL1", "PL1"])
    assert sorted(shop.youtube.fetched) == ids(2)
    assert len(report.ingested) == 2
    assert shop.youtube.languages == ("en",)


def test_a_refusing_youtube_is_left_alone(shop: Workshop) -> None:
    """After some refusals in a row the other videos are not asked for, and say so."""
    shop.youtube.lists["@lab"] = ids(60)
    blocked = TranscriptUnavailable("Refused.", kind="blocked", hint="Wait.")
    shop.youtube.videos = dict.fromkeys(ids(60), blocked)
    report = shop.ingestor.ingest(["@lab"])
    assert len(report.failed) == 60
    assert {f.reason for f in report.failed} == {"blocked"}
    assert len(shop.youtube.fetched) < 10
    assert any("was not asked for" in f.error for f in report.failed)


def test_the_demo_library_goes_in_and_out(shop: Workshop) -> None:
    """By its word; removing it takes it out of the index too."""
    report = shop.ingestor.ingest(["demo"])
    assert len(report.ingested) == 12
    assert {item.video.kind for item in shop.ledger.library.videos()} == {VideoKind.DEMO}
    assert shop.index.inventory()
    assert shop.ingestor.remove_demo() == 12
    assert shop.index.inventory() == {}


def test_uploads_go_in_and_their_bytes_go_away(shop: Workshop, tmp_path: Path) -> None:
    """Kept on disk under a hash until the job is done; the name is never a path."""
    data = write_json(tmp_path, transcript_of("video000000")).read_bytes()
    report = shop.ingestor.ingest([], uploads=[("../../evil.json", data), ("broken.json", b"{")])
    assert [v.video_id for v in report.ingested] == ["video000000"]
    assert [f.source for f in report.failed] == ["broken.json"]
    assert list((shop.folder / "uploads").iterdir()) == []
    assert not (tmp_path / "evil.json").exists()


def test_bytes_that_another_job_still_needs_stay(shop: Workshop, tmp_path: Path) -> None:
    """The same file again, while the first job with it is at work."""
    data = write_json(tmp_path, transcript_of("video000000")).read_bytes()
    shop.youtube.videos["waiting0000"] = transcript_of("waiting0000")
    shop.youtube.gate.clear()
    shop.ingestor.start(["waiting0000"], uploads=[("talk.json", data)])
    second = shop.ingestor.start([], uploads=[("talk.json", data)])
    shop.youtube.gate.set()
    while not shop.ingestor.progress(second).finished:
        time.sleep(0.01)
    assert shop.ingestor.progress(second).failed == 0
    while list((shop.folder / "uploads").iterdir()):
        time.sleep(0.01)


def test_a_fetch_that_waits_for_its_turn_is_not_begun_after_a_stop(shop: Workshop, tmp_path: Path) -> None:
    youtube = ScriptedYouTube(videos={name: transcript_of(name) for name in ("video000000", "video000001")})
    settings = Settings(_env_file=None, data_dir=tmp_path, fetch_pause_s=60.0)
    feed = Feed(
        [Task(TaskKind.VIDEO, name, name) for name in youtube.videos],
        source=youtube,
        uploads=UploadStore(tmp_path),
        versions=VersionReader(shop.ledger, tmp_path),
        settings=settings,
        unfold=lambda _task, children: children,
    )
    with feed:
        next(arrival for arrival in feed if arrival is not None)
    assert len(youtube.fetched) == 1


def test_sources_are_not_looked_up_on_disk_where_that_is_forbidden(shop: Workshop, tmp_path: Path) -> None:
    """A page that others can reach must not read this machine's files."""
    path = str(write_json(tmp_path, transcript_of("video000000")))
    report = shop.ingestor.ingest([path], files=False)
    assert report.ingested == ()
    assert "names nothing on YouTube" in report.failed[0].error


def test_articles_of_one_file_are_one_item(shop: Workshop, tmp_path: Path) -> None:
    """The rows without text are named; the others go in."""
    path = tmp_path / "articles.csv"
    path.write_text("author,title,text\nAda,One,Some words.\nAda,Two,\nBob,Three,More words.\n")
    report = shop.ingestor.ingest([str(path)])
    assert len(report.ingested) == 2
    assert [f.source for f in report.failed] == ["articles.csv"]


def test_the_background_finishes_without_anyone_watching(shop: Workshop, tmp_path: Path) -> None:
    """start() returns at once; progress counts items and ends; the ledger keeps the outcome."""
    (folder_of(tmp_path, 3) / "broken.json").write_text("{")
    job_id = shop.ingestor.start([str(tmp_path / "talks")])
    progress = wait_for(shop, job_id)
    assert (progress.total, progress.done, progress.ingested, progress.failed) == (4, 4, 3, 1)
    assert progress.chunks == shop.ledger.library.stats().chunks
    failed = next(item for item in progress.items if item.state is ItemState.FAILED)
    assert failed.item == "broken.json"
    assert "not valid JSON" in (failed.error or "")
    assert shop.ledger.jobs.get(job_id).state is JobState.FINISHED


def test_several_starts_are_queued(shop: Workshop) -> None:
    """One job works at a time, in the order of the calls; active() names it."""
    shop.youtube.videos = {video_id: transcript_of(video_id) for video_id in ids(3)}
    shop.youtube.gate.clear()
    jobs = [shop.ingestor.start([video_id]) for video_id in ids(3)]
    assert shop.ingestor.active() == jobs[0]
    assert not any(shop.ingestor.progress(job_id).finished for job_id in jobs)
    shop.youtube.gate.set()
    assert [wait_for(shop, job_id).ingested for job_id in jobs] == [1, 1, 1]
    assert shop.youtube.fetched == ids(3)
    assert shop.ingestor.active() is None


def test_a_cancelled_job_keeps_what_is_saved(shop: Workshop) -> None:
    """It ends soon, and its other videos are left out."""
    shop.youtube.lists["@lab"] = ids(40)
    shop.youtube.videos = {video_id: transcript_of(video_id) for video_id in ids(40)}
    shop.youtube.gate.clear()
    job_id = shop.ingestor.start(["@lab"])
    shop.ingestor.cancel(job_id)
    shop.youtube.gate.set()
    progress = wait_for(shop, job_id)
    assert progress.error == "Cancelled"
    assert progress.done < 40
    assert shop.ledger.jobs.get(job_id).error == "Cancelled"
    assert shop.ledger.library.stats().videos == progress.ingested


def test_a_closed_app_resumes_its_job(tmp_path: Path) -> None:
    """close() in the middle leaves the job to the next process, which does only what is left."""
    first = open_workshop(tmp_path / "data")
    first.youtube.lists["@lab"] = ids(6)
    first.youtube.videos = {video_id: transcript_of(video_id) for video_id in ids(6)}
    first.youtube.gate.clear()
    data = write_json(tmp_path, transcript_of("uploaded-1")).read_bytes()
    job_id = first.ingestor.start(["@lab"], uploads=[("talk.json", data)])
    threading.Timer(0.05, first.youtube.gate.set).start()
    first.close()
    second = open_workshop(tmp_path / "data")
    second.youtube.lists, second.youtube.videos = first.youtube.lists, first.youtube.videos
    assert second.ingestor.resume() == [job_id]
    progress = wait_for(second, job_id)
    assert (progress.done, progress.failed) == (7, 0)
    assert second.ledger.library.stats().videos == 7
    assert second.ingestor.resume() == []
    second.close()


def test_progress_of_an_unknown_job_is_not_found(shop: Workshop) -> None:
    """The page says so."""
    with pytest.raises(NotFound):
        shop.ingestor.progress("nothing")


def test_another_process_sees_the_progress(shop: Workshop, tmp_path: Path) -> None:
    """From the ledger, with the same names; what a playlist contains stands instead of it."""
    shop.youtube.lists["@lab"] = ids(2)
    shop.youtube.videos = {ids(2)[0]: transcript_of(ids(2)[0]), ids(2)[1]: TranscriptUnavailable("No.", kind="private")}
    job_id = shop.ingestor.start(["@lab"])
    mine = wait_for(shop, job_id)
    other = open_workshop(tmp_path / "data")
    theirs = other.ingestor.progress(job_id)
    assert [(i.item, i.state, i.error) for i in theirs.items] == [(i.item, i.state, i.error) for i in mine.items]
    assert (theirs.finished, theirs.chunks) == (True, mine.chunks)
    other.close()


class FailingEmbedder(HashingEmbedder):
    """Fails from a call on."""

    def __init__(self, good_calls: int) -> None:
        super().__init__(32)
        self.good_calls = good_calls

    def embed(self, texts: object) -> Vectors:
        if self.good_calls <= 0:
            raise EmbeddingError("The embeddings server is away.", hint="Start it.")
        self.good_calls -= 1
        return super().embed(texts)  # type: ignore[arg-type]


def test_a_failing_embedder_ends_the_job_and_half_of_nothing_is_saved(tmp_path: Path) -> None:
    """Every video that is not saved says why; those that are saved are whole; trying again completes it."""
    shop = open_workshop(tmp_path / "data", embedder=FailingEmbedder(1))
    folder = folder_of(tmp_path, 40)
    report = shop.ingestor.ingest([str(folder)])
    assert report.failed
    assert {f.reason for f in report.failed} == {"embedding"}
    assert {f.error for f in report.failed} == {"The embeddings server is away. Start it."}
    for item in shop.ledger.library.videos():
        assert item.chunks == len(chunk(transcript_of(item.video.video_id)))
    shop.embedder.good_calls = 1000  # type: ignore[attr-defined]
    shop.ingestor.ingest([str(folder)])
    assert shop.ledger.library.stats().videos == 40
    shop.close()


def test_a_fault_of_the_embedder_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no one foresaw ends the job with one sentence, and the next job works."""
    shop = open_workshop(tmp_path / "data")
    folder = folder_of(tmp_path, 2)

    def fault(_: object) -> Vectors:
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as patch:
        patch.setattr(shop.embedder, "embed", fault)
        report = shop.ingestor.ingest([str(folder)])
    assert {f.error.partition(". ")[0] for f in report.failed} == {"A fault in Cuepoint ended the ingest"}
    assert shop.ledger.jobs.unfinished("ingest") == []
    assert len(shop.ingestor.ingest([str(folder)]).ingested) == 2
    shop.close()


def test_ctrl_c_ends_the_job_as_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised on, so that the command ends; the app does not resume what the user stopped."""
    shop = open_workshop(tmp_path / "data")

    def interrupt(_: IngestProgress) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.ingestion.run._TELL_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        shop.ingestor.ingest([str(folder_of(tmp_path, 20))], interrupt)
    assert shop.ledger.jobs.unfinished("ingest") == []
    latest = shop.ledger.jobs.latest("ingest")
    assert latest is not None
    assert latest.error == "Cancelled"
    shop.close()


def test_a_full_disk_ends_the_job_which_stays_to_be_resumed(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the library; nothing is lost."""

    def full(*_: object, **__: object) -> int:
        raise LibraryFull("The disk is full", subject="x", hint="Free some space.")

    monkeypatch.setattr(shop.ledger.library, "save", full)
    report = shop.ingestor.ingest([str(folder_of(tmp_path, 2))])
    assert {(f.error, f.reason) for f in report.failed} == {("The disk is full. Free some space.", "library")}
    assert len(shop.ledger.jobs.unfinished("ingest")) == 1


class AwaySync:
    """The index's server does not answer."""

    def follow(self) -> None:
        raise IndexUnreachable("The index is away", hint="Start Milvus.")


def test_an_index_that_cannot_follow_is_a_notice(tmp_path: Path) -> None:
    """The ledger has the videos; the index gets them later."""
    shop = open_workshop(tmp_path / "data", sync=AwaySync())
    report = shop.ingestor.ingest([str(folder_of(tmp_path, 2))])
    assert len(report.ingested) == 2
    assert report.notices == ("Saved, but not searchable yet: The index is away. Start Milvus.",)
    shop.close()


def test_a_fault_of_ours_is_one_failure(shop: Workshop) -> None:
    """What no one foresaw fails its video only."""
    shop.youtube.videos = {"video000000": ZeroDivisionError("unforeseen"), "video000001": transcript_of("video000001")}
    report = shop.ingestor.ingest(["video000000", "video000001"])
    assert [f.reason for f in report.failed] == ["internal"]
    assert [v.video_id for v in report.ingested] == ["video000001"]


def test_a_slow_playlist_is_saved_as_it_comes(shop: Workshop) -> None:
    """A video does not wait for a full batch while the embedder has nothing to do."""
    shop.youtube.lists["@lab"] = ids(2)
    second = threading.Event()
    shop.youtube.videos[ids(2)[0]] = transcript_of(ids(2)[0])
    shop.youtube.videos[ids(2)[1]] = transcript_of(ids(2)[1])
    fetch = shop.youtube.fetch

    def held(video_id: str, languages: object) -> Transcript:
        if video_id == ids(2)[1]:
            assert second.wait(20)
        return fetch(video_id, languages)  # type: ignore[arg-type]

    shop.youtube.fetch = held  # type: ignore[method-assign]
    job_id = shop.ingestor.start(["@lab"])
    deadline = time.monotonic() + 20
    while shop.ledger.library.stats().videos < 1:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    second.set()
    assert wait_for(shop, job_id).ingested == 2


def test_progress_is_told_while_it_works(shop: Workshop, tmp_path: Path) -> None:
    """The last call says that it is finished."""
    told: list[IngestProgress] = []
    shop.ingestor.ingest([str(folder_of(tmp_path, 3))], told.append)
    assert told[-1].finished
    assert told[-1].done == 3


def test_one_enormous_line_goes_in(shop: Workshop, tmp_path: Path) -> None:
    """Two megabytes in one caption."""
    document = {"video_id": "long-1", "title": "Long", "channel": "C", "language": "en"}
    line = {"start": 0, "duration": 3600, "text": "word " * 400_000}
    path = tmp_path / "long.json"
    path.write_text(json.dumps(document | {"segments": [line]}))
    (video,) = shop.ingestor.ingest([str(path)]).ingested
    assert video.chunks > 2000


def test_an_empty_title_and_source_error_from_the_source_stay_theirs(shop: Workshop) -> None:
    """A SourceError of a list is the failure of what was named."""
    shop.youtube.lists["@none"] = SourceError("@none names nothing", subject="@none")
    assert [(f.source, f.reason) for f in shop.ingestor.ingest(["@none"]).failed] == [("@none", "source")]


def test_a_line_without_text_is_never_saved(shop: Workshop) -> None:
    """A transcript of nothing but white space fails with a sentence."""
    blank = Transcript(transcript_of("video000000").video, (Segment("  ", 0, 1),))
    shop.youtube.videos["video000000"] = blank
    assert "has no text" in shop.ingestor.ingest(["video000000"]).failed[0].error
