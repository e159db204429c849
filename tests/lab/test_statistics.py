"""The verdict of the Prompt Lab: when one variant is called better, and how often wrongly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.lab.statistics import Comparison, cases_needed, compare, holm, mean_interval, sign_flip_p

SCORES = st.floats(0, 1, allow_nan=False)


def by_case(values) -> dict[str, float]:
    return {f"case-{n}": float(value) for n, value in enumerate(values)}


def one(baseline, variant) -> Comparison:
    return compare(("A", by_case(baseline)), [("B", by_case(variant))])[0]


def false_wins(draw, *, experiments: int = 1000, cases: int = 20) -> float:
    rng = np.random.default_rng(7)
    return sum(one(draw(rng, cases), draw(rng, cases)).decided for _ in range(experiments)) / experiments


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda rng, n: rng.random(n), id="even"),
        pytest.param(lambda rng, n: (rng.random(n) < 0.7).astype(float), id="pass-or-fail"),
        pytest.param(lambda rng, n: rng.pareto(1.5, n), id="heavy-tailed"),
        pytest.param(lambda rng, n: (rng.random(n) < 0.03).astype(float), id="rarely-different"),
    ],
)
def test_of_a_thousand_experiments_with_equal_variants_at_most_five_percent_have_a_winner(draw):
    assert false_wins(draw) <= 0.05


def test_of_four_equal_variants_against_a_baseline_one_wins_in_at_most_five_percent():
    rng = np.random.default_rng(11)

    def has_winner() -> bool:
        draws = [(name, by_case(rng.random(15))) for name in "ABCDE"]
        return any(comparison.decided for comparison in compare(draws[0], draws[1:]))

    assert sum(has_winner() for _ in range(400)) / 400 <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5


def test_a_clear_difference_is_found_and_said_in_points():
    rng = np.random.default_rng(3)
    base = rng.random(40) * 0.5
    comparison = one(base, base + 0.12 + rng.normal(0, 0.1, 40))
    assert comparison.decided
    assert comparison.in_words() == "B beats A by 11 points (7 to 14)"


def test_a_worse_variant_loses_in_the_same_words():
    base = np.linspace(0.4, 0.9, 30)
    assert one(base, base - 0.1).in_words() == "A beats B by 10 points (10 to 10)"


def test_what_does_not_decide_says_about_how_many_more_cases_would():
    rng = np.random.default_rng(5)
    base = rng.random(20)
    comparison = one(base, base + rng.normal(0.05, 0.2, 20))
    assert not comparison.decided
    assert comparison.more_cases is not None
    assert comparison.in_words() == f"Undecided between B and A: about {comparison.more_cases} cases more would decide"


def test_as_many_more_cases_as_were_asked_for_do_decide_in_most_experiments():
    rng = np.random.default_rng(9)
    spread, effect = 0.3, 0.15
    needed = 20 + (cases_needed(_with(effect, spread, 20)) or 0)
    found = sum(one(np.zeros(needed), rng.normal(effect, spread, needed)).decided for _ in range(300)) / 300
    assert 0.7 <= found <= 0.9


def _with(mean: float, spread: float, n: int) -> np.ndarray:
    """n numbers with exactly this mean and standard deviation."""
    raw = np.random.default_rng(1).normal(size=n)
    return mean + spread * (raw - raw.mean()) / raw.std(ddof=1)


def test_equal_scores_are_no_difference():
    comparison = one([0.5] * 10, [0.5] * 10)
    assert comparison.in_words() == "Undecided: B and A do not differ on these 10 cases"


def test_too_few_cases_never_decide_however_large_the_difference():
    for n in range(6):
        comparison = one([0.0] * n, [1.0] * n)
        assert not comparison.decided
        assert "no result of fewer than 6 can decide" in comparison.in_words()
    assert one([0.0] * 6, [1.0] * 6).decided


def test_only_cases_that_both_have_are_compared_and_the_others_counted():
    comparison = compare(("A", {"x": 1.0, "y": 0.0}), [("B", {"y": 1.0, "z": 0.0})])[0]
    assert (comparison.difference.n, comparison.difference.mean, comparison.left_out) == (1, 1.0, 2)


def test_measures_without_points_are_said_as_they_are():
    base = np.linspace(100, 200, 20)
    assert one(base, base + 37.123).in_words(points=False) == "B beats A by 37.1 (37.1 to 37.1)"


@given(st.lists(SCORES, min_size=2, max_size=60))
def test_the_interval_is_students(values):
    interval = mean_interval(values)
    if np.std(values) > 1e-9:
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert (interval.low, interval.high) == pytest.approx(expected)


@given(st.lists(st.integers(-64, 64).filter(bool), min_size=2, max_size=10))
def test_the_permutation_test_is_scipys(whole):
    values = [number / 64 for number in whole]  # exact sums: of rounded ones SciPy tells ties apart
    expected = stats.permutation_test((np.array(values),), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(values) == pytest.approx(float(expected.pvalue))


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holms_correction_keeps_the_order_and_never_lowers_a_p_value(p_values):
    corrected = holm(p_values)
    assert all(c >= p for c, p in zip(corrected, p_values, strict=True))
    assert [c for _, c in sorted(zip(p_values, corrected, strict=True))] == sorted(corrected)


def test_no_value_has_no_mean_and_one_value_no_bounds():
    empty, single = mean_interval([]), mean_interval([0.3])
    assert np.isnan(empty.mean)
    assert (single.mean, single.low, single.high) == (0.3, None, None)


def test_a_difference_that_only_the_correction_leaves_open_asks_for_cases_and_is_not_called_none():
    base = np.zeros(6)
    others = [(f"V{n}", by_case(base + 0.1)) for n in range(5)]
    compared = compare(("A", by_case(base)), others)
    assert [(c.decided, c.more_cases) for c in compared] == [(False, 3)] * 5
    assert compared[0].in_words() == "Undecided between V0 and A: about 3 cases more would decide"
    assert all(
        c.decided for c in compare(("A", by_case(np.zeros(9))), [(name, by_case([0.1] * 9)) for name, _ in others])
    )


def test_an_amount_is_written_as_its_metric_writes_it_and_no_winner_is_ahead_by_nothing():
    base = np.linspace(100, 200, 20)
    assert one(base, base + 3).in_words(amount=lambda value: f"{value:.0f} ms") == "B beats A by 3 ms (3 ms to 3 ms)"
    assert one(base / 1000, base / 1000 + 0.004).in_words() == "B beats A by 0.4 points (0.4 to 0.4)"
