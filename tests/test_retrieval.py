"""Retrieval over the real ledger and the exact index, with an embedder whose rankings mean something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import EmbeddingError, QuestionError
from core.exact_index import ExactIndex
from core.ledger import Ledger, open_ledger
from core.library import IndexSync
from core.models import Chunk, Cue, EmbeddedChunk, SearchMode, SearchQuery, Segment, Transcript, Vectors, Video
from core.ports import IndexFilter
from core.retrieval import MAX_LIMIT, MAX_QUERY_CHARS, Retriever
from core.vocabulary import Vocabulary
from tests.fakes.models import HashingEmbedder

TALKS = {
    "planets": ("Orbits", "Space", ["Planets move on ellipses around the sun.", "Kepler found this in Brahe's data."]),
    "coffee": ("Espresso", "Kitchen", ["Grind the beans fine.", "Hot water under pressure takes thirty seconds."]),
    "tides": ("Tides", "Space", ["The moon pulls the sea.", "Two bulges of water travel around the earth."]),
}


def embedded(video: Video, lines: list[str], embedder: HashingEmbedder) -> tuple[Transcript, list[EmbeddedChunk]]:
    """One chunk per video, one window per line, ten seconds each."""
    text, cues, windows = "", [], []
    for n, line in enumerate(lines):
        text = f"{text} {line}".strip()
        windows.append((len(text) - len(line), len(text)))
        cues.append(Cue(len(text) - len(line), 10.0 * n, 10.0 * n + 10))
    chunk = Chunk(video.video_id, 0, 0, text, tuple(cues), tuple(windows))
    segments = tuple(Segment(line, 10.0 * n, 10.0) for n, line in enumerate(lines))
    return Transcript(video, segments), [EmbeddedChunk(chunk, embedder.embed(lines))]


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def ledger(tmp_path: Path, embedder: HashingEmbedder) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'cuepoint.db'}")
    for video_id, (title, channel, lines) in TALKS.items():
        transcript, chunks = embedded(Video(video_id, title, channel), lines, embedder)
        ledger.library.save(transcript, chunks, embedder=embedder.identity)
    yield ledger
    ledger.close()


@pytest.fixture
def index(ledger: Ledger, embedder: HashingEmbedder) -> ExactIndex:
    index = ExactIndex()
    IndexSync(ledger.library, index, embedder).sync()
    return index


@pytest.fixture
def retriever(ledger: Ledger, index: ExactIndex, embedder: HashingEmbedder) -> Retriever:
    return Retriever(ledger.library, index, embedder)


@pytest.mark.parametrize("mode", list(SearchMode))
def test_every_mode_finds_the_passage_and_the_second_at_which_it_is_said(retriever: Retriever, mode: SearchMode):
    """The best window, not the chunk's begin, is where the link plays from."""
    (best, *_) = retriever.retrieve(SearchQuery("Kepler's data by Brahe", mode=mode)).passages
    assert (best.video.video_id, best.rank) == ("planets", 1)
    assert best.best_start_s == 10.0
    assert best.url == "https://www.youtube.com/watch?v=planets&t=10s"


def test_the_score_is_the_weighted_sum_of_its_parts(retriever: Retriever):
    (best, *_) = retriever.retrieve(SearchQuery("water under pressure")).passages
    assert set(best.parts) == {"window", "dense", "keyword"}
    assert best.parts["keyword"] == pytest.approx(1.0)
    expected = (4 * best.parts["window"] + 2 * best.parts["dense"] + 3 * best.parts["keyword"]) / 9
    assert best.score == pytest.approx(expected)


def test_only_the_chosen_channels_are_searched(retriever: Retriever):
    found = retriever.retrieve(SearchQuery("water", channels=("Space",))).passages
    assert {passage.video.channel for passage in found} == {"Space"}
    assert retriever.retrieve(SearchQuery("water", channels=("Nobody",))).passages == ()


def test_ranks_count_from_one_and_the_limit_is_kept(retriever: Retriever):
    found = retriever.retrieve(SearchQuery("water", limit=2)).passages
    assert [passage.rank for passage in found] == [1, 2]
    assert found[0].score >= found[1].score


@pytest.mark.parametrize("text", ["", "   ", "?!…", "\u200b\u200b"])
def test_a_query_without_words_is_refused(retriever: Retriever, text: str):
    with pytest.raises(QuestionError, match="has no words"):
        retriever.retrieve(SearchQuery(text))


