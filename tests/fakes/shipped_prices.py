"""The price list of a library that has no prices of its own."""

from __future__ import annotations

from core.cost.price_list import ListedPrice, PriceList


class ShippedPrices:
    """What the pages see of the prices."""

    def table(self) -> list[ListedPrice]:
        return PriceList().rows()
