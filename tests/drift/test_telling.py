"""The daily report, and who is told of what it finds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import pytest

from core.config import load_settings
from core.drift.daily import daily_report
from core.drift.notifier import MOST_ATTEMPTS, Notifier, pause_after
from core.drift.schedule import last_due, make_daily, teller
from core.errors import CuepointError
from core.ledger import Ledger, open_ledger
from core.models import DriftReport, DriftVerdict
from tests.ledger.samples import Ticking

AT = time_of_day(3, 30)


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def ledger(tmp_path: Path, clock: Ticking) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'cuepoint.db'}", clock=clock)
    yield opened
    opened.close()


@dataclass
class Recorder:
    """Makes reports at once: what a schedule needs of Drift."""

    ledger: Ledger
    clock: Ticking
    verdict: DriftVerdict | None = DriftVerdict.DRIFT
    ended: Callable[[DriftReport], None] = lambda _report: None
    made: list[str] = field(default_factory=list)

    def start(self, reference: str = "14d..7d", current: str = "7d", origin: str = "page") -> str:
        report_id = f"r{len(self.made)}"
        report = DriftReport(report_id, self.clock(), "running", reference, current, origin, sentence="Drift.")
        self.ledger.drift.begin(report)
        if self.verdict is None:
            self.ledger.drift.fail(report_id, "The disk is full.")
        else:
            self.ledger.drift.finish(replace(report, verdict=self.verdict))
        self.made.append(report_id)
        self.ended(self.ledger.drift.get(report_id))
        return report_id

    def wait(self, _report_id: str, _timeout_s: float | None = None) -> bool:
        return True


@pytest.fixture
def drift(ledger: Ledger, clock: Ticking) -> Recorder:
    return Recorder(ledger, clock)


@pytest.mark.parametrize(("hour", "due_day"), [(2, 23), (4, 24)])
def test_it_was_due_at_the_last_such_time(hour: int, due_day: int):
    now = datetime(2026, 11, 24, hour, tzinfo=UTC)
    assert last_due(AT, now) == datetime(2026, 11, due_day, 3, 30, tzinfo=UTC)


def test_a_day_has_one_report_however_often_it_is_asked_for(ledger: Ledger, clock: Ticking, drift: Recorder):
    due = last_due(AT, clock())
    assert make_daily(drift, ledger, due, clock()) == "r0"
    assert make_daily(drift, ledger, due, clock()) is None
    clock.forward(days=1)
    assert make_daily(drift, ledger, last_due(AT, clock()), clock()) == "r1"


def test_a_day_that_is_over_is_not_made_up_for(ledger: Ledger, clock: Ticking, drift: Recorder):
    assert make_daily(drift, ledger, clock() - timedelta(days=1), clock()) is None


def test_a_report_that_failed_is_made_again(ledger: Ledger, clock: Ticking, drift: Recorder):
    drift.verdict = None
    due = last_due(AT, clock())
    make_daily(drift, ledger, due, clock())
    drift.verdict = DriftVerdict.NO_DRIFT
    assert make_daily(drift, ledger, due, clock()) == "r1"


@dataclass
class Job:
    missed: list[datetime | None] = field(default_factory=list)

    def start(self, missed: datetime | None = None) -> None:
        self.missed.append(missed)

    def close(self) -> None:
        pass


def test_the_app_catches_up_what_it_missed_once(tmp_path: Path, ledger: Ledger, clock: Ticking, drift: Recorder):
    settings, job = load_settings(_env_file=None, data_dir=tmp_path, drift_at="03:30"), Job()
    daily = daily_report(drift, ledger, settings, lambda *_: job, clock)
    assert daily is not None
    daily.start()
    (due,) = job.missed
    assert due == datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
    daily.work(due)
    daily.start()
    assert job.missed == [due, None]
    assert drift.made == ["r0"]


def test_without_the_setting_there_is_no_daily_report(tmp_path: Path, ledger: Ledger, drift: Recorder):
    assert daily_report(drift, ledger, load_settings(_env_file=None, data_dir=tmp_path), lambda *_: Job()) is None


def told(ledger: Ledger) -> list[str]:
    return [notice.text for notice in ledger.notices.list()]


def test_of_sample_traffic_nobody_is_told(ledger: Ledger, clock: Ticking, drift: Recorder):
    tell = teller(ledger, Notifier(ledger, lambda _text: None))
    make_daily(drift, ledger, last_due(AT, clock()), clock())
    report = replace(ledger.drift.get("r0"), verdict=DriftVerdict.DRIFT)
    tell(replace(report, sample=True))
    assert told(ledger) == []
    tell(report)
    assert len(told(ledger)) == 1


def test_an_incident_is_told_once_and_the_next_one_again(ledger: Ledger, clock: Ticking, drift: Recorder):
    sent: list[str] = []
    notifier = Notifier(ledger, sent.append)
    drift.ended = teller(ledger, notifier)
    for verdict in (DriftVerdict.DRIFT, DriftVerdict.DRIFT, DriftVerdict.NO_DRIFT, DriftVerdict.DRIFT):
        drift.verdict = verdict
        drift.start(origin="schedule")
        clock.forward(days=1)
    assert notifier.wait(30)
    notifier.close()
    assert sent == ["Cuepoint: Drift."] * 2


def test_a_report_that_somebody_looks_at_is_not_told(ledger: Ledger, drift: Recorder):
    drift.ended = teller(ledger, Notifier(ledger, lambda _text: None))
    drift.start(origin="page")
    assert told(ledger) == []


def test_without_a_webhook_nothing_is_kept_to_be_sent(ledger: Ledger):
    assert not Notifier(ledger, None).notify("drift", "i1", "Drift!")
    assert told(ledger) == []


def test_a_webhook_that_hangs_delays_nobody(ledger: Ledger):
    go_on = threading.Event()
    notifier = Notifier(ledger, lambda _text: go_on.wait(60) and None)
    began = time.monotonic()
    assert notifier.notify("drift", "i1", "Drift!")
    assert not notifier.wait(0.05)
    notifier.close()
    assert time.monotonic() - began < 10
    go_on.set()


def test_a_webhook_that_is_down_is_tried_again_with_longer_pauses_until_it_takes_it(ledger: Ledger, clock: Ticking):
    answers = iter([CuepointError("It answered 500"), CuepointError("It answered 500"), None])

    def send(_text: str) -> None:
        if error := next(answers):
            raise error

    notifier = Notifier(ledger, send)
    ledger.notices.add_once("drift", "i1", "Drift!")
    counts = []
    for minutes in (0, 1, 1, 1):
        clock.forward(minutes=minutes)
        counts.append(notifier.send_due())
    assert counts == [0, 0, 0, 1]
    assert [(notice.state, notice.attempts) for notice in ledger.notices.list()] == [("sent", 3)]


def test_pauses_double_up_to_six_hours_and_end():
    assert [pause_after(n) for n in (1, 2, 3)] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pause_after(MOST_ATTEMPTS - 1) == timedelta(hours=6)
    assert pause_after(MOST_ATTEMPTS) is None
