"""Budgets: the worst case of a call is reserved before it is made, and what it did cost is settled after."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from core.cost.budget_checks import checked_limit, checked_name, checked_share, checked_subject
from core.cost.budget_words import keeps_back, kept_back, warning
from core.cost.prices import PriceOf, cost_usd
from core.cost.reservations import Reservation
from core.cost.worst import worst_usd
from core.errors import BudgetExhausted, LibraryError
from core.ledger import Budget, BudgetPeriod, BudgetScope, BudgetState, BudgetStore, Full, Held
from core.ledger.budget_values import nano_ceil
from core.models import Usage
from core.ports import Clock, Message

_log = logging.getLogger(__name__)

NOTICE = "budget"
WARN_AT = 0.8
Tell = Callable[[str, str, str], object]
"""Kind, subject and text of a notice: it is sent once for each subject."""
_LOOK_S = 0.1
"""Calls of other processes end unheard, so what they held is looked for so often."""
_UNIT = Usage(1, 1, 0, 0)


class Budgets:
    """One per process. Safe for all threads."""

    def __init__(
        self,
        store: BudgetStore,
        *,
        price: PriceOf = cost_usd,
        server: str | None = None,
        tell: Tell = lambda _kind, _subject, _text: None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """``server``: whose models are called, None for OpenAI."""
        self._store = store
        self._price = price
        self._server = server
        self._tell = tell
        self._clock = clock
        self._freed = threading.Condition()
        self._unsettled: deque[tuple[Held, int]] = deque()

    # ---------------------------------------------------------------------------------------------- the budgets

    def add(
        self,
        limit_usd: float,
        *,
        scope: BudgetScope = BudgetScope.ALL,
        subject: str = "",
        period: BudgetPeriod = BudgetPeriod.MONTH,
        warn_at: float = WARN_AT,
        name: str = "",
    ) -> Budget:
        """Raises InputError that names the field, or that there is a budget for these calls already; LibraryError."""
        budget = self._store.add(
            scope=scope,
            subject=checked_subject(scope, subject),
            period=period,
            limit_nano_usd=checked_limit(limit_usd),
            warn_at=checked_share(warn_at),
            name=checked_name(name),
        )
        self._tell_anew(budget)
        return budget

    def change(
        self, budget_id: str, *, limit_usd: float | None = None, warn_at: float | None = None, name: str | None = None
    ) -> Budget:
        """What is not None; a new limit holds for the next call. Raises InputError, NotFound, LibraryError."""
        budget = self._store.change(
            budget_id,
            limit_nano_usd=None if limit_usd is None else checked_limit(limit_usd),
            warn_at=None if warn_at is None else checked_share(warn_at),
            name=None if name is None else checked_name(name),
        )
        self._tell_anew(budget)
        return budget

    def remove(self, budget_id: str) -> Budget:
        """Raises NotFound, LibraryError."""
        return self._store.remove(budget_id)

    def states(self) -> list[BudgetState]:
        """Every budget in its present period: for all first, then by person or model. Raises LibraryError."""
        return self._store.states()

    def history(self, budget_id: str, limit: int = 24) -> list[BudgetState]:
        """Its periods in which a call was made, newest first. Raises NotFound, LibraryError."""
        return self._store.history(budget_id, limit)

    # ---------------------------------------------------------------------------------------------------- calls

    def for_call(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        user: str = "",
        max_tokens: int | None,
        patience_s: float = 0.0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Reservation:
        """Reserves the worst case of a call. ``max_tokens``: the most that its answer may have, reasoning included.

        Nothing is reserved, and nobody kept back, where the price is unknown or 0: free and local models. Else raises
        BudgetExhausted, as ``reserve``, and where a budget applies and nothing bounds the answer.
        """
        when = self._clock()
        if not self.cost_of(model, _UNIT, when):
            return self.reserve(model=model, user=user, worst_usd=None)
        if max_tokens is None and self._applies(model, user):
            hint = "Set max_tokens."
            raise BudgetExhausted("A budget applies, and nothing bounds what the answer may cost", hint=hint)
        worst = worst_usd(self.cost_of, model, messages, max_tokens or 0, when)
        return self.reserve(model=model, user=user, worst_usd=worst, patience_s=patience_s, stopped=stopped)

    def reserve(
        self,
        *,
        model: str,
        user: str = "",
        worst_usd: float | None,
        patience_s: float = 0.0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Reservation:
        """Holds the worst case in every budget that the call is of. None or 0: nothing is held.

        Where it only does not fit beside the calls under way, waits up to ``patience_s`` for them, or until
        ``stopped``. Raises BudgetExhausted, also where the budgets cannot be read or written: no money is spent
        unseen.
        """
        if not worst_usd:
            return Reservation(Held("", model, user, 0, self._clock(), ()), self._settle)
        self._settle_all()
        deadline = time.monotonic() + patience_s
        found = self._try(model, user, nano_ceil(worst_usd))
        while isinstance(found, Full) and found.fits_later and time.monotonic() < deadline and not stopped():
            with self._freed:
                self._freed.wait(min(_LOOK_S, max(0.0, deadline - time.monotonic())))
            found = self._try(model, user, nano_ceil(worst_usd))
        if isinstance(found, Full):
            raise self._exhausted(found)
        return Reservation(found, self._settle)

    def cost_of(self, model: str, usage: Usage, when: datetime) -> float | None:
        """US dollars by the price of that time; None where it is unknown, or where the tokens are."""
        return self._price(model, usage, when, self._server)

    def close(self) -> None:
        """Settles what the ledger could not take before."""
        self._settle_all()

    # ------------------------------------------------------------------------------------------------------ ours

    def _try(self, model: str, user: str, amount: int) -> Held | Full:
        try:
            return self._store.reserve(model, user, amount)
        except LibraryError as error:
            raise _unseen(error) from error

    def _applies(self, model: str, user: str) -> bool:
        try:
            return self._store.applies(model, user)
        except LibraryError as error:
            raise _unseen(error) from error

    def _settle(self, held: Held, actual_nano_usd: int) -> None:
        """A ledger that cannot be written now gets it before the next call, or after the next that is settled."""
        self._unsettled.append((held, actual_nano_usd))
        self._settle_all()

    def _settle_all(self) -> None:
        for _ in range(len(self._unsettled)):
            try:
                held, actual = self._unsettled.popleft()
            except IndexError:  # another thread took it
                return
            try:
                states = self._store.settle(held, actual)
            except LibraryError as error:
                _log.warning("A call is not settled yet: %s", error)
                self._unsettled.append((held, actual))
                return
            for state in states:
                self._tell_of(state)
            with self._freed:
                self._freed.notify_all()

    def _exhausted(self, full: Full) -> BudgetExhausted:
        if not full.fits_later:
            self._tell_of(full.state, kept_back=True)
        return BudgetExhausted(kept_back(full), subject=full.state.budget.budget_id)

    def _tell_anew(self, budget: Budget) -> None:
        """Where a budget that was just made or changed is low already."""
        for state in self._store.states():
            if state.budget.budget_id == budget.budget_id:
                self._tell_of(state)

    def _tell_of(self, state: BudgetState, *, kept_back: bool = False) -> None:
        """Once in a period for each of the two; marked after it was told, so that a killed process loses none."""
        full = state.exhausted_at is None and (kept_back or (state.share is not None and state.share >= 1))
        low = state.warned_at is None and state.is_low
        if not (full or low):
            return
        place = f"{state.budget.budget_id}\n{state.starts_at.isoformat()}\n{state.budget.limit_nano_usd}"
        try:
            if full:
                self._tell(NOTICE, f"{place}\nfull", f"Cuepoint: {keeps_back(state)}")
            elif low:
                self._tell(NOTICE, f"{place}\nlow", f"Cuepoint: {warning(state)}")
            self._store.mark(state, warned=low, exhausted=full)
        except LibraryError as error:
            _log.warning("A warning of a budget waits for the next call: %s", error)


def _unseen(error: LibraryError) -> BudgetExhausted:
    message = f"No call that costs money is made, as the budgets cannot be checked: {error.message}"
    return BudgetExhausted(message, subject=error.subject, hint=error.hint)
