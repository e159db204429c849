"""Own prices with their history, and costs that are filled in afterwards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from core.cost.price_book import FRESH_S, PriceBook
from core.cost.price_checks import checked, warnings
from core.cost.price_filler import Filler, OnPortion, costs_by, scope_of
from core.cost.price_list import ListedPrice, PriceList
from core.cost.prices import OPENAI, Price
from core.ledger import KeptPrice, NewPrice, PriceChange, PriceFilling, PriceStore, Unpriced
from core.ledger.prices import taken


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
        self._filler = Filler(store, filling, self.refresh, self.cost_of, mirror=mirror)

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
        kept, left = self._without(price_id)
        return self._look(kept, left, priced=True)

    def reach(self, price: Price, *, reprice: bool = False, any_server: bool = False) -> int:
        """The most traces that ``add`` could change, counted without working one out. Raises InputError as it does."""
        price, known = self._acceptable(price)
        return self._filling.reach(scope_of(_as_kept(price, any_server=any_server), known), priced=reprice)

    def reach_of_withdrawal(self, price_id: str) -> int:
        """The most traces that ``withdraw`` could change with ``reprice``. Raises NotFound."""
        return self._filling.reach(scope_of(*self._without(price_id)), priced=True)

    def add(
        self,
        price: Price,
        author: str = "",
        note: str = "",
        *,
        reprice: bool = False,
        any_server: bool = False,
        later: bool = False,
        on_portion: OnPortion = lambda _change: None,
    ) -> Backfilled:
        """Puts a price in force, and gives the traces and runs that have no cost the one that they have by it.

        ``reprice``: those that have one get a new one too. ``any_server``: also traces of which the server is unknown.
        ``later``: does that in the background. Killed on the way, ``resume`` does the rest. Raises InputError where it
        is no price, or where one of the same model, server and start is in force; its ``subject`` is the field.
        """
        price, _ = self._acceptable(price)
        kept = self._store.add(_new(price), author=author, note=note, reprice=reprice, any_server=any_server)
        self.refresh()
        return self._filled(kept, on_portion, later=later)

    def withdraw(
        self,
        price_id: str,
        author: str = "",
        *,
        reprice: bool = False,
        later: bool = False,
        on_portion: OnPortion = lambda _change: None,
    ) -> Backfilled:
        """Takes an own price out of force; it stays in the history.

        Costs stay as they are; with ``reprice`` those of its time get the one by the prices that are left, or none.
        Raises NotFound, InputError.
        """
        kept = self._store.withdraw(price_id, author=author, reprice=reprice)
        self.refresh()
        return self._filled(kept, on_portion, later=later) if reprice else Backfilled(kept, PriceChange())

    # ------------------------------------------------------------------------------------------------------- filling

    def fill(self, on_portion: OnPortion = lambda _change: None) -> PriceChange:
        """Gives every trace without a cost the one that it has by today's prices, those that ship included.

        Before that it does what a killed process left.
        """
        total = PriceChange()
        for kept in reversed(self.unfinished()):
            total += self._filler.follow(kept, on_portion)
        return total + self._filler.all(on_portion)

    def unfinished(self) -> list[KeptPrice]:
        """Prices whose traces do not all have their costs: they are being filled, or a process was killed at it."""
        return [kept for kept in self._store.list() if kept.filled_at is None]

    def resume(self) -> None:
        """Fills in the background what is unfinished. Safe to call while another process does."""
        self._filler.resume()

    def at_work(self) -> PriceChange | None:
        """What was filled in the background for the price at hand; None where nothing is being done there."""
        return self._filler.so_far

    def wait(self, timeout_s: float | None = None) -> None:
        """Waits for what is done in the background."""
        self._filler.wait(timeout_s)

    def close(self) -> None:
        """Stops after the portion at hand; the next start does the rest."""
        self._filler.close()

    def _filled(self, kept: KeptPrice, on_portion: OnPortion, *, later: bool) -> Backfilled:
        if later:
            self.resume()
            return Backfilled(kept, PriceChange())
        change = self._filler.follow(kept, on_portion)
        return Backfilled(self._store.get(kept.price_id), change)

    # ----------------------------------------------------------------------------------------------------------- our

    def _acceptable(self, price: Price) -> tuple[Price, PriceList]:
        price, known = checked(price), self.refresh()
        if known.has_own(price):
            raise taken(_new(price))
        return price, known

    def _without(self, price_id: str) -> tuple[KeptPrice, PriceList]:
        """A price, and those that are left without it. Raises NotFound."""
        kept = self._store.get(price_id)
        return kept, PriceList(one for one in self._store.list() if one != kept)

    def _look(self, kept: KeptPrice, prices: PriceList, *, priced: bool) -> PriceChange:
        return self._filling.look(scope_of(kept, prices), costs_by(prices), priced=priced)


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
