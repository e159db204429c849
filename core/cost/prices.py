"""What an answer cost: a dated table of list prices, and own prices before it. Pure.

A price that nobody knows is None, never 0: that of a model not in the table, and that of any model on a server other
than OpenAI's, where the same name may cost something else or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from core.models import Usage

PRICES_AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
"""When the table was last compared with what is publicly known. Prices change: own prices go before it."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, from a day on."""

    model: str
    since: datetime
    input_usd: float
    output_usd: float
    cached_usd: float | None = None
    """For prompt tokens that the server had in its cache; None: they cost as the others."""
    base_url: str | None = None
    """Only on this server; None: on OpenAI."""


def _openai(model: str, since: str, input_usd: float, cached_usd: float | None, output_usd: float) -> Price:
    return Price(model, datetime.fromisoformat(since).replace(tzinfo=UTC), input_usd, output_usd, cached_usd)


PRICES: Sequence[Price] = (
    _openai("gpt-4o", "2024-10-02", 2.50, 1.25, 10.00),
    _openai("gpt-4o-2024-05-13", "2024-05-13", 5.00, None, 15.00),
    _openai("gpt-4o-mini", "2024-07-18", 0.15, 0.075, 0.60),
    _openai("gpt-4.1", "2025-04-14", 2.00, 0.50, 8.00),
    _openai("gpt-4.1-mini", "2025-04-14", 0.40, 0.10, 1.60),
    _openai("gpt-4.1-nano", "2025-04-14", 0.10, 0.025, 0.40),
    _openai("gpt-5.4-mini", "2026-03-17", 0.75, 0.075, 4.50),
    _openai("text-embedding-3-small", "2024-01-25", 0.02, None, 0.0),
    _openai("text-embedding-3-large", "2024-01-25", 0.13, None, 0.0),
)
"""OpenAI's list prices for standard processing (https://platform.openai.com/docs/pricing)."""


def cost_usd(
    model: str, usage: Usage, when: datetime, base_url: str | None = None, *, own_prices: Sequence[Price] = ()
) -> float | None:
    """What the tokens cost, or None where price or count is unknown.

    ``model`` may be a dated snapshot: without a price of its own it costs what its family costs. ``base_url`` None is
    OpenAI. ``own_prices`` go before the table.
    """
    price = find_price(model, when, base_url, own_prices=own_prices)
    if price is None or usage.prompt_tokens is None:
        return None
    if usage.completion_tokens is None and price.output_usd > 0:
        return None
    cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
    cached_usd = price.input_usd if price.cached_usd is None else price.cached_usd
    fresh = usage.prompt_tokens - cached
    total = fresh * price.input_usd + cached * cached_usd + (usage.completion_tokens or 0) * price.output_usd
    return total / _MILLION


def find_price(
    model: str, when: datetime, base_url: str | None = None, *, own_prices: Sequence[Price] = ()
) -> Price | None:
    """The latest price in force at ``when`` for the model on that server."""
    for table in (own_prices, PRICES):
        for name in dict.fromkeys((model, _SNAPSHOT.sub("", model))):
            fitting = [p for p in table if p.model == name and p.since <= when and _same_server(p.base_url, base_url)]
            if fitting:
                return max(fitting, key=lambda price: price.since)
    return None


def _same_server(one: str | None, other: str | None) -> bool:
    return _server(one) == _server(other)


def _server(base_url: str | None) -> str:
    return urlsplit(base_url).netloc.lower() if base_url else "api.openai.com"
