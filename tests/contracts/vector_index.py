"""What every VectorIndex must do; a test module subclasses it and gives an empty ``index``."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from core.models import Chunk, Cue, IndexRow, Vector, Video
from core.ports import IndexFilter, VectorIndex

DIMENSIONS = 8
EVERYWHERE = IndexFilter()

HOSTILE = [
    'say "hi"',
    "it's",
    "back\\slash\\",
    "line\nbreak\r\ttab",
    '"] or id != "',
    "' or 1 == 1 --",
    "percent % _ like",
    "{template}",
    "你好 ٱلسَّلَامُ 🎬\u200b",
    "\\n",
    " ",
]


def direction(*parts: float) -> Vector:
    """A unit vector with the given first components."""
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[: len(parts)] = parts
    return vector / np.linalg.norm(vector)


def make_row(
    video_id: str,
    part_id: int = 0,
    *,
    text: str = "plain words",
    channel: str = "one",
    language: str = "en",
    vector: Vector | None = None,
) -> IndexRow:
    chunk = Chunk(video_id, part_id, 9, text, (Cue(0, 1.5, 2.5),), ((0, len(text)),))
    video = Video(video_id, f"Talk {video_id}", channel, language)
    return IndexRow(chunk, video, direction(1.0) if vector is None else vector)


def inventory_of(*rows: IndexRow) -> dict[str, str]:
    return {row.chunk.id: row.content_hash for row in rows}


def ids(hits: list) -> list[str]:
    return [hit.chunk_id for hit in hits]


class VectorIndexContract:
    """Subclasses define the fixture ``index``, empty and closed by the fixture; ``keyword`` says what it can."""

    keyword = True

    def test_holds_what_was_upserted(self, index: VectorIndex):
        """The inventory is exactly the ids and hashes of the rows put in."""
        rows = [make_row("a", 0), make_row("a", 1), make_row("b", 0)]
        index.upsert(rows)
        assert index.inventory() == inventory_of(*rows)

    def test_is_empty_at_first(self, index: VectorIndex):
        assert index.inventory() == {}
        assert index.search_dense(direction(1.0), 5, EVERYWHERE) == []

    def test_upserting_again_replaces(self, index: VectorIndex):
        """A row with a known id takes the place of the old one, in the inventory and in searches."""
        index.upsert([make_row("a", vector=direction(1.0)), make_row("b", vector=direction(1.0, 1.0))])
        changed = make_row("a", text="other words", vector=direction(0.0, 1.0))
        index.upsert([changed])
        assert index.inventory()["a:0"] == changed.content_hash
        assert ids(index.search_dense(direction(1.0), 5, EVERYWHERE)) == ["b:0", "a:0"]

    def test_last_of_equal_ids_wins(self, index: VectorIndex):
        first, last = make_row("a", text="first"), make_row("a", text="last")
        index.upsert([first, last])
        assert index.inventory() == inventory_of(last)

    def test_deletes_known_and_ignores_unknown_ids(self, index: VectorIndex):
        index.upsert([make_row("a"), make_row("b")])
        index.delete(["a:0", "nobody:7"])
        assert list(index.inventory()) == ["b:0"]
        assert ids(index.search_dense(direction(1.0), 5, EVERYWHERE)) == ["b:0"]

    def test_accepts_nothing(self, index: VectorIndex):
        index.upsert([])
        index.delete([])
        assert index.inventory() == {}

    def test_ranks_by_cosine(self, index: VectorIndex):
        """Dense hits come best first with the cosine as their score."""
        index.upsert(
            [
                make_row("far", vector=direction(0.0, 1.0)),
                make_row("near", vector=direction(1.0, 0.1)),
                make_row("middle", vector=direction(1.0, 1.0)),
            ]
        )
        hits = index.search_dense(direction(1.0), 3, EVERYWHERE)
        assert ids(hits) == ["near:0", "middle:0", "far:0"]
        assert hits[0].score == pytest.approx(1 / np.sqrt(1.01), abs=1e-3)
        assert hits[2].score == pytest.approx(0.0, abs=1e-3)

    def test_gives_at_most_the_limit(self, index: VectorIndex):
        index.upsert([make_row("a", part) for part in range(5)])
        assert len(index.search_dense(direction(1.0), 2, EVERYWHERE)) == 2
        assert len(index.search_dense(direction(1.0), 50, EVERYWHERE)) == 5
        assert index.search_dense(direction(1.0), 0, EVERYWHERE) == []

    def test_dense_search_keeps_to_the_channels(self, index: VectorIndex):
        index.upsert([make_row("a", channel="one"), make_row("b", channel="two"), make_row("c", channel="three")])
        found = index.search_dense(direction(1.0), 9, IndexFilter(("one", "three")))
        assert sorted(ids(found)) == ["a:0", "c:0"]
        assert index.search_dense(direction(1.0), 9, IndexFilter(("nobody",))) == []

    def test_hostile_channels_select_only_themselves(self, index: VectorIndex):
        """No quote, backslash or operator in a channel's name widens or breaks a filter."""
        index.upsert([make_row(f"v{i}", channel=channel) for i, channel in enumerate(HOSTILE)])
        for i, channel in enumerate(HOSTILE):
            assert ids(index.search_dense(direction(1.0), 99, IndexFilter((channel,)))) == [f"v{i}:0"], channel

    def test_hostile_ids_are_deleted_one_by_one(self, index: VectorIndex):
        rows = [make_row(name) for name in HOSTILE]
        index.upsert(rows)
        index.delete([rows[0].chunk.id, rows[4].chunk.id])
        assert index.inventory() == inventory_of(*(row for i, row in enumerate(rows) if i not in (0, 4)))

    def test_takes_any_text(self, index: VectorIndex):
        """NUL, lone surrogates, no text at all and more bytes than a column holds all go in and are found."""
        texts = ["", "a\0b", "half \ud800 letter", "é" * 70_000, "🎬" * 20_000]
        rows = [make_row(f"v{i}", text=text, vector=direction(1.0, i)) for i, text in enumerate(texts)]
        index.upsert(rows)
        assert index.inventory() == inventory_of(*rows)
        assert len(index.search_dense(direction(1.0), 9, EVERYWHERE)) == len(texts)

    def test_takes_any_names(self, index: VectorIndex):
        """A channel of any length and with any characters can be stored and filtered by."""
        names = ["x" * 9_000, "y\0z", "half \ud800 letter"]
        index.upsert([make_row(f"v{i}", channel=name) for i, name in enumerate(names)])
        for i, name in enumerate(names):
            assert ids(index.search_dense(direction(1.0), 9, IndexFilter((name,)))) == [f"v{i}:0"]

    def test_zero_vector_is_harmless(self, index: VectorIndex):
        index.upsert([make_row("a"), make_row("zero", vector=np.zeros(DIMENSIONS, dtype=np.float32))])
        assert ids(index.search_dense(direction(1.0), 9, EVERYWHERE))[0] == "a:0"
        assert len(index.inventory()) == 2

    def test_many_rows_come_back(self, index: VectorIndex):
        """More rows than one call and one page carry."""
        rows = [make_row(f"v{i // 50}", i % 50, text=f"word{i}") for i in range(1_100)]
        index.upsert(rows)
        assert index.inventory() == inventory_of(*rows)
        index.delete([row.chunk.id for row in rows[:600]])
        assert index.inventory() == inventory_of(*rows[600:])

    def test_reset_empties_and_stays_usable(self, index: VectorIndex):
        index.upsert([make_row("a")])
        index.reset()
        assert index.inventory() == {}
        index.upsert([make_row("b")])
        assert ids(index.search_dense(direction(1.0), 5, EVERYWHERE)) == ["b:0"]

    def test_writers_do_not_lose_each_others_rows(self, index: VectorIndex):
        """Six threads that upsert and delete while two search: every acknowledged row is there."""
        errors: list[Exception] = []

        def write(name: str) -> None:
            try:
                for part in range(4):
                    index.upsert([make_row(name, part), make_row(f"{name}-gone", part)])
                    index.delete([f"{name}-gone:{part}"])
            except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
                errors.append(error)

        def read() -> None:
            try:
                for _ in range(8):
                    index.search_dense(direction(1.0), 5, EVERYWHERE)
            except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
                errors.append(error)

        threads = [threading.Thread(target=write, args=(f"w{i}",)) for i in range(6)]
        threads += [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert sorted(index.inventory()) == sorted(f"w{i}:{part}" for i in range(6) for part in range(4))

    def test_says_whether_it_has_keyword_search(self, index: VectorIndex):
        assert index.has_keyword is self.keyword


class KeywordContract:
    """What an index with keyword search must do besides."""

    def test_keyword_hits_share_a_word(self, index: VectorIndex):
        index.upsert([make_row("a", text="the quick fox"), make_row("b", text="a lazy dog")])
        assert ids(index.search_keyword("fox hunting", 9, EVERYWHERE)) == ["a:0"]
        assert index.search_keyword("cat", 9, EVERYWHERE) == []

    def test_rare_words_weigh_more(self, index: VectorIndex):
        """Best first, higher scores first."""
        index.upsert([make_row("common", part, text=f"talk about things {part}") for part in range(8)])
        index.upsert([make_row("rare", text="talk about zeppelins today")])
        hits = index.search_keyword("talk zeppelins", 9, EVERYWHERE)
        assert hits[0].chunk_id == "rare:0"
        assert len(hits) == 9
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert hits[0].score > hits[-1].score > 0

    def test_case_and_punctuation_do_not_matter(self, index: VectorIndex):
        index.upsert([make_row("a", text="Embeddings, they said.")])
        assert ids(index.search_keyword("EMBEDDINGS?", 9, EVERYWHERE)) == ["a:0"]

    def test_keyword_search_keeps_to_the_channels(self, index: VectorIndex):
        index.upsert([make_row("a", text="fox", channel="one"), make_row("b", text="fox", channel='t"wo')])
        assert ids(index.search_keyword("fox", 9, IndexFilter(('t"wo',)))) == ["b:0"]

    @pytest.mark.parametrize("text", ["", "  \n", "?!", "\0", "\ud800", 'x" or 1 == 1', "w " * 40_000])
    def test_any_query_is_answered(self, index: VectorIndex, text: str):
        index.upsert([make_row("a", text="nothing in common")])
        assert index.search_keyword(text, 5, EVERYWHERE) == []
