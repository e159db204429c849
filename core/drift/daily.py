"""The daily report of the app: when it is due and by what it is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Protocol

from core.config import Settings
from core.drift.schedule import DAY, last_due, make_daily, was_made
from core.drift.service import Drift
from core.ledger import Ledger
from core.ports import Clock

NAME = "drift-report"


class Job(Protocol):
    """Calls its work once a day, whatever restarts there are (core/adapters/dbos_jobs.py)."""

    def start(self, missed: datetime | None = None) -> None: ...
    def close(self) -> None: ...


MakeJob = Callable[[str, time, str, Callable[[datetime], None]], Job]


class Daily:
    """Started with the app; catches a missed report up once."""

    def __init__(self, drift: Drift, ledger: Ledger, at: time, clock: Clock) -> None:
        self._drift = drift
        self._ledger = ledger
        self._at = at
        self._clock = clock
        self.job: Job | None = None

    def start(self) -> None:
        """Raises LibraryError."""
        due = last_due(self._at, self._clock())
        if self.job is not None:
            self.job.start(None if was_made(self._ledger, due) else due)

    @property
    def next_due(self) -> datetime:
        """When the next report is due, UTC."""
        return last_due(self._at, self._clock()) + DAY

    def work(self, due: datetime) -> None:
        """What the job calls."""
        make_daily(self._drift, self._ledger, due, self._clock())

    def close(self) -> None:
        if self.job is not None:
            self.job.close()


def daily_report(
    drift: Drift, ledger: Ledger, settings: Settings, make_job: MakeJob, clock: Clock = lambda: datetime.now(UTC)
) -> Daily | None:
    """None where CUEPOINT_DRIFT_AT is blank."""
    if settings.drift_at is None:
        return None
    daily = Daily(drift, ledger, settings.drift_at, clock)
    daily.job = make_job(NAME, settings.drift_at, settings.ledger_url, daily.work)
    return daily
