"""The outbox: what a mirror has yet to hear of, in which order, and what becomes of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from core.errors import NotFound
from core.ledger import Ledger, OutboxRow, OutboxState, OutboxStats, Settled, open_ledger, outbox_backfill
from core.models import Feedback
from tests.ledger.samples import NASTY, START, Ticking, running, trace

Key = tuple[str, str]


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """One whose process is the sender."""
    assert ledger.outbox.take_lease()
    return ledger


def keys(rows: list[OutboxRow]) -> list[Key]:
    return [(row.kind, row.id) for row in rows]


def due(ledger: Ledger) -> list[Key]:
    return keys(ledger.outbox.due(50))


def answer(ledger: Ledger, *trace_ids: str) -> None:
    ledger.traces.finish_all([trace(trace_id) for trace_id in trace_ids], mirror=True)


def thumb(ledger: Ledger, trace_id: str, value: int = 1) -> None:
    ledger.traces.save_feedback(Feedback(trace_id, value), mirror=True)


def settle(ledger: Ledger, rows: list[OutboxRow], state: str = "sent", **options: Any) -> None:
    ledger.outbox.settle([Settled(row, state, **options) for row in rows])


def send(ledger: Ledger, state: str = "sent", **options: Any) -> list[Key]:
    """What is due meets this end."""
    rows = ledger.outbox.due(50)
    ledger.outbox.begin(rows)
    settle(ledger, rows, state, **options)
    return keys(rows)


# ------------------------------------------------------------------------------------------------------- what is due


def test_what_is_due_comes_oldest_first_and_no_more_than_was_asked_for(ledger, clock: Ticking):
    for trace_id in ("c", "a", "b"):
        answer(ledger, trace_id)
        clock.forward(seconds=1)
    assert keys(ledger.outbox.due(2)) == [("trace", "c"), ("trace", "a")]
    assert due(ledger) == [("trace", "c"), ("trace", "a"), ("trace", "b")]


def test_a_row_is_what_was_put_in(ledger, clock: Ticking):
    answer(ledger, "t")
    expected = OutboxRow("trace", "t", OutboxState.PENDING, 1, None, False, 0, START, START, None, None, None)
    assert ledger.outbox.due(1) == [expected]
    assert ledger.outbox.row("trace", "t") == expected


def test_a_thumb_comes_only_when_its_trace_has_arrived(ledger):
    answer(ledger, "t")
    thumb(ledger, "t")
    assert send(ledger) == [("trace", "t")]
    assert send(ledger) == [("feedback", "t")]
    assert due(ledger) == []


def test_a_thumb_waits_while_a_newer_version_of_its_trace_waits(ledger, clock: Ticking):
    answer(ledger, "t")
    send(ledger)
    thumb(ledger, "t")
    clock.forward(seconds=1)
    answer(ledger, "t")
    assert send(ledger, "pending", retry_after_s=60) == [("trace", "t")]
    assert due(ledger) == []
    clock.forward(seconds=60)
    assert send(ledger) == [("trace", "t")]
    assert due(ledger) == [("feedback", "t")]


def test_a_thumb_of_one_trace_does_not_wait_for_another(ledger):
    answer(ledger, "arrived")
    send(ledger)
    answer(ledger, "waiting")
    thumb(ledger, "arrived")
    assert set(due(ledger)) == {("trace", "waiting"), ("feedback", "arrived")}


def test_what_failed_waits_as_long_as_was_said(ledger, clock: Ticking):
    answer(ledger, "t")
    send(ledger, "pending", error="no answer", retry_after_s=30.0, unsure=True)
    row = ledger.outbox.row("trace", "t")
    assert (row.state, row.attempts, row.error, row.unsure) == ("pending", 1, "no answer", True)
    assert ledger.outbox.next_due_s() == 30.0
    clock.forward(seconds=29.9)
    assert due(ledger) == []
    clock.forward(seconds=0.1)
    assert due(ledger) == [("trace", "t")]
    send(ledger, "pending")
    assert ledger.outbox.row("trace", "t").attempts == 2
    assert due(ledger) == [("trace", "t")]


@pytest.mark.parametrize("asked_s", [float("nan"), float("inf"), 1e12])
def test_nothing_waits_longer_than_ten_minutes_whatever_a_server_asks(ledger, clock: Ticking, asked_s):
    answer(ledger, "t")
    send(ledger, "pending", retry_after_s=asked_s)
    assert due(ledger) == []
    clock.forward(minutes=10)
    assert due(ledger) == [("trace", "t")]


@pytest.mark.parametrize("asked_s", [-5.0, 0.0, None])
def test_a_wait_that_is_none_ends_at_once(ledger, asked_s):
    answer(ledger, "t")
    send(ledger, "pending", retry_after_s=asked_s)
    assert due(ledger) == [("trace", "t")]


@pytest.mark.parametrize("jump", [timedelta(days=365), timedelta(days=-365), timedelta(minutes=-9)])
def test_a_clock_that_jumps_lets_nothing_wait_longer_than_ten_minutes(ledger, clock: Ticking, jump):
    answer(ledger, "fresh", "late")
    rows = ledger.outbox.due(50)
    settle(ledger, [row for row in rows if row.id == "late"], "pending", retry_after_s=300.0)
    clock.now += jump
    answer(ledger, "after")
    seen = set(due(ledger))
    for _ in range(10):
        wait_s = ledger.outbox.next_due_s()
        assert wait_s is not None
        assert wait_s <= 600
        clock.forward(minutes=1)
        seen |= set(due(ledger))
    assert seen == {("trace", "after"), ("trace", "fresh"), ("trace", "late")}


def test_what_a_jump_of_the_clock_left_far_ahead_is_due_before_the_rest(ledger, clock: Ticking):
    answer(ledger, "before")
    clock.now -= timedelta(days=365)
    assert ledger.outbox.next_due_s() == 0.0
    answer(ledger, "a", "b")
    assert keys(ledger.outbox.due(2)) == [("trace", "before"), ("trace", "a")]


def test_the_time_until_something_is_due_leaves_out_a_thumb_that_awaits_its_trace(ledger, clock: Ticking):
    assert ledger.outbox.next_due_s() is None
    answer(ledger, "t")
    assert ledger.outbox.next_due_s() == 0.0
    send(ledger, "pending", retry_after_s=45.0)
    thumb(ledger, "t")
    assert ledger.outbox.next_due_s() == 45.0
    clock.forward(hours=1)
    assert ledger.outbox.next_due_s() == 0.0
    send(ledger)
    send(ledger)
    assert ledger.outbox.next_due_s() is None


# ------------------------------------------------------------------------------------- what changes while it is sent


def test_what_arrived_is_known_with_its_version_and_time(ledger, clock: Ticking):
    answer(ledger, "t")
    clock.forward(seconds=3)
    send(ledger)
    row = ledger.outbox.row("trace", "t")
    assert (row.state, row.version, row.sent_version, row.unsure) == ("sent", 1, 1, False)
    assert row.sent_at == START + timedelta(seconds=3)
    assert ledger.outbox.stats() == OutboxStats(pending=0, sent=1, dead=0, oldest_pending_s=None)


def test_a_thumb_that_changed_while_it_was_sent_is_sent_again(ledger):
    answer(ledger, "t")
    send(ledger)
    thumb(ledger, "t", 1)
    rows = ledger.outbox.due(50)
    ledger.outbox.begin(rows)
    thumb(ledger, "t", -1)
    settle(ledger, rows)
    row = ledger.outbox.row("feedback", "t")
    assert (row.state, row.version, row.sent_version, row.unsure) == ("pending", 2, 1, False)
    assert send(ledger) == [("feedback", "t")]
    row = ledger.outbox.row("feedback", "t")
    assert (row.state, row.version, row.sent_version) == ("sent", 2, 2)


def test_a_trace_that_changed_while_it_was_refused_is_tried_again_in_its_new_form(ledger):
    answer(ledger, "t")
    thumb(ledger, "t")
    rows = ledger.outbox.due(50)
    ledger.outbox.begin(rows)
    answer(ledger, "t")
    settle(ledger, rows, "dead", error="too large")
    assert [row.state for row in ledger.outbox.of_trace("t")] == ["pending", "pending"]
    assert due(ledger) == [("trace", "t")]


def test_a_change_keeps_what_is_known_of_the_mirror_and_how_long_the_row_has_waited(ledger, clock: Ticking):
    answer(ledger, "t")
    send(ledger)
    clock.forward(seconds=5)
    answer(ledger, "t")
    ledger.outbox.begin(ledger.outbox.due(50))
    clock.forward(seconds=7)
    answer(ledger, "t")
    row = ledger.outbox.row("trace", "t")
    assert (row.version, row.sent_version, row.sent_at, row.unsure) == (3, 1, START, True)
    assert row.queued_at == START + timedelta(seconds=5)
    assert ledger.outbox.stats().oldest_pending_s == 7.0


def test_a_row_that_changes_after_a_failure_is_due_at_once(ledger):
    answer(ledger, "t")
    send(ledger, "pending", error="busy", retry_after_s=300.0)
    answer(ledger, "t")
    row = ledger.outbox.row("trace", "t")
    assert (row.attempts, row.error) == (0, None)
    assert due(ledger) == [("trace", "t")]


def test_an_attempt_that_begins_is_marked_before_it_is_sent(ledger):
    answer(ledger, "a", "b")
    ledger.outbox.begin(ledger.outbox.due(1))
    assert [(row.id, row.unsure) for row in ledger.outbox.due(50)] == [("a", True), ("b", False)]


def test_the_ends_of_a_batch_are_written_together_or_not_at_all(ledger):
    answer(ledger, "a", "b")
    rows = ledger.outbox.due(50)
    with pytest.raises(ValueError, match="posted"):
        ledger.outbox.settle([Settled(rows[0], "sent"), Settled(rows[1], "posted")])
    assert ledger.outbox.due(50) == rows


def test_a_batch_with_every_kind_of_end_is_settled_at_once(ledger):
    answer(ledger, "a", "b", "c")
    a, b, c = ledger.outbox.due(50)
    ledger.outbox.settle([Settled(c, "dead", "no"), Settled(b, "pending", "later", 60.0), Settled(a, "sent")])
    assert [ledger.outbox.row("trace", key).state for key in "abc"] == ["sent", "pending", "dead"]
    ledger.outbox.begin([])
    ledger.outbox.settle([])


# ------------------------------------------------------------------------------------------------- what was refused


def test_what_was_refused_is_kept_with_its_reason_and_its_thumb(ledger):
    answer(ledger, "t")
    thumb(ledger, "t")
    send(ledger, "dead", error="too large")
    of_trace, feedback = ledger.outbox.of_trace("t")
    assert (of_trace.state, of_trace.error) == ("dead", "too large")
    assert (feedback.state, feedback.error) == ("dead", "Its trace was refused: too large")
    assert due(ledger) == []
    assert ledger.outbox.stats() == OutboxStats(pending=0, sent=0, dead=2, oldest_pending_s=None)


def test_a_thumb_for_a_refused_trace_is_refused_with_it(ledger):
    answer(ledger, "t")
    send(ledger, "dead")
    thumb(ledger, "t")
    feedback = ledger.outbox.row("feedback", "t")
    assert (feedback.state, feedback.error) == ("dead", "Its trace was refused: no reason is known")


def test_a_thumb_is_sent_where_only_a_later_version_of_its_trace_was_refused(ledger):
    answer(ledger, "t")
    send(ledger)
    answer(ledger, "t")
    thumb(ledger, "t")
    send(ledger, "dead", error="no")
    assert due(ledger) == [("feedback", "t")]
    thumb(ledger, "t", -1)
    assert send(ledger) == [("feedback", "t")]


def test_a_mended_record_is_sent_in_place_of_the_ledgers_and_takes_the_thumb_along(ledger, clock: Ticking):
    answer(ledger, "t")
    thumb(ledger, "t")
    send(ledger, "dead", error="too large")
    clock.forward(hours=1)
    ledger.outbox.resend("trace", "t", document={"answer": "short"})
    (row,) = ledger.outbox.due(50)
    assert (row.document, row.version, row.attempts, row.error) == ({"answer": "short"}, 2, 0, None)
    assert send(ledger) == [("trace", "t")]
    assert send(ledger) == [("feedback", "t")]


def test_a_mended_record_stays_until_the_ledger_itself_has_a_newer_one(ledger):
    answer(ledger, "t")
    send(ledger, "dead")
    ledger.outbox.resend("trace", "t", document={"answer": "short"})
    ledger.outbox.resend("trace", "t")
    assert ledger.outbox.row("trace", "t").document == {"answer": "short"}
    answer(ledger, "t")
    assert ledger.outbox.row("trace", "t").document is None


def test_a_thumb_that_is_sent_again_takes_its_refused_trace_along(ledger):
    answer(ledger, "t")
    thumb(ledger, "t")
    send(ledger, "dead")
    ledger.outbox.resend("feedback", "t")
    assert send(ledger) == [("trace", "t")]
    assert send(ledger) == [("feedback", "t")]


def test_what_is_sent_again_while_it_is_sent_is_sent_twice(ledger):
    answer(ledger, "t")
    rows = ledger.outbox.due(50)
    ledger.outbox.begin(rows)
    ledger.outbox.resend("trace", "t", document={"mended": True})
    settle(ledger, rows)
    assert due(ledger) == [("trace", "t")]


def test_a_thumb_that_was_refused_alone_leaves_its_trace_sent(ledger):
    answer(ledger, "t")
    thumb(ledger, "t")
    send(ledger)
    send(ledger, "dead", error="no")
    ledger.outbox.resend("feedback", "t")
    assert [row.state for row in ledger.outbox.of_trace("t")] == ["sent", "pending"]


def test_a_refused_change_of_what_had_arrived_is_asked_for_when_it_is_sent_again(ledger):
    """Somebody may have deleted it at the mirror."""
    answer(ledger, "t", "never arrived")
    t, other = (ledger.outbox.row("trace", key) for key in ("t", "never arrived"))
    ledger.outbox.settle([Settled(t, "sent"), Settled(other, "dead", "no")])
    answer(ledger, "t")
    send(ledger, "dead", error="no")
    ledger.outbox.resend("trace", "t")
    ledger.outbox.resend_dead()
    assert {row.id: (row.unsure, row.sent_version) for row in ledger.outbox.due(50)} == {
        "t": (True, 1),
        "never arrived": (False, None),
    }


def test_all_that_was_refused_can_be_sent_again_at_once(ledger):
    answer(ledger, "a", "b", "c")
    thumb(ledger, "a")
    rows = ledger.outbox.due(50)
    ledger.outbox.settle([Settled(row, "sent" if row.id == "c" else "dead", "no") for row in rows])
    assert ledger.outbox.resend_dead() == 3
    assert ledger.outbox.resend_dead() == 0
    assert due(ledger) == [("trace", "a"), ("trace", "b")]
    assert ledger.outbox.row("trace", "c").state == "sent"


def test_what_the_outbox_does_not_hold_cannot_be_sent_again(ledger):
    with pytest.raises(NotFound, match="The outbox holds no trace nowhere"):
        ledger.outbox.resend("trace", "nowhere")
    with pytest.raises(NotFound, match="The outbox holds no feedback nowhere"):
        ledger.outbox.row("feedback", "nowhere")
    assert ledger.outbox.of_trace("nowhere") == []


# ------------------------------------------------------------------------------------------------- what is put in


def test_a_thumb_for_an_answer_from_before_the_mirror_brings_its_trace(ledger):
    ledger.traces.finish(trace("old"), mirror=False)
    thumb(ledger, "old")
    assert send(ledger) == [("trace", "old")]
    assert send(ledger) == [("feedback", "old")]


def test_a_thumb_for_a_question_that_still_runs_waits_for_its_end(ledger):
    ledger.traces.begin(running("t"))
    thumb(ledger, "t")
    assert due(ledger) == []
    assert ledger.outbox.next_due_s() is None
    answer(ledger, "t")
    assert send(ledger) == [("trace", "t")]
    assert send(ledger) == [("feedback", "t")]


def test_sample_traffic_is_told_to_nobody(ledger):
    ledger.traces.finish(trace("s", kind="sample"), mirror=False)
    thumb(ledger, "s")
    assert ledger.traces.get("s").feedback.value == 1
    assert ledger.outbox.backfill(None, None) == 0
    assert ledger.outbox.rows(None) == []


def test_without_a_mirror_nothing_is_put_in(ledger):
    ledger.traces.finish(trace("t"), mirror=False)
    ledger.traces.save_feedback(Feedback("t", 1), mirror=False)
    assert ledger.outbox.rows(None) == []


@pytest.mark.parametrize("kind", ["experiment", "dataset"])
def test_documents_are_sent_as_they_were_put_in(ledger, kind):
    document = {"name": NASTY, "metrics": {"a": 1.5, "b": float("nan")}, "rows": [[1, None, "x"]]}
    ledger.outbox.put_document(kind, "e1", document)
    (row,) = ledger.outbox.due(50)
    assert (row.kind, row.id, row.version) == (kind, "e1", 1)
    assert row.document == document | {"metrics": {"a": 1.5, "b": None}}
    send(ledger)
    ledger.outbox.put_document(kind, "e1", {"name": "later"})
    (row,) = ledger.outbox.due(50)
    assert (row.document, row.version, row.sent_version) == ({"name": "later"}, 2, 1)


def test_back_filling_puts_in_the_finished_traces_of_the_period_and_their_thumbs(ledger):
    for day in range(5):
        started = START + timedelta(days=day)
        ledger.traces.finish(trace(f"day {day}", started_at=started), mirror=False)
        ledger.traces.save_feedback(Feedback(f"day {day}", 1), mirror=False)
    ledger.traces.begin(running("at work"))
    assert ledger.outbox.backfill(START + timedelta(days=1), START + timedelta(days=3)) == 2
    assert send(ledger) == [("trace", "day 1"), ("trace", "day 2")]
    assert sorted(send(ledger)) == [("feedback", "day 1"), ("feedback", "day 2")]
    assert ledger.outbox.backfill(None, START + timedelta(days=2)) == 1
    assert ledger.outbox.backfill(None, None) == 2
    assert ledger.outbox.backfill(None, None) == 0
    assert Counter(row.kind for row in ledger.outbox.rows(None)) == {"trace": 5, "feedback": 5}


def test_back_filling_leaves_what_was_put_in_before_and_brings_a_thumb_that_was_not(ledger):
    answer(ledger, "sent")
    send(ledger)
    ledger.traces.save_feedback(Feedback("sent", 1), mirror=False)
    assert ledger.outbox.backfill(None, None) == 0
    assert [(row.kind, row.state, row.version) for row in ledger.outbox.of_trace("sent")] == [
        ("trace", "sent", 1),
        ("feedback", "pending", 1),
    ]


def test_back_filling_in_portions_misses_and_doubles_nothing(ledger, monkeypatch):
    monkeypatch.setattr(outbox_backfill, "PORTION", 4)
    moments = [0, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6]
    made = [trace(f"t{n}", started_at=START + timedelta(hours=hour)) for n, hour in enumerate(moments)]
    ledger.traces.finish_all(made, mirror=False)
    for one in made:
        ledger.traces.save_feedback(Feedback(one.trace_id, -1), mirror=False)
    assert ledger.outbox.backfill(START, START + timedelta(hours=6)) == 13
    assert ledger.outbox.backfill(None, None) == 1
    assert Counter(row.kind for row in ledger.outbox.rows(None)) == {"trace": 14, "feedback": 14}


def test_back_filling_while_people_judge_old_answers_puts_everything_in_once(ledger, monkeypatch):
    monkeypatch.setattr(outbox_backfill, "PORTION", 40)
    ids = [f"t{n:03}" for n in range(120)]
    made = [trace(key, started_at=START + timedelta(hours=n), spans=()) for n, key in enumerate(ids)]
    ledger.traces.finish_all(made, mirror=False)
    with ThreadPoolExecutor(3) as pool:
        halves = [pool.submit(lambda part: [thumb(ledger, key) for key in part], ids[n::2]) for n in (0, 1)]
        filled = pool.submit(lambda: [ledger.outbox.backfill(None, None) for _ in range(3)])
        for each in (*halves, filled):
            each.result()
    rows = ledger.outbox.rows(None, limit=1000)
    assert Counter(row.kind for row in rows) == {"trace": 120, "feedback": 120}
    assert {row.version for row in rows} == {1}


# --------------------------------------------------------------------------------------------------------- reading


def test_rows_are_listed_newest_first_by_state_and_kind(ledger, clock: Ticking):
    for trace_id in ("a", "b", "c"):
        answer(ledger, trace_id)
        clock.forward(seconds=1)
    thumb(ledger, "a")
    outbox = ledger.outbox
    outbox.settle([Settled(outbox.row("trace", "a"), "sent"), Settled(outbox.row("trace", "b"), "dead", "no")])
    assert keys(outbox.rows("pending")) == [("feedback", "a"), ("trace", "c")]
    assert keys(outbox.rows(None)) == [("feedback", "a"), ("trace", "c"), ("trace", "b"), ("trace", "a")]
    assert keys(outbox.rows(None, limit=2, offset=1)) == [("trace", "c"), ("trace", "b")]
    assert keys(outbox.rows(None, kind="feedback")) == [("feedback", "a")]
    assert keys(outbox.rows(OutboxState.DEAD, kind="trace")) == [("trace", "b")]
    with pytest.raises(ValueError, match="lost"):
        outbox.rows("lost")


def test_ids_reasons_and_mended_records_may_be_any_text(ledger):
    answer(ledger, NASTY)
    thumb(ledger, NASTY)
    send(ledger, "dead", error=NASTY)
    of_trace, feedback = ledger.outbox.of_trace(NASTY)
    assert (of_trace.id, of_trace.error) == (NASTY, NASTY)
    assert feedback.error == f"Its trace was refused: {NASTY}"
    ledger.outbox.resend("trace", NASTY, document={NASTY: [NASTY]})
    assert ledger.outbox.row("trace", NASTY).document == {NASTY: [NASTY]}
    assert send(ledger) == [("trace", NASTY)]
    ledger.traces.finish(trace(NASTY + "2"), mirror=False)
    assert ledger.outbox.backfill(None, None) == 1
    assert sorted(due(ledger)) == [("feedback", NASTY), ("trace", NASTY + "2")]


# ------------------------------------------------------------------------------------- what holds whatever happens


class Holding:
    """A mirror that fails at random, and what it holds: a trace's text and a thumb as they were when they came."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self.ledger = ledger
        self.chance = chance
        self.traces: dict[str, str] = {}
        self.thumbs: dict[str, int] = {}

    def step(self) -> None:
        """A batch that meets random ends, with changes of the ledger while it is under way."""
        rows = self.ledger.outbox.due(self.chance.randint(1, 8))
        self.ledger.outbox.begin(rows)
        outcomes = [self._send(row) for row in rows]
        change(self.ledger, self.chance)
        if self.chance.random() < 0.9:
            self.ledger.outbox.settle(outcomes)

    def _send(self, row: OutboxRow) -> Settled:
        arrives = self.chance.random() < 0.7
        if arrives:
            self._hear(row)
            if self.chance.random() < 0.8:
                return Settled(row, "sent")
            return Settled(row, "pending", "time-out", self.chance.choice([None, 5.0]), unsure=True)
        if self.chance.random() < 0.1:
            return Settled(row, "dead", "no")
        return Settled(row, "pending", "refused", self.chance.choice([None, 5.0]))

    def _hear(self, row: OutboxRow) -> None:
        held = self.ledger.traces.get(row.id)
        if row.kind == "trace":
            self.traces[row.id] = held.answer.text
        else:
            assert row.id in self.traces, "a thumb came before its trace"
            assert held.feedback is not None
            self.thumbs[row.id] = held.feedback.value


