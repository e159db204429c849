"""Own prices with their history, and costs that are filled in afterwards."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from core.cost.price_book import FRESH_S, PriceBook
from core.cost.price_checks import checked, warnings
from core.cost.price_list import ListedPrice, PriceList
from core.cost.prices import OPENAI, Price, price_call
from core.errors import LibraryError
from core.ledger import KeptPrice, NewPrice, PriceChange, PriceFilling, PriceScope, PriceStore, Unpriced
from core.ledger.prices import taken
from core.models import Usage

_log = logging.getLogger(__name__)

OnPortion = Callable[[PriceChange], None]


@dataclass(frozen=True, slots=True)
class Backfilled:
    """A price that was added or withdrawn, and what that did."""

    kept: KeptPrice
    change: PriceChange

    @property
    def traces(self) -> int:
        return self.change.traces

    @property
    def runs(self) -> int:
        return self.change.runs

    @property
    def usd(self) -> float:
        """What the sums of the cost grew by."""
        return self.change.usd


@dataclass(frozen=True, slots=True)
class Preview:
    """What adding or withdrawing a price would do."""

    warnings: tuple[str, ...]
    """What looks like a slip, a sentence each."""
    change: PriceChange


class Prices(PriceBook):
    """One per process; safe for all threads. Everything but pricing a call raises LibraryError."""

    def __init__(
        self,
        store: PriceStore,
        filling: PriceFilling,
        *,
        server: str = OPENAI,
        mirror: bool = False,
        fresh_s: float = FRESH_S,
    ) -> None:
        """``server``: the one of the settings, for forms. ``mirror``: Comet is to hear of costs that change."""
        super().__init__(store, fresh_s=fresh_s)
        self.server = server
        self._filling = filling
        self._mirror = mirror
        self._closed = threading.Event()
        self._worker: threading.Thread | None = None

    def table(self) -> list[ListedPrice]:
        """Every price that ships or is in force, with the time that it is for."""
        return self.refresh().rows()

    def history(self) -> list[KeptPrice]:
        """Own prices, the withdrawn ones too, newest first."""
        return self._store.list()

    def unpriced(self) -> list[Unpriced]:
        """Models whose calls have no cost for want of a price, by server, most tokens first."""
        return self._filling.unpriced()

    def start_of_next(self, model: str, server: str, now: datetime) -> datetime:
        """See PriceList.start_of_next."""
        return self.refresh().start_of_next(model, server, now)

    # ------------------------------------------------------------------------------------------------------ changing

    def slips(self, price: Price) -> list[str]:
        """What looks like a slip, a sentence each. Raises InputError as ``add`` does."""
        return warnings(*self._acceptable(price))

    def preview(self, price: Price, *, reprice: bool = False, any_server: bool = False) -> Preview:
        """What ``add`` would do. Raises InputError as it does."""
        price, known = self._acceptable(price)
        kept = _as_kept(price, any_server=any_server)
        change = self._look(kept, PriceList([*self._store.list(), kept]), priced=reprice)
        return Preview(tuple(warnings(price, known)), change)

    def preview_withdrawal(self, price_id: str) -> PriceChange:
        """What ``withdraw`` would do with ``reprice``. Raises NotFound."""
        kept = self._store.get(price_id)
        return self._look(kept, PriceList(one for one in self._store.list() if one != kept), priced=True)

    def add(
        self,
        price: Price,
        author: str = "",
        note: str = "",
        *,
        reprice: bool = False,
        any_server: bool = False,
        on_portion: OnPortion = lambda _change: None,
    ) -> Backfilled:
        """Puts a price in force, and gives the traces and runs that have no cost the one that they have by it.

        ``reprice``: those that have one get a new one too. ``any_server``: also traces of which the server is unknown.
        Killed on the way, ``resume`` does the rest. Raises InputError where it is no price, or where one of the same
        model, server and start is in force; its ``subject`` is the field.
        """
        price, _ = self._acceptable(price)
        kept = self._store.add(_new(price), author=author, note=note, reprice=reprice, any_server=any_server)
        change = self._follow(kept, on_portion)
        return Backfilled(self._store.get(kept.price_id), change)

    def withdraw(
        self, price_id: str, author: str = "", *, reprice: bool = False, on_portion: OnPortion = lambda _change: None
    ) -> Backfilled:
        """Takes an own price out of force; it stays in the history.

        Costs stay as they are; with ``reprice`` those of its time get the one by the prices that are left, or none.
        Raises NotFound, InputError.
        """
        kept = self._store.withdraw(price_id, author=author, reprice=reprice)
        self.refresh()
        change = self._follow(kept, on_portion) if reprice else PriceChange()
        return Backfilled(self._store.get(price_id), change)

    # ------------------------------------------------------------------------------------------------------- filling

    def fill(self, on_portion: OnPortion = lambda _change: None) -> PriceChange:
        """Gives every trace without a cost the one that it has by today's prices, those that ship included.

        Before that it does what a killed process left.
        """
        total = PriceChange()
        for kept in reversed(self.unfinished()):
            total += self._follow(kept, on_portion)
        cost_of = _by(self.refresh())
        return total + self._sum(self._filling.fill(None, cost_of, priced=False, mirror=self._mirror), on_portion)

    def unfinished(self) -> list[KeptPrice]:
        """Prices whose traces do not all have their costs: they are being filled, or a process was killed at it."""
        return [kept for kept in self._store.list() if kept.filled_at is None]

    def resume(self) -> None:
        """Fills the rest of what a killed process left, in the background. Safe to call while another one does."""
        if self._worker is None:
            self._worker = threading.Thread(target=self._finish, name="prices", daemon=True)
            self._worker.start()

    def close(self) -> None:
        """Stops after the portion at hand; the next start does the rest."""
        self._closed.set()
        if self._worker is not None:
            self._worker.join()

    def _finish(self) -> None:
        try:
            for kept in reversed(self.unfinished()):
                self._follow(kept, lambda _change: None)
        except LibraryError:
            _log.exception("Costs could not be filled in; the next start tries again")

    def _follow(self, kept: KeptPrice, on_portion: OnPortion) -> PriceChange:
        """Fills what a price says, to its end."""
        known = self.refresh()
        portions = self._filling.fill(_scope(kept, known), _by(known), priced=kept.reprice, mirror=self._mirror)
        total = self._sum(portions, on_portion)
        if not self._closed.is_set():
            self._store.filled(kept.price_id)
        return total

    def _sum(self, portions: Iterable[PriceChange], on_portion: OnPortion) -> PriceChange:
        total = PriceChange()
        for portion in portions:
            total += portion
            on_portion(total)
            if self._closed.is_set():
                break
        return total

    # ----------------------------------------------------------------------------------------------------------- our

    def _acceptable(self, price: Price) -> tuple[Price, PriceList]:
        price, known = checked(price), self.refresh()
        if known.has_own(price):
            raise taken(_new(price))
        return price, known

    def _look(self, kept: KeptPrice, prices: PriceList, *, priced: bool) -> PriceChange:
        return self._filling.look(_scope(kept, prices), _by(prices), priced=priced)


def _by(prices: PriceList) -> Callable[[str, Usage, datetime, str], float | None]:
    """The cost by just these prices, whatever changes meanwhile."""

    def cost_of(model: str, usage: Usage, when: datetime, server: str) -> float | None:
        price = prices.find(model, when, server)
        return None if price is None else price_call(price, usage)

    return cost_of


def _scope(kept: KeptPrice, prices: PriceList) -> PriceScope:
    until = prices.next_own(kept.model, kept.server, kept.since)
    return PriceScope(kept.model, kept.server, kept.since, until, kept.any_server)


def _new(price: Price) -> NewPrice:
    return NewPrice(
        price.model, price.server, price.since, price.input_usd, price.output_usd, price.cached_usd, price.reasoning_usd
    )


def _as_kept(price: Price, *, any_server: bool) -> KeptPrice:
    """As it would stand in the ledger."""
    return KeptPrice(
        **asdict(_new(price)),
        price_id="",
        note="",
        author="",
        added_at=datetime.now(UTC),
        withdrawn_at=None,
        withdrawn_by=None,
        reprice=False,
        any_server=any_server,
        filled_at=None,
    )
