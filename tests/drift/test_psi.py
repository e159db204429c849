"""The population stability index."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drift.psi import psi, psi_of_categories, psi_of_shares, quantile_edges, width_edges

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200)


def test_it_is_the_books_sum_over_bins():
    reference, current = [0.5, 0.3, 0.2], [0.4, 0.3, 0.3]
    by_hand = (0.4 - 0.5) * math.log(0.4 / 0.5) + (0.3 - 0.2) * math.log(0.3 / 0.2)
    assert psi_of_shares(reference, current) == pytest.approx(by_hand)


def test_ten_quantiles_of_the_reference_hold_a_tenth_each_and_a_shift_is_counted_in_them():
    reference = np.arange(1000.0)
    edges = quantile_edges(reference)
    assert np.allclose(np.histogram(reference, edges)[0], 100)
    moved = np.full(10, 0.1)
    moved[0], moved[9] = 0.0001, 0.2
    assert psi(reference, reference + 100) == pytest.approx(psi_of_shares(np.full(10, 0.1), moved))


@given(SAMPLES)
def test_a_sample_against_itself_is_zero(sample):
    assert psi(sample, sample) == pytest.approx(0)


@given(SAMPLES, SAMPLES)
def test_it_is_finite_and_never_negative_whatever_the_numbers(reference, current):
    value = psi(reference, current)
    assert math.isfinite(value)
    assert value >= 0 or value == pytest.approx(0)


def test_values_outside_the_edges_count_in_the_outer_bins():
    assert psi([0.0, 1.0], [-5.0, 7.0], edges=[0.0, 0.5, 1.0]) == pytest.approx(0)


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], [])])
def test_an_empty_sample_is_refused(sides):
    with pytest.raises(ValueError, match="at least one value"):
        psi(*sides)
    with pytest.raises(ValueError, match="at least one value"):
        psi_of_categories(*sides)


def test_categories_have_a_bin_for_each_value_of_either_side():
    value = psi_of_categories(["a"] * 5 + ["b"] * 5, ["a"] * 5 + ["c"] * 5)
    assert value == pytest.approx(psi_of_shares([0.5, 0.5, 0], [0.5, 0, 0.5]))


def test_bins_of_equal_width_cover_all_values():
    assert np.allclose(width_edges([0.0, 10.0], 5), [0, 2, 4, 6, 8, 10])