def change(ledger: Ledger, chance: random.Random) -> None:
    """One of the things that happen to a ledger."""
    trace_id = f"t{chance.randrange(12)}"
    if chance.random() < 0.5:
        made = trace(trace_id, answer_changes={"text": f"edition {chance.random()}"})
        ledger.traces.finish(made, mirror=chance.random() < 0.8)
    elif chance.random() < 0.8:
        try:
            ledger.traces.save_feedback(Feedback(trace_id, chance.choice([-1, 0, 1])), mirror=True)
        except NotFound:
            return
    else:
        ledger.outbox.resend_dead()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_on_the_way_the_mirror_ends_with_what_the_ledger_holds(ledger, clock: Ticking, seed):
    chance = random.Random(seed)
    mirror = Holding(ledger, chance)
    for _ in range(40):
        change(ledger, chance)
        mirror.step()
        clock.now += timedelta(seconds=chance.choice([1, 1, 1, 1, -86_400 * 365, 86_400 * 365]))
    everything = ledger.traces.list()
    for one in everything:
        ledger.traces.finish(one, mirror=True)
    while ledger.outbox.stats().pending or ledger.outbox.resend_dead():
        for row in ledger.outbox.due(50):
            mirror._hear(row)
            settle(ledger, [row])
        clock.forward(minutes=10)
    assert mirror.traces == {one.trace_id: one.answer.text for one in everything}
    thumbs = {one.trace_id: one.feedback.value for one in everything if one.feedback}
    assert mirror.thumbs == thumbs


