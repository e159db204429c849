"""What an answer cost: a dated table of list prices, and own prices before it. Pure.

A price that nobody knows is None, never 0: that of a model not in the table, and that of any model on a server other
than OpenAI's, where the same name may cost something else or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from core.models import Usage

PRICES_AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
"""The month of the newest publication that the table was compared with. Prices change: own prices go before it."""
OPENAI = "api.openai.com"
"""The server that the table is of."""

PriceOf = Callable[[str, Usage, datetime, str | None], float | None]
"""US dollars of so many tokens of a model at a time on a server; None where price or count is unknown."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_MILLION = 1_000_000
_LARGEST_COUNT = 2**53
_LONG_READ, _LONG_WRITTEN = 2.0, 1.5
_PORTS = {"http": 80, "https": 443}


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
    """Only on this server, an address or a host; None: on OpenAI."""
    reasoning_usd: float | None = None
    """For completion tokens that nobody sees; None: they cost as the others."""
    long_from: int | None = None
    """A call with more prompt tokens costs twice as much for its prompt and half as much again for its answer."""

    @property
    def server(self) -> str:
        return server_of(self.base_url)


def _openai(
    model: str,
    since: str,
    input_usd: float,
    cached_usd: float | None,
    output_usd: float,
    *,
    long_from: int | None = None,
) -> Price:
    start = datetime.fromisoformat(since).replace(tzinfo=UTC)
    return Price(model, start, input_usd, output_usd, cached_usd, long_from=long_from)


_LONG = 272_000

PRICES: Sequence[Price] = (
    _openai("gpt-4o", "2024-10-02", 2.50, 1.25, 10.00),
    _openai("gpt-4o-2024-05-13", "2024-05-13", 5.00, None, 15.00),
    _openai("gpt-4o-mini", "2024-07-18", 0.15, 0.075, 0.60),
    _openai("gpt-4.1", "2025-04-14", 2.00, 0.50, 8.00),
    _openai("gpt-4.1-mini", "2025-04-14", 0.40, 0.10, 1.60),
    _openai("gpt-4.1-nano", "2025-04-14", 0.10, 0.025, 0.40),
    _openai("gpt-5", "2025-08-07", 1.25, 0.125, 10.00),
    _openai("gpt-5-mini", "2025-08-07", 0.25, 0.025, 2.00),
    _openai("gpt-5-nano", "2025-08-07", 0.05, 0.005, 0.40),
    _openai("gpt-5.1", "2025-11-13", 1.25, 0.125, 10.00),
    _openai("gpt-5.2", "2025-12-11", 1.75, 0.175, 14.00),
    _openai("gpt-5.4", "2026-03-05", 2.50, 0.25, 15.00, long_from=_LONG),
    _openai("gpt-5.4-mini", "2026-03-17", 0.75, 0.075, 4.50),
    _openai("gpt-5.4-nano", "2026-03-17", 0.20, 0.02, 1.25),
    _openai("gpt-5.5", "2026-04-23", 5.00, 0.50, 30.00, long_from=_LONG),
    _openai("text-embedding-3-small", "2024-01-25", 0.02, None, 0.0),
    _openai("text-embedding-3-large", "2024-01-25", 0.13, None, 0.0),
)
"""OpenAI's list prices for standard processing (https://platform.openai.com/docs/pricing), as other publications
repeat them. Batches, other tiers and data residency cost otherwise.
"""


def cost_usd(
    model: str, usage: Usage, when: datetime, base_url: str | None = None, *, own_prices: Sequence[Price] = ()
) -> float | None:
    """What the tokens cost, or None where price or count is unknown.

    ``model`` may be a dated snapshot: without a price of its own it costs what its family costs. ``base_url`` None is
    OpenAI. ``own_prices`` go before the table.
    """
    price = find_price(model, when, base_url, own_prices=own_prices)
    return None if price is None else price_call(price, usage)


def price_call(price: Price, usage: Usage) -> float | None:
    """US dollars of one call; None as price_usage."""
    if price.long_from is None or (usage.prompt_tokens or 0) <= price.long_from:
        return price_usage(price, usage)
    cached_usd = None if price.cached_usd is None else _LONG_READ * price.cached_usd
    read, written = _LONG_READ * price.input_usd, _LONG_WRITTEN * price.output_usd
    return price_usage(replace(price, input_usd=read, output_usd=written, cached_usd=cached_usd), usage)


def price_usage(price: Price, usage: Usage) -> float | None:
    """US dollars of the tokens of any number of calls, none of them a long one.

    None where one of the counts that matter is missing or cannot be true.
    """
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens)
    if usage.prompt_tokens is None or not all(count is None or 0 <= count <= _LARGEST_COUNT for count in counts):
        return None
    answer = _answer_usd(price, usage.completion_tokens, usage.reasoning_tokens)
    if answer is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
    cached_usd = price.input_usd if price.cached_usd is None else price.cached_usd
    return ((usage.prompt_tokens - cached) * price.input_usd + cached * cached_usd + answer) / _MILLION


def _answer_usd(price: Price, tokens: int | None, reasoning: int | None) -> float | None:
    """A million times what an answer costs.

    Reasoning tokens that cost otherwise must be counted, and not be more than there are.
    """
    reasoning_usd = price.output_usd if price.reasoning_usd is None else price.reasoning_usd
    if tokens is None:
        return 0.0 if price.output_usd == 0 == reasoning_usd else None
    if reasoning_usd == price.output_usd:
        return tokens * price.output_usd
    if reasoning is None or reasoning > tokens:
        return None
    return (tokens - reasoning) * price.output_usd + reasoning * reasoning_usd


def find_price(
    model: str, when: datetime, base_url: str | None = None, *, own_prices: Sequence[Price] = ()
) -> Price | None:
    """The latest price in force at ``when`` for the model on that server: its own name's before its family's."""
    server = server_of(base_url)
    for name in names_of(model):
        for table in (own_prices, PRICES):
            fitting = [p for p in table if p.model == name and p.since <= when and p.server == server]
            if fitting:
                return max(fitting, key=lambda price: price.since)
    return None


def names_of(model: str) -> tuple[str, ...]:
    """Under which a price of the model may stand, the nearest first.

    >>> names_of("gpt-4o-2024-11-20")
    ('gpt-4o-2024-11-20', 'gpt-4o')
    """
    return tuple(dict.fromkeys((model, _SNAPSHOT.sub("", model))))


@lru_cache(maxsize=256)
def server_of(base_url: str | None) -> str:
    """Host of an address, and its port where that is not the usual one; never a password. None is OpenAI.

    >>> server_of("https://key@Models.example:443/v1"), server_of("localhost:8000")
    ('models.example', 'localhost:8000')
    """
    if not base_url:
        return OPENAI
    try:
        parts = urlsplit(base_url if "//" in base_url else f"//{base_url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if port is None or port == _PORTS.get(parts.scheme) else f"{host}:{port}"
