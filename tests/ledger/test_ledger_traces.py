"""Traces, spans, feedback and the outbox in the ledger."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.errors import LibraryError, NotFound
from core.ledger import Ledger, OutboxStats, TraceFilter, open_ledger
from core.ledger.codec import dump_json, load_json
from core.models import AnswerStatus, Feedback, Span, Usage
from tests.ledger.samples import NASTY, START, Ticking, answer, passage, running, trace


def ids(found: list) -> list[str]:
    return [item.trace_id for item in found]


def outbox(ledger: Ledger) -> list[tuple]:
    with ledger._database.read() as connection:
        query = text("SELECT kind, id, state, version FROM outbox ORDER BY kind, id")
        return [tuple(row) for row in connection.execute(query)]


def test_a_trace_reads_back_as_it_was_finished(ledger):
    whole = trace("t1")
    ledger.traces.begin(running("t1"))
    ledger.traces.finish(whole, mirror=False)
    assert ledger.traces.get("t1") == whole


def test_a_trace_with_nothing_measured_reads_back_with_none(ledger):
    blank = running("t1")
    ledger.traces.begin(blank)
    assert ledger.traces.get("t1") == blank


def test_a_trace_that_was_never_begun_can_be_finished(ledger):
    ledger.traces.finish(trace("t1"), mirror=True)
    assert ledger.traces.get("t1") == trace("t1")


def test_finishing_again_replaces_the_spans(ledger):
    ledger.traces.finish(trace("t1"), mirror=False)
    shorter = trace("t1", spans=(Span("check", 1.0, 2.0),), answer_changes={"text": "Later"})
    ledger.traces.finish(shorter, mirror=False)
    assert ledger.traces.get("t1") == shorter


def test_many_traces_are_finished_in_one_transaction(ledger):
    ledger.traces.begin(running("t3"))
    whole = [trace(f"t{n}", spans=(Span(f"step {n}", 0.5, 1.0),)) for n in range(5)]
    ledger.traces.finish_all(whole, mirror=True)
    assert {item.trace_id: item for item in ledger.traces.list()} == {item.trace_id: item for item in whole}
    assert [row[1] for row in outbox(ledger)] == ["t0", "t1", "t2", "t3", "t4"]
    broken = trace("t9", spans=(Span(None, 0.0, 1.0),))  # type: ignore[arg-type]
    with pytest.raises(LibraryError):
        ledger.traces.finish_all([trace("t8"), broken], mirror=True)
    assert ledger.traces.count() == 5
    ledger.traces.finish_all([], mirror=True)


def test_beginning_twice_is_refused(ledger):
    ledger.traces.begin(running("t1"))
    with pytest.raises(LibraryError):
        ledger.traces.begin(running("t1"))


def test_an_unknown_trace_is_not_found(ledger):
    with pytest.raises(NotFound, match="There is no trace nobody"):
        ledger.traces.get("nobody")


def test_any_text_of_a_trace_reads_back_exactly(ledger):
    nasty = trace(
        f"id-{NASTY}",
        kind=NASTY,
        question=NASTY,
        channels=(NASTY,),
        conversation_id=NASTY,
        user=NASTY,
        template=NASTY,
        prompt=({"role": "user", "content": NASTY},),
        passages=(passage(1, NASTY),),
        spans=(Span(NASTY, 1.0, 2.0, {NASTY: NASTY}, NASTY),),
        error=NASTY,
        answer_changes={"text": NASTY, "language": NASTY, "follow_ups": (NASTY,), "notices": (NASTY,), "model": NASTY},
    )
    ledger.traces.finish(nasty, mirror=True)
    ledger.traces.save_feedback(Feedback(nasty.trace_id, 1, NASTY, NASTY), mirror=True)
    assert replace(ledger.traces.get(nasty.trace_id), feedback=None) == nasty
    assert ledger.traces.get(nasty.trace_id).feedback == Feedback(nasty.trace_id, 1, NASTY, NASTY, START)
    assert ids(ledger.traces.list(TraceFilter(text=NASTY))) == [nasty.trace_id]
    assert ids(ledger.traces.conversation(NASTY)) == [nasty.trace_id]


def test_a_number_that_is_not_finite_reads_back_as_unknown(ledger):
    odd = trace(
        "t1",
        temperature=math.nan,
        spans=(Span("retrieve", math.nan, math.inf, {"a": math.nan, "b": [1.5, -math.inf], "c": {"d": math.inf}}),),
        passages=(replace(passage(1), score=math.nan),),
        answer_changes={"cost_usd": math.inf, "ttft_ms": math.nan},
    )
    ledger.traces.finish(odd, mirror=False)
    back = ledger.traces.get("t1")
    assert (back.temperature, back.answer.cost_usd, back.answer.ttft_ms) == (None, None, None)
    assert dict(back.spans[0].attributes) == {"a": None, "b": [1.5, None], "c": {"d": None}}
    assert math.isnan(back.spans[0].start_ms)
    assert math.isnan(back.spans[0].duration_ms)
    assert math.isnan(back.passages[0].score)


def test_what_is_stored_of_attributes_is_json_for_every_reader(ledger):
    ledger.traces.finish(trace("t1", spans=(Span("s", 0.0, 0.0, {"a": math.nan, "é": NASTY}),)), mirror=False)
    with ledger._database.read() as connection:
        stored = connection.execute(text("SELECT attributes FROM spans")).scalar_one()
    assert stored.isascii()
    assert json.loads(stored, parse_constant=pytest.fail) == {"a": None, "é": NASTY}


def test_attributes_that_are_not_json_are_kept_as_the_nearest_thing():
    circle: dict[str, Any] = {}
    circle["self"] = circle
    odd = {
        "numpy": np.float32(0.5),
        "array": np.arange(3),
        "time": START,
        "set": {1},
        3: "number key",
        "view": MappingProxyType({"x": (1, 2)}),
        "bytes": b"\xff",
        "deep": circle,
    }
    back = load_json(dump_json(odd))
    assert (back["numpy"], back["array"], back["set"], back["3"]) == (0.5, [0, 1, 2], [1], "number key")
    assert (back["view"], back["time"], back["bytes"]) == ({"x": [1, 2]}, str(START), "b'\\xff'")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(categories=None)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(categories=None)), inner, max_size=3)
    ),
    max_leaves=8,
)


def finite_copy(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite_copy(item) for key, item in value.items()}
    return [finite_copy(item) for item in value] if isinstance(value, list) else value


@given(anything)
def test_json_reads_back_exactly_but_for_numbers_that_are_not_finite(value):
    stored = dump_json(value)
    assert stored.isascii()
    assert load_json(stored) == finite_copy(value)


@given(
    text=st.text(st.characters(categories=None), max_size=60), name=st.text(st.characters(categories=None), max_size=9)
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_generated_texts_read_back_exactly(ledger, text, name):
    odd = trace(f"t-{name}", question=text, spans=(Span(name, 1.0, 2.0, {name: text}),), answer_changes={"text": text})
    ledger.traces.finish(odd, mirror=False)
    assert ledger.traces.get(f"t-{name}") == odd


def test_a_count_that_cannot_be_true_is_unknown_and_loses_nothing(ledger):
    ledger.traces.finish(trace("t1", answer_changes={"usage": Usage(10**30, -1, 0, 2**53)}), mirror=False)
    assert ledger.traces.get("t1").answer.usage == Usage(None, None, 0, 2**53)


def test_times_of_other_zones_are_the_same_moment_in_utc(ledger):
    elsewhere = datetime(2026, 11, 24, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    ledger.traces.finish(trace("t1", started_at=elsewhere), mirror=False)
    back = ledger.traces.get("t1").started_at
    assert back == elsewhere
    assert back.utcoffset() == timedelta(0)
    with ledger._database.read() as connection:
        assert str(connection.execute(text("SELECT day FROM traces")).scalar_one()) == "2026-11-23"


# ---------------------------------------------------------------------------------------------------------- lists


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Five traces, one minute apart: t0 is the oldest."""
    texts = ["What is a vector?", "Was ist GRÖSSE?", "100% of_it", "why", "why not"]
    states = [
        AnswerStatus.ANSWERED,
        AnswerStatus.QUOTED,
        AnswerStatus.REFUSED,
        AnswerStatus.FAILED,
        AnswerStatus.ANSWERED,
    ]
    for n, (question, status) in enumerate(zip(texts, states, strict=True)):
        item = trace(
            f"t{n}",
            question=question,
            started_at=START + timedelta(minutes=n),
            kind="lab" if n == 4 else "ask",
            conversation_id="" if n == 3 else f"talk-{n % 2}",
            answer_changes={"status": status, "text": f"Answer {n}"},
        )
        ledger.traces.finish(item, mirror=False)
    ledger.traces.save_feedback(Feedback("t0", 1), mirror=False)
    ledger.traces.save_feedback(Feedback("t1", -1), mirror=False)
    ledger.traces.save_feedback(Feedback("t2", 0), mirror=False)
    return ledger


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (TraceFilter(), "t4 t3 t2 t1 t0"),
        (TraceFilter(limit=2), "t4 t3"),
        (TraceFilter(limit=2, offset=3), "t1 t0"),
        (TraceFilter(limit=None, offset=4), "t0"),
        (TraceFilter(since=START + timedelta(minutes=3)), "t4 t3"),
        (TraceFilter(until=START + timedelta(minutes=2)), "t1 t0"),
        (TraceFilter(kind="lab"), "t4"),
        (TraceFilter(status=AnswerStatus.ANSWERED), "t4 t0"),
        (TraceFilter(status=AnswerStatus.ANSWERED, kind="ask"), "t0"),
        (TraceFilter(text="grösse"), "t1"),
        (TraceFilter(text="0% OF_"), "t2"),
        (TraceFilter(text="0%f"), ""),
        (TraceFilter(text="why"), "t4 t3"),
        (TraceFilter(text="answer 3"), "t3"),
        (TraceFilter(thumb=1), "t0"),
        (TraceFilter(thumb=-1), "t1"),
        (TraceFilter(thumb=0), "t4 t3 t2"),
    ],
    ids=str,
)
def test_a_filter_lets_through_what_it_says_newest_first(filled, where, expected):
    assert " ".join(ids(filled.traces.list(where))) == expected
    assert filled.traces.count(replace(where, limit=100, offset=0)) >= len(expected.split())


