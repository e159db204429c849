"""Follows prices through the traces: at once, or in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from core.cost.price_list import PriceList
from core.cost.prices import price_call
from core.errors import LibraryError
from core.ledger import KeptPrice, PriceChange, PriceFilling, PriceScope, PriceStore
from core.ledger.price_values import CostOf
from core.models import Usage

_log = logging.getLogger(__name__)

OnPortion = Callable[[PriceChange], None]
"""Hears of what was done so far, after each portion."""


class Filler:
    """One per process; safe for all threads. Raises LibraryError."""

    def __init__(
        self,
        store: PriceStore,
        filling: PriceFilling,
        prices: Callable[[], PriceList],
        cost_of: CostOf,
        *,
        mirror: bool,
    ) -> None:
        """``prices``: those that are in force now; ``cost_of``: by them, whatever changes on the way.

        ``mirror``: Comet is to hear of costs that change.
        """
        self._store = store
        self._filling = filling
        self._prices = prices
        self._cost_of = cost_of
        self._mirror = mirror
        self._closed = threading.Event()
        self._working = threading.Lock()
        self._worker: threading.Thread | None = None
        self._so_far = PriceChange()

    def follow(self, kept: KeptPrice, on_portion: OnPortion) -> PriceChange:
        """Does what a price says, to its end, and writes down that it is done."""
        scope = scope_of(kept, self._prices())
        portions = self._filling.fill(scope, self._cost_of, priced=kept.reprice, mirror=self._mirror)
        total = self._sum(portions, on_portion)
        if not self._closed.is_set():
            self._store.filled(kept)
        return total

    def all(self, on_portion: OnPortion) -> PriceChange:
        """Gives every trace without a cost the one that it has by what is in force now."""
        self._prices()
        return self._sum(self._filling.fill(None, self._cost_of, priced=False, mirror=self._mirror), on_portion)

    def _sum(self, portions: Iterable[PriceChange], on_portion: OnPortion) -> PriceChange:
        total = PriceChange()
        for portion in portions:
            total += portion
            on_portion(total)
            if self._closed.is_set():
                break
        return total

    # ----------------------------------------------------------------------------------------------- in the background

    def resume(self) -> None:
        """Does what is unfinished, unless that is being done here already."""
        with self._working:
            if self._worker is None:
                self._so_far = PriceChange()
                self._worker = threading.Thread(target=self._finish, name="prices", daemon=True)
                self._worker.start()

    @property
    def so_far(self) -> PriceChange | None:
        """What was done for the price at hand; None where nothing is being done."""
        return None if self._worker is None else self._so_far

    def wait(self, timeout_s: float | None = None) -> None:
        worker = self._worker
        if worker is not None:
            worker.join(timeout_s)

    def close(self) -> None:
        """Stops after the portion at hand."""
        self._closed.set()
        self.wait()

    def _finish(self) -> None:
        try:
            while (kept := self._next()) is not None:
                self.follow(kept, self._note)
        except LibraryError:
            _log.exception("Costs could not be filled in; the next start tries again")
            with self._working:
                self._worker = None

    def _next(self) -> KeptPrice | None:
        """The oldest that is unfinished. None ends the worker: who adds one from now on starts another."""
        with self._working:
            unfinished = [] if self._closed.is_set() else [one for one in self._store.list() if one.filled_at is None]
            if not unfinished:
                self._worker = None
                return None
            return unfinished[-1]

    def _note(self, change: PriceChange) -> None:
        self._so_far = change


def costs_by(prices: PriceList) -> CostOf:
    """The cost by just these prices, whatever changes meanwhile."""

    def cost_of(model: str, usage: Usage, when: datetime, server: str) -> float | None:
        price = prices.find(model, when, server)
        return None if price is None else price_call(price, usage)

    return cost_of


def scope_of(kept: KeptPrice, prices: PriceList) -> PriceScope:
    """Up to the next own price of the same model and server."""
    until = prices.next_own(kept.model, kept.server, kept.since)
    return PriceScope(kept.model, kept.server, kept.since, until, kept.any_server)
