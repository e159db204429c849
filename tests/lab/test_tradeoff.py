"""Quality against tokens and money, and the variants that no other beats in both."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.lab.metrics import COMPLETION, COST, PASSED
from core.lab.results import Results
from core.lab.tradeoff import on_front, tradeoff
from core.models import Usage
from tests.lab.result_runs import failed, run_of

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12)


@given(PAIRS)
def test_a_point_is_on_the_front_exactly_where_no_other_is_better_in_one_and_as_good_in_the_other(pairs) -> None:
    points = [(float(quality), float(price)) for quality, price in pairs]
    for (quality, price), best in zip(points, on_front(points), strict=True):
        better = any((q > quality and p <= price) or (q >= quality and p < price) for q, p in points)
        assert best is not better


def test_equal_points_stand_on_the_front_together() -> None:
    assert on_front([(1.0, 5.0), (1.0, 5.0), (0.5, 5.0)]) == [True, True, False]
    assert on_front([(1.0, 5.0), (2.0, 4.0)], lower=True) == [True, True]


def test_points_are_sorted_by_price_and_a_variant_without_quality_is_left_out() -> None:
    runs = [
        run_of("long", "c0", 1.0, usage=Usage(10, 90)),
        run_of("waste", "c0", 0.0, usage=Usage(10, 50)),
        run_of("brief", "c0", 0.0, usage=Usage(10, 5)),
        failed("off", "c0"),
    ]
    made = tradeoff(Results(runs), PASSED, COMPLETION)
    assert [(point.name, point.price, point.on_front) for point in made.points] == [
        ("brief@1", 5.0, True), ("waste@1", 50.0, False), ("long@1", 90.0, True),
    ]  # fmt: skip
    assert made.left_out == ("off@1",)


def test_a_variant_with_one_unknown_cost_is_left_out_and_named_not_counted_as_cheap() -> None:
    runs = [
        run_of("known", "c0", 0.0),
        run_of("partly", "c0", 1.0, repeat=0),
        run_of("partly", "c0", 1.0, repeat=1, cost_usd=None),
    ]
    made = tradeoff(Results(runs), PASSED, COST)
    assert [point.name for point in made.points] == ["known@1"]
    assert made.left_out == ("partly@1",)