def test_counting_pays_no_heed_to_limit_and_offset(filled):
    assert filled.traces.count(TraceFilter(limit=1, offset=3)) == filled.traces.count() == 5
    assert filled.traces.count(TraceFilter(kind="ask", thumb=0)) == 2


def test_a_light_list_leaves_out_prompt_and_passages_only(filled):
    whole, light = filled.traces.list(), filled.traces.list(light=True)
    assert all(item.prompt and item.passages for item in whole)
    assert light == [replace(item, prompt=(), passages=()) for item in whole]


def test_a_conversation_is_oldest_first(filled):
    assert ids(filled.traces.conversation("talk-0")) == ["t0", "t2", "t4"]
    assert filled.traces.conversation("talk-0")[0] == filled.traces.get("t0")


# ------------------------------------------------------------------------------------------------------- feedback


def test_a_thumb_can_be_set_changed_and_taken_back(ledger, clock: Ticking):
    ledger.traces.finish(trace("t1"), mirror=False)
    assert ledger.traces.get("t1").feedback is None
    for value, reason in ((1, ""), (-1, "wrong time"), (0, "")):
        clock.forward(minutes=1)
        ledger.traces.save_feedback(Feedback("t1", value, reason, "so"), mirror=False)
        assert ledger.traces.get("t1").feedback == Feedback("t1", value, reason, "so", clock.now)


