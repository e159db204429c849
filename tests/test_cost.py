"""Costs: dated prices, cached tokens, snapshots, and unknown rather than 0."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.cost import PRICES, PRICES_AS_OF, Price, cost_usd, find_price
from core.models import Usage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LOCAL = "http://localhost:11434/v1"
USAGE = Usage(prompt_tokens=1_000_000, completion_tokens=100_000)


def test_input_and_output_cost_by_the_million() -> None:
    assert cost_usd("gpt-4o-mini", USAGE, NOW) == pytest.approx(0.15 + 0.06)


def test_cached_tokens_are_part_of_the_prompt_and_cost_less() -> None:
    usage = Usage(prompt_tokens=1_000_000, completion_tokens=0, cached_tokens=400_000, reasoning_tokens=5)
    assert cost_usd("gpt-4.1", usage, NOW) == pytest.approx(0.6 * 2.00 + 0.4 * 0.50)


def test_more_cached_tokens_than_prompt_tokens_never_cost_less_than_nothing() -> None:
    usage = Usage(prompt_tokens=100, completion_tokens=0, cached_tokens=10**9)
    assert cost_usd("gpt-4o", usage, NOW) == pytest.approx(100 * 1.25 / 1e6)


def test_a_snapshot_costs_what_its_family_costs_unless_it_has_its_own_price() -> None:
    assert cost_usd("gpt-4o-2024-11-20", USAGE, NOW) == pytest.approx(2.5 + 1.0)
    assert cost_usd("gpt-4o-2024-05-13", USAGE, NOW) == pytest.approx(5.0 + 1.5)


def test_an_embedding_costs_its_prompt_tokens_only() -> None:
    assert cost_usd("text-embedding-3-small", Usage(prompt_tokens=500_000), NOW) == pytest.approx(0.01)


@pytest.mark.parametrize("usage", [Usage(), Usage(prompt_tokens=5), Usage(completion_tokens=5)])
def test_tokens_that_nobody_counted_have_no_cost(usage: Usage) -> None:
    assert cost_usd("gpt-4o", usage, NOW) is None


@pytest.mark.parametrize(
    ("model", "base_url"),
    [("llama3", None), ("gpt-4o", LOCAL), ("gpt-4o", "https://proxy.example/v1"), ("gpt-4o-audio", None), ("", None)],
)
def test_a_price_that_nobody_knows_is_none(model: str, base_url: str | None) -> None:
    assert cost_usd(model, USAGE, NOW, base_url) is None


def test_openai_by_its_address_is_openai() -> None:
    assert cost_usd("gpt-4o", USAGE, NOW, "https://api.openai.com/v1") == cost_usd("gpt-4o", USAGE, NOW)


def test_the_price_of_the_day_counts() -> None:
    day = datetime(2026, 6, 1, tzinfo=UTC)
    own = [Price("m", NOW, 1.0, 1.0), Price("m", day, 5.0, 5.0)]
    assert find_price("m", datetime(2026, 7, 1, tzinfo=UTC), own_prices=own) == own[1]
    assert find_price("m", NOW, own_prices=own) == own[0]
    assert find_price("m", datetime(2026, 1, 1, tzinfo=UTC), own_prices=own) is None


def test_own_prices_go_before_the_table_and_can_name_a_server() -> None:
    own = [Price("gpt-4o", datetime(2026, 1, 1, tzinfo=UTC), 9.0, 0.0), Price("llama3", NOW, 0.0, 0.0, base_url=LOCAL)]
    assert cost_usd("gpt-4o", USAGE, NOW, own_prices=own) == pytest.approx(9.0)
    assert cost_usd("llama3", USAGE, NOW, LOCAL, own_prices=own) == 0.0
    assert cost_usd("llama3", USAGE, NOW, own_prices=own) is None


def test_every_price_of_the_table_was_in_force_when_it_was_checked() -> None:
    for price in PRICES:
        assert find_price(price.model, PRICES_AS_OF) == price
        assert price.cached_usd is None or 0 < price.cached_usd < price.input_usd
