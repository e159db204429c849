"""Whether a price can be one: what is refused, and what is asked about. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from core.cost.price_list import EVER, PriceList
from core.cost.prices import Price, server_of
from core.errors import InputError
from core.phrases import money

MOST_USD = 1_000_000.0
"""For a million tokens. No token costs a dollar."""
_LONGEST_NAME = 200
_TIMES = 1000.0
_ALMOST = 0.9999
"""A price by the thousand tokens is off by just this factor."""
_AMOUNTS: dict[str, tuple[str, Callable[[Price], float | None]]] = {
    "input_usd": ("input", lambda price: price.input_usd),
    "output_usd": ("output", lambda price: price.output_usd),
    "cached_usd": ("cached input", lambda price: price.cached_usd),
    "reasoning_usd": ("reasoning", lambda price: price.reasoning_usd),
}
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def checked(price: Price) -> Price:
    """The price with its model and server as they are compared, its start in UTC.

    Raises InputError; ``subject`` is the name of the field that is wrong.
    """
    model = price.model.strip()
    if not model:
        raise InputError("The model has no name", subject="model", hint="Name it as the server does, such as gpt-4o.")
    if len(model) > _LONGEST_NAME:
        raise InputError(f"The model's name has {len(model):,} characters", subject="model", hint="Check it.")
    if not model.isprintable():
        raise InputError("The model's name has characters that cannot be seen", subject="model", hint="Type it anew.")
    for name, (title, amount) in _AMOUNTS.items():
        _check_amount(name, title, amount(price))
    return replace(price, model=model, base_url=_server(price.base_url), since=_start(price.since))


def _check_amount(name: str, title: str, usd: float | None) -> None:
    if usd is None:
        return
    if not math.isfinite(usd):
        raise InputError(f"The {title} price is no number", subject=name, hint="Give US dollars for a million tokens.")
    if usd < 0:
        raise InputError(f"The {title} price is negative", subject=name, hint="Give 0 or more.")
    if usd > MOST_USD:
        hint = "Give US dollars for a million tokens."
        raise InputError(f"The {title} price is more than a dollar for one token", subject=name, hint=hint)


def _server(base_url: str | None) -> str:
    server = server_of(base_url.strip() if base_url else None)
    if not server or any(map(str.isspace, server)) or len(server) > _LONGEST_NAME:
        hint = "Give its address or host, such as localhost:8000; leave it empty for OpenAI."
        raise InputError("The server is no address", subject="server", hint=hint)
    return server


def _start(since: datetime) -> datetime:
    start = since.replace(tzinfo=UTC) if since.tzinfo is None else since.astimezone(UTC)
    if not EVER <= start < _LATEST:
        raise InputError(f"The price starts in the year {start.year}", subject="since", hint="Choose another start.")
    return start


def warnings(price: Price, known: PriceList) -> list[str]:
    """What looks like a slip: a thousand times its neighbours, or a thousandth of them.

    Neighbours are the prices of the model before and after, else those on other servers, else all that are known.
    """
    near = known.around(price)
    where = "in the price before or after it"
    if not near:
        near, where = known.elsewhere(price), "on other servers"
    if not near:
        near, where = known.all(), "in the whole list"
    found = [_slip(title, amount, price, near, where) for title, amount in _AMOUNTS.values()]
    return [*filter(None, found), *_order(price)]


def _slip(
    title: str, amount: Callable[[Price], float | None], price: Price, near: Sequence[Price], where: str
) -> str | None:
    usd, others = amount(price), _positive(amount(one) for one in near)
    if not usd or not others:
        return None
    if usd >= max(others) * _TIMES * _ALMOST:
        return (
            f"The {title} price, {money(usd)} for a million tokens, is {usd / max(others):,.0f} times the most {where}."
        )
    if usd * _TIMES * _ALMOST <= min(others):
        part = min(others) / usd
        return f"The {title} price, {money(usd)} for a million tokens, is a {part:,.0f}th of the least {where}."
    return None


def _positive(amounts: Iterable[float | None]) -> list[float]:
    return [usd for usd in amounts if usd]


def _order(price: Price) -> list[str]:
    if price.cached_usd is not None and price.cached_usd > price.input_usd:
        return ["Cached input costs more than fresh input."]
    return []