def test_a_thumb_for_an_unknown_trace_is_not_found(ledger):
    with pytest.raises(NotFound, match="nobody"):
        ledger.traces.save_feedback(Feedback("nobody", 1), mirror=True)
    assert outbox(ledger) == []


def test_finishing_a_trace_leaves_its_thumb(ledger):
    ledger.traces.finish(trace("t1"), mirror=False)
    ledger.traces.save_feedback(Feedback("t1", 1), mirror=False)
    ledger.traces.finish(trace("t1"), mirror=False)
    assert ledger.traces.get("t1").feedback.value == 1


# --------------------------------------------------------------------------------------------------------- outbox


def test_mirrored_traces_and_thumbs_are_in_the_outbox_by_the_traces_id(ledger, clock: Ticking):
    ledger.traces.finish(trace("t1"), mirror=True)
    ledger.traces.finish(trace("t2"), mirror=False)
    clock.forward(seconds=30)
    ledger.traces.save_feedback(Feedback("t1", 1), mirror=True)
    assert outbox(ledger) == [("feedback", "t1", "pending", 1), ("trace", "t1", "pending", 1)]
    clock.forward(seconds=12)
    assert ledger.traces.outbox_counts() == OutboxStats(pending=2, sent=0, dead=0, oldest_pending_s=42.0)


