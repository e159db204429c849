"""What calls would have cost on another model."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from core.cost.outlook_documents import what_if_document, what_if_lines
from core.cost.price_list import PriceList
from core.cost.prices import Price
from core.cost.report import By, Cell, Report
from core.cost.repricing import Repricing, labels_of, price_named, reprice, writers
from core.errors import InputError
from core.ledger import KeptPrice, Source, Tally

DAY = datetime(2026, 11, 15, tzinfo=UTC)
CHEAP = Price("cheap", DAY, input_usd=1.0, output_usd=2.0, cached_usd=0.5)


def priced(usd: float, calls: int = 1, prompt: int = 1_000_000) -> Tally:
    return Tally(calls=calls, prompt_tokens=prompt, completion_tokens=500_000, cached_tokens=prompt // 2,
                 nano_usd=round(usd * 1e9), priced_calls=calls)  # fmt: skip


def unpriced(calls: int = 1) -> Tally:
    return Tally(calls=calls, prompt_tokens=2_000_000, completion_tokens=0, unpriced_calls=calls,
                 unpriced_tokens=2_000_000)  # fmt: skip


def at(price: Price, **tallies: Tally) -> Repricing:
    cells = tuple(Cell(DAY.date(), model or None, tally) for model, tally in tallies.items())
    return reprice(Report(Source.LEDGER, By.MODEL, "UTC", None, None, cells, ()), price)


def test_each_kind_of_token_costs_what_it_costs_there() -> None:
    (row,) = at(CHEAP, gpt=priced(10.0)).rows
    assert row.there_usd == pytest.approx(0.5 * 1.0 + 0.5 * 0.5 + 0.5 * 2.0)
    assert row.difference_usd == pytest.approx(1.75 - 10.0)


def test_a_model_at_its_own_price_costs_what_it_cost() -> None:
    assert at(CHEAP, cheap=priced(1.75)).in_words() == (
        "On cheap 1 question would cost $1.75 instead of $1.75, about the same."
    )


def test_what_costs_an_unknown_amount_now_is_named_and_not_compared() -> None:
    made = at(CHEAP, gpt=priced(10.0, calls=3), llama=unpriced(calls=2))
    assert [row.model for row in made.unknown] == ["llama"]
    assert (made.rows[0].model, made.rows[0].there_usd, made.rows[0].difference_usd) == ("llama", 2.0, None)
    assert made.in_words() == (
        "On cheap the 3 questions whose cost is known would cost $1.75 instead of $10.00, 82% less."
    )


def test_where_nothing_has_a_known_price_only_the_other_sum_is_said() -> None:
    assert at(CHEAP, llama=unpriced()).in_words() == "On cheap it would cost $2.00; what it costs now is unknown."


def test_calls_whose_tokens_nobody_counted_are_counted_themselves() -> None:
    half = Tally(calls=2, prompt_tokens=1000, uncounted_calls=1, nano_usd=10**9, priced_calls=2)
    made = at(CHEAP, gpt=half, mini=priced(3.5))
    assert made.rows[1].difference_usd is None
    assert made.in_words().endswith(" 1 call without counted tokens left out.")
    assert at(CHEAP, gpt=Tally(calls=1, uncounted_calls=1, unpriced_calls=1)).in_words() == (
        "Nobody counted the tokens of this time, so what they cost on cheap is unknown."
    )


def test_quotes_called_no_model_and_stay_out() -> None:
    made = at(CHEAP, none=Tally(calls=7))
    assert made.rows == ()
    assert made.in_words() == "No model was called in this time."


def test_free_models_are_compared_without_a_part_of_nothing() -> None:
    free = Price("free", DAY, 0.0, 0.0)
    assert at(CHEAP, gpt=priced(0.0)).in_words() == "On cheap 1 question would cost $1.75 instead of $0.00."
    assert at(free, gpt=priced(10.0)).in_words() == "On free 1 question would cost $0.00 instead of $10.00, 100% less."


def test_the_document_has_each_model_and_null_for_what_is_unknown() -> None:
    made = at(CHEAP, gpt=priced(10.0), llama=unpriced())
    document = what_if_document(made)
    assert json.loads(json.dumps(document)) == document
    rows = {row["model"]: row for row in document["rows"]}
    assert (rows["llama"]["cost_usd"], rows["llama"]["what_if_usd"], rows["llama"]["difference_usd"]) == (
        None, 2.0, None,
    )  # fmt: skip
    assert (document["model"], document["difference_usd"]) == ("cheap", None)
    assert (document["comparable"]["calls"], document["comparable"]["difference_usd"]) == (1, 1.75 - 10.0)
    assert "llama, 1 call: $2.00 instead of unknown" in what_if_lines(made)


# ------------------------------------------------------------------------------------------------------------ prices

OLD = Price("cheap", datetime(2024, 1, 1, tzinfo=UTC), 5.0, 5.0)
NEXT = Price("cheap", datetime(2027, 1, 1, tzinfo=UTC), 0.1, 0.1)
EMBEDDER = Price("embedder", datetime(2024, 1, 1, tzinfo=UTC), 0.1, 0.0)
LOCAL = Price("cheap", datetime(2024, 1, 1, tzinfo=UTC), 0.0, 0.0, base_url="localhost:8000")


def test_only_prices_in_force_of_models_that_write_are_offered() -> None:
    shipped = PriceList(shipped=[NEXT, OLD, EMBEDDER, CHEAP, LOCAL])
    offered = writers(shipped.rows(), DAY)
    assert offered == [CHEAP, LOCAL]
    assert labels_of(offered) == ["cheap", "cheap on localhost:8000"]
    assert writers(shipped.rows(), datetime(2023, 1, 1, tzinfo=UTC)) == []


def test_an_own_price_goes_before_the_one_that_ships() -> None:
    own = KeptPrice(
        "cheap", "api.openai.com", DAY, 7.0, 7.0, None, None, "p1", "", "", DAY, None, None, False, False, None
    )
    (offered,) = writers(PriceList([own], shipped=[CHEAP]).rows(), DAY)
    assert offered.input_usd == 7.0


def test_a_price_is_found_by_its_label() -> None:
    assert price_named("cheap", [CHEAP, LOCAL]) == CHEAP
    assert price_named("cheap on localhost:8000", [CHEAP, LOCAL]) == LOCAL
    assert price_named("cheap", [EMBEDDER, LOCAL]) == LOCAL


@pytest.mark.parametrize(
    ("name", "prices", "said"),
    [
        ("chaep", [CHEAP, LOCAL], "There is no price of 'chaep'. There is one of cheap"),
        ("x", [], "There is no price of 'x'. Add it to the price list."),
        ("\x1b[2J", [CHEAP], "There is no price of '[2J'. There is one of cheap."),
    ],
)
def test_a_model_without_a_price_is_named_with_those_that_have_one(name: str, prices: list[Price], said: str) -> None:
    with pytest.raises(InputError) as raised:
        price_named(name, prices)
    assert str(raised.value).startswith(said)


def test_a_model_with_a_price_on_several_servers_has_to_be_named_with_its_server() -> None:
    other = Price("cheap", DAY, 0.0, 0.0, base_url="other:8000")
    with pytest.raises(InputError, match=r"several servers. Name one of: cheap on localhost:8000 and cheap on other"):
        price_named("cheap", [LOCAL, other])
