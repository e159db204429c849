"""The index follows the ledger: on the real ledger in a SQLite file, with an index that can break."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.chunking import chunk
from core.errors import IndexUnreachable, VectorIndexError
from core.ledger import LibraryStore, open_ledger
from core.library import IndexSync, SyncReport
from core.models import EmbeddedChunk, Segment, Transcript, Video
from core.ports import IndexFilter
from tests.fakes.indexes import FragileIndex
from tests.fakes.models import HashingEmbedder

DIMENSIONS = 32


@pytest.fixture
def library(tmp_path: Path) -> Iterator[LibraryStore]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger.library
    ledger.close()


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder(DIMENSIONS)


@pytest.fixture
def index() -> FragileIndex:
    return FragileIndex()


@pytest.fixture
def sync(library: LibraryStore, index: FragileIndex, embedder: HashingEmbedder) -> IndexSync:
    return IndexSync(library, index, embedder)


def transcript_of(video_id: str, *words: str, title: str = "Talk", channel: str = "One") -> Transcript:
    """One caption line of about 200 characters per word, so that 5 of them fill a chunk."""
    lines = (Segment(" ".join([word] * (200 // (len(word) + 1))), 5.0 * n, 5.0) for n, word in enumerate(words))
    return Transcript(Video(video_id, title, channel), tuple(lines))


def save(library: LibraryStore, embedder: HashingEmbedder, transcript: Transcript) -> list[str]:
    """Returns the ids of the chunks."""
    parts = chunk(transcript)
    rows = [EmbeddedChunk(part, embedder.embed(part.window_texts())) for part in parts]
    library.save(transcript, rows, embedder=embedder.identity)
    return [part.id for part in parts]


WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu")


@pytest.fixture
def filled(library: LibraryStore, embedder: HashingEmbedder) -> dict[str, list[str]]:
    """Two talks of three chunks each in the ledger: video id -> chunk ids."""
    ids = {name: save(library, embedder, transcript_of(name, *WORDS)) for name in ("a", "b")}
    assert [len(parts) for parts in ids.values()] == [3, 3]
    embedder.texts.clear()
    return ids


def agrees(library: LibraryStore, index: FragileIndex, embedder: HashingEmbedder) -> bool:
    return index.inventory() == library.inventory(embedder=embedder.identity)


class TestSync:
    def test_fills_an_empty_index_without_embedding(self, library, index, embedder, sync, filled):
        seen: list[tuple[int, int]] = []
        assert sync.sync(lambda done, total: seen.append((done, total))) == SyncReport(added=6)
        assert agrees(library, index, embedder)
        assert seen == [(0, 6), (6, 6)]
        assert embedder.texts == []

    def test_touches_nothing_that_agrees(self, index, sync, filled):
        sync.sync()
        index.forget_calls()
        assert sync.sync() == SyncReport()
        assert (index.upserted, index.deleted) == ([], [])

    def test_brings_back_lost_rows_and_only_those(self, library, index, embedder, sync, filled):
        sync.sync()
        index.forget_calls()
        index.lose("a:1", "b:0")
        assert sync.sync() == SyncReport(added=2)
        assert sorted(index.upserted) == ["a:1", "b:0"]
        assert agrees(library, index, embedder)
        assert embedder.texts == []

    def test_removes_rows_that_the_ledger_does_not_know(self, library, index, embedder, sync, filled):
        sync.sync()
        library.remove(["a"])
        assert IndexSync(library, index, embedder).sync() == SyncReport(removed=3)
        assert agrees(library, index, embedder)

    def test_damaged_index_is_emptied_and_filled_from_the_ledger(self, library, index, embedder, sync, filled):
        """Not one text is embedded again."""
        sync.sync()
        index.damaged = True
        report = sync.sync()
        assert report == SyncReport(added=6, rebuilt=True, reason="A file of the index is damaged")
        assert agrees(library, index, embedder)
        assert embedder.texts == []

    def test_index_that_breaks_while_it_is_filled_is_rebuilt(self, library, index, embedder, sync, filled):
        index.breaks_after = 0
        assert sync.sync().rebuilt
        assert agrees(library, index, embedder)

    def test_index_that_stays_broken_is_an_error_and_not_a_loop(self, index, sync, filled):
        index.damaged = index.beyond_repair = True
        with pytest.raises(VectorIndexError, match="damaged"):
            sync.sync()
        assert index.resets == 1

    def test_unreachable_index_is_not_reset(self, library, index, embedder, sync, filled):
        """A server that does not answer keeps its rows: what it holds may serve other processes."""
        sync.sync()
        index.unreachable = True
        with pytest.raises(IndexUnreachable):
            sync.sync()
        assert index.resets == 0
        index.unreachable = False
        assert sync.follow() == SyncReport()
        assert agrees(library, index, embedder)

    def test_more_rows_than_one_batch(self, library, index, embedder, sync):
        for n in range(180):
            save(library, embedder, transcript_of(f"v{n}", *WORDS))
        seen: list[tuple[int, int]] = []
        assert sync.sync(lambda done, total: seen.append((done, total))).added == 540
        assert seen == [(0, 540), (500, 540), (540, 540)]
        assert agrees(library, index, embedder)

    def test_chunks_of_another_embedder_stay_out(self, library, index, filled):
        """Vectors of two embedders never meet in one index."""
        other = HashingEmbedder(DIMENSIONS, identity="hashing@2")
        save(library, other, transcript_of("c", *WORDS))
        assert IndexSync(library, index, other).sync().added == 3
        assert sorted(index.inventory()) == ["c:0", "c:1", "c:2"]


class TestFollow:
    def test_first_follow_is_a_full_sync(self, sync, filled):
        assert sync.follow() == SyncReport(added=6)

    def test_costs_one_query_where_nothing_moved(self, library, index, sync, filled):
        sync.follow()
        index.unreachable = True  # any call would raise
        assert sync.follow() == SyncReport()

    def test_new_video_is_searchable(self, library, index, embedder, sync, filled):
        sync.follow()
        index.forget_calls()
        ids = save(library, embedder, transcript_of("c", "zebra", *WORDS))
        assert sync.follow() == SyncReport(added=len(ids))
        assert index.upserted == ids
        assert index.search_keyword("zebra", 5, IndexFilter())[0].chunk_id == "c:0"

    def test_edited_video_replaces_its_own_changed_rows_only(self, library, index, embedder, sync, filled):
        sync.follow()
        index.forget_calls()
        edited = (*WORDS[:-1], "omega")
        save(library, embedder, transcript_of("a", *edited))
        report = sync.follow()
        assert report.added == report.removed == 0
        assert index.upserted == ["a:2"]
        assert report.replaced == 1
        assert agrees(library, index, embedder)

    def test_shortened_video_loses_its_last_rows(self, library, index, embedder, sync, filled):
        sync.follow()
        save(library, embedder, transcript_of("a", *WORDS[:4]))
        assert sync.follow().removed == 2
        assert agrees(library, index, embedder)

    def test_renamed_video_is_written_again(self, library, index, embedder, sync, filled):
        """Channel and title stand in the index too."""
        sync.follow()
        save(library, embedder, transcript_of("a", *WORDS, channel="Two"))
        assert sync.follow() == SyncReport(replaced=3)
        assert len(index.search_dense(embedder.embed(["alpha"])[0], 9, IndexFilter(("Two",)))) == 3

    def test_removed_video_leaves_the_index(self, library, index, embedder, sync, filled):
        sync.follow()
        library.remove(["b"])
        assert sync.follow() == SyncReport(removed=3)
        assert agrees(library, index, embedder)

    def test_another_process_writes_the_ledger(self, library, index, embedder, tmp_path):
        """What a second connection to the ledger saved and removed is followed."""
        sync = IndexSync(library, index, embedder)
        save(library, embedder, transcript_of("a", *WORDS))
        sync.follow()
        other = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        save(other.library, embedder, transcript_of("c", *WORDS))
        other.library.remove(["a"])
        other.close()
        assert sync.follow() == SyncReport(added=3, removed=3)
        assert agrees(library, index, embedder)

    def test_index_that_breaks_is_rebuilt(self, library, index, embedder, sync, filled):
        sync.follow()
        save(library, embedder, transcript_of("c", *WORDS))
        index.damaged = True
        report = sync.follow()
        assert (report.rebuilt, report.added) == (True, 9)
        assert agrees(library, index, embedder)

    def test_what_an_unreachable_index_missed_comes_later(self, library, index, embedder, sync, filled):
        sync.follow()
        save(library, embedder, transcript_of("c", *WORDS))
        index.unreachable = True
        with pytest.raises(IndexUnreachable):
            sync.follow()
        index.unreachable = False
        assert sync.follow() == SyncReport(added=3)
        assert agrees(library, index, embedder)

    def test_many_threads_follow_at_once(self, library, index, embedder, sync, filled):
        """Each row is written once."""
        start = threading.Barrier(8)
        reports: list[SyncReport] = []

        def follow() -> None:
            start.wait()
            reports.append(sync.follow())

        threads = [threading.Thread(target=follow) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(report.added for report in reports) == [0] * 7 + [6]
        assert len(index.upserted) == 6


class TestReembed:
    @pytest.fixture
    def other(self) -> HashingEmbedder:
        return HashingEmbedder(DIMENSIONS, identity="hashing@2")

    def test_a_changed_embedder_embeds_every_video_once(self, library, filled, other):
        """The new index holds the new vectors, the old vectors stay for the way back."""
        index = FragileIndex()
        sync = IndexSync(library, index, other)
        assert sync.sync() == SyncReport()
        seen: list[tuple[int, int]] = []
        assert sync.reembed(lambda done, total: seen.append((done, total))) == 2
        assert seen == [(0, 2), (1, 2), (2, 2)]
        assert index.inventory() == library.inventory(embedder="hashing@2")
        assert len(index.inventory()) == len(library.inventory(embedder="hashing@1")) == 6
        other.texts.clear()
        assert sync.reembed() == 0
        assert other.texts == []

    def test_each_video_is_searchable_as_soon_as_it_is_done(self, library, filled, other):
        index = FragileIndex()
        counts: list[int] = []
        IndexSync(library, index, other).reembed(lambda *_: counts.append(index.count()))
        assert counts == [0, 3, 6]

    def test_stops_between_two_videos_and_goes_on_later(self, library, index, filled, other):
        stop = threading.Event()
        sync = IndexSync(library, index, other)
        assert sync.reembed(lambda done, _: stop.set() if done == 1 else None, stop=stop) == 1
        assert library.unembedded("hashing@2") == ["b"]
        assert sync.reembed() == 1
        assert library.unembedded("hashing@2") == []

    def test_video_edited_meanwhile_keeps_the_edit(self, library, index, embedder, filled, other):
        """Chunks that were read before the edit are not written over it."""

        class EditingEmbedder(HashingEmbedder):
            edited = False

            def embed(self, texts):
                if not self.edited:
                    self.edited = True
                    save(library, embedder, transcript_of("a", "omega"))
                return super().embed(texts)

        sync = IndexSync(library, index, EditingEmbedder(DIMENSIONS, identity="hashing@2"))
        assert sync.reembed() == 1
        assert "omega" in library.transcript("a").segments[0].text
        assert library.unembedded("hashing@2") == ["a"]
        assert sync.reembed() == 1
        assert sorted(index.inventory()) == ["a:0", "b:0", "b:1", "b:2"]

    def test_video_removed_meanwhile_is_left_out(self, library, index, filled):
        class RemovingEmbedder(HashingEmbedder):
            def embed(self, texts):
                library.remove(["a"])
                return super().embed(texts)

        sync = IndexSync(library, index, RemovingEmbedder(DIMENSIONS, identity="hashing@2"))
        assert sync.reembed() == 1
        assert sorted(index.inventory()) == ["b:0", "b:1", "b:2"]
