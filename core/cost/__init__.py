"""What answers cost: prices, and reports over what the ledger and the mirror have of it."""

from core.cost.prices import PRICES, PRICES_AS_OF, Price, PriceOf, cost_usd, find_price, server_of

__all__ = ["PRICES", "PRICES_AS_OF", "Price", "PriceOf", "cost_usd", "find_price", "server_of"]
