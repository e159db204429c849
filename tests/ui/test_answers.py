"""How an answer's text becomes Markdown."""

from __future__ import annotations

from core.models import Citation, Claim
from core.ui.answers import answer_markdown

ONE = Citation(1, "v", "T", "C", 30.0, 40.0, "quote", "https://www.youtube.com/watch?v=v&t=30s", "v:0")
TWO = Citation(2, "d", "T", "C", 5.0, 9.0, "quote", None, "d:0")


def test_known_numbers_become_badges_and_link_to_the_second() -> None:
    assert answer_markdown("Yes [1]. No [2]. Odd [3].", (), (ONE, TWO)) == (
        r"Yes [:green-badge[1]](https://www.youtube.com/watch?v=v&t=30s)\. No :green-badge[2]\. Odd \[3\]\."
    )


def test_an_unsupported_sentence_is_gray_and_says_so() -> None:
    claims = (Claim("It is hot [1].", (1,), supported=True, support=0.9), Claim("It is cold.", (), False, 0.1))
    shown = answer_markdown("It is hot [1]. It is cold.", claims, (TWO,))
    assert shown == r"It is hot \[1\]\. :gray[It is cold\.] :orange-badge[not supported by the passages]"


def test_a_sentence_that_claims_nothing_is_not_marked() -> None:
    claims = (Claim("Here is what I found:", (), supported=False, support=None),)
    assert "gray" not in answer_markdown("Here is what I found:", claims)


def test_an_unsupported_sentence_in_a_list_stays_in_its_line() -> None:
    claims = (Claim("one", (), supported=True, support=1.0), Claim("two", (), supported=False, support=0.0))
    assert answer_markdown("- one\n- two", claims).splitlines() == [
        "- one", "", "- :gray[two] :orange-badge[not supported by the passages]",
    ]  # fmt: skip


def test_paragraphs_lists_headings_and_bold_are_kept_and_a_quote_is_a_paragraph() -> None:
    text = "# Title\nPlain **bold** text.\n* a\n2) b\n> said"
    assert answer_markdown(text).split("\n\n") == [
        "##### Title", r"Plain **bold** text\.", "- a", "2. b", "said",
    ]  # fmt: skip


def test_everything_else_of_the_model_is_literal() -> None:
    assert answer_markdown("![x](http://e) <b>") == "\\!\\[x\\]\\(http\\:\u2060\\/\\/e\\) \\<b\\>"


def test_an_empty_answer_is_empty() -> None:
    assert answer_markdown("") == ""
