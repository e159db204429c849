"""The library in the ledger."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from core.errors import EmbeddingError, NotFound
from core.ledger import Ledger
from core.models import EmbeddedChunk, IndexRow, Segment, Transcript, VideoKind
from tests.ledger.samples import MINILM, NASTY, START, Ticking, embed, library_item, make_chunk, make_video

TEXTS = ["the first part of it", "a second part", "and the third, which is last"]


def save(ledger: Ledger, video_id: str, texts: list[str] = TEXTS, embedder: str = MINILM, **changes: object) -> int:
    transcript, chunks = library_item(video_id, texts, **changes)
    return ledger.library.save(transcript, chunks, embedder=embedder)


def rows(ledger: Ledger, query: str) -> list[tuple]:
    with ledger._database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_video_reads_back_as_it_was_saved(ledger):
    transcript, chunks = library_item("v1", TEXTS, title="Größe", channel="Ünicode")
    revision = ledger.library.save(transcript, chunks, embedder=MINILM)
    video = replace(transcript.video, added_at=START)
    assert ledger.library.transcript("v1") == Transcript(video, transcript.segments)
    entry = ledger.library.video("v1")
    assert (entry.video, entry.chunks, entry.chars) == (video, 3, sum(map(len, TEXTS)))
    assert (entry.content_hash, entry.revision) == (transcript.content_hash, revision)
    stored = ledger.library.stored([c.chunk.id for c in chunks], embedder=MINILM)
    assert [stored[c.chunk.id].chunk for c in chunks] == [c.chunk for c in chunks]
    assert {item.video for item in stored.values()} == {video}


def test_vectors_read_back_at_half_precision_and_unit_length(ledger):
    transcript, chunks = library_item("v1", TEXTS, dimensions=384)
    ledger.library.save(transcript, chunks, embedder=MINILM)
    read = ledger.library.vectors([c.chunk.id for c in chunks] + ["unknown:0"], embedder=MINILM)
    assert read.keys() == {c.chunk.id for c in chunks}
    for item in chunks:
        back = read[item.chunk.id]
        assert back.dtype == np.float32
        assert back.shape == item.vectors.shape
        assert np.allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
        assert (back * item.vectors).sum(axis=1).min() > 0.99999
        assert np.array_equal(ledger.library.stored([item.chunk.id], embedder=MINILM)[item.chunk.id].vectors, back)


def test_chunks_that_were_read_before_a_change_are_not_written_over_it(ledger):
    """Embedding anew reads a video, takes its time and writes it: an edit or a removal in between stays."""
    transcript, chunks = library_item("v1", TEXTS)
    first = ledger.library.save(transcript, chunks, embedder=MINILM)
    assert ledger.library.save(transcript, chunks, embedder="other@1", only_at=first) == first + 1
    save(ledger, "v1", ["edited"])
    edited = ledger.library.revision()
    assert ledger.library.save(transcript, chunks, embedder=MINILM, only_at=first) == 0
    assert ledger.library.transcript("v1").segments[0].text == "edited"
    ledger.library.remove(["v1"])
    assert ledger.library.save(transcript, chunks, embedder=MINILM, only_at=edited) == 0
    assert ledger.library.videos() == []


def test_saving_the_same_again_writes_nothing(ledger):
    first = save(ledger, "v1")
    before = rows(ledger, "SELECT chunk_key, revision FROM chunks ORDER BY chunk_id")
    assert save(ledger, "v1") == first == ledger.library.revision()
    assert rows(ledger, "SELECT chunk_key, revision FROM chunks ORDER BY chunk_id") == before


def test_an_edit_replaces_only_the_rows_and_vectors_of_changed_chunks(ledger):
    first = save(ledger, "v1")
    before = dict(rows(ledger, "SELECT chunk_id, chunk_key FROM chunks"))
    second = save(ledger, "v1", [TEXTS[0], "edited", TEXTS[2]])
    assert second == first + 1
    after = dict(rows(ledger, "SELECT chunk_id, chunk_key FROM chunks"))
    assert after["v1:0"] == before["v1:0"]
    assert after["v1:2"] == before["v1:2"]
    assert dict(rows(ledger, "SELECT chunk_id, revision FROM chunks")) == {"v1:0": first, "v1:1": second, "v1:2": first}
    edited = ledger.library.stored(["v1:1"], embedder=MINILM)["v1:1"]
    assert edited.chunk.text == "edited"
    assert np.allclose(edited.vectors, embed(edited.chunk).vectors, atol=1e-3)
    assert ledger.library.transcript("v1").segments[1].text == "edited"
    assert rows(ledger, "SELECT count(*) FROM vectors") == [(3,)]


def test_a_shorter_version_takes_the_surplus_chunks_away(ledger):
    save(ledger, "v1")
    save(ledger, "v1", TEXTS[:1])
    assert list(ledger.library.inventory(embedder=MINILM)) == ["v1:0"]
    assert ledger.library.stored(["v1:0"], embedder=MINILM)["v1:0"].chunk.max_part_id == 0
    assert rows(ledger, "SELECT count(*) FROM vectors") == [(1,)]


def test_the_inventory_is_what_an_index_row_hashes_to(ledger):
    transcript, chunks = library_item("v1", TEXTS)
    ledger.library.save(transcript, chunks, embedder=MINILM)
    expected = {c.chunk.id: IndexRow(c.chunk, transcript.video, c.pooled).content_hash for c in chunks}
    assert ledger.library.inventory(embedder=MINILM) == expected
    assert ledger.library.chunk_hashes("v1", embedder=MINILM) == {c.chunk.id: c.chunk.content_hash for c in chunks}


def test_a_new_title_changes_the_inventory_and_keeps_the_vectors(ledger):
    save(ledger, "v1")
    keys = rows(ledger, "SELECT chunk_key FROM chunks ORDER BY chunk_id")
    hashes = ledger.library.chunk_hashes("v1", embedder=MINILM)
    before = ledger.library.inventory(embedder=MINILM)
    save(ledger, "v1", title="Another title")
    after = ledger.library.inventory(embedder=MINILM)
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert ledger.library.chunk_hashes("v1", embedder=MINILM) == hashes
    assert rows(ledger, "SELECT chunk_key FROM chunks ORDER BY chunk_id") == keys
    assert ledger.library.video("v1").video.title == "Another title"


def test_added_at_is_when_a_video_first_came(ledger, clock: Ticking):
    save(ledger, "v1")
    clock.forward(hours=5)
    save(ledger, "v1", ["edited"])
    assert ledger.library.video("v1").video.added_at == START


def test_two_embedders_keep_their_vectors_apart(ledger):
    save(ledger, "v1")
    save(ledger, "v2")
    assert ledger.library.embedders() == [MINILM]
    assert ledger.library.unembedded(MINILM) == []
    assert ledger.library.unembedded("large") == ["v1", "v2"]
    assert ledger.library.inventory(embedder="large") == {}
    assert ledger.library.stored(["v1:0"], embedder="large")["v1:0"].vectors is None
    save(ledger, "v1", embedder="large", dimensions=16)
    assert ledger.library.embedders() == [MINILM, "large"]
    assert ledger.library.unembedded("large") == ["v2"]
    assert ledger.library.vectors(["v1:0"], embedder="large")["v1:0"].shape == (2, 16)
    assert ledger.library.vectors(["v1:0"], embedder=MINILM)["v1:0"].shape == (2, 8)


def test_an_edit_drops_the_stale_vectors_of_every_embedder(ledger):
    save(ledger, "v1")
    save(ledger, "v1", embedder="large", dimensions=16)
    save(ledger, "v1", ["edited", *TEXTS[1:]], embedder="large", dimensions=16)
    assert ledger.library.chunk_hashes("v1", embedder=MINILM).keys() == {"v1:1", "v1:2"}
    assert ledger.library.unembedded(MINILM) == ["v1"]


def test_an_embedder_whose_vectors_change_their_length_is_refused_and_nothing_is_written(ledger):
    revision = save(ledger, "v1")
    with pytest.raises(EmbeddingError, match=r"gave 16 numbers a text, but 8 before"):
        save(ledger, "v2", dimensions=16)
    assert ledger.library.revision() == revision
    assert [entry.video.video_id for entry in ledger.library.videos()] == ["v1"]


@pytest.mark.parametrize(
    "vectors",
    [np.zeros((1, 8), np.float32), np.zeros((2, 0), np.float32), np.zeros(8, np.float32), np.full((2, 8), np.nan)],
    ids=["too few", "no numbers", "not a matrix", "not finite"],
)
def test_vectors_that_do_not_fit_their_windows_are_refused(ledger, vectors):
    chunk = make_chunk("v1", 0, 1, "some text")
    with pytest.raises(EmbeddingError, match="v1:0"):
        ledger.library.save(Transcript(make_video("v1"), ()), [EmbeddedChunk(chunk, vectors)], embedder=MINILM)
    assert ledger.library.videos() == []


def test_removing_takes_everything_of_a_video_and_moves_the_revision(ledger):
    save(ledger, "v1")
    revision = save(ledger, "v2")
    assert ledger.library.remove(["v1", "unknown"]) == 1
    assert ledger.library.revision() == revision + 1
    assert list(ledger.library.revisions()) == ["v2"]
    assert ledger.library.inventory(embedder=MINILM).keys() == {"v2:0", "v2:1", "v2:2"}
    for table, left in (("transcripts", 1), ("chunks", 3), ("vectors", 3)):
        assert rows(ledger, f"SELECT count(*) FROM {table}") == [(left,)]
    for read in (ledger.library.transcript, ledger.library.video):
        with pytest.raises(NotFound, match="v1"):
            read("v1")


def test_removing_nothing_leaves_the_revision(ledger):
    revision = save(ledger, "v1")
    assert ledger.library.remove(["unknown"]) == 0
    assert ledger.library.remove([]) == 0
    assert ledger.library.revision() == revision


def test_the_demo_library_goes_in_one_call_and_alone(ledger):
    save(ledger, "demo-1", kind=VideoKind.DEMO)
    save(ledger, "demo-2", kind=VideoKind.DEMO)
    save(ledger, "mine")
    assert ledger.library.stats().demo_videos == 2
    assert ledger.library.remove_demo() == 2
    assert list(ledger.library.revisions()) == ["mine"]
    assert ledger.library.remove_demo() == 0


def test_stats_and_channels_count_what_is_there(ledger):
    assert ledger.library.stats().duration_s == 0
    save(ledger, "v1", channel="beta", duration_s=10.0)
    save(ledger, "v2", channel="Alpha", duration_s=20.5)
    save(ledger, "v3", TEXTS[:1], channel="beta", duration_s=0.0)
    stats = ledger.library.stats()
    assert (stats.videos, stats.chunks, stats.channels, stats.duration_s, stats.demo_videos) == (3, 7, 2, 30.5, 0)
    assert ledger.library.channels() == [("Alpha", 1), ("beta", 2)]
    assert [entry.video.video_id for entry in ledger.library.videos()] == ["v2", "v1", "v3"]


@pytest.mark.parametrize("batch", [1, 2, 7, 1000])
def test_streaming_gives_every_chunk_once_whatever_the_batch(ledger, batch):
    for video_id in ("v1", "v2", "v3"):
        save(ledger, video_id)
    everything = [item.chunk.id for item in ledger.library.iter_stored(embedder=MINILM, batch=batch)]
    assert sorted(everything) == sorted(f"{v}:{n}" for v in ("v1", "v2", "v3") for n in range(3))
    some = ledger.library.iter_stored(embedder=MINILM, video_ids=["v3", "v1", "unknown"], batch=batch)
    assert sorted(item.chunk.id for item in some) == sorted(f"{v}:{n}" for v in ("v1", "v3") for n in range(3))
    assert list(ledger.library.iter_stored(embedder=MINILM, video_ids=[])) == []


def test_a_stream_that_is_left_halfway_holds_nothing(ledger):
    save(ledger, "v1")
    stream = ledger.library.iter_stored(embedder=MINILM, batch=1)
    next(stream)
    assert ledger.library.remove(["v1"]) == 1
    assert list(stream) == []
    assert ledger._database.engine.pool.checkedout() == 0


def test_more_ids_than_one_statement_takes_are_read(ledger):
    save(ledger, "v1")
    many = [f"nobody:{n}" for n in range(2500)]
    assert ledger.library.stored([*many, "v1:0"], embedder=MINILM).keys() == {"v1:0"}
    assert ledger.library.vectors([*many, "v1:1"], embedder=MINILM).keys() == {"v1:1"}
    assert ledger.library.remove([*many, "v1"]) == 1


def test_any_text_is_stored_and_read_back_exactly(ledger):
    transcript, chunks = library_item("v1", [NASTY], title=NASTY, channel=NASTY, source=NASTY, note=NASTY)
    ledger.library.save(transcript, chunks, embedder=NASTY)
    back = ledger.library.transcript("v1")
    assert back.segments == transcript.segments
    assert replace(back.video, added_at=None) == transcript.video
    assert ledger.library.stored(["v1:0"], embedder=NASTY)["v1:0"].chunk == chunks[0].chunk
    assert ledger.library.channels() == [(NASTY, 1)]
    assert ledger.library.embedders() == [NASTY]


def test_times_that_are_not_finite_break_nothing(ledger):
    video = make_video("v1", duration_s=math.inf)
    ledger.library.save(Transcript(video, (Segment("a", math.nan, 1.0),)), [], embedder=MINILM)
    back = ledger.library.transcript("v1")
    assert math.isnan(back.video.duration_s)
    assert math.isnan(back.segments[0].start_s)
    assert ledger.library.save(Transcript(video, (Segment("a", math.nan, 1.0),)), [], embedder=MINILM) == 1
    assert ledger.library.stats().duration_s == 0


def test_a_chunk_of_another_video_is_a_mistake_of_the_caller(ledger):
    transcript, _ = library_item("v1", TEXTS)
    _, chunks = library_item("v2", TEXTS)
    with pytest.raises(ValueError, match="v2:0 does not belong to v1"):
        ledger.library.save(transcript, chunks, embedder=MINILM)
