"""What every call is priced by: the price list in memory, looked after at most once a second."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime

from core.cost.price_list import PriceList
from core.cost.prices import Price, price_call
from core.errors import LibraryError
from core.ledger import PriceStore
from core.models import Usage

_log = logging.getLogger(__name__)

FRESH_S = 1.0
"""For so long another process's change may not be known here."""


class PriceBook:
    """Safe for all threads."""

    def __init__(self, store: PriceStore, *, fresh_s: float = FRESH_S) -> None:
        self._store = store
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._list: PriceList | None = None
        self._revision: tuple[int, int] | None = None
        self._fresh_until = 0.0

    def cost_of(self, model: str, usage: Usage, when: datetime, base_url: str | None = None) -> float | None:
        """US dollars; None where price or count is unknown. ``base_url`` None is OpenAI. Raises nothing."""
        price = self.price_of(model, when, base_url)
        return None if price is None else price_call(price, usage)

    def price_of(self, model: str, when: datetime, base_url: str | None = None) -> Price | None:
        """The price in force at that time, None where nobody knows it. Raises nothing.

        A ledger that cannot be read leaves the prices as they were; before the first look, none is known.
        """
        known = self._known()
        return None if known is None else known.find(model, when, base_url)

    def _known(self) -> PriceList | None:
        if self._is_fresh() or (self._list is not None and self._lock.locked()):  # another thread looks already
            return self._list
        try:
            with self._lock:
                return self._list if self._is_fresh() else self._looked_up()
        except LibraryError as error:
            _log.warning("Own prices cannot be read: %s", error)
            self._fresh_until = time.monotonic() + self._fresh_s
            return self._list

    def refresh(self) -> PriceList:
        """The prices as they are now. Raises LibraryError."""
        with self._lock:
            return self._looked_up()

    def _is_fresh(self) -> bool:
        return time.monotonic() < self._fresh_until

    def _looked_up(self) -> PriceList:
        revision = self._store.revision()
        if self._list is None or revision != self._revision:
            self._list = PriceList(self._store.list())
            self._revision = revision
        self._fresh_until = time.monotonic() + self._fresh_s
        return self._list
