"""Notices: one for each subject, sent once, kept until then; and the incidents that they are about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.ledger import Ledger
from core.models import DriftReport, DriftVerdict
from tests.ledger.samples import START, Ticking

LEASE = timedelta(minutes=2)


def test_a_subject_has_one_notice_of_a_kind(ledger: Ledger):
    assert ledger.notices.add_once("drift", "i1", "Drift!")
    assert not ledger.notices.add_once("drift", "i1", "Drift again!")
    assert ledger.notices.add_once("budget", "i1", "90 %")
    assert sorted(notice.text for notice in ledger.notices.list()) == ["90 %", "Drift!"]


def test_a_notice_that_is_taken_is_nobody_elses_until_its_lease_is_over(ledger: Ledger, clock: Ticking):
    ledger.notices.add_once("drift", "i1", "Drift!")
    taken = ledger.notices.take(LEASE)
    assert taken is not None
    assert taken.attempts == 1
    assert ledger.notices.take(LEASE) is None
    clock.forward(minutes=2)
    again = ledger.notices.take(LEASE)
    assert again is not None
    ledger.notices.sent(again.notice_id)
    clock.forward(days=9)
    assert ledger.notices.take(LEASE) is None
    assert [(n.state, n.attempts) for n in ledger.notices.list()] == [("sent", 2)]


def test_a_notice_that_failed_waits_and_one_that_is_given_up_stays_visible(ledger: Ledger, clock: Ticking):
    ledger.notices.add_once("drift", "i1", "Drift!")
    first = ledger.notices.take(LEASE)
    assert first is not None
    ledger.notices.failed(first.notice_id, "It answered 500", timedelta(hours=1))
    clock.forward(minutes=59)
    assert ledger.notices.take(LEASE) is None
    clock.forward(minutes=1)
    assert ledger.notices.take(LEASE) is not None
    ledger.notices.failed(first.notice_id, "It answered 500", None)
    clock.forward(days=9)
    assert ledger.notices.take(LEASE) is None
    assert [(n.state, n.error) for n in ledger.notices.list()] == [("dead", "It answered 500")]


@pytest.mark.parametrize(
    ("verdicts", "incidents"),
    [("dd", [0, 0]), ("dnd", [0, 2]), ("d?d", [0, 0]), ("ndd", [1, 1]), ("d", [0])],
)
def test_an_incident_lasts_from_its_first_drift_to_the_next_report_without(
    ledger: Ledger, verdicts: str, incidents: list[int]
):
    meant = {"d": DriftVerdict.DRIFT, "n": DriftVerdict.NO_DRIFT, "?": DriftVerdict.NOT_ENOUGH}
    found = []
    for day, letter in enumerate(verdicts):
        report = DriftReport(f"r{day}", START + timedelta(days=day), "running", "14d..7d", "7d", verdict=meant[letter])
        ledger.drift.begin(report)
        ledger.drift.finish(report)
        if letter == "d":
            found.append(ledger.drift.incident(report.report_id))
    assert found == [f"r{number}" for number in incidents]
