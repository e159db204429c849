"""The price list of a library that has no prices of its own, and whose every call has one."""

from __future__ import annotations

from datetime import datetime

from core.cost.price_list import ListedPrice, PriceList
from core.cost.prices import OPENAI
from core.ledger import KeptPrice, Unpriced


class ShippedPrices:
    """What the pages see of the prices."""

    server = OPENAI

    def table(self) -> list[ListedPrice]:
        return PriceList().rows()

    def history(self) -> list[KeptPrice]:
        return []

    def unfinished(self) -> list[KeptPrice]:
        return []

    def at_work(self) -> None:
        return None

    def unpriced(self) -> list[Unpriced]:
        return []

    def start_of_next(self, model: str, server: str, now: datetime) -> datetime:
        return PriceList().start_of_next(model, server, now)
