"""The drainer over a mirror in memory: every trace arrives once, whatever fails on the way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from core.errors import LibraryLocked, MirrorRefused
from core.ledger import SenderStatus, open_ledger
from core.ledger.schema import traces
from core.mirror import attempts, by_hand, drainer, sending
from core.mirror.by_hand import drain_all
from core.mirror.documents import experiment_document
from core.mirror.patience import MOST_S
from core.mirror.records import record_id
from core.models import ExperimentRecord
from core.ports import DatasetFiles
from tests.fakes.mirrors import BUSY, DOWN, ERROR, KEY, LOST_ANSWER, Failing, Fault, MemoryMirror
from tests.ledger.samples import Ticking
from tests.mirror.conftest import Desk


def ids(count: int, prefix: str = "t") -> list[str]:
    return [f"{prefix}{n}" for n in range(count)]


def always(fault: Fault, *, call: str = "", of: Iterable[str] = ()) -> Failing:
    """Every call of that name fails so, or those that concern one of the traces."""
    poisonous = {record_id(one) for one in of}

    def failing(name: str, concerned: tuple[str, ...]) -> Fault | None:
        hit = call in name and (not poisonous or poisonous & set(concerned))
        return fault if hit and name != "check" else None

    return failing


def first(fault: Fault, call: str, times: int = 1) -> Failing:
    left = [times]

    def failing(name: str, _concerned: tuple[str, ...]) -> Fault | None:
        if name != call or not left[0]:
            return None
        left[0] -= 1
        return fault

    return failing


def wait_for(true: Callable[[], bool], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


# ------------------------------------------------------------------------------------------------------------ arriving


def test_traces_arrive_in_one_request_and_their_thumbs_after_them(desk: Desk):
    desk.ask(*ids(20))
    desk.thumb("t3", -1)
    desk.turns()
    [batch] = desk.mirror.called("send")
    assert sorted(batch) == sorted(map(record_id, ids(20)))
    assert [thumb.value for thumb in desk.mirror.thumbs[record_id("t3")]] == [-1]
    assert desk.ledger.outbox.stats().pending == 0
    assert desk.ledger.outbox.stats().sent == 21
    assert desk.ledger.outbox.status().status is SenderStatus.IDLE


def test_the_mirror_is_not_opened_before_there_is_something_to_send(desk: Desk):
    assert desk.drainer.turn() > 0
    assert desk.opened == 0
    desk.ask("t")
    desk.turns()
    assert desk.opened == 1


def test_a_backlog_goes_in_requests_of_bounded_count(desk: Desk):
    desk.ask(*ids(120))
    desk.turns()
    assert [len(batch) for batch in desk.mirror.called("send")] == [50, 50, 20]


def test_large_records_go_in_requests_of_bounded_size(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "BATCH_BYTES", 10_000)
    desk.ask(*ids(6))
    size = sending.size_of(desk.drainer._attempts.made(desk.row("t0"), sending.Parcels(desk.ledger).record))
    desk.turns()
    most = max(1, 10_000 // size)
    assert [len(batch) for batch in desk.mirror.called("send")] == [most] * (6 // most)
    assert len(desk.mirror.records) == 6


def test_a_trace_that_changed_after_it_was_sent_is_replaced(desk: Desk):
    desk.ask("t")
    desk.turns()
    desk.ask("t", question="Another question?")
    desk.turns()
    assert desk.mirror.called("replace") == [(record_id("t"),)]
    assert desk.mirror.created == {record_id("t"): 1}
    assert desk.mirror.records[record_id("t")].chain["chain_inputs"]["question"] == "Another question?"


def test_a_trace_that_changes_while_it_is_sent_is_brought_up_to_date(desk: Desk):
    desk.ask("t", "u")

    def change(call: str, _ids: tuple[str, ...]) -> None:
        if call == "send":
            desk.mirror.failing = lambda *_: None
            desk.ask("t", question="Changed meanwhile?")

    desk.mirror.failing = change
    desk.turns()
    assert desk.mirror.records[record_id("t")].chain["chain_inputs"]["question"] == "Changed meanwhile?"
    assert desk.mirror.created[record_id("t")] == 1
    assert desk.ledger.outbox.stats().pending == 0


def test_a_thumb_that_changed_is_looked_up_so_that_none_is_told_twice(desk: Desk):
    desk.ask("t")
    desk.thumb("t", 1)
    desk.turns()
    desk.thumb("t", -1)

    def change(call: str, _ids: tuple[str, ...]) -> None:
        """The thumb is set again after it was read and before it is settled."""
        if call == "send_thumb":
            desk.mirror.failing = lambda *_: None
            desk.thumb("t", -1)

    desk.mirror.failing = change
    desk.turns()
    assert [thumb.value for thumb in desk.mirror.thumbs[record_id("t")]] == [1, -1]
    assert desk.ledger.outbox.stats().pending == 0


def test_a_mended_record_goes_under_the_trace_s_own_id(desk: Desk):
    desk.mirror.refuses[record_id("t")] = "too long"
    desk.ask("t")
    desk.turns()
    assert desk.states(["t"]) == ["dead"]
    desk.mirror.refuses.clear()
    mended = {"id": "f" * 32, "tags": ["mended"], "parameters": {}, "metrics": {}, "chain": {"version": 3}}
    desk.ledger.outbox.resend("trace", "t", document=mended)
    desk.turns()
    assert desk.mirror.records[record_id("t")].tags == ("mended",)
    assert list(desk.mirror.records) == [record_id("t")]


def test_experiments_and_data_versions_arrive(desk: Desk, tmp_path: Path):
    experiment = ExperimentRecord("e1", "Grid", {"cases": 3}, {"passed": 0.5, "cost": None}, ("model",), (("gpt",),))
    file = tmp_path / "data.jsonl"
    file.write_text("{}\n")
    facts = {"videos": 3, "sha256": hashlib.sha256(b"{}\n").hexdigest()}
    dataset = DatasetFiles("v1", "library", ("latest",), facts, {"data.jsonl": file})
    desk.ledger.outbox.put_document("experiment", "e1", experiment_document(experiment))
    desk.ledger.outbox.put_document("dataset", "v1", asdict(dataset) | {"files": {file.name: str(file)}})
    desk.turns()
    assert desk.mirror.experiments == {"e1": experiment}
    assert desk.mirror.datasets == {"v1": dataset}


# ------------------------------------------------------------------------------------------- nothing lost, none doubled


def test_an_answer_that_was_lost_is_asked_for_and_nothing_is_sent_again(desk: Desk):
    desk.ask(*ids(5))
    desk.mirror.failing = first(LOST_ANSWER, "send")
    desk.turns()
    assert desk.mirror.created == dict.fromkeys(map(record_id, ids(5)), 1)
    assert desk.states(ids(5)) == ["sent"] * 5


def test_what_may_still_be_arriving_is_not_asked_for_before_a_time_out_has_passed(desk: Desk):
    """A slow server may take what it was sent after its time was over."""
    desk.drainer = desk.new_drainer(timeout_s=10)
    desk.ask("t", "u")
    desk.mirror.failing = first(LOST_ANSWER, "send")
    desk.turns()
    desk.forward(9)
    desk.turns()
    assert desk.mirror.called("holds") == []
    desk.forward(1)
    desk.turns()
    assert len(desk.mirror.called("holds")) == 2
    assert set(desk.mirror.created.values()) == {1}


def test_what_a_killed_process_had_begun_is_asked_for(desk: Desk):
    """Half of it had arrived."""
    desk.ask(*ids(4))
    desk.ledger.outbox.take_lease()
    rows = desk.ledger.outbox.due(10)
    desk.ledger.outbox.begin(rows)
    desk.mirror.send([sending.Parcels(desk.ledger).record(row) for row in rows[:2]])
    desk.turns()
    assert desk.mirror.called("holds") == [(record_id(one),) for one in ids(4)]
    assert desk.mirror.created == dict.fromkeys(map(record_id, ids(4)), 1)


def test_what_a_killed_process_had_begun_may_still_be_arriving_and_is_waited_for(desk: Desk):
    desk.ask("t")
    desk.ledger.outbox.take_lease()
    desk.ledger.outbox.begin(desk.ledger.outbox.due(10))
    desk.drainer = desk.new_drainer(timeout_s=10)
    desk.turns()
    desk.forward(9.5)
    desk.turns()
    assert desk.mirror.calls == []
    desk.forward(0.5)
    desk.turns()
    assert desk.states(["t"]) == ["sent"]


def test_a_refused_thumb_that_may_have_arrived_in_part_is_looked_up_when_it_is_sent_again(desk: Desk):
    desk.ask("t")
    desk.thumb("t")
    faults = [LOST_ANSWER, Fault(MirrorRefused("The words are too long"))]
    desk.mirror.failing = lambda call, _ids: faults.pop(0) if call == "send_thumb" and faults else None
    desk.turns()
    desk.forward(5)
    desk.turns()
    assert desk.states(["t"], "feedback") == ["dead"]
    desk.ledger.outbox.resend("feedback", "t")
    desk.turns()
    assert [ids for ids in desk.mirror.called("send_thumb") if ids[1] == "sure"] == [(record_id("t"), "sure")]
    assert len(desk.mirror.thumbs[record_id("t")]) == 1


def test_an_unsure_row_that_changed_meanwhile_is_replaced_by_the_later_version(desk: Desk):
    desk.ask("t")
    desk.mirror.failing = first(LOST_ANSWER, "send")
    desk.turns()
    assert desk.row("t").unsure
    desk.ask("t", question="Later?")
    desk.turns()
    assert desk.mirror.created == {record_id("t"): 1}
    assert desk.mirror.records[record_id("t")].chain["chain_inputs"]["question"] == "Later?"


def test_a_thumb_whose_answer_was_lost_is_told_once(desk: Desk):
    desk.ask("t")
    desk.thumb("t", -1)
    desk.mirror.failing = first(LOST_ANSWER, "send_thumb")
    desk.turns()
    desk.forward(5)
    desk.turns()
    assert [thumb.value for thumb in desk.mirror.thumbs[record_id("t")]] == [-1]
    assert desk.states(["t"], "feedback") == ["sent"]


def test_a_lease_that_another_process_took_ends_the_round_and_loses_nothing(
    desk: Desk, ledger_url: str, clock: Ticking
):
    desk.ask("t", "u")
    other = open_ledger(ledger_url, clock=clock)

    def steal(call: str, _ids: tuple[str, ...]) -> None:
        if call == "check":
            desk.ledger.outbox.leave_lease()
            assert other.outbox.take_lease()

    desk.mirror.failing = steal
    desk.turns()
    assert desk.mirror.records == {}
    assert desk.ledger.outbox.stats().pending == 2
    other.close()
    desk.mirror.failing = lambda *_: None
    desk.turns()
    assert len(desk.mirror.records) == 2


def test_only_one_of_two_processes_sends(desk: Desk, ledger_url: str, clock: Ticking):
    other = open_ledger(ledger_url, clock=clock)
    assert other.outbox.take_lease()
    desk.ask("t")
    desk.turns()
    assert desk.mirror.calls == []
    other.outbox.leave_lease()
    desk.turns()
    assert len(desk.mirror.records) == 1
    other.close()


# ------------------------------------------------------------------------------------------------------------- outages


def test_a_refused_connection_is_waited_for_twice_as_long_each_time_up_to_five_minutes(desk: Desk):
    desk.ask(*ids(3))
    desk.mirror.failing = lambda call, _ids: DOWN
    waits = []
    for _ in range(12):
        desk.turns()
        waits.append(desk.drainer.next_try_s)
        desk.forward(desk.drainer.next_try_s)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, MOST_S, MOST_S, MOST_S]
    status = desk.ledger.outbox.status()
    assert (status.status, status.detail) == (SenderStatus.WAITING, "Comet refuses the connection")


def test_after_an_outage_everything_arrives_and_the_next_one_begins_with_a_second(desk: Desk):
    desk.ask(*ids(60))
    desk.mirror.failing = lambda call, _ids: DOWN
    for _ in range(5):
        desk.turns()
        desk.forward(desk.drainer.next_try_s)
    desk.mirror.failing = lambda *_: None
    desk.turns()
    assert desk.mirror.created == dict.fromkeys(map(record_id, ids(60)), 1)
    desk.ask("u")
    desk.mirror.failing = lambda call, _ids: DOWN
    desk.turns()
    assert desk.drainer.next_try_s == 1


def test_an_outage_makes_no_row_wait_for_its_own_fault(desk: Desk):
    desk.ask(*ids(3))
    desk.mirror.failing = first(DOWN, "send")
    desk.turns()
    assert [desk.row(one).unsure for one in ids(3)] == [False] * 3
    desk.forward(1)
    desk.mirror.failing = lambda *_: None
    desk.turns()
    assert desk.mirror.called("holds") == []
    assert desk.states(ids(3)) == ["sent"] * 3


def test_the_time_that_the_server_asks_for_is_waited(desk: Desk):
    desk.ask("t", "u")
    desk.mirror.failing = first(BUSY, "send")
    desk.turns()
    assert desk.drainer.next_try_s == 42
    desk.forward(41)
    desk.turns()
    assert len(desk.mirror.called("send")) == 1
    desk.forward(1)
    desk.turns()
    assert len(desk.mirror.records) == 2


def test_three_different_rows_that_fail_in_a_row_are_an_outage(desk: Desk):
    desk.ask(*ids(10))
    desk.mirror.failing = always(ERROR)
    desk.turns()
    assert len(desk.mirror.called("holds")) == 3
    assert desk.ledger.outbox.status().status is SenderStatus.WAITING


def test_after_an_outage_a_small_question_comes_first(desk: Desk):
    desk.ask(*ids(10))
    desk.mirror.failing = lambda *_: ERROR
    desk.turns()
    desk.forward(5)
    desk.turns()
    assert {call for call, _ in desk.mirror.calls} == {"check"}


def test_a_package_that_cannot_be_imported_keeps_the_rows_and_blames_none(desk: Desk):
    def broken() -> MemoryMirror:
        raise ImportError("No module named 'comet_llm'")

    desk.drainer = desk.new_drainer(broken)
    desk.ask(*ids(3))
    desk.turns()
    status = desk.ledger.outbox.status()
    assert status.status is SenderStatus.WAITING
    assert "comet_llm" in status.detail
    assert desk.states(ids(3)) == ["pending"] * 3


# ---------------------------------------------------------------------------------------------------- the rejected key


def test_a_rejected_key_pauses_and_is_tried_again_every_five_minutes_by_a_small_question(desk: Desk):
    desk.ask("t")
    desk.mirror.failing = lambda *_: KEY
    desk.turns()
    status = desk.ledger.outbox.status()
    assert (status.status, status.detail) == (SenderStatus.PAUSED, "Comet rejects the key. Check COMET_API_KEY.")
    desk.forward(MOST_S - 1)
    desk.turns()
    assert len(desk.mirror.calls) == 1
    desk.forward(1)
    desk.turns()
    assert [call for call, _ in desk.mirror.calls] == ["check", "check"]


def test_a_key_that_is_rejected_while_sending_pauses_and_the_rows_are_sent_later(desk: Desk):
    desk.ask("t", "u")
    desk.mirror.failing = first(KEY, "send")
    desk.turns()
    assert desk.ledger.outbox.status().status is SenderStatus.PAUSED
    assert desk.states(["t", "u"]) == ["pending"] * 2
    desk.ledger.outbox.resume()
    desk.turns()
    assert desk.mirror.created == {record_id("t"): 1, record_id("u"): 1}


def test_resume_tries_at_once(desk: Desk):
    desk.ask("t")
    desk.mirror.failing = lambda *_: KEY
    desk.turns()
    desk.mirror.failing = lambda *_: None
    desk.turns()
    assert desk.mirror.records == {}
    desk.ledger.outbox.resume()
    desk.turns()
    assert len(desk.mirror.records) == 1
    assert desk.ledger.outbox.status().status is SenderStatus.IDLE


def test_a_new_process_with_another_key_tries_at_once_and_says_so_with_nothing_to_send(desk: Desk):
    desk.ask("t")
    desk.mirror.failing = lambda *_: KEY
    desk.turns()
    with desk.ledger._database.write() as connection:
        connection.execute(delete(traces))
        connection.exec_driver_sql("DELETE FROM outbox")
    desk.mirror.failing = lambda *_: None
    desk.patience.succeeded()
    desk.drainer = desk.new_drainer()
    desk.turns()
    assert desk.ledger.outbox.status().status is SenderStatus.IDLE
    assert desk.drainer.turn() > 0


# ----------------------------------------------------------------------------------------------------- single rows fail


def test_a_record_that_the_server_always_fails_on_delays_itself_only(desk: Desk):
    desk.ask(*ids(8))
    desk.mirror.failing = always(ERROR, call="send", of=["t4"])
    desk.turns()
    others = [one for one in ids(8) if one != "t4"]
    assert desk.states(others) == ["sent"] * 7
    waits = []
    for _ in range(9):
        row = desk.row("t4")
        waits.append((row.next_at - desk.clock.now).total_seconds())
        desk.forward(waits[-1])
        desk.turns()
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    desk.ask("new")
    desk.turns()
    assert desk.states(["new", "t4"]) == ["sent", "pending"]
    assert desk.mirror.created == dict.fromkeys(map(record_id, [*others, "new"]), 1)


def test_a_record_that_failed_for_about_a_day_is_dead_so_that_somebody_sees_it(desk: Desk, monkeypatch):
    monkeypatch.setattr(attempts, "MOST_ATTEMPTS", {"trace": 4})
    desk.ask("bad", "good")
    desk.mirror.failing = always(ERROR, call="send", of=["bad"])
    for _ in range(8):
        desk.turns()
        desk.forward(300)
    row = desk.row("bad")
    assert (row.state, row.attempts, row.unsure) == ("dead", 4, True)
    assert "It failed 4 times." in (row.error or "")
    assert desk.states(["good"]) == ["sent"]


def test_many_such_records_at_the_front_do_not_block_the_rest(desk: Desk):
    desk.ask(*ids(60, "bad"))
    desk.forward(1)
    desk.ask(*ids(100))
    desk.mirror.failing = always(ERROR, call="send", of=ids(60, "bad"))
    for _ in range(40):
        desk.turns()
        desk.forward(2)
    assert set(desk.states(ids(100))) == {"sent"}
    assert set(desk.states(ids(60, "bad"))) == {"pending"}


def test_a_refused_record_is_dead_with_its_thumb_and_the_rest_arrives(desk: Desk):
    desk.ask(*ids(5))
    desk.thumb("t2")
    desk.mirror.refuses[record_id("t2")] = "This record is not taken"
    desk.turns()
    assert desk.states(ids(5)) == ["sent", "sent", "dead", "sent", "sent"]
    assert desk.row("t2").error == "This record is not taken"
    assert desk.row("t2", "feedback").error == "Its trace was refused: This record is not taken"


def test_a_request_that_is_refused_as_a_whole_is_taken_apart(desk: Desk):
    desk.ask(*ids(5))

    def failing(call: str, concerned: tuple[str, ...]) -> Fault | None:
        odd = call == "send" and record_id("t1") in concerned
        return Fault(MirrorRefused("Not JSON")) if odd else None

    desk.mirror.failing = failing
    desk.turns()
    assert desk.states(ids(5)) == ["sent", "dead", "sent", "sent", "sent"]
    assert desk.mirror.called("holds") == []


def test_a_fault_of_ours_in_a_request_harms_the_row_that_brings_it_about(desk: Desk):
    desk.ask(*ids(5))
    desk.mirror.failing = always(Fault(TypeError("unhashable")), call="send", of=["t1"])
    desk.turns()
    assert desk.states(ids(5)) == ["sent", "dead", "sent", "sent", "sent"]
    assert desk.row("t1").error == "It cannot be sent (TypeError)"


def test_a_record_that_cannot_be_made_is_dead_with_the_reason(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    real = sending.Parcels.record

    def record(self: sending.Parcels, row: Any) -> Any:
        if row.id == "t1":
            raise ZeroDivisionError
        return real(self, row)

    monkeypatch.setattr(sending.Parcels, "record", record)
    desk.ask(*ids(3))
    desk.turns()
    assert desk.states(ids(3)) == ["sent", "dead", "sent"]
    assert desk.row("t1").error == "Its record cannot be made (ZeroDivisionError)"


def test_a_trace_that_is_gone_from_the_ledger_is_dead_with_the_reason(desk: Desk):
    desk.ask("t", "u")
    with desk.ledger._database.write() as connection:
        connection.execute(delete(traces).where(traces.c.trace_id == "t"))
    desk.turns()
    assert desk.states(["t", "u"]) == ["dead", "sent"]
    assert desk.row("t").error == "There is no trace t"


@pytest.mark.parametrize(
    ("kind", "document", "reason"),
    [
        ("experiment", {"name": "Grid"}, "experiment_id"),
        ("experiment", None, "not a JSON object"),
        (
            "dataset",
            {"version": "v", "name": "n", "aliases": [], "metadata": {}, "files": {"data.jsonl": "no"}},
            "at no",
        ),
        ("song", {}, "cannot send a song"),
    ],
)
def test_what_nobody_can_send_is_dead_with_the_reason(desk: Desk, kind: str, document: Any, reason: str):
    desk.ledger.outbox.put_document(kind, "x", document)
    desk.ask("t")
    desk.turns()
    assert reason in (desk.row("x", kind).error or "")
    assert desk.states(["t"]) == ["sent"]


# ---------------------------------------------------------------------------------------------------------- by and by


def test_a_clock_that_jumps_back_keeps_nothing_waiting(desk: Desk):
    desk.clock.forward(days=30)
    desk.ask("t")
    desk.clock.forward(days=-30)
    desk.turns()
    assert desk.states(["t"]) == ["sent"]


def test_a_call_that_outlasts_every_time_out_ends_the_process(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attempts, "LIMITS_S", {**attempts.LIMITS_S, "trace": 0.05})
    desk.ask("t", "u")

    def hang(call: str, _ids: tuple[str, ...]) -> None:
        if call == "send":
            wait_for(lambda: desk.stuck != [])

    desk.mirror.failing = hang
    desk.turns()
    assert {row.id for row in desk.stuck} == {"t", "u"}


def test_drain_all_sends_everything_and_says_how_much(desk: Desk):
    desk.ask(*ids(70))
    desk.thumb("t1")
    seen: list[int] = []
    drained = drain_all(desk.drainer, desk.ledger.outbox, lambda: seen.append(desk.ledger.outbox.stats().pending))
    assert (drained.delivered, drained.status) == (71, SenderStatus.IDLE)
    assert seen[-1] == 0


@pytest.mark.parametrize(("fault", "status"), [(DOWN, SenderStatus.WAITING), (KEY, SenderStatus.PAUSED)])
def test_drain_all_stops_at_an_outage_and_at_a_rejected_key(desk: Desk, fault: Fault, status: SenderStatus):
    desk.ask(*ids(70))
    desk.mirror.failing = first(fault, "send")
    drained = drain_all(desk.drainer, desk.ledger.outbox)
    assert (drained.delivered, drained.status) == (0, status)
    assert drained.detail == str(fault.error)


def test_drain_all_tries_a_rejected_key_again(desk: Desk):
    desk.ask("t")
    desk.mirror.failing = first(KEY, "check")
    desk.turns()
    desk.drainer.close()
    desk.patience.succeeded()
    desk.drainer = desk.new_drainer()
    assert drain_all(desk.drainer, desk.ledger.outbox).delivered == 1


def test_drain_all_leaves_it_to_another_process_that_sends(
    desk: Desk, ledger_url: str, clock: Ticking, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(by_hand, "LOOK_EVERY_S", 0.02)
    other = open_ledger(ledger_url, clock=clock)
    assert other.outbox.take_lease()
    desk.ask("t")
    drained = drain_all(desk.drainer, desk.ledger.outbox, patience_s=0.1)
    assert (drained.delivered, drained.status) == (0, SenderStatus.SENDING)
    assert "Another process" in drained.detail
    assert desk.mirror.calls == []
    other.close()


def test_a_ledger_that_cannot_be_written_for_a_moment_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """The outcome of a request is lost with it, so the rows are asked for."""
    desk.ask(*ids(3))
    real, fail = desk.ledger.outbox.settle, [True]

    def settle(outcomes: Any) -> None:
        if fail.pop() if fail else False:
            raise LibraryLocked("Another process holds the library")
        real(outcomes)

    monkeypatch.setattr(desk.ledger.outbox, "settle", settle)
    assert desk.drainer.turn() == drainer.AFTER_FAULT_S
    desk.turns()
    assert desk.mirror.created == dict.fromkeys(map(record_id, ids(3)), 1)
    assert desk.states(ids(3)) == ["sent"] * 3


def test_close_gives_the_lease_back_and_closes_the_mirror(desk: Desk, ledger_url: str):
    desk.ask("t")
    desk.turns()
    desk.drainer.close()
    assert desk.mirror.closed
    other = open_ledger(ledger_url)
    assert other.outbox.take_lease()
    other.close()