# ------------------------------------------------------------------------------------------------ speed and the disk


@contextmanager
def statements(ledger: Ledger) -> Iterator[list[tuple[str, Any]]]:
    """What SQLite is told, with its parameters (of a batch the first)."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        seen.append((statement, values[0] if many else values))

    event.listen(ledger._database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(ledger._database.engine, "before_cursor_execute", note)


def test_no_statement_of_a_sender_reads_the_whole_outbox(sqlite_url):
    ledger = open_ledger(sqlite_url)
    answer(ledger, *(f"t{n}" for n in range(20)))
    thumb(ledger, "t1")
    outbox = ledger.outbox
    with statements(ledger) as seen:
        outbox.take_lease()
        rows = outbox.due(20)
        outbox.begin(rows)
        outbox.settle([Settled(row, "dead" if row.id == "t1" else "sent") for row in rows])
        outbox.resend("trace", "t1")
        thumb(ledger, "t1")
        outbox.next_due_s()
        outbox.set_status("sending", "", "")
        outbox.status()
        outbox.of_trace("t1")
    told = [(statement, values) for statement, values in seen if "outbox" in statement or "mirror_state" in statement]
    assert len(told) > 15
    with ledger._database.read() as connection:
        for statement, values in told:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert [step for step in plan if step.startswith("SCAN") and "CONSTANT" not in step] == [], statement
    ledger.close()


def test_an_attempt_is_on_the_disk_before_it_is_sent_and_so_is_its_end(sqlite_url):
    ledger = open_ledger(sqlite_url)
    answer(ledger, *(f"t{n}" for n in range(50)))
    ledger.outbox.take_lease()
    rows = ledger.outbox.due(50)
    for write in (lambda: ledger.outbox.begin(rows), lambda: settle(ledger, rows)):
        with statements(ledger) as seen:
            write()
        told = [statement for statement, _ in seen]
        assert told[:2] == ["PRAGMA synchronous=FULL", "BEGIN IMMEDIATE"]
        assert sum(statement.startswith("UPDATE") for statement in told) == 1, "fifty rows are one batch"
    ledger.close()


def test_a_status_that_stays_is_not_written_again(sqlite_url):
    ledger = open_ledger(sqlite_url)
    ledger.outbox.take_lease()
    ledger.outbox.set_status("sending", "3 of 7", "team/cuepoint")
    with statements(ledger) as seen:
        ledger.outbox.set_status("sending", "3 of 7", "team/cuepoint")
        ledger.outbox.take_lease()
    assert [statement for statement, _ in seen if not statement.startswith(("SELECT", "BEGIN"))] == []
    ledger.close()


def test_an_outbox_row_of_a_trace_that_is_gone_stays(ledger):
    """It is no foreign key: rows of other kinds name no trace."""
    answer(ledger, "t")
    with ledger._database.write() as connection:
        connection.execute(text("DELETE FROM traces"))
    assert due(ledger) == [("trace", "t")]
