"""One process at a time sends to the mirror; where it dies, the next goes on at once."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import psutil
import pytest
from sqlalchemy import text

from core.errors import LeaseLost, LibraryLocked
from core.ledger import Ledger, MirrorState, OutboxStats, SenderStatus, Settled, open_ledger
from core.ledger.processes import SILENT_S
from core.models import Feedback
from tests.ledger.samples import NASTY, START, Ticking, trace
from tests.ledger.workers import Workers


@pytest.fixture
def other(url: str, clock: Ticking) -> Iterator[Ledger]:
    """Another owner at the same ledger."""
    opened = open_ledger(url, clock=clock)
    yield opened
    opened.close()


class Sender:
    """A real process that holds the lease and has begun to send what was due."""

    def __init__(self, workers: Workers, url: str) -> None:
        self._workers = workers
        workers.start("send_for_ever", url)
        _, pid, _, self.taken = workers.line().split()
        self._pid: int | None = int(pid)

    def kill(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._workers.wait_until_killed()
            self._pid = None


@pytest.fixture
def start_sender(url: str, workers: Workers) -> Iterator[Callable[[], Sender]]:
    started: list[Sender] = []

    def start() -> Sender:
        started.append(Sender(workers, url))
        assert started[-1].taken == "True"
        return started[-1]

    yield start
    for sender in started:
        sender.kill()


def test_the_lease_is_held_by_one_and_kept_by_asking_again(ledger, other):
    assert ledger.outbox.take_lease()
    assert ledger.outbox.take_lease()
    assert not other.outbox.take_lease()
    ledger.outbox.leave_lease()
    assert other.outbox.take_lease()
    assert not ledger.outbox.take_lease()


def test_of_many_that_ask_at_once_one_gets_the_lease(url):
    ledgers = [open_ledger(url) for _ in range(6)]
    at_once = Barrier(len(ledgers))

    def ask(one: Ledger) -> bool:
        at_once.wait()
        return one.outbox.take_lease()

    with ThreadPoolExecutor(len(ledgers)) as pool:
        assert sorted(pool.map(ask, ledgers)) == [False] * 5 + [True]
    for one in ledgers:
        one.close()


def test_a_ledger_that_is_closed_gives_the_lease_back(ledger, url, clock: Ticking):
    first = open_ledger(url, clock=clock)
    assert first.outbox.take_lease()
    first.close()
    assert ledger.outbox.take_lease()


def test_who_gives_back_what_another_holds_changes_nothing(ledger, other):
    other.outbox.leave_lease()
    assert ledger.outbox.take_lease()
    other.outbox.leave_lease()
    assert not other.outbox.take_lease()


def test_between_two_processes_the_lease_is_free_as_soon_as_its_holder_is_killed(
    ledger, url, two_workers, start_sender
):
    asking = two_workers[1]
    sender = start_sender()
    asking.start("try_lease", url)
    assert asking.line() == "lease False"
    assert asking.line() == "ended 0"
    assert not ledger.outbox.take_lease()
    assert ledger.outbox.status().owner_alive
    sender.kill()
    assert not ledger.outbox.status().owner_alive
    asking.start("try_lease", url)
    assert asking.line() == "lease True"
    assert asking.line() == "ended 0"
    assert ledger.outbox.take_lease(), "a process that ended without a word is dead too"


def test_what_a_killed_sender_was_at_is_taken_over_as_unsure(ledger, start_sender):
    ledger.traces.finish(trace("t"), mirror=True)
    start_sender().kill()
    ledger.traces.finish(trace("later"), mirror=True)
    assert ledger.outbox.take_lease()
    assert {row.id: row.unsure for row in ledger.outbox.due(50)} == {"t": True, "later": False}


def test_killed_at_any_statement_of_its_end_a_batch_is_settled_whole_or_not_at_all(ledger, url, workers):
    made = [trace(f"t{n}") for n in range(3)]
    ledger.traces.finish_all(made, mirror=True)
    ended = ""
    for statement in range(1, 12):
        ended = workers.run("kill_settle", url, statement)
        states = {(row.state, row.unsure, row.sent_version) for row in ledger.outbox.rows(None)}
        if ended != "killed":
            break
        assert states == {("pending", True, None)}, f"killed at statement {statement}"
    assert ended == "ended 0"
    assert statement > 2, "the kills met no statement"
    assert states == {("sent", False, 1)}


def test_who_lost_the_lease_can_neither_begin_nor_settle(ledger, other):
    ledger.traces.finish(trace("t"), mirror=True)
    assert ledger.outbox.take_lease()
    rows = ledger.outbox.due(50)
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE mirror_state SET owner = NULL"))
    assert other.outbox.take_lease()
    with pytest.raises(LeaseLost, match="Another process sends to the mirror now") as caught:
        ledger.outbox.begin(rows)
    assert isinstance(caught.value, LibraryLocked)
    with pytest.raises(LeaseLost):
        ledger.outbox.settle([Settled(row, "sent") for row in rows])
    ledger.outbox.set_status("paused", "key rejected", "")
    assert ledger.outbox.due(50) == rows
    assert ledger.outbox.status().status is SenderStatus.IDLE
    other.outbox.begin(rows)


def test_who_never_took_the_lease_cannot_begin(ledger):
    with pytest.raises(LeaseLost):
        ledger.outbox.begin([])


@pytest.fixture(params=[timedelta(days=365), timedelta(days=-365)], ids=["forward", "back"])
def jump(request: pytest.FixtureRequest, clock: Ticking, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Sets the clock; the time of boot, from which the system counts the age of a process, jumps along."""

    def set_clock() -> None:
        boot_s = psutil.boot_time() + request.param.total_seconds()
        monkeypatch.setattr("psutil._psplatform.boot_time", lambda: boot_s)
        clock.now += request.param

    return set_clock


