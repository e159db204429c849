"""Numbers as people write and say them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.numbers import Number, numbers_in


def _only(text: str, language: str = "en") -> Number:
    (number,) = [n for n in numbers_in(text, language) if n.firm]
    return number


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("10 million", "en", 10e6),
        ("ten million", "en", 10e6),
        ("3.5 bn", "en", 3.5e9),
        ("103,000", "en", 103e3),
        ("1,234.5", "en", 1234.5),
        ("1.000,5", "de", 1000.5),
        ("3,5 Millionen", "de", 3.5e6),
        ("two hundred and five thousand", "en", 205e3),
        ("nineteen eighty-four", "en", 1984),
        ("twenty twenty-two", "en", 2022),
        ("twenty-five", "en", 25),
        ("zero point six nine", "en", 0.69),
        ("a hundred", "en", 100),
        ("cuarenta y cinco", "es", 45),
        ("dreißig", "de", 30),
        ("两百万", "zh", 2e6),
        ("二十三", "zh", 23),
    ],
)
def test_a_written_or_spoken_number_has_its_value(text: str, language: str, value: float) -> None:
    assert value in _only(text, language).values


def test_a_number_after_another_is_another_number() -> None:
    assert [sorted(n.values) for n in numbers_in("two, three; one hundred twenty", "en")] == [[2], [3], [120]]


def test_units_that_differ_keep_equal_numbers_apart() -> None:
    assert not _only("30 percent").agrees(_only("30 seconds"))
    assert _only("30 %").agrees(_only("30 percent"))
    assert _only("30").agrees(_only("30 seconds"))
    assert _only("$5").agrees(_only("5 dollars"))


def test_about_allows_a_twentieth() -> None:
    assert _only("about 30").agrees(_only("29"))
    assert not _only("about 30").agrees(_only("25"))
    assert not _only("30").agrees(_only("29"))


def test_one_and_half_are_no_numbers_that_a_claim_is_held_to() -> None:
    assert [n for n in numbers_in("one of them is the first half of both", "en") if n.firm] == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "1",
                "23",
                ".",
                ",",
                " ",
                "million",
                "twenty",
                "five",
                "point",
                "and",
                "%",
                "$",
                "百",
                "二",
                "½",
                "²",
                "٣",
                "a",
                "hundred",
            ]
        )
    )
)
def test_no_mixture_of_numbers_breaks_the_reading(pieces: list[str]) -> None:
    for text in (" ".join(pieces), "".join(pieces)):
        assert all(number.values for number in numbers_in(text, "en"))
