"""Untrusted text made harmless, and figures as people read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.phrases import clock, one_line
from core.ui.text import count, duration_ms, escape_markdown, link, mark, money, shorten, span_of_time

PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
"""The characters that Markdown could act on."""


@given(st.text())
def test_no_punctuation_is_left_alive_and_no_line_break(text: str) -> None:
    escaped = escape_markdown(text)
    assert not PUNCTUATION.search(re.sub(r"\\.", "", escaped))
    assert "\n" not in escaped


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_the_words_stay_the_same(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", escape_markdown(text)).replace("\u2060", "") == " ".join(text.split())


@pytest.mark.parametrize(
    "text", [":tada:", ":+1:", ":100:", ":material/bolt:", "https://a.b", "www.a.b", "WWW.a.b", "a@b.c", "x:-1:"]
)
def test_what_is_found_in_finished_text_is_broken_by_an_invisible_character(text: str) -> None:
    assert "\u2060" in escape_markdown(text)


def test_a_time_can_be_copied() -> None:
    assert escape_markdown("at 1:02:03") == r"at 1\:02\:03"


def test_controls_and_marks_that_reverse_the_direction_are_dropped() -> None:
    assert one_line("a\x00b\u202ec\u2066d\te\r\nf\ud800") == "abcd e f"
    assert one_line("שלום") == "שלום"


def test_marked_words_stand_out_and_everything_is_escaped() -> None:
    assert mark("a *b* c", [(3, 4)]) == r"a \*:green-background[b]\* c"
    assert mark("[x] y", [(0, 3), (4, 5)], style="<{}>") == r"<\[x\]> <y>"
    assert mark("plain", []) == "plain"


def test_only_https_becomes_a_link_and_cannot_break_out_of_it() -> None:
    assert link("t", None) == "t"
    assert link("t", "javascript:alert(1)") == "t"
    assert link("t", "https://y.t/watch?v=a&t=1s") == "[t](https://y.t/watch?v=a&t=1s)"
    assert link("t", "https://y.t/a) [b](x") == "[t](https://y.t/a%29%20%5Bb%5D%28x)"


def test_a_long_text_is_cut_at_a_word() -> None:
    assert shorten("one two three", 100) == "one two three"
    assert shorten("one two three", 10) == "one two…"
    assert shorten("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (clock(0), "00:00"), (clock(65.9), "01:05"), (clock(3723), "1:02:03"), (clock(-3), "00:00"),
        (span_of_time(45), "45 s"), (span_of_time(720), "12 min"), (span_of_time(12_240), "3.4 h"),
        (count(1, "video"), "1 video"), (count(1204, "video"), "1,204 videos"), (count(0, "video"), "0 videos"),
        (duration_ms(None), "unknown"), (duration_ms(0.44), "0.4 ms"), (duration_ms(128.4), "128 ms"),
        (duration_ms(2310), "2.31 s"),
        (money(None), "unknown"), (money(0.0), "$0.00"), (money(0.00012), "$0.00012"), (money(12.5), "$12.50"),
        (money(0.000012), "$0.000012"), (money(0.5), "$0.50"), (money(0.12345), "$0.123"), (money(0.9999), "$1.00"),
        (money(1234567.8), "$1,234,567.80"), (money(-0.002), "-$0.002"), (money(1e-9), "$0.000000001"),
    ],
)  # fmt: skip
def test_figures_read_well(shown: str, expected: str) -> None:
    assert shown == expected
