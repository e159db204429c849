"""Whatever a trace holds becomes JSON that every server takes, of bounded size."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mirror.cleaning import (
    MOST_CHARS,
    MOST_CHARS_IN_ALL,
    MOST_DEPTH,
    MOST_ITEMS,
    clean,
    clean_text,
    finite,
    iso,
    milliseconds,
)
from core.models import AnswerStatus

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
NUMPY = st.one_of(
    st.floats().map(np.float64),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**62), 2**62).map(np.int64),
    st.booleans().map(np.bool_),
    st.just(np.datetime64("NaT")),
    st.just(np.longdouble("1.5")),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), ANY_TEXT, NUMPY, st.datetimes(), st.dates(), st.timedeltas(),
    st.binary(max_size=20), st.complex_numbers(), st.decimals(), st.sampled_from(list(AnswerStatus)),
    st.sampled_from([object(), np.array([1.5, np.nan]), np.array(3.5), Decimal("NaN"), uuid4(), Path("x")]),
)  # fmt: skip
ANY_VALUE = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner),
        st.dictionaries(st.one_of(ANY_TEXT, st.integers(), st.booleans(), st.none(), NUMPY), inner, max_size=4),
    ),
    max_leaves=20,
)

NO_NUMBERS = [float("nan"), float("inf"), -float("inf"), 2**63, -(10**5000), np.float32("nan")]
NAIVE = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Level(Enum):
    HIGH = 3


class Awkward:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    __repr__ = __str__


def as_json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")


@given(ANY_VALUE)
@settings(max_examples=250, deadline=None)
def test_any_value_becomes_json_in_utf_8_and_is_then_clean(value: Any) -> None:
    cleaned = clean(value)
    assert json.loads(as_json(cleaned)) == cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("number", NO_NUMBERS, ids=["nan", "inf", "-inf", "2**63", "5000 digits", "numpy"])
def test_a_number_that_is_none_is_left_out_of_mappings_and_none_elsewhere(number: Any) -> None:
    assert clean({"kept": 1, "gone": number}) == {"kept": 1}
    assert clean([1, number, 2]) == [1, None, 2]
    assert clean(number) is None
    assert finite(number) is None


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.str_("x"), "x"),
        (AnswerStatus.QUOTED, "quoted"),
        (Level.HIGH, 3),
        (b"caf\xc3\xa9\xff", "café\ufffd"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00+00:00"),
        (NAIVE, "2026-01-02T00:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1), 60.0),
        ({1: {True: None}}, {"1": {"True": None}}),
        ({"x"}, ["x"]),
        (Decimal("0.25"), 0.25),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("data/x"), "data/x"),
        (Awkward(), "(Awkward)"),
    ],
)
def test_foreign_types_become_plain_ones(value: Any, plain: Any) -> None:
    cleaned = clean(value)
    assert cleaned == plain
    assert type(cleaned) is type(plain)


def test_lone_surrogates_and_nul_become_the_replacement_character() -> None:
    assert clean("a\ud800b\0c😀") == "a\ufffdb\ufffdc😀"
    assert clean({"\udfff": 1}) == {"\ufffd": 1}


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    cleaned = clean("é" * 5_000_000)
    assert cleaned.startswith("é" * MOST_CHARS + "… (4,900,000 characters more)")
    assert len(cleaned) < MOST_CHARS + 50
    assert clean_text("short") == "short"


def test_many_long_texts_are_bounded_together() -> None:
    cleaned = clean(["x" * MOST_CHARS] * 100)
    assert sum(map(len, cleaned)) < MOST_CHARS_IN_ALL + 100 * 50
    assert cleaned[-1].endswith("(100,000 characters more)")


def test_a_value_that_holds_itself_ends() -> None:
    endless: dict[str, Any] = {"name": "me"}
    endless["again"] = [endless] * 10
    assert len(as_json(clean(endless))) < 2_000_000


def test_deep_nesting_is_cut_and_says_so() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = {"down": deep}
    text = as_json(clean(deep)).decode()
    assert text.count("down") == MOST_DEPTH
    assert "more levels" in text


def test_a_long_list_and_a_large_mapping_say_how_much_is_missing() -> None:
    assert clean(list(range(MOST_ITEMS + 20)))[-1] == "… (20 more)"
    assert clean({str(n): n for n in range(MOST_ITEMS + 20)})["…"] == "20 more"


def test_long_keys_are_bounded_together() -> None:
    wide = {f"{n:04d}" + "k" * 100_000: {f"{m}" + "k" * 1000: m for m in range(400)} for n in range(400)}
    assert len(as_json(clean(wide))) < 1_000_000


@pytest.mark.parametrize("moment", [FIRST, LAST, datetime(1999, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("hours", [-23, 0, 23])
def test_a_time_that_no_clock_shows_has_no_milliseconds(moment: datetime, hours: int) -> None:
    elsewhere = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert datetime.fromisoformat(iso(elsewhere)) == elsewhere
    assert abs(hours) > 0 or milliseconds(elsewhere) is None


def test_milliseconds_count_from_1970_and_a_time_without_a_zone_is_utc() -> None:
    assert milliseconds(NAIVE) == milliseconds(NAIVE.replace(tzinfo=UTC)) == 1_767_312_000_000
