"""What a budget holds for one call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from core.errors import ModelBusy, ModelRefused, ModelUnreachable
from core.ledger import Held
from core.ledger.budget_values import NANO


class Reservation:
    """The hold of one call; a context manager, safe for threads.

    Left without ``settle`` the worst case stays spent, unless an error says that the server did nothing.
    """

    def __init__(self, held: Held, settle: Callable[[Held, int], None]) -> None:
        self._held = held
        self._settle = settle
        self._open = threading.Lock()

    @property
    def holds(self) -> bool:
        """Whether the call is of a budget."""
        return bool(self._held.parts)

    def settle(self, actual_usd: float | None) -> None:
        """What the call did cost; None, where nobody knows, leaves the worst case. A second time nothing happens."""
        worst = self._held.amount_nano_usd
        self._close(worst if actual_usd is None else max(0, round(actual_usd * NANO)))

    def release(self) -> None:
        """The call was not made, or cost nothing."""
        self._close(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is not None and costs_nothing(error):
            self.release()
        else:
            self.settle(None)

    def _close(self, actual_nano_usd: int) -> None:
        if self._open.acquire(blocking=False):
            self._settle(self._held, actual_nano_usd)


def nothing_held() -> Reservation:
    """For calls that no budgets are asked for."""
    return Reservation(Held("", "", "", 0, datetime.min.replace(tzinfo=UTC), ()), lambda _held, _actual: None)


def costs_nothing(error: BaseException) -> bool:
    """Whether a call that failed so is not charged: the server rejected it, or never got it."""
    if isinstance(error, ModelUnreachable):
        return not error.may_cost
    return isinstance(error, ModelRefused | ModelBusy)