def test_an_endless_query_is_refused_with_its_length(retriever: Retriever):
    with pytest.raises(QuestionError, match="100,000 characters; at most 8,000"):
        retriever.retrieve(SearchQuery("word " * 20_000))
    assert retriever.retrieve(SearchQuery("water " * (MAX_QUERY_CHARS // 6))).passages


@pytest.mark.parametrize("limit", [0, -1, MAX_LIMIT + 1])
def test_a_limit_out_of_range_is_refused(retriever: Retriever, limit: int):
    with pytest.raises(QuestionError, match="between 1 and 200"):
        retriever.retrieve(SearchQuery("water", limit=limit))


class BrokenEmbedder(HashingEmbedder):
    def embed(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        raise EmbeddingError("The model is missing", hint="Install it.")


def test_without_an_embedder_words_are_compared_and_a_notice_says_why(ledger: Ledger, index: ExactIndex):
    result = Retriever(ledger.library, index, BrokenEmbedder()).retrieve(SearchQuery("espresso beans"))
    assert [passage.video.video_id for passage in result.passages] == ["coffee"]
    assert result.notices == ("Only the words were compared: The model is missing. Install it.",)


def test_what_a_new_embedder_has_yet_to_embed_is_said_where_it_would_be_missed(ledger: Ledger, index: ExactIndex):
    videos = len(ledger.library.videos())
    result = Retriever(ledger.library, index, BrokenEmbedder(identity="other@2")).retrieve(
        SearchQuery("espresso beans")
    )
    assert f"{videos} of the library's videos could not be searched" in result.notices[-1]
    nothing = Retriever(ledger.library, ExactIndex(), BrokenEmbedder(identity="other@2"))
    result = nothing.retrieve(SearchQuery("espresso", mode=SearchMode.KEYWORD))
    assert [notice.split(" could")[0] for notice in result.notices] == [f"{videos} of the library's videos"]


class DenseOnly(ExactIndex):
    has_keyword = False

    def search_keyword(self, *_: object, **__: object) -> list:  # type: ignore[override]
        raise AssertionError("this server has no keyword search")


@pytest.mark.parametrize("mode", [SearchMode.HYBRID, SearchMode.KEYWORD])
def test_a_server_without_bm25_compares_the_meaning_and_says_so(
    ledger: Ledger, embedder: HashingEmbedder, mode: SearchMode
):
    index = DenseOnly()
    IndexSync(ledger.library, index, embedder).sync()
    result = Retriever(ledger.library, index, embedder).retrieve(SearchQuery("espresso beans", mode=mode))
    assert result.passages[0].video.video_id == "coffee"
    assert "no keyword search" in result.notices[0]


def test_what_the_ledger_no_longer_has_is_left_out(ledger: Ledger, index: ExactIndex, embedder: HashingEmbedder):
    """An index that lags behind shows nothing that was removed."""
    ledger.library.remove(["coffee"])
    found = Retriever(ledger.library, index, embedder).retrieve(SearchQuery("espresso beans")).passages
    assert "coffee" not in {passage.video.video_id for passage in found}


class Synonyms(HashingEmbedder):
    """Knows that two words mean the same."""

    def embed(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        return super().embed([text.replace("celestial", "planets") for text in texts])


def test_a_question_in_other_words_finds_the_passage_by_related_words(ledger: Ledger, index: ExactIndex):
    embedder = Synonyms()
    vocabulary = Vocabulary(ledger.terms, embedder)
    vocabulary.extend(index.vocabulary(at_least=1))
    plain = index.search_keyword("celestial", 5, IndexFilter())
    related = Retriever(ledger.library, index, embedder, vocabulary=vocabulary).retrieve(SearchQuery("celestial"))
    assert plain == []
    assert related.passages[0].video.video_id == "planets"
    assert related.passages[0].parts["keyword"] == pytest.approx(1.0)


def test_words_of_the_library_are_not_embedded_again_for_a_query(ledger: Ledger, index: ExactIndex):
    embedder = HashingEmbedder()
    vocabulary = Vocabulary(ledger.terms, embedder)
    vocabulary.extend(index.vocabulary(at_least=1))
    embedder.texts.clear()
    Retriever(ledger.library, index, embedder, vocabulary=vocabulary).retrieve(SearchQuery("planets and zebras"))
    assert embedder.texts == ["planets and zebras", "zebras"]


def test_word_vectors_are_kept_and_only_new_words_are_embedded(ledger: Ledger):
    """A stem whose most frequent word changes gets that word's vector; the old word's is kept."""
    embedder = HashingEmbedder()
    assert Vocabulary(ledger.terms, embedder).extend({"run": "running", "sea": "sea"}) == 2
    again = Vocabulary(ledger.terms, embedder)
    assert again.extend({"run": "running", "sea": "sea"}) == 0
    np.testing.assert_allclose(again.vectors_of(["run"])["run"], embedder.embed(["running"])[0], atol=2e-3)
    assert again.extend({"run": "runs", "sea": "sea", "moon": "moon"}) == 2
    np.testing.assert_allclose(again.vectors_of(["run"])["run"], embedder.embed(["runs"])[0], atol=2e-3)
    assert again.extend({"run": "running"}) == 0
    assert list(again.vectors_of(["run", "sea"])) == ["run"]


def test_a_related_word_never_counts_as_much_as_the_word_itself(ledger: Ledger):
    embedder = HashingEmbedder()
    vocabulary = Vocabulary(ledger.terms, embedder)
    vocabulary.extend({"planet": "planets", "sea": "sea"})
    question = embedder.embed(["planets"])[0]
    (related,) = vocabulary.related({"planets": question}, question).values()
    assert related == {"planet": 0.99}


def test_random_letters_find_nothing(ledger: Ledger, index: ExactIndex):
    """Unless one of the words stands in the library, or something resembles the query."""
    embedder = Synonyms()
    embedder.least_similarity = 0.33  # type: ignore[attr-defined]
    vocabulary = Vocabulary(ledger.terms, embedder)
    vocabulary.extend(index.vocabulary(at_least=1))
    retriever = Retriever(ledger.library, index, embedder, vocabulary=vocabulary)
    assert retriever.retrieve(SearchQuery("xyzzyq")).passages == ()
    assert retriever.retrieve(SearchQuery("xyzzyq vwvwvw qjqjqj zvzvzv sun")).passages
    assert retriever.retrieve(SearchQuery("celestial")).passages
