"""The exact index: the contract of every index, exactness against plain numpy and BM25, and growth."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from core import exact_index
from core.exact_index import K1, B, ExactIndex
from core.words import content_terms
from tests.contracts.vector_index import (
    DIMENSIONS,
    EVERYWHERE,
    KeywordContract,
    VectorIndexContract,
    ids,
    make_row,
)


class TestExactIndex(VectorIndexContract, KeywordContract):
    @pytest.fixture
    def index(self) -> ExactIndex:
        return ExactIndex()


def _random_rows(count: int, seed: int = 7):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [make_row("v", n, vector=vectors[n], channel=f"c{n % 3}", text=f"word{n % 11} text") for n in range(count)]


def test_dense_ranking_equals_a_full_sort():
    rows = _random_rows(3000)
    index = ExactIndex()
    index.upsert(rows)
    query = rows[42].vector
    expected = sorted(rows, key=lambda row: -float(row.vector @ query))[:25]
    found = index.search_dense(query, 25, EVERYWHERE)
    assert [hit.chunk_id for hit in found] == [row.chunk.id for row in expected]


def test_keyword_score_is_the_bm25_formula():
    """Two rows, one query word: score, idf and length norm as in the paper."""
    index = ExactIndex()
    index.upsert([make_row("x", text="zebra zebra lion"), make_row("y", text="lion tiger")])
    (hit,) = index.search_keyword("zebra", 5, EVERYWHERE)
    length, mean = 5, (5 + 4) / 2  # the titles "Talk x" and "Talk y" count too
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * length / mean))
    assert hit.score == pytest.approx(expected, rel=1e-5)


def test_words_match_by_stem_and_stop_words_do_not_count():
    index = ExactIndex()
    index.upsert([make_row("a", text="she was running in the rain"), make_row("b", text="the what and the who")])
    assert ids(index.search_keyword("What is the best way to run?", 5, EVERYWHERE)) == ["a:0"]


def test_a_related_word_matches_below_the_word_itself():
    index = ExactIndex()
    index.upsert([make_row("x", text="the aircraft lands"), make_row("y", text="the plane lands")])
    related = {"plane": {"aircraft": 0.7}}
    assert ids(index.search_keyword("plane", 5, EVERYWHERE)) == ["y:0"]
    found = index.search_keyword("plane", 5, EVERYWHERE, related=related)
    assert ids(found) == ["y:0", "x:0"]
    assert found[1].score == pytest.approx(0.7 * found[0].score, rel=1e-5)


def test_ten_related_words_count_once():
    """A query word adds its best match to a row's score, not the sum of all matches."""
    index = ExactIndex()
    index.upsert([make_row("a", text="jet glider airliner"), make_row("b", text="plane")])
    related = {"plane": {"jet": 0.5, "glider": 0.5, "airlin": 0.5}}
    assert ids(index.search_keyword("plane", 5, EVERYWHERE, related=related)) == ["b:0", "a:0"]


def test_rows_survive_growth_and_compaction():
    """5,000 rows with 4,000 deleted: the rest is found as if nothing else had ever been there."""
    rows = _random_rows(5000)
    index = ExactIndex()
    for begin in range(0, 5000, 700):
        index.upsert(rows[begin : begin + 700])
    index.delete([row.chunk.id for row in rows[:4000]])
    assert index.count() == 1000
    fresh = ExactIndex()
    fresh.upsert(rows[4000:])
    assert index.inventory() == fresh.inventory()
    query = rows[4500].vector
    assert index.search_dense(query, 50, EVERYWHERE) == fresh.search_dense(query, 50, EVERYWHERE)
    assert index.search_keyword("word3", 20, EVERYWHERE) == fresh.search_keyword("word3", 20, EVERYWHERE)


def test_the_vocabulary_holds_words_that_stand_in_several_rows():
    index = ExactIndex()
    index.upsert([make_row("a", text="Flying zebras"), make_row("b", text="a flying carpet")])
    assert index.vocabulary() == {"talk": "talk", "fli": "flying"}
    index.upsert([make_row("c", text="flies, flies and flies")])
    assert index.vocabulary()["fli"] == "flies"


def test_a_language_that_arrives_during_a_search_does_not_disturb_it(monkeypatch: pytest.MonkeyPatch):
    """The query is stemmed in every language of the library, while an ingest may bring another one."""
    index = ExactIndex()
    index.upsert([make_row("a", text="the aircraft lands")])
    arrivals = [make_row(code, text="nada", language=code) for code in ("es", "de")]

    def slow_terms(text: str, language: str) -> list[tuple[str, str]]:
        monkeypatch.undo()
        index.upsert(arrivals)
        return content_terms(text, language)

    monkeypatch.setattr(exact_index, "content_terms", slow_terms)
    assert ids(index.search_keyword("aircraft", 5, EVERYWHERE)) == ["a:0"]
    assert index.count() == 3


def test_a_row_that_is_being_replaced_is_never_missing():
    rows = _random_rows(400)
    index = ExactIndex()
    index.upsert(rows)
    missing: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            found = {hit.chunk_id for hit in index.search_dense(rows[0].vector, 1000, EVERYWHERE)}
            if len(found) != len(rows):
                missing.append(len(found))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        index.upsert(rows)
    stop.set()
    reader.join()
    assert missing == []


def test_searches_are_whole_while_rows_come_and_go():
    """Readers take no lock: each result holds only rows that exist, whatever writers do meanwhile."""
    rows = _random_rows(2000)
    index = ExactIndex()
    index.upsert(rows[:1000])
    failures: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                assert len(index.search_dense(rows[0].vector, 10, EVERYWHERE)) == 10
                assert index.search_keyword("word1 word2", 10, EVERYWHERE)
            except Exception as error:  # noqa: BLE001
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for begin in range(1000, 2000, 100):
        index.upsert(rows[begin : begin + 100])
        index.delete([row.chunk.id for row in rows[begin - 1000 : begin - 950]])
    stop.set()
    for reader in readers:
        reader.join()
    assert not failures
