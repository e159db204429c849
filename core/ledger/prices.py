"""Own prices. None is ever deleted: one that was withdrawn stays in the history."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import InputError, NotFound
from core.ledger.database import Database
from core.ledger.price_values import KeptPrice, NewPrice
from core.ledger.schema import prices
from core.ports import Clock

Kept = list[KeptPrice]

_REVISION = select(func.count(), func.count(prices.c.withdrawn_at))


class PriceStore:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def revision(self) -> tuple[int, int]:
        """Another one after each change of what is in force, never one that was before."""
        with self._database.read() as connection:
            added, withdrawn = connection.execute(_REVISION).one()
        return int(added), int(withdrawn)

    def list(self) -> Kept:
        """All there ever were, newest first."""
        query = select(prices).order_by(prices.c.added_at.desc(), prices.c.price_id)
        with self._database.read() as connection:
            return [_kept(row) for row in connection.execute(query)]

    def get(self, price_id: str) -> KeptPrice:
        """Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(prices).where(prices.c.price_id == price_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no price {price_id}", subject=price_id)
        return _kept(row)

    def add(self, price: NewPrice, *, author: str, note: str, reprice: bool, any_server: bool) -> KeptPrice:
        """Keeps a price, not filled yet.

        Raises InputError where one of the same model, server and start is in force.
        """
        price_id = uuid.uuid4().hex[:12]
        row = asdict(price) | {"price_id": price_id, "author": author, "note": note, "added_at": self._clock()}
        row |= {"reprice": reprice, "any_server": any_server}
        with self._database.write() as connection:
            try:
                connection.execute(insert(prices), row)
            except IntegrityError:  # the unique index of what is in force
                raise taken(price) from None
        return self.get(price_id)

    def withdraw(self, price_id: str, *, author: str, reprice: bool) -> KeptPrice:
        """Takes a price out of force; with ``reprice`` it is to be filled again. Raises NotFound, InputError."""
        known = self.get(price_id)
        values: dict[str, Any] = {"withdrawn_at": self._clock(), "withdrawn_by": author, "reprice": reprice}
        values |= {"filled_at": None if reprice else self._clock()}
        still = (prices.c.price_id == price_id) & prices.c.withdrawn_at.is_(None)
        with self._database.write() as connection:
            if not connection.execute(update(prices).where(still).values(values)).rowcount:
                message = f"The price of {known.model} from {known.since:%Y-%m-%d} was withdrawn before"
                raise InputError(message, subject=price_id)
        return self.get(price_id)

    def filled(self, kept: KeptPrice) -> None:
        """Its traces have their costs. Nothing where it was withdrawn meanwhile: that may be still to follow."""
        same = prices.c.withdrawn_at.is_not_distinct_from(kept.withdrawn_at)
        with self._database.write() as connection:
            done = update(prices).where(prices.c.price_id == kept.price_id, same)
            connection.execute(done.values(filled_at=self._clock()))


def _kept(row: Any) -> KeptPrice:
    return KeptPrice(**row._mapping)  # noqa: SLF001  SQLAlchemy's public name of it


def taken(price: NewPrice) -> InputError:
    """For a price that has the model, server and start of another one in force."""
    return InputError(
        f"There is a price of {price.model} on {price.server} from {price.since:%Y-%m-%d %H:%M} UTC on already",
        subject="since",
        hint="Withdraw that one first, or choose another start.",
    )
