"""Each number in an answer leads to a quote that supports its sentence, or it goes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.citations import CheckedAnswer, check
from core.ports import Embedder
from tests.fakes.models import HashingEmbedder
from tests.fakes.passages import BREAD_LINES, LINE_S, WINE_LINES, passage_of

WINE = passage_of("wine", *WINE_LINES, title="How to serve wine")
BREAD = passage_of("bread", *BREAD_LINES, rank=2, title="Bread at home")
TRAIN = passage_of(
    "train",
    "the first train of the line left in 1964 and it went at two hundred and ten kilometers an hour",
    "the drivers were trained for ten months",
    rank=3,
    title="Fast trains",
)
PASSAGES = (WINE, BREAD, TRAIN)


@pytest.fixture(params=["with embedder", "words only"])
def embedder(request: pytest.FixtureRequest) -> Embedder | None:
    return HashingEmbedder() if request.param == "with embedder" else None


def _check(text: str, embedder: Embedder | None = None) -> CheckedAnswer:
    return check(text, PASSAGES, embedder=embedder)


def test_a_supported_sentence_keeps_its_number_and_gets_the_verbatim_quote(embedder: Embedder | None) -> None:
    checked = _check("Red wine should breathe for 30 minutes before pouring [1].", embedder)
    (citation,) = checked.citations
    assert checked.text == "Red wine should breathe for 30 minutes before pouring [1]."
    assert citation.quote == "Red wine should breathe for thirty minutes before you pour it."
    assert citation.quote in WINE.chunk.text
    assert (citation.start_s, citation.end_s) == (LINE_S, 2 * LINE_S)
    assert citation.url is not None
    assert citation.url.endswith("t=5s")
    assert checked.claims[0].supported
    assert checked.claims[0].citations == (1,)


def test_the_wrong_passage_is_replaced_by_the_one_that_clearly_says_it(embedder: Embedder | None) -> None:
    checked = _check("Steam in the oven makes the crust shiny and crisp [1].", embedder)
    assert checked.citations[0].video_id == "bread"
    assert checked.dropped == 1
    assert checked.added == (1,)


def test_a_number_of_no_passage_is_dropped(embedder: Embedder | None) -> None:
    checked = _check("Quantum computers factor large integers quickly [7].", embedder)
    assert checked.text == "Quantum computers factor large integers quickly."
    assert not checked.claims[0].supported
    assert checked.citations == ()
    assert checked.all_unsupported


def test_a_sentence_that_no_passage_supports_is_marked(embedder: Embedder | None) -> None:
    checked = _check("The stock market fell sharply after the election [2].", embedder)
    assert "[" not in checked.text
    assert checked.claims[0].supported is False
    assert checked.claims[0].support is not None


@pytest.mark.parametrize(
    "claim",
    [
        "Red wine should breathe for 45 minutes before pouring [1].",
        "Red wine should breathe for thirty seconds before you pour it [1].",
        "Red wine should not breathe for thirty minutes before you pour it [1].",
        "The first train of the line left in 1965 [3].",
        "Freeze a bottle of champagne [1].",
    ],
)
def test_a_changed_number_unit_or_negation_loses_the_citation(claim: str, embedder: Embedder | None) -> None:
    checked = _check(claim, embedder)
    assert checked.citations == ()
    assert not checked.claims[0].supported


def test_numbers_spread_over_passages_that_are_cited_together_hold() -> None:
    checked = _check(
        "Red wine breathes thirty minutes before you pour, sourdough dough rests twelve hours in the fridge [1][2]."
    )
    assert [c.video_id for c in checked.citations] == ["wine", "bread"]


def test_numbers_follow_the_order_of_appearance_and_one_passage_may_be_quoted_twice() -> None:
    checked = _check(
        "The drivers were trained for ten months [3]. White wine is served colder, at eight degrees [1]. "
        "Red wine should breathe for thirty minutes before you pour it [1]. Drivers were trained for ten months [3]."
    )
    assert [c.n for c in checked.citations] == [1, 2, 3]
    assert [c.video_id for c in checked.citations] == ["train", "wine", "wine"]
    assert [claim.citations for claim in checked.claims] == [(1,), (2,), (3,), (1,)]
    assert checked.citations[1].quote != checked.citations[2].quote


@pytest.mark.parametrize("mark", ["[1]", "【1】", "【1†source】", "[source 1]", "[1, 9]", "(1)", "[^1]", "［1］"])
def test_marks_are_read_however_a_model_writes_them(mark: str) -> None:
    checked = _check(f"White wine is served colder, at about eight degrees {mark}.")
    assert checked.text == "White wine is served colder, at about eight degrees [1]."


def test_a_mark_behind_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    checked = _check("White wine is served colder, at eight degrees. [1] The dough rests for twelve hours. [2]")
    assert [claim.citations for claim in checked.claims] == [(1,), (2,)]


def test_marks_inside_a_sentence_stay_where_they_stand() -> None:
    checked = _check(
        "White wine is served colder at eight degrees [1] whereas drivers were trained for ten months [3]."
    )
    assert (
        checked.text
        == "White wine is served colder at eight degrees [1] whereas drivers were trained for ten months [2]."
    )


def test_headings_greetings_questions_and_introductions_claim_nothing() -> None:
    checked = _check(
        "## Wine\nSure!\nAccording to the video:\n- White wine is served at about eight degrees [1]\n\nAnything else?"
    )
    assert [claim.support is None for claim in checked.claims] == [True, True, True, False, True]
    assert checked.text.startswith(
        "## Wine\nSure!\nAccording to the video:\n- White wine is served at about eight degrees [1]"
    )


def test_a_supported_sentence_without_number_gets_one_and_it_is_said() -> None:
    checked = _check("White wine is served colder, at about eight degrees.")
    assert checked.text.endswith("degrees [1].")
    assert checked.added == (1,)


def test_hostile_markup_is_gone_before_the_check() -> None:
    checked = _check("White wine is served at about eight degrees [1]. ![x](https://evil.example/?q=1) <b>Hi</b>")
    assert "evil" not in checked.text
    assert "<b>" not in checked.text


def test_an_answer_in_another_language_keeps_citations_and_says_that_words_were_not_checked() -> None:
    checked = _check("Der Rotwein soll vor dem Einschenken 30 Minuten atmen, das ist die Regel [1].")
    assert checked.claims[0].supported
    assert checked.unverified == (0,)
    assert len(checked.notices) == 1


def test_a_wrong_number_is_seen_across_languages() -> None:
    checked = _check("Der Rotwein soll vor dem Einschenken 45 Minuten atmen, das ist die Regel [1].")
    assert not checked.claims[0].supported


def test_without_passages_every_number_goes() -> None:
    checked = check("Wine breathes for a while [1].", (), embedder=HashingEmbedder())
    assert checked.text == "Wine breathes for a while."
    assert checked.citations == ()


def test_an_empty_answer_has_no_claims() -> None:
    checked = _check("")
    assert (checked.text, checked.claims) == ("", ())


_PIECES = [
    "White wine is served colder. ",
    "[1]",
    "[9]",
    "\n- ",
    "Steam makes the crust crisp ",
    "[2, 3]",
    "## ",
    "**",
    "(1)",
    "...",
    "【2】",
    "\n\n",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=14))
def test_whatever_a_model_writes_numbers_and_quotes_agree(pieces: list[str]) -> None:
    checked = _check("".join(pieces))
    assert [c.n for c in checked.citations] == list(range(1, len(checked.citations) + 1))
    position = 0
    for claim in checked.claims:
        position = checked.text.index(claim.text, position) + len(claim.text)
        assert set(claim.citations) <= {c.n for c in checked.citations}
        assert claim.supported is bool(claim.citations)
    assert {n for claim in checked.claims for n in claim.citations} == {c.n for c in checked.citations}
    chunks = {p.chunk.id: p.chunk.text for p in PASSAGES}
    assert all(c.quote in chunks[c.chunk_id] for c in checked.citations)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_check(text: str) -> None:
    checked = _check(text, HashingEmbedder())
    assert all(claim.text in checked.text for claim in checked.claims)
