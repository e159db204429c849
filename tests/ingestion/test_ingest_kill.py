"""kill -9 at any point of an ingest: what can be searched is whole, and the next start completes the job."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from core.chunking import chunk
from core.library import IndexSync
from core.models import Chunk, Transcript
from core.ports import IndexFilter
from tests.fakes.ingest import Workshop, open_workshop, transcript_of, write_json
from tests.ingestion.victims import Victims

IDS = [f"video{n:06d}" for n in range(12)]
UPLOADED = "uploaded-1"


SAVED_BEFORE = {("saving", 1): False, ("saving", 5): True, ("saved", 1): True, ("saved", 7): True}
"""Whether a video was complete at the kill, where that is certain."""


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    started = Victims()
    yield started
    started.close()


def talk(video_id: str) -> Transcript:
    """Long enough that all of them are more than one call of the embedder."""
    return transcript_of(video_id, lines=110)


def chunks_of(video_id: str) -> list[Chunk]:
    return chunk(talk(video_id))


def whole_videos(shop: Workshop) -> set[str]:
    """The videos that a search can find; fails where one of them is not whole."""
    IndexSync(shop.ledger.library, shop.index, shop.embedder).sync()
    (vector,) = shop.embedder.embed(["line of vector"])
    found = shop.index.search_dense(vector, 10_000, IndexFilter())
    counts = Counter(hit.chunk_id.partition(":")[0] for hit in found)
    assert counts == {video_id: len(chunks_of(video_id)) for video_id in counts}
    assert {item.video.video_id for item in shop.ledger.library.videos()} == set(counts)
    return set(counts)


def finish(shop: Workshop, job_id: str) -> None:
    deadline = time.monotonic() + 30
    while not shop.ingestor.progress(job_id).finished:
        assert time.monotonic() < deadline
        Event().wait(0.005)


@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("unfolded", 1),
        ("fetched", 1),
        ("fetched", 2),
        ("embedded", 1),
        ("embedded", 2),
        ("saving", 1),
        ("saving", 5),
        ("saved", 1),
        ("saved", 7),
        ("noted", 1),
        ("noted", 6),
        ("committed", 1),
    ],
)
def test_a_killed_ingest_is_completed_at_the_next_start(
    victims: Victims, tmp_path: Path, point: str, count: int
) -> None:
    """Only whole videos are found before; all of them after; none is lost, not even an upload."""
    for video_id in IDS:
        write_json(tmp_path / "talks", talk(video_id))
    upload = write_json(tmp_path / "elsewhere", talk(UPLOADED))
    ended = victims.run("kill_ingest", tmp_path / "data", tmp_path / "talks", upload, point, count)
    assert ended == "killed"
    upload.unlink()
    shop = open_workshop(tmp_path / "data")
    before = whole_videos(shop)
    assert before <= {*IDS, UPLOADED}
    assert bool(before) is SAVED_BEFORE.get((point, count), bool(before))
    (job_id,) = shop.ingestor.resume()
    finish(shop, job_id)
    assert whole_videos(shop) == {*IDS, UPLOADED}
    assert shop.ledger.jobs.unfinished("ingest") == []
    assert list((tmp_path / "data" / "uploads").iterdir()) == []
    shop.close()


def test_a_killed_edit_leaves_the_old_video_or_the_new_one(victims: Victims, tmp_path: Path) -> None:
    """Never a mixture."""
    old, new = transcript_of(IDS[0], lines=120, title="Old"), transcript_of(IDS[0], lines=100, title="New")
    upload = write_json(tmp_path / "elsewhere", talk(UPLOADED))
    for point, count in (("embedded", 1), ("saving", 1), ("saved", 1)):
        data = tmp_path / f"data-{point}"
        shop = open_workshop(data)
        shop.ingestor.ingest([str(write_json(tmp_path / "talks", old))])
        shop.close()
        write_json(tmp_path / "talks", new)
        assert victims.run("kill_ingest", data, tmp_path / "talks", upload, point, count) == "killed"
        shop = open_workshop(data)
        title = shop.ledger.library.video(IDS[0]).video.title
        expected = {c.id: c.content_hash for c in chunk(old if title == "Old" else new)}
        assert shop.ledger.library.chunk_hashes(IDS[0], embedder=shop.embedder.identity) == expected
        assert title == ("New" if point == "saved" else "Old")
        shop.close()
