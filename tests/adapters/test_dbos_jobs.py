"""The daily job, with DBOS itself."""

from __future__ import annotations

import queue
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from core.adapters.dbos_jobs import DailyJob, database_beside

DUE = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)


def job(folder: Path, ran: queue.Queue[datetime]) -> DailyJob:
    later = datetime.now(UTC) + timedelta(hours=12)
    return DailyJob("test-report", time(later.hour, later.minute), f"sqlite:///{folder / 'cuepoint.db'}", ran.put)


def test_what_was_missed_is_done_at_once_and_after_a_restart_not_again(tmp_path: Path):
    ran: queue.Queue[datetime] = queue.Queue()
    for missed in (DUE, None):
        daily = job(tmp_path, ran)
        daily.start(missed)
        daily.start(missed)
        assert daily.ready(60)
        if missed is not None:
            assert ran.get(timeout=60) == DUE
        daily.close()
        daily.close()
    assert ran.empty()
    assert (tmp_path / "schedules.db").is_file()


def test_a_database_that_cannot_be_opened_is_logged_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    daily = job(tmp_path / "gone", queue.Queue())
    daily.start()
    assert not daily.ready(60)
    assert "cannot be scheduled" in caplog.text
    daily.close()


def test_its_tables_are_beside_the_ledgers(tmp_path: Path):
    assert database_beside(f"sqlite:///{tmp_path / 'cuepoint.db'}") == f"sqlite:///{tmp_path / 'schedules.db'}"
    assert database_beside("postgres://ana:pw@db:5432/cue") == "postgresql://ana:pw@db:5432/cue"
