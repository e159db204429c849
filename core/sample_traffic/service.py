"""Sample traffic as the command and the pages call it: made, counted, taken out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random

from core.drift.paths import forget_files, reports_folder
from core.errors import InputError
from core.ledger import Ledger, SampleState
from core.ports import Clock
from core.sample_traffic.behind import Behind, Making, Tell, silent
from core.sample_traffic.model_call import CostOf

DAYS, QUESTIONS, SEED = 60, 5_000, 2026
MOST_DAYS, MOST_QUESTIONS = 730, 20_000
_MADE = 0.5
"""The share of the work that is done when nothing is written yet."""


class SampleTraffic:
    """One per process. Methods may be called from any thread; all raise LibraryError."""

    def __init__(
        self,
        ledger: Ledger,
        cost_of: CostOf,
        data_dir: Path,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        order: str = "",
    ) -> None:
        """``order``: what the process that ``start`` begins is told; see core/drift/order.py."""
        self._store = ledger.samples
        self._cost_of = cost_of
        self._reports = reports_folder(data_dir)
        self._clock = clock
        self._behind = Behind(order)

    def state(self) -> SampleState:
        """How much sample traffic there is, and whether there is nothing else."""
        return self._store.state()

    def wanted(self) -> bool:
        """Whether there is nothing to see without one: nobody asked anything yet, and none was made."""
        return self._store.no_traffic()

    def make(self, days: int = DAYS, questions: int = QUESTIONS, seed: int = SEED, tell: Tell = silent) -> SampleState:
        """Makes a sample in the place of the one before, and returns what there is now.

        The same seed and time of day give the same sample. All of it is there, or what was there before. ``tell`` hears
        how far it is. Raises InputError.
        """
        _check(days, questions)
        now = self._clock().replace(microsecond=0)
        from core.sample_traffic.making import made_batch  # noqa: PLC0415  SciPy: a second that no page waits for

        def made(share: float) -> None:
            tell(_MADE * share)

        batch = made_batch(Random(seed), questions, days, now, self._cost_of, tell=made)  # noqa: S311  no secret
        removed = self._store.replace(batch, lambda share: tell(_MADE + (1 - _MADE) * share))
        forget_files(self._reports, removed.report_ids)
        return self.state()

    def start(self) -> None:
        """Makes a sample beside the caller, as large as the command's; nothing where one is being made."""
        self._behind.start()

    def making(self) -> Making | None:
        """What ``start`` began, until it is there; or why it is not."""
        return self._behind.now()

    def close(self) -> None:
        """Ends what ``start`` began; the ledger has nothing of it. Safe to call twice."""
        self._behind.close()

    def remove(self) -> SampleState:
        """Takes out all of it and nothing else; returns what that was."""
        removed = self._store.remove()
        forget_files(self._reports, removed.report_ids)
        return removed.state


def _check(days: int, questions: int) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"A sample of {days:,} days cannot be made", hint=f"Give 1 to {MOST_DAYS}.")
    if not 1 <= questions <= MOST_QUESTIONS:
        raise InputError(f"A sample of {questions:,} questions cannot be made", hint=f"Give 1 to {MOST_QUESTIONS:,}.")
