"""Upkeep: the search index stands before a search is answered, and follows whoever writes the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import upkeep as upkeep_module
from core.exact_index import ExactIndex
from core.library import IndexSync
from core.upkeep import Upkeep
from core.vocabulary import Vocabulary
from tests.fakes.indexes import FragileIndex
from tests.fakes.ingest import Workshop, open_workshop, transcript_of, write_json


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A ledger with two talks, written by an ingestor with an index of its own."""
    workshop = open_workshop(tmp_path / "data")
    files = [str(write_json(tmp_path / "files", transcript_of(name, lines=20))) for name in ("one", "two")]
    assert not workshop.ingestor.ingest(files).failed
    yield workshop
    workshop.close()


def sync_of(workshop: Workshop, index: ExactIndex) -> IndexSync:
    return IndexSync(workshop.ledger.library, index, workshop.embedder)


def videos_in(index: ExactIndex) -> set[str]:
    return {chunk_id.partition(":")[0] for chunk_id in index.inventory()}


def test_the_first_search_waits_until_the_index_is_whole(workshop: Workshop):
    index = ExactIndex()
    upkeep = Upkeep(sync_of(workshop, index))
    assert not upkeep.ready
    upkeep.refresh()
    assert upkeep.ready
    assert videos_in(index) == {"one", "two"}


def test_many_first_searches_build_the_index_once(workshop: Workshop):
    index = FragileIndex()
    upkeep = Upkeep(sync_of(workshop, index))
    searches = [threading.Thread(target=upkeep.refresh) for _ in range(8)]
    for search in searches:
        search.start()
    for search in searches:
        search.join()
    assert len(index.upserted) == len(set(index.upserted)) > 0


def test_what_another_process_wrote_is_found_a_second_later(workshop: Workshop, monkeypatch: pytest.MonkeyPatch):
    index = ExactIndex()
    upkeep = Upkeep(sync_of(workshop, index))
    upkeep.refresh()
    workshop.ledger.library.remove(["one"])
    upkeep.refresh()
    assert videos_in(index) == {"one", "two"}, "the ledger is asked at most once a second"
    monkeypatch.setattr(upkeep_module, "FOLLOW_EVERY_S", 0.0)
    upkeep.refresh()
    assert videos_in(index) == {"two"}


def test_chores_fill_the_durable_index_and_the_word_vectors(workshop: Workshop):
    index, durable = ExactIndex(), FragileIndex()
    vocabulary = Vocabulary(workshop.ledger.terms, workshop.embedder)
    upkeep = Upkeep(
        sync_of(workshop, index), durable=sync_of(workshop, durable), vocabulary=vocabulary, words=index.vocabulary
    )
    upkeep.catch_up()
    assert durable.inventory() == index.inventory()
    assert vocabulary.vectors_of(index.vocabulary()).keys() == index.vocabulary().keys() != set()
    assert [health.ok for health in upkeep.health()] == [True, True]


def test_the_first_search_of_a_process_knows_the_word_vectors_that_are_kept(workshop: Workshop):
    """A command searches once and does no chores."""
    index = ExactIndex()
    words = Vocabulary(workshop.ledger.terms, workshop.embedder)
    Upkeep(sync_of(workshop, index), vocabulary=words, words=index.vocabulary).catch_up()
    workshop.embedder.texts.clear()

    later_index = ExactIndex()
    later = Vocabulary(workshop.ledger.terms, workshop.embedder)
    Upkeep(sync_of(workshop, later_index), vocabulary=later, words=later_index.vocabulary).refresh()
    assert later.vectors_of(index.vocabulary()).keys() == index.vocabulary().keys()
    assert workshop.embedder.texts == []


def test_a_failing_durable_index_is_shown_and_does_not_stop_searches(workshop: Workshop):
    index, durable = ExactIndex(), FragileIndex()
    durable.unreachable = True
    upkeep = Upkeep(sync_of(workshop, index), durable=sync_of(workshop, durable))
    upkeep.catch_up()
    search, vectors = upkeep.health()
    assert (search.ok, vectors.ok) == (True, False)
    assert "does not answer" in vectors.detail
    durable.unreachable = False
    upkeep.catch_up()
    assert upkeep.health()[1].ok is True
    assert videos_in(durable) == {"one", "two"}


def test_a_search_index_that_works_again_is_shown_as_working(workshop: Workshop, monkeypatch: pytest.MonkeyPatch):
    """A Milvus server that was away for a moment must not look broken for ever."""
    index = FragileIndex()
    upkeep = Upkeep(sync_of(workshop, index))
    upkeep.catch_up()
    monkeypatch.setattr(upkeep_module, "FOLLOW_EVERY_S", 0.0)
    index.unreachable = True
    workshop.ledger.library.remove(["one"])
    upkeep.catch_up()
    assert upkeep.health()[0].ok is False
    index.unreachable = False
    upkeep.catch_up()
    assert upkeep.health()[0].ok is True
    assert videos_in(index) == {"two"}


def test_the_chores_do_not_wake_themselves(workshop: Workshop):
    upkeep = Upkeep(sync_of(workshop, ExactIndex()))
    upkeep.catch_up()
    upkeep.follow()
    assert not upkeep._wake.is_set(), "nothing moved"
    workshop.ledger.library.remove(["one"])
    upkeep.follow()
    assert upkeep._wake.is_set()


def test_the_thread_outlives_a_fault_and_does_the_chore_when_woken(workshop: Workshop):
    index, durable = ExactIndex(), FragileIndex()
    attempts: list[int] = []
    done = threading.Event()

    def words() -> dict[str, str]:
        attempts.append(1)
        if len(attempts) == 2:  # the first is of the search below
            raise RuntimeError("nobody foresaw this")
        if len(attempts) > 2:
            done.set()
        return {}

    upkeep = Upkeep(
        sync_of(workshop, index),
        durable=sync_of(workshop, durable),
        vocabulary=Vocabulary(workshop.ledger.terms, workshop.embedder),
        words=words,
    )
    upkeep.refresh()
    assert len(attempts) == 1
    upkeep.start()
    try:
        while len(attempts) < 2:
            done.wait(0.01)
        workshop.ledger.library.remove(["one"])
        upkeep.follow()
        assert done.wait(20)
    finally:
        upkeep.stop()
    assert videos_in(durable) == {"two"}
