"""Sample traffic as the command and the pages call it: made, counted, taken out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from core.drift.paths import reports_folder
from core.errors import InputError
from core.ledger import Ledger, Removed, SampleState
from core.ports import Clock
from core.sample_traffic.model_call import CostOf

DAYS, QUESTIONS, SEED = 60, 5_000, 2026
MOST_DAYS, MOST_QUESTIONS = 730, 20_000
_FILES = (".html.gz", ".json.gz")


class SampleTraffic:
    """One per process. Methods may be called from any thread; all raise LibraryError."""

    def __init__(
        self, ledger: Ledger, cost_of: CostOf, data_dir: Path, *, clock: Clock = lambda: datetime.now(UTC)
    ) -> None:
        self._store = ledger.samples
        self._cost_of = cost_of
        self._reports = reports_folder(data_dir)
        self._clock = clock

    def state(self) -> SampleState:
        """How much sample traffic there is, and whether there is nothing else."""
        return self._store.state()

    def make(self, days: int = DAYS, questions: int = QUESTIONS, seed: int = SEED) -> SampleState:
        """Makes a sample in the place of the one before, and returns what there is now.

        The same seed and time of day give the same sample. All of it is there, or what was there before. Raises
        InputError.
        """
        _check(days, questions)
        now = self._clock().replace(microsecond=0)
        from core.sample_traffic.making import made_batch  # noqa: PLC0415  SciPy: a second that no page waits for

        batch = made_batch(Random(seed), questions, days, now, self._cost_of)  # noqa: S311  no secret
        self._forget_files(self._store.replace(batch))
        return self.state()

    def remove(self) -> SampleState:
        """Takes out all of it and nothing else; returns what that was."""
        removed = self._store.remove()
        self._forget_files(removed)
        return removed.state

    def _forget_files(self, removed: Removed) -> None:
        for path in self._files(removed.report_ids):
            with suppress(OSError):  # its report is gone, so nothing leads to it
                path.unlink(missing_ok=True)

    def _files(self, report_ids: Sequence[str]) -> list[Path]:
        return [self._reports / f"{report_id}{ending}" for report_id in report_ids for ending in _FILES]


def _check(days: int, questions: int) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"A sample of {days:,} days cannot be made", hint=f"Give 1 to {MOST_DAYS}.")
    if not 1 <= questions <= MOST_QUESTIONS:
        raise InputError(f"A sample of {questions:,} questions cannot be made", hint=f"Give 1 to {MOST_QUESTIONS:,}.")
