"""Drift reports and the traffic that they compare."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import NotFound
from core.ledger import Ledger, open_ledger
from core.ledger.drift import ENDED
from core.models import AnswerStatus, DriftColumn, DriftReport, DriftVerdict, Feedback
from tests.ledger.samples import NASTY, START, Ticking, passage, running, trace

COLUMN = DriftColumn("question", "text", "words", 0.001, 0.05, 0.001, 0.004, True, 300, 301)
DAY = timedelta(days=1)


def begun(report_id: str, **changes: object) -> DriftReport:
    return replace(DriftReport(report_id, START, "running", "14d..7d", "7d", "schedule"), **changes)


def done(report: DriftReport, **changes: object) -> DriftReport:
    found = {
        "n_reference": 300, "n_current": 301, "verdict": DriftVerdict.DRIFT, "sentence": "Drift in 1 of 1 column.",
        "columns": (COLUMN,), "left_out": (("cost_usd", "it is empty on the reference side"),),
        "details": {"words": {"question": {"more": [NASTY]}}},
    }  # fmt: skip
    return replace(report, **(found | changes))


def test_a_report_reads_back_as_it_was_finished(ledger: Ledger, clock: Ticking):
    ledger.drift.begin(begun("r1"))
    assert ledger.drift.get("r1") == begun("r1")
    clock.forward(seconds=12)
    assert ledger.drift.finish(done(begun("r1")))
    expected = replace(done(begun("r1")), state="finished", finished_at=START + timedelta(seconds=12))
    assert ledger.drift.get("r1") == expected
    assert ledger.drift.list() == [replace(expected, details={})]


def test_a_report_that_ended_is_neither_finished_nor_failed_again(ledger: Ledger):
    ledger.drift.begin(begun("r1"))
    assert ledger.drift.fail("r1", "The disk is full.")
    assert not ledger.drift.finish(done(begun("r1")))
    assert not ledger.drift.fail("r1", "Another reason.")
    found = ledger.drift.get("r1")
    assert (found.state, found.error, found.verdict) == ("failed", "The disk is full.", None)


def test_reports_of_a_dead_process_fail_and_those_of_a_living_one_go_on(url: str, ledger: Ledger, clock: Ticking):
    ledger.drift.begin(begun("mine"))
    other = open_ledger(url, clock=clock)
    other.drift.begin(begun("lost"))
    assert ledger.drift.fail_dead() == 0
    other.close()
    assert ledger.drift.fail_dead() == 1
    assert ledger.drift.get("lost").error == ENDED
    assert ledger.drift.get("mine").state == "running"


def test_a_columns_history_has_the_finished_reports_that_have_it_oldest_first(ledger: Ledger):
    for number, columns in enumerate([(COLUMN,), (), (replace(COLUMN, score=0.5),)]):
        report = begun(f"r{number}", created_at=START + number * DAY)
        ledger.drift.begin(report)
        ledger.drift.finish(done(report, columns=columns))
    ledger.drift.begin(begun("r9", created_at=START + 9 * DAY))
    assert [(report.report_id, item.score) for report, item in ledger.drift.history("question")] == [
        ("r0", 0.001),
        ("r2", 0.5),
    ]


def test_an_unknown_report_is_named(ledger: Ledger):
    with pytest.raises(NotFound, match="no drift report nobody"):
        ledger.drift.get("nobody")


def rows(ledger: Ledger, **options: object) -> list[dict[str, object]]:
    found = ledger.traffic.rows(START, START + DAY, **options)
    return [dict(zip(ledger.traffic.names, row, strict=True)) for row in found]


def test_traffic_has_the_measures_of_each_trace(ledger: Ledger):
    ledger.traces.finish(trace("t1", question=NASTY, passages=(passage(1, NASTY), passage(2))), mirror=False)
    ledger.traces.save_feedback(Feedback("t1", -1), mirror=False)
    (row,) = rows(ledger)
    assert row["trace_id"] == "t1"
    assert row["started_at"] == START
    assert row["question"] == NASTY
    assert (row["top_score"], row["unsupported"], row["feedback"]) == (0.75, 1, -1)
    assert (row["latency_ms"], row["ttft_ms"], row["cost_usd"]) == (905.25, 210.5, 0.00125)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (101, 102)
    assert (row["status"], row["model"], row["template"], row["template_version"]) == ("answered", "gpt-x", "answer", 3)


def test_what_nobody_measured_is_missing(ledger: Ledger):
    ledger.traces.finish(
        trace("t1", passages=(), answer_changes={"claims": (), "cost_usd": None, "status": AnswerStatus.REFUSED}),
        mirror=False,
    )
    (row,) = rows(ledger)
    assert (row["top_score"], row["cost_usd"], row["feedback"], row["claims"]) == (None, None, None, 2)


def test_traffic_is_what_people_asked_within_the_window(ledger: Ledger):
    kinds = {"a": "ask", "b": "lab", "c": "sample-ask", "d": "sample-lab", "e": "research"}
    ledger.traces.finish_all([trace(name, kind=kind) for name, kind in kinds.items()], mirror=False)
    ledger.traces.finish(trace("before", started_at=START - DAY), mirror=False)
    ledger.traces.finish(trace("end", started_at=START + DAY), mirror=False)
    ledger.traces.begin(running("unfinished"))
    assert [row["trace_id"] for row in rows(ledger)] == ["a", "e"]
    assert [row["trace_id"] for row in rows(ledger, sample=True)] == ["c"]
    assert [row["trace_id"] for row in rows(ledger, filters={"kind": "lab"})] == ["b"]
    assert rows(ledger, filters={"model": "another"}) == []
    assert len(rows(ledger, filters={"model": "gpt-x", "user": "ada@example.org"})) == 2
