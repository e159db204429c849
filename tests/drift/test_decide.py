"""Which columns drift: rarely without cause, surely where it matters."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from core.drift.columns import ColumnKind, pair_columns
from core.drift.decide import benjamini_hochberg, compare_columns, verdict
from core.models import DriftVerdict
from core.phrases import count
from tests.drift.test_words import questions

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def traffic(rng: np.random.Generator, n: int, *, new: float = 0.0, model: str = "small") -> pd.DataFrame:
    """Rows as a window of the ledger has them."""
    return pd.DataFrame(
        {
            "question": questions(rng, n, new=new),
            "latency_ms": rng.lognormal(7, 0.6, n),
            "prompt_tokens": rng.poisson(900, n),
            "cost_usd": rng.lognormal(-8, 1, n),
            "top_score": rng.beta(5, 3, n),
            "unsupported": rng.poisson(0.4, n),
            "language": rng.choice(["en", "de", "es", "fr"], n, p=[0.8, 0.1, 0.06, 0.04]),
            "refused": rng.random(n) < 0.06,
            "feedback": rng.choice(["none", "up", "down"], n, p=[0.9, 0.07, 0.03]),
            "model": rng.choice([model, "large"], n, p=[0.9, 0.1]),
        }
    )


def compared(reference: pd.DataFrame, current: pd.DataFrame):
    return [item.column for item in compare_columns(pair_columns(reference, current)[0])]


def drifted(reference: pd.DataFrame, current: pd.DataFrame) -> set[str]:
    return {column.column for column in compared(reference, current) if column.drifted}


@pytest.mark.parametrize(("n", "reports"), [(100, 30), (300, 15), (1000, 6)])
def test_equal_traffic_is_called_drifted_in_few_reports(n, reports):
    """The benchmark replays five hundred; here so few that more alarms than this have a chance below one percent."""
    rng = np.random.default_rng(n)
    alarms = sum(bool(drifted(traffic(rng, n), traffic(rng, n))) for _ in range(reports))
    assert alarms <= {30: 5, 15: 3, 6: 2}[reports]


def test_a_new_topic_in_a_fifth_of_three_hundred_questions_is_found_among_ten_columns():
    rng = np.random.default_rng(4)
    found = [drifted(traffic(rng, 300), traffic(rng, 300, new=0.2)) for _ in range(8)]
    assert sum("question" in columns for columns in found) >= 7


def test_another_model_slower_answers_and_more_refusals_are_found_and_nothing_else():
    rng = np.random.default_rng(5)
    current = traffic(rng, 1000, model="new")
    current["latency_ms"] *= 1.8
    current["refused"] = rng.random(1000) < 0.3
    assert drifted(traffic(rng, 1000), current) == {"model", "latency_ms", "refused"}


def test_numbers_use_the_ks_test_below_three_hundred_rows_and_psi_from_there_on():
    rng = np.random.default_rng(6)
    methods = {n: {c.column: c.method for c in compared(traffic(rng, n), traffic(rng, 400))} for n in (299, 300)}
    assert (methods[299]["latency_ms"], methods[300]["latency_ms"]) == ("ks", "psi")
    assert methods[299]["language"] == "psi"
    assert methods[299]["question"] == "words"


def test_a_trifle_in_large_windows_is_no_drift_however_clear():
    rng = np.random.default_rng(7)
    before, after = rng.normal(0, 1, 50_000), rng.normal(0.05, 1, 50_000)
    (column,) = compared(pd.DataFrame({"x": before}), pd.DataFrame({"x": after}))
    assert column.q_value is not None
    assert column.q_value < 0.001
    assert not column.drifted


@given(P_VALUES)
def test_the_correction_is_scipys(p_values):
    assert benjamini_hochberg(p_values) == pytest.approx(list(false_discovery_control(p_values)))


def test_a_column_without_a_p_value_does_not_count_in_the_correction():
    assert benjamini_hochberg([0.01, None, 0.04]) == pytest.approx([0.02, None, 0.04])


# ---------------------------------------------------------------------------------------------------- odd columns


ODD = {
    "empty": [None] * 200,
    "all-nan": [float("nan")] * 200,
    "constant": ["same"] * 200,
    "infinite": [float("inf"), float("-inf")] * 100,
    "emoji": ["🎉", "🔥"] * 100,
    "mixed": [1, "two", None, 3.0, {"a": 1}, [1], b"x", pd.NA] * 25,
    "script": [f"</script><script>alert({n})</script>" for n in range(200)],
    "surrogate": ["\ud800 word", "NUL\0 word"] * 100,
    "complex": [complex(1, 1)] * 200,
    "huge": [10**400, 1] * 100,
    "stop-words": [f"the a of and {'is ' * (n % 7)}" for n in range(200)],
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_column_is_compared_or_left_out_with_its_reason_and_spoils_no_other(name):
    rng = np.random.default_rng(8)
    sides = [traffic(rng, 200).assign(odd=pd.Series(ODD[name], dtype=object)) for _ in range(2)]
    pairs, left_out = pair_columns(*sides)
    reasons = {item.column: item.reason for item in left_out}
    assert len(pairs) + len(left_out) == 11
    assert ("odd" in reasons) != ("odd" in {pair.name for pair in pairs})
    assert len(compare_columns(pairs)) == len(pairs)
    assert all("<" not in text for pair in pairs if pair.kind is not ColumnKind.NUMBER for text in pair.reference)


def test_a_column_of_one_side_only_is_named_with_the_side():
    rng = np.random.default_rng(9)
    left_out = pair_columns(traffic(rng, 150).assign(old=1.5), traffic(rng, 150).assign(new="x"))[1]
    assert [(item.column, item.reason) for item in left_out] == [
        ("old", "only the reference side has it"),
        ("new", "only the current side has it"),
    ]


def test_a_nullable_column_and_numbers_as_text_are_numbers():
    frame = pd.DataFrame({"n": pd.array([1, None, 3] * 60, dtype="Int64"), "t": ["1.5", "2", "x"] + ["3"] * 177})
    pairs, left_out = pair_columns(frame, frame.assign(n=frame["n"] + 1))
    assert {pair.name: pair.kind for pair in pairs} == {"n": ColumnKind.NUMBER, "t": ColumnKind.NUMBER}
    assert left_out == []


def test_two_columns_of_one_name_and_names_that_are_no_text_do_no_harm():
    frame = pd.DataFrame(np.random.default_rng(1).random((150, 3)), columns=["a", "a", 7])
    assert [pair.name for pair in pair_columns(frame, frame)[0]] == ["a", "7"]


# -------------------------------------------------------------------------------------------------------- the words


def test_below_a_hundred_rows_there_is_no_verdict_and_never_an_all_clear():
    for n in (0, 1, 99):
        said, sentence = verdict([], 5000, n)
        assert said is DriftVerdict.NOT_ENOUGH
        assert f"the current window has {count(n, 'row')}, " in sentence


def test_the_sentence_names_the_drifted_columns_clearest_first():
    rng = np.random.default_rng(10)
    current = traffic(rng, 500, model="new")
    current["latency_ms"] *= 3
    columns = compared(traffic(rng, 500), current)
    said, sentence = verdict(columns, 500, 500)
    assert said is DriftVerdict.DRIFT
    assert sentence in {
        "Drift in 2 of 10 columns: latency ms and model (500 rows against 500).",
        "Drift in 2 of 10 columns: model and latency ms (500 rows against 500).",
    }
    ordered = sorted((c for c in columns if c.drifted), key=lambda c: c.q_value)
    assert all(a.q_value <= b.q_value for a, b in pairwise(ordered))
