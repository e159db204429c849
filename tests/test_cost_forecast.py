"""The month's end: expected, in which band, and how wrong it was before."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cost.forecast import forecast

TODAY = date(2026, 11, 15)
COSTS = st.lists(st.floats(0, 1000), min_size=1, max_size=90)


def past(costs) -> dict[date, float]:
    """The costs of the days before today, oldest first."""
    return {TODAY - timedelta(days=len(costs) - n): float(cost) for n, cost in enumerate(costs)}


def test_steady_costs_go_on_and_the_band_is_narrow():
    made = forecast(past([10.0] * 60), TODAY)
    assert made is not None
    assert (made.spent_usd, made.expected_usd) == (pytest.approx(140), pytest.approx(290))
    assert (made.low_usd, made.high_usd) == (pytest.approx(290), pytest.approx(290))
    assert (made.method, made.backtest_error) == ("weekdays", pytest.approx(0, abs=1e-9))
    assert made.in_words() == (
        "About $290.00 by November 30, most likely $290.00 to $290.00. "
        f"{made.backtests} such forecasts were off by 0% on average."
    )


def test_weekends_without_traffic_are_expected_without_traffic():
    days = {day: 0.0 if day.weekday() >= 5 else 10.0 for day in (TODAY - timedelta(days=n) for n in range(1, 57))}
    made = forecast(days, TODAY)
    assert made is not None
    workdays_left = sum((TODAY + timedelta(days=n)).weekday() < 5 for n in range(1, 16))
    assert made.expected_usd - made.spent_usd == pytest.approx(10 * workdays_left, rel=0.08)


def test_today_is_spent_but_neither_history_nor_to_come():
    made = forecast(past([10.0] * 30) | {TODAY: 500.0}, TODAY)
    assert made is not None
    assert made.spent_usd == pytest.approx(640)
    assert made.expected_usd == pytest.approx(640 + 150)


def test_the_rest_of_today_is_to_come():
    end = date(2026, 11, 30)
    history = {end - timedelta(days=n): 8.0 for n in range(1, 40)}
    made = forecast(history | {end: 2.0}, end, left=0.75)
    assert made is not None
    assert made.spent_usd == pytest.approx(29 * 8 + 2)
    assert made.expected_usd == pytest.approx(29 * 8 + 2 + 6)


def test_the_course_leads_from_the_first_of_the_month_through_today_to_its_end():
    made = forecast(past([10.0] * 30) | {TODAY: 4.0}, TODAY, left=0.5)
    assert made is not None
    first, today, last = made.course[0], made.course[14], made.course[-1]
    assert (first.day, first.spent_usd, first.expected_usd) == (date(2026, 11, 1), pytest.approx(10), None)
    assert (today.day, today.spent_usd, today.expected_usd) == (TODAY, pytest.approx(144), pytest.approx(149))
    assert (last.spent_usd, last.expected_usd, last.low_usd) == (None, made.expected_usd, made.low_usd)
    assert len(made.course) == 30


def test_a_run_rate_has_a_course_without_a_band():
    made = forecast(past([6.0, 2.0]), TODAY)
    assert made is not None
    assert [step.low_usd for step in made.course] == [None] * 30
    assert [round(step.expected_usd or 0, 6) for step in made.course[14:17]] == [8.0, 12.0, 16.0]


def test_below_two_weeks_it_is_the_run_rate_and_says_so():
    made = forecast(past([6.0, 2.0]), TODAY)
    assert made is not None
    assert (made.method, made.expected_usd, made.low_usd) == ("run rate", pytest.approx(8 + 4 * 15), None)
    assert "at the present run rate (2 days of history; a forecast needs 14)" in made.in_words()


def test_a_month_below_a_cent_is_no_zero():
    made = forecast(past([0.0002] * 14), TODAY)
    assert made is not None
    assert made.in_words().startswith("About $0.0058 by November 30, most likely $0.0058 to $0.0058.")


def test_the_first_day_of_all_is_its_own_rate_and_no_day_is_no_forecast():
    made = forecast({TODAY: 3.0}, TODAY)
    assert made is not None
    assert made.expected_usd == pytest.approx(3 + 3 * 15)
    assert forecast({}, TODAY) is None


def test_the_last_day_of_a_month_has_nothing_to_come():
    end = date(2026, 11, 30)
    made = forecast({end - timedelta(days=n): 5.0 for n in range(40)}, end)
    assert made is not None
    assert made.expected_usd == made.low_usd == made.high_usd == pytest.approx(150)


def steady(rng: np.random.Generator, days: int) -> np.ndarray:
    return rng.lognormal(2, 0.5, days)


def growing(rng: np.random.Generator, days: int) -> np.ndarray:
    """By one percent a day, with weekends."""
    week = np.array([1.2, 1.2, 1.2, 1.2, 1.0, 0.4, 0.3])
    return week[np.arange(days) % 7] * np.exp(0.01 * np.arange(days)) * rng.lognormal(0, 0.25, days)


def lasting(rng: np.random.Generator, days: int) -> np.ndarray:
    """A busy day is followed by busy days."""
    swing = np.zeros(days)
    for n in range(1, days):
        swing[n] = 0.5 * swing[n - 1] + rng.normal(0, 0.3)
    return np.exp(swing)


@pytest.mark.parametrize("kind", [steady, growing, lasting])
def test_the_band_holds_about_nine_in_ten_months(kind):
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(80):
        costs = kind(rng, 105)
        made = forecast(past(costs[:90]), TODAY)
        assert made is not None
        assert made.low_usd is not None
        assert made.high_usd is not None
        inside += made.low_usd <= made.spent_usd + costs[90:].sum() <= made.high_usd
    assert 0.75 <= inside / 80 <= 0.99


def test_growth_is_followed_and_what_only_looks_like_it_is_not():
    rng = np.random.default_rng(2)
    missed = {kind: [] for kind in (steady, growing)}
    for kind, ratios in missed.items():
        for _ in range(60):
            costs = kind(rng, 105)
            made = forecast(past(costs[:90]), TODAY)
            assert made is not None
            ratios.append((made.expected_usd - made.spent_usd) / costs[90:].sum() - 1)
    flat = np.exp(-0.01 * (14 + 7.5)) - 1
    assert abs(np.mean(missed[growing])) < abs(flat) / 2
    assert abs(np.mean(missed[steady])) < 0.05


def test_the_back_test_shows_a_jump_that_no_forecast_saw():
    made = forecast(past([1.0] * 40 + [50.0] * 15), TODAY)
    assert made is not None
    assert made.backtest_error is not None
    assert made.backtest_error > 0.5


@settings(max_examples=60, deadline=None)
@given(COSTS)
def test_no_history_gives_a_forecast_below_what_is_spent_or_a_band_upside_down(costs):
    made = forecast(past(costs), TODAY)
    assert made is not None
    assert made.expected_usd >= made.spent_usd - 1e-6
    if made.low_usd is not None and made.high_usd is not None:
        assert made.spent_usd - 1e-6 <= made.low_usd <= made.expected_usd + 1e-6
        assert made.expected_usd <= made.high_usd + 1e-6
    sums = [step.expected_usd for step in made.course if step.expected_usd is not None]
    assert sums == sorted(sums)
