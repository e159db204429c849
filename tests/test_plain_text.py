"""What a model's text may not bring to the page."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plain_text import plain, spreadsheet_cell


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See [the talk](https://evil.example/?q=secret) [1].", "See the talk [1]."),
        ("![pixel](https://evil.example/x.png)Hello", "Hello"),
        ("![pixel][ref]\n\n[ref]: https://evil.example", ""),
        ("<script>alert(1)</script>Hi <b>there</b><img src=x onerror=y>", "Hi there"),
        ("Hi <img src='https://evil.example", "Hi"),
        ("Go to https://evil.example/a?b=c now", "Go to now"),
        ("Go to www.evil.example now", "Go to now"),
        ("<https://evil.example> ok", "ok"),
        ("[click](javascript:alert(1)) ok", "click ok"),
        ("[a [b](https://evil.example) c](https://evil.example)", "a b c"),
        ("a\x00b\x1b[31mc\u202ed\u200be", "ab[31mcde"),
        ("1 < 2 and 3 > 2, x<y", "1 < 2 and 3 > 2, x<y"),
        ("Fine [1][2], [3].", "Fine [1][2], [3]."),
        ("[text][1] stays text", "text stays text"),
        ("**bold** and `code`\n- item", "**bold** and `code`\n- item"),
    ],
)
def test_only_words_and_citation_marks_stay(text: str, expected: str) -> None:
    assert plain(text) == expected


_HOSTILE = st.lists(
    st.sampled_from(["![", "[", "](", ")", "http://x", "<", ">", "img", "<!--", "-->", "a", " ", "\n", "[1]", "www.a"])
)


@settings(max_examples=100, deadline=None)
@given(_HOSTILE)
def test_no_mixture_leaves_an_image_a_tag_or_an_address(pieces: list[str]) -> None:
    clean = plain("".join(pieces))
    assert "http://" not in clean
    assert "www." not in clean
    assert "<img" not in clean or ">" not in clean.partition("<img")[2]


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(begin: str) -> None:
    assert spreadsheet_cell(f"{begin}cmd") == f"'{begin}cmd"


def test_other_cells_stay_as_they_are() -> None:
    assert [spreadsheet_cell(text) for text in ("", "2 = 2", "plain")] == ["", "2 = 2", "plain"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["a" * 200_000, "[a](" + " " * 100_000, "a." * 100_000])
def test_a_long_run_takes_no_more_than_its_length(text: str) -> None:
    """In time that grows with the square of the length each of these would take minutes."""
    assert len(plain(text)) <= len(text) + 1
