"""The rows behind a bar are those that were counted in it, whatever the values are."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drift.behind import in_place
from core.drift.columns import ColumnKind, pair_columns
from core.drift.details import MOST_VALUES, distribution

NUMBERS = st.one_of(
    st.none(), st.floats(), st.integers(-(10**6), 10**6), st.just(math.inf), st.sampled_from(["7", "seven", " 3 "])
)
TEXTS = st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["<b>", "a\0b", "\ud800", " ", "x" * 200]))


def counted(values: list, kind: ColumnKind) -> None:
    """Every bar's rows make up its share, and all bars together every usable value once."""
    made = pd.Series(values, dtype=object)
    (pair,), _ = pair_columns(pd.DataFrame({"c": made}), pd.DataFrame({"c": made[::-1]}), {"c": kind})
    spread = distribution(pair)
    masks = [in_place(made, spread, place) for place in range(len(spread["current"]))]
    assert [int(mask.sum()) for mask in masks] == [round(share * len(pair.current)) for share in spread["current"]]
    assert sum(mask.sum() for mask in masks) == len(pair.current)


@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_in_their_bins(values: list) -> None:
    counted([*values, *[float(n) for n in range(150)]], ColumnKind.NUMBER)


@given(st.lists(TEXTS, min_size=1, max_size=40))
def test_texts_by_their_lengths(values: list) -> None:
    counted([*values, *["word " * (n % 9 + 1) for n in range(150)]], ColumnKind.TEXT)


@given(st.lists(TEXTS, min_size=1, max_size=40))
def test_categories_by_their_values(values: list) -> None:
    counted([*values, *[f"value {n % (MOST_VALUES + 3)}" for n in range(150)]], ColumnKind.CATEGORY)


@pytest.mark.parametrize("value", ["other values", "nan", ""])
def test_values_named_like_our_own_words_stay_themselves(value: str) -> None:
    counted([*[value] * 60, *[f"value {n % 20}" for n in range(150)], None], ColumnKind.CATEGORY)
