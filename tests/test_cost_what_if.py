"""The same traffic on other prices and on machines of one's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.cost.own_traffic import own_month
from core.cost.prices import Price
from core.cost.service import Costs
from core.cost.what_if import (
    BOOK_MACHINES,
    BOOK_PRICE,
    BOOK_WORKLOAD,
    Machines,
    Workload,
    arithmetic,
    compare,
    hosted,
    utilisation_curve,
)
from core.errors import InputError
from core.models import Answer, AnswerStatus, Trace, Usage
from tests.fakes.spending import PlainComparison, PlainSpending


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


def test_every_step_of_the_books_arithmetic_is_in_view():
    assert arithmetic(BOOK_WORKLOAD, BOOK_PRICE, BOOK_MACHINES) == [
        "1,000 users × 30 searches a day × 30 days = 900,000 searches a month",
        "(50 tokens in × $10.00 + 250 out × $30.00) ÷ 1,000,000 = $0.0080 a search",
        "900,000 × $0.0080 = $7,200.00 a month, hosted",
        "2 instances × $20.00 an hour × 720 hours = $28,800.00 a month, own machines",
        "270,000,000 tokens a month of 5,184,000,000 that the machines can serve = 5.2% utilisation",
    ]


def test_a_search_below_a_hundredth_of_a_cent_is_written_out():
    steps = arithmetic(Workload(1, 1, 10, 3), Price("m", BOOK_PRICE.since, 0.15, 0.6), BOOK_MACHINES)
    assert steps[1].endswith("= $0.0000033 a search")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda: Workload(-1, 30, 50, 250), "The number of users is -1. It is a number, 0 or more."),
        (lambda: Workload(1, float("nan"), 50, 250), "The number of searches a day is nan."),
        (lambda: Workload(1, 1, float("inf"), 250), "The number of tokens read is inf."),
        (lambda: Machines(0, 20.0, 1000.0), "The number of instances is 0. It is a number, above 0."),
        (lambda: Machines(1, -1.0, 1000.0), "The price of an hour is -1."),
        (lambda: Machines(1, 1.0, 0.0), "The number of tokens a second is 0."),
    ],
)
def test_what_is_no_amount_is_named(wrong: Callable[[], object], named: str):
    with pytest.raises(InputError) as raised:
        wrong()
    assert str(raised.value).startswith(named)


NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)


def month_of(*asked: tuple[int, str, Usage]) -> Workload | None:
    """Each asked so many days ago by a person."""
    traces = [
        Trace("t", "ask", NOW - timedelta(days=days, hours=1), "Why?", (),
              Answer("t", AnswerStatus.ANSWERED, "", "en", model="m", usage=usage), user=user)
        for days, user, usage in asked
    ]  # fmt: skip
    return own_month(Costs(PlainSpending(lambda: traces), PlainComparison()), ZoneInfo("UTC"), NOW)


def test_the_own_month_has_the_tokens_that_were_counted():
    month = month_of((9, "ada", Usage(300, 30)), (4, "bob", Usage(100, 10)), (0, "ada", Usage(800, 80)))
    assert month is not None
    assert (month.users, month.input_tokens, month.output_tokens) == (2, 400, 40)
    assert month.searches == pytest.approx(3 / 10 * 30), "three in ten days"


def test_an_own_month_without_counted_tokens_is_none():
    assert month_of() is None
    assert month_of((1, "ada", Usage())) is None
    assert month_of((40, "ada", Usage(100, 10))) is None, "longer ago than a month"