def test_a_clock_that_jumps_takes_the_lease_from_no_living_process(ledger, url, clock, start_sender, jump):
    sender = start_sender()
    jump()
    assert not ledger.outbox.take_lease()
    assert ledger.outbox.status().owner_alive
    third = open_ledger(url, clock=clock)
    third.jobs.create("ingest", [])
    assert not third.outbox.take_lease()
    third.close()
    sender.kill()
    assert ledger.outbox.take_lease()


@pytest.mark.parametrize("heard_s", [-SILENT_S - 1, SILENT_S + 1])
def test_a_sender_of_another_machine_that_is_silent_or_speaks_from_the_future_is_dead(ledger, other, clock, heard_s):
    assert other.outbox.take_lease()
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE processes SET place = 'another machine', pid = 1"))
    assert not ledger.outbox.take_lease()
    clock.now -= timedelta(seconds=heard_s)
    assert ledger.outbox.take_lease()


def test_a_process_of_before_the_last_boot_is_not_mistaken_for_one_of_the_same_number(ledger, other, clock):
    assert other.outbox.take_lease()
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE processes SET place = place || ' of another boot'"))
    clock.forward(seconds=SILENT_S + 1)
    assert ledger.outbox.take_lease()


def test_before_anybody_sent_the_status_is_idle_and_nobody_lives(ledger):
    assert ledger.outbox.status() == MirrorState(SenderStatus.IDLE, "", None, "", owner_alive=False)
    ledger.outbox.set_status("sending", "x", "y")
    ledger.outbox.resume()
    ledger.outbox.leave_lease()
    assert ledger.outbox.status() == MirrorState()


def test_a_status_tells_since_when_it_is_so(ledger, other, clock: Ticking):
    ledger.outbox.take_lease()
    clock.forward(seconds=10)
    ledger.outbox.set_status("waiting", "no answer", NASTY)
    clock.forward(seconds=10)
    ledger.outbox.set_status(SenderStatus.WAITING, NASTY, NASTY)
    since = START + timedelta(seconds=10)
    assert other.outbox.status() == MirrorState(SenderStatus.WAITING, NASTY, since, NASTY, owner_alive=True)
    with pytest.raises(ValueError, match="asleep"):
        ledger.outbox.set_status("asleep", "", "")


def test_anybody_may_end_a_pause_and_nothing_else(ledger, other, clock: Ticking):
    ledger.outbox.take_lease()
    ledger.outbox.set_status("paused", "key rejected", "team")
    clock.forward(seconds=10)
    other.outbox.resume()
    now = START + timedelta(seconds=10)
    assert ledger.outbox.status() == MirrorState(SenderStatus.IDLE, "", now, "team", owner_alive=True)
    ledger.outbox.set_status("waiting", "no answer", "team")
    other.outbox.resume()
    assert ledger.outbox.status().status == "waiting"


def test_many_writers_and_a_sender_do_not_get_in_each_others_way(url):
    """Answers, thumbs and ends of attempts on the same rows at once; on PostgreSQL none may wait in a circle."""
    ledger = open_ledger(url)
    assert ledger.outbox.take_lease()
    ids = [f"t{n:02}" for n in range(30)]
    made = [trace(trace_id, spans=(), passages=()) for trace_id in ids[::-1]]

    def write(turn: int) -> None:
        ledger.traces.finish_all(made, mirror=True)
        ledger.traces.save_feedback(Feedback(ids[turn], 1), mirror=True)

    def deliver(turn: int) -> None:
        rows = ledger.outbox.due(50)
        random.Random(turn).shuffle(rows)
        ledger.outbox.begin(rows)
        ends = ("sent", "pending", "dead")
        ledger.outbox.settle([Settled(row, ends[n % 3], "x") for n, row in enumerate(rows)])

    with ThreadPoolExecutor(4) as pool:
        turns = [pool.submit(deliver if turn % 2 else write, turn // 2) for turn in range(50)]
        for turn in turns:
            turn.result()
    ledger.outbox.resend_dead()
    while rows := ledger.outbox.due(50):
        ledger.outbox.settle([Settled(row, "sent") for row in rows])
    assert ledger.outbox.stats() == OutboxStats(pending=0, sent=55, dead=0, oldest_pending_s=None)
    ledger.close()
