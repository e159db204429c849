"""When the library has no answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.answering.refusal import follow_ups, refusal_text, too_weak
from core.models import Passage
from tests.fakes.passages import BREAD_LINES, WINE_LINES, passage_of

MINILM = "all-MiniLM-L6-v2@53aa5117"
WINE = passage_of("wine", *WINE_LINES, title="How to serve wine", channel="The cellar")


def _near(window: float, passage: Passage = WINE) -> tuple[Passage, ...]:
    return (replace(passage, parts={"window": window, "dense": window}),)


@pytest.mark.parametrize(
    ("window", "has_model", "refused"),
    [(0.30, False, True), (0.45, False, False), (0.30, True, False), (0.2, True, True)],
)
def test_a_weak_best_window_is_refused_earlier_without_a_model(
    window: float, *, has_model: bool, refused: bool
) -> None:
    assert too_weak("how long does it breathe", "en", _near(window), MINILM, has_model=has_model) is refused


def test_a_passage_without_the_names_of_the_question_is_weaker() -> None:
    assert too_weak("What did the chef say about Tesla?", "en", _near(0.45), MINILM, has_model=False)
    assert not too_weak("What did the chef say about Champagne?", "en", _near(0.45), MINILM, has_model=False)


def test_a_foreign_question_is_not_refused_for_what_an_english_embedder_thinks_of_it() -> None:
    assert not too_weak("Wie lange atmet der Wein?", "de", _near(0.25), MINILM, has_model=False)


def test_without_similarities_only_the_absence_of_passages_counts() -> None:
    assert not too_weak("wine", "en", (WINE,), MINILM, has_model=False)
    assert too_weak("wine", "en", (), MINILM, has_model=False)


def test_a_refusal_says_what_was_looked_for_where_and_what_is_nearest() -> None:
    text = refusal_text("tea", ("The cellar", "The oven"), 7, (WINE,))
    assert "“tea” in the channels The cellar and The oven" in text
    assert "“How to serve wine” (The cellar)" in text
    assert "all 1,234 videos" in refusal_text("tea", (), 1234, ())
    assert refusal_text("tea", (), 0, ()).startswith("The library is empty")


def test_follow_ups_name_what_a_talk_speaks_of_and_ask_each_talk_once() -> None:
    talk = passage_of("v", "A vector index finds neighbours.", "The vector index is exact.", title="Indexes")
    again = passage_of("v", "The vector index is exact, the vector index is quick.", title="Indexes", rank=2)
    bread = passage_of("bread", *BREAD_LINES, title="Bread at home", rank=3)
    assert follow_ups("Why is it quick?", (talk, again, bread)) == (
        "What does “Indexes” say about vector index?",
        "What is “Bread at home” about?",
    )


def test_follow_ups_ask_talks_of_the_questions_language_where_there_are_any() -> None:
    german = passage_of("wein", "Der Wein atmet eine Stunde.", title="Wein")
    german = replace(german, video=replace(german.video, language="de"))
    assert follow_ups("How is it served?", (german, WINE)) == follow_ups("How is it served?", (WINE,))
    assert follow_ups("How is it served?", (german,)) == ("What is “Wein” about?",)
