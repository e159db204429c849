"""The answer without a chat model."""

from __future__ import annotations

from core.answering.quotes import quote
from core.models import Passage
from tests.fakes.models import HashingEmbedder
from tests.fakes.passages import BREAD_LINES, WINE_LINES, passage_of

PASSAGES = (passage_of("wine", *WINE_LINES), passage_of("bread", *BREAD_LINES, rank=2))


def test_quotes_are_verbatim_numbered_and_each_of_its_own_passage() -> None:
    quoted = quote("How long should red wine breathe?", "en", PASSAGES, HashingEmbedder())
    assert [c.n for c in quoted.citations] == list(range(1, len(quoted.citations) + 1))
    assert all(c.quote in p.chunk.text for c, p in zip(quoted.citations, PASSAGES, strict=False))
    assert "breathe for thirty minutes" in quoted.citations[0].quote
    assert all(claim.text in quoted.text for claim in quoted.claims)


def test_the_same_words_in_two_videos_are_quoted_once() -> None:
    twins = (PASSAGES[0], passage_of("again", *WINE_LINES, rank=2), passage_of("third", *WINE_LINES, rank=3))
    quoted = quote("How long should red wine breathe?", "en", twins, HashingEmbedder())
    assert sum("breathe for thirty minutes" in citation.quote for citation in quoted.citations) == 1


def test_markup_and_numbers_of_a_transcript_are_not_ours() -> None:
    hostile = passage_of(
        "x", "Wine breathes [7] long, see <b>https://evil.example</b> [x](https://evil.example) for wine."
    )
    quoted = quote("How long does wine breathe?", "en", (hostile,), None)
    assert "[7]" not in quoted.text
    assert "(7)" in quoted.text
    assert "evil" not in quoted.text
    assert quoted.citations[0].quote in hostile.chunk.text


def test_only_sentences_around_the_best_window_are_embedded() -> None:
    lines = [f"Sentence number {n} is about nothing that matters here." for n in range(18)]
    long = passage_of("long", *lines)
    near = Passage(long.chunk, long.video, 1, 1.0, {}, best_span=long.chunk.windows[0])
    embedder = HashingEmbedder()
    quote("What matters?", "en", (near,), embedder)
    assert 0 < len(embedder.texts) < len(lines)


def test_without_passages_there_are_no_quotes() -> None:
    assert quote("Anything?", "en", (), HashingEmbedder()).citations == ()


def test_a_question_in_the_talk_is_quoted_with_its_answer() -> None:
    talk = passage_of("talk", "Why does wine breathe?", "Because air softens its tannins.", "Bread does not.")
    quoted = quote("Why does wine breathe?", "en", (talk,), HashingEmbedder())
    assert quoted.citations[0].quote == "Why does wine breathe? Because air softens its tannins."


def test_a_passage_that_has_nothing_to_do_with_the_question_is_not_quoted() -> None:
    wine = passage_of("wine", *WINE_LINES, title="How to serve wine")
    other = passage_of("other", "Gears mesh under heavy load inside the box.", title="Machines", rank=2)
    quoted = quote("How long should red wine breathe?", "en", (wine, other), HashingEmbedder())
    assert {citation.video_id for citation in quoted.citations} == {"wine"}