def test_an_empty_outbox_has_no_oldest_row(ledger):
    assert ledger.traces.outbox_counts() == OutboxStats(0, 0, 0, None)


def test_what_changes_after_it_was_sent_waits_again_with_a_higher_version(ledger):
    ledger.traces.finish(trace("t1"), mirror=True)
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE outbox SET state = 'sent', attempts = 3, error = 'x'"))
    assert ledger.traces.outbox_counts() == OutboxStats(0, 1, 0, None)
    ledger.traces.finish(trace("t1"), mirror=True)
    assert outbox(ledger) == [("trace", "t1", "pending", 2)]


def test_a_trace_that_cannot_be_written_leaves_no_spans_and_no_outbox_row(ledger):
    broken = trace("t1", spans=(Span("fine", 0.0, 1.0), Span(None, 0.0, 1.0)))  # type: ignore[arg-type]
    with pytest.raises(LibraryError):
        ledger.traces.finish(broken, mirror=True)
    assert ledger.traces.count() == 0
    assert outbox(ledger) == []


# --------------------------------------------------------------------------------------------- abandoned questions


def test_running_traces_of_this_process_are_not_abandoned(ledger):
    ledger.traces.begin(running("t1"))
    assert ledger.traces.abandon_running() == 0
    assert ledger.traces.get("t1").answer.status is AnswerStatus.RUNNING


def test_running_traces_of_a_closed_ledger_are_abandoned_and_mirrored(url, ledger):
    other = open_ledger(url)
    other.traces.begin(running("t1"))
    other.traces.begin(running("t2"))
    other.traces.finish(trace("t2"), mirror=False)
    assert ledger.traces.abandon_running() == 0
    other.close()
    assert ledger.traces.abandon_running(mirror=True) == 1
    lost = ledger.traces.get("t1")
    assert lost.answer.status is AnswerStatus.ABANDONED
    assert lost.error == "The process ended while the answer was being written."
    assert outbox(ledger) == [("trace", "t1", "pending", 1)]
    assert ledger.traces.abandon_running() == 0


def test_running_traces_can_be_abandoned_by_age_or_by_owner(ledger, clock: Ticking):
    ledger.traces.begin(running("old"))
    clock.forward(hours=2)
    ledger.traces.begin(replace(running("new"), started_at=clock.now))
    assert ledger.traces.abandon_running(older_than=timedelta(hours=1)) == 1
    assert ledger.traces.get("old").answer.status is AnswerStatus.ABANDONED
    assert ledger.traces.abandon_running(owner=ledger.owner) == 1


def test_an_answer_that_comes_late_wins_over_abandoned(ledger):
    ledger.traces.begin(running("t1"))
    ledger.traces.abandon_running(owner=ledger.owner)
    ledger.traces.finish(trace("t1"), mirror=False)
    assert ledger.traces.get("t1") == trace("t1")
    assert answer("t1").answered


def test_the_questions_of_traces_are_given_for_those_that_there_are(ledger: Ledger) -> None:
    ledger.traces.finish_all([trace("a", question="What is a?"), trace("b", question="What is b?")], mirror=False)
    assert ledger.traces.questions(["a", "nobody"]) == {"a": "What is a?"}
    assert ledger.traces.questions([]) == {}
