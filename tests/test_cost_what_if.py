"""The same traffic on other prices and on machines of one's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.cost.prices import Price
from core.cost.what_if import BOOK_MACHINES, BOOK_WORKLOAD, Machines, Workload, compare, hosted, utilisation_curve

BOOK_PRICE = Price("book", datetime(2024, 1, 1, tzinfo=UTC), input_usd=10.0, output_usd=30.0)


def test_the_books_example_with_its_arithmetic_corrected():
    month = hosted(BOOK_WORKLOAD, BOOK_PRICE)
    assert month.search_usd == pytest.approx(0.0080)
    assert month.month_usd == pytest.approx(7_200)
    assert BOOK_MACHINES.month_usd == pytest.approx(28_800)


def test_the_machines_are_level_where_their_rent_buys_as_many_searches():
    compared = compare(BOOK_WORKLOAD, BOOK_PRICE, BOOK_MACHINES)
    assert compared.break_even_searches == pytest.approx(28_800 / 0.0080)
    at_break_even = Workload(1, compared.break_even_searches / 30, 50, 250)
    assert hosted(at_break_even, BOOK_PRICE).month_usd == pytest.approx(BOOK_MACHINES.month_usd)
    assert compared.break_even_utilisation == pytest.approx(at_break_even.tokens / BOOK_MACHINES.most_tokens)
    assert compared.in_words() == (
        "Hosted is cheaper: $7,200 against $28,800 a month; "
        "they are level at 3,600,000 searches a month, at 21% utilisation."
    )


def test_machines_that_cannot_serve_the_workload_say_so():
    slow = Machines(1, 1.0, tokens_per_s=10.0)
    compared = compare(BOOK_WORKLOAD, BOOK_PRICE, slow)
    assert compared.utilisation > 1
    assert compared.in_words().startswith("These machines cannot serve that: they would be 1042% busy")


def test_machines_that_never_pay_off_have_no_break_even():
    dear = Machines(2, 20.0, tokens_per_s=100.0)
    compared = compare(Workload(10, 1, 50, 250), BOOK_PRICE, dear)
    assert compared.break_even_searches is None
    assert compared.in_words().endswith("the machines never pay off at this price.")


def test_a_free_model_never_makes_machines_cheaper():
    free = Price("free", datetime(2024, 1, 1, tzinfo=UTC), input_usd=0.0, output_usd=0.0)
    assert compare(BOOK_WORKLOAD, free, BOOK_MACHINES).break_even_searches is None


def test_half_the_utilisation_doubles_the_price_of_a_token():
    curve = dict(utilisation_curve(BOOK_MACHINES, [0.0, 0.25, 0.5, 1.0]))
    assert list(curve) == [0.25, 0.5, 1.0]
    assert curve[0.5] == pytest.approx(2 * curve[1.0])
    assert curve[1.0] == pytest.approx(28_800 / (2 * 1000 * 3600 * 720) * 1e6)
