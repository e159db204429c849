"""All prices there are at one moment: which is in force when, and the list of them for people. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from core.cost.prices import PRICES, Price, names_of, server_of
from core.ledger import KeptPrice

EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""A price from this day on is for all calls before the next one."""


class Origin(StrEnum):
    """Where a price comes from."""

    OWN = "own"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """A line of the price list."""

    price: Price
    origin: Origin
    until: datetime | None
    """When another takes its place; None: nothing is known that does."""
    kept: KeptPrice | None = None
    """Of an own price: who added it, when and why."""

    @property
    def is_used(self) -> bool:
        """False for one that ships and that an own one replaces from its first day on."""
        return self.until is None or self.until > self.price.since


class PriceList:
    """A model's own name goes before its family's, then own prices before those that ship, then the latest start."""

    def __init__(self, kept: Iterable[KeptPrice] = (), shipped: Sequence[Price] = PRICES) -> None:
        """``kept``: those that were withdrawn are left out."""
        self._kept = {_key(one): one for one in kept if one.in_force}
        self._own = _by_model([price_of_kept(one) for one in self._kept.values()])
        self._shipped = _by_model(shipped)

    def find(self, model: str, when: datetime, base_url: str | None = None) -> Price | None:
        """The price in force at ``when`` for the model on that server; None where nobody knows it."""
        server = server_of(base_url)
        for name in names_of(model):
            for table in (self._own, self._shipped):
                prices = table.get((name, server), [])
                place = bisect_right(prices, when, key=_since)
                if place:
                    return prices[place - 1]
        return None

    def rows(self) -> list[ListedPrice]:
        """By model, server and start, own ones first."""
        found = [self._listed(price, Origin.OWN) for prices in self._own.values() for price in prices]
        found += [self._listed(price, Origin.SHIPPED) for prices in self._shipped.values() for price in prices]
        return sorted(found, key=lambda row: (row.price.model, row.price.server, row.origin, row.price.since))

    def around(self, price: Price) -> list[Price]:
        """Of the same model on the same server: the one in force before its start, and the next."""
        prices = sorted(self._of(price.model, price.server), key=_since)
        place = bisect_right(prices, price.since, key=_since)
        return prices[max(0, place - 1) : place + 1]

    def elsewhere(self, price: Price) -> list[Price]:
        """Of the same model on other servers."""
        tables = (*self._own.values(), *self._shipped.values())
        return [one for prices in tables for one in prices if one.model == price.model and one.server != price.server]

    def all(self) -> list[Price]:
        return [price for table in (self._own, self._shipped) for prices in table.values() for price in prices]

    def has_own(self, price: Price) -> bool:
        """Whether an own price of its model, server and start is in force."""
        return (price.model, price.server, price.since) in self._kept

    def start_of_next(self, model: str, server: str, now: datetime) -> datetime:
        """From when on a price is probably meant that is given without a start.

        The first one of a model is for all its calls, another one for those from the day of ``now`` on.
        """
        known = any(self._of(name, server) for name in names_of(model))
        return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if known else EVER

    def next_own(self, model: str, server: str, since: datetime) -> datetime | None:
        """When the next own price of the same model and server starts."""
        later = [price.since for price in self._own.get((model, server), []) if price.since > since]
        return min(later, default=None)

    def _of(self, model: str, server: str) -> list[Price]:
        key = (model, server)
        return [*self._own.get(key, []), *self._shipped.get(key, [])]

    def _listed(self, price: Price, origin: Origin) -> ListedPrice:
        own = self._own.get((price.model, price.server), [])
        if origin is Origin.OWN:
            kept = self._kept[price.model, price.server, price.since]
            return ListedPrice(price, origin, self.next_own(price.model, price.server, price.since), kept)
        others = [one.since for one in self._shipped[price.model, price.server] if one.since > price.since]
        ends = [*others, *(max(one.since, price.since) for one in own)]
        return ListedPrice(price, origin, min(ends, default=None))


def price_of_kept(kept: KeptPrice) -> Price:
    return Price(
        kept.model, kept.since, kept.input_usd, kept.output_usd, kept.cached_usd, kept.server, kept.reasoning_usd
    )


def _key(kept: KeptPrice) -> tuple[str, str, datetime]:
    return kept.model, kept.server, kept.since


def _since(price: Price) -> datetime:
    return price.since


def _by_model(prices: Iterable[Price]) -> dict[tuple[str, str], list[Price]]:
    """(Model, server) -> its prices by their starts."""
    found: dict[tuple[str, str], list[Price]] = {}
    for price in prices:
        found.setdefault((price.model, price.server), []).append(price)
    return {key: sorted(some, key=_since) for key, some in found.items()}
