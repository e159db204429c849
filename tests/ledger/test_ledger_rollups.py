"""The rollups say what the traces add up to, whatever happens to these and to whoever writes them."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from core.errors import LibraryError
from core.ledger import Ledger, Source, Tally
from core.ledger.rollup_rows import DIMENSIONS, LEVELS, Run, begin_of, first_quarter_from, quarter_of, runs_over
from core.ledger.rollups import rolled
from core.ledger.schema import rollups, traces
from core.models import AnswerStatus, Feedback, Trace, Usage
from tests.fakes.spending import plain_tally
from tests.ledger.samples import NASTY, START, running, trace
from tests.ledger.test_ledger_spending import any_trace
from tests.ledger.workers import Workers

EVER = [(datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 1, tzinfo=UTC))]


def check_exact(ledger: Ledger) -> None:
    """Every row of the rollups, and no row that counts nothing."""
    proof = ledger.spending.verify()
    assert proof.differences == ()
    with ledger._database.read() as connection:
        assert connection.execute(select(rollups).where(rollups.c.calls == 0)).all() == []


def total(ledger: Ledger, *, sample: bool = False) -> Tally:
    return sum((one.tally for one in ledger.spending.tallies(Source.LEDGER, EVER, sample=sample)), Tally())


def test_what_happens_to_traces_is_in_the_sums(ledger: Ledger) -> None:
    """A question's whole life, and everything that can be said of it twice."""
    ledger.traces.begin(running("t1"))
    ledger.traces.save_feedback(Feedback("t1", 1), mirror=True)
    assert total(ledger) == Tally()
    check_exact(ledger)
    ledger.traces.save_feedback(Feedback("t1", 0), mirror=True)
    done = trace("t1", answer_changes={"cached": False})
    for _ in range(2):
        ledger.traces.finish(done, mirror=True)
        assert total(ledger) == plain_tally([replace(done, feedback=None)])
    for value in (1, 1, -1, 0, 1):
        ledger.traces.save_feedback(Feedback("t1", value), mirror=True)
        assert total(ledger).thumbs_up == (value == 1)
        check_exact(ledger)
    unpriced = replace(done, answer=replace(done.answer, cost_usd=None, model="another"))
    ledger.traces.finish(unpriced, mirror=False)
    assert total(ledger) == plain_tally([replace(unpriced, feedback=Feedback("t1", 1))])
    ledger.traces.finish_all([done, unpriced, done], mirror=False)
    assert total(ledger).known_usd == 0.00125
    check_exact(ledger)


def test_an_abandoned_question_was_a_call_whose_cost_nobody_knows(ledger: Ledger) -> None:
    for n in range(3):
        ledger.traces.begin(running(f"t{n}"))
    assert (total(ledger), ledger.spending.verify().traces) == (Tally(), 0)
    assert ledger.traces.abandon_running(owner=ledger.owner) == 3
    assert (total(ledger).calls, total(ledger).unpriced_calls, total(ledger).uncounted_calls) == (3, 3, 3)
    check_exact(ledger)
    ledger.traces.finish(trace("t1"), mirror=False)
    assert (total(ledger).calls, total(ledger).unpriced_calls) == (3, 2)
    check_exact(ledger)


def test_a_trace_that_begins_is_running_whatever_it_says_and_counts_when_it_ends(ledger: Ledger) -> None:
    """Also one that runs again after its end, as nothing keeps a caller from that."""
    ledger.traces.begin(trace("t1"))
    assert (ledger.traces.get("t1").answer.status, total(ledger)) == (AnswerStatus.RUNNING, Tally())
    check_exact(ledger)
    for again, calls in ((trace("t1"), 1), (running("t1"), 0), (trace("t1"), 1)):
        ledger.traces.finish(again, mirror=False)
        assert total(ledger).calls == calls
        check_exact(ledger)


def test_sample_traffic_has_sums_of_its_own(ledger: Ledger) -> None:
    ledger.traces.finish_all([trace("t1"), trace("t2", kind="sample-ask"), trace("t3", kind="Sample")], mirror=False)
    assert (total(ledger).calls, total(ledger, sample=True).calls) == (2, 1)
    check_exact(ledger)


@pytest.mark.parametrize("seed", range(3))
def test_any_changes_of_any_traces_leave_the_sums_exact(ledger: Ledger, seed: int) -> None:
    pick = random.Random(seed)
    held: dict[str, Trace] = {}
    for _ in range(12):
        changed = [any_trace(pick, pick.randrange(40)) for _ in range(pick.randrange(1, 9))]
        changed = list({one.trace_id: replace(one, feedback=None) for one in changed}.values())
        removed = pick.sample(sorted(held), min(len(held), pick.randrange(3)))
        change(ledger, changed, removed)
        held = {key: one for key, one in held.items() if key not in removed}
        held |= {one.trace_id: replace(one, feedback=held[one.trace_id].feedback if one.trace_id in held else None)
                 for one in changed if one.trace_id not in removed}  # fmt: skip
        for key in pick.sample(sorted(held), min(len(held), 3)):
            thumb = Feedback(key, pick.choice([-1, 0, 1]))
            ledger.traces.save_feedback(thumb, mirror=False)
            held[key] = replace(held[key], feedback=thumb)
        assert total(ledger) == plain_tally(held.values())
    check_exact(ledger)


def change(ledger: Ledger, changed: list[Trace], removed: list[str]) -> None:
    """Writes some and removes some, in one transaction."""
    ids = [one.trace_id for one in changed] + removed
    ledger.traces.finish_all(changed, mirror=False)
    with ledger._database.write() as connection, rolled(connection, ids):
        connection.execute(delete(traces).where(traces.c.trace_id.in_(removed)))


def test_an_error_on_the_way_changes_neither_traces_nor_sums(ledger: Ledger) -> None:
    ledger.traces.finish(trace("t1"), mirror=False)
    before = total(ledger)
    with pytest.raises(LibraryError), ledger._database.write() as connection, rolled(connection, ["t1"]):
        connection.execute(update(traces).values(cost_usd=9.0, kind=None))
    assert total(ledger) == before
    check_exact(ledger)


def test_numbers_that_cannot_be_true_count_as_not_measured(ledger: Ledger) -> None:
    """And no number of them makes a sum that the database's integers cannot hold."""
    absurd = {"usage": Usage(2**53, 2**53, -1, 2**53), "cost_usd": 1e300, "cached": False}
    for n, cost in enumerate((1e300, -0.5, float("nan"), float("inf"), 1e5 * 1.01)):
        ledger.traces.finish(trace(f"t{n}", answer_changes=absurd | {"cost_usd": cost}), mirror=False)
    found = total(ledger)
    assert (found.calls, found.tokens, found.nano_usd, found.unpriced_calls, found.uncounted_calls) == (5, 0, 0, 5, 5)
    largest = {"usage": Usage(10**12, 10**12, 10**12, 10**12), "cost_usd": 1e5, "cached": False}
    ledger.traces.finish_all([trace(f"l{n}", answer_changes=largest) for n in range(1500)], mirror=False)
    assert (total(ledger).prompt_tokens, total(ledger).known_usd) == (1500 * 10**12, 1500e5)
    check_exact(ledger)


def test_amounts_below_a_nano_dollar_are_rounded_alike_everywhere(ledger: Ledger) -> None:
    pick = random.Random(5)
    costs = [n * 0.5e-9 for n in range(40)] + [pick.random() * 10 ** -pick.randrange(12) for _ in range(200)]
    made = [trace(f"t{n}", answer_changes={"cost_usd": cost}) for n, cost in enumerate(costs)]
    ledger.traces.finish_all(made, mirror=False)
    inside = [(START - timedelta(seconds=1), START + timedelta(seconds=1))]
    by_rows = sum((one.tally for one in ledger.spending.tallies(Source.LEDGER, inside)), Tally())
    assert total(ledger) == by_rows == plain_tally(replace(one, feedback=None) for one in made)
    check_exact(ledger)


# ------------------------------------------------------------------------------------------------- several at a time


def test_many_threads_and_processes_at_the_same_traces_leave_the_sums_exact(
    url: str, ledger: Ledger, two_workers: tuple[Workers, Workers]
) -> None:
    """All finish, thumb and abandon the same few traces."""
    for worker in two_workers:
        worker.start("finish_again", url, "s", 12)

    def session(number: int) -> None:
        pick = random.Random(number)
        for _ in range(4):
            key = f"s{pick.randrange(4)}"
            ledger.traces.finish(trace(key, answer_changes={"cost_usd": pick.random()}), mirror=True)
            ledger.traces.save_feedback(Feedback(key, pick.choice([-1, 0, 1])), mirror=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(session, range(8)))
    for worker in two_workers:
        assert worker.line() == "ended 0"
    check_exact(ledger)
    assert total(ledger).calls == 4


@pytest.mark.parametrize("command", ["kill_finish", "kill_thumb", "kill_abandon"])
def test_killed_before_any_statement_the_sums_are_those_of_the_traces(
    url: str, ledger: Ledger, workers: Workers, command: str
) -> None:
    ended = ""
    for statement in range(1, 60):
        ended = workers.run(command, url, statement)
        check_exact(ledger)
        if ended != "killed":
            break
    assert ended == "ended 0"
    assert statement > 5, "the kills met no statement"


# --------------------------------------------------------------------------------------------------------- the proof


@pytest.fixture
def busy(ledger: Ledger) -> Ledger:
    """Traces of some months, with thumbs, and sample traffic among them."""
    pick = random.Random(11)
    made = [any_trace(pick, n) for n in range(150)]
    made += [replace(any_trace(pick, n), kind="sample-ask", user=NASTY) for n in range(150, 200)]
    ledger.traces.finish_all(made, mirror=False)
    for one in made[::5]:
        ledger.traces.save_feedback(Feedback(one.trace_id, 1), mirror=False)
    return ledger


def rows(ledger: Ledger) -> list[Any]:
    with ledger._database.read() as connection:
        return [tuple(row) for row in connection.execute(select(rollups).order_by(*rollups.primary_key.columns))]


def test_the_proof_names_a_sum_that_was_changed_and_a_repair_mends_it(busy: Ledger) -> None:
    right = rows(busy)
    with busy._database.write() as connection:
        quarter = connection.execute(
            select(rollups.c.slot).where(rollups.c.dimension == "kind", rollups.c.name == "=ask", rollups.c.level == 0)
        ).scalars().first()  # fmt: skip
        of_it = (rollups.c.dimension == "kind", rollups.c.name == "=ask", rollups.c.slot == quarter)
        connection.execute(update(rollups).where(*of_it).values(nano_usd=rollups.c.nano_usd + 7))
    proof = busy.spending.verify()
    first, *others = proof.differences
    assert (first.dimension, first.name, first.sample) == ("kind", "ask", False)
    assert (first.begin, first.until) == (begin_of(quarter), begin_of(quarter + 1))
    assert first.kept - first.counted == Tally(nano_usd=7)
    assert [one.kept - one.counted for one in others] == [Tally(nano_usd=-7)], "the hour is no longer its quarters"
    busy.spending.repair(proof)
    assert rows(busy) == right
    check_exact(busy)


def test_the_proof_finds_rows_that_are_missing_or_of_no_trace(busy: Ledger) -> None:
    right = rows(busy)
    with busy._database.write() as connection:
        connection.execute(delete(rollups).where(rollups.c.dimension == "user", rollups.c.level == 6))
        connection.execute(update(rollups).where(rollups.c.dimension == "model").values(slot=rollups.c.slot + 10**6))
    proof = busy.spending.verify(most=3)
    assert len(proof.differences) == 3 < proof.different
    busy.spending.repair(proof)
    assert rows(busy) == right


def test_a_trace_that_was_written_past_the_ledger_is_found(busy: Ledger) -> None:
    with busy._database.write() as connection:
        connection.execute(text("DELETE FROM traces WHERE trace_id IN ('t1', 't2')"))
    proof = busy.spending.verify()
    assert {one.dimension for one in proof.differences} == set(DIMENSIONS)
    assert all(one.until - one.begin == timedelta(minutes=15) for one in proof.differences)
    busy.spending.repair(proof)
    check_exact(busy)


def test_an_empty_ledger_has_nothing_to_prove(ledger: Ledger) -> None:
    proof = ledger.spending.verify()
    assert (proof.traces, proof.rows, proof.differences, proof.blocks) == (0, 0, (), ())


# ------------------------------------------------------------------------------------------------------------- slots


def covered(runs: list[Run]) -> dict[int, int]:
    """How often each quarter is in the slots; those that are not there at all are left out."""
    times: dict[int, int] = {}
    for level, first, last, sign in runs:
        for quarter in range(LEVELS[level].begin(first), LEVELS[level].begin(last)):
            times[quarter] = times.get(quarter, 0) + sign
    return {quarter: count for quarter, count in times.items() if count}


def slots(runs: list[Run]) -> int:
    return sum(last - first for _, first, last, _ in runs)


def test_the_slots_of_a_time_are_few_and_cover_each_quarter_once() -> None:
    pick = random.Random(1)
    for dimension in ("", "user"):
        for _ in range(150):
            first = pick.randrange(10**6)
            last = first + 1 + pick.choice([pick.randrange(8), pick.randrange(200), pick.randrange(9000)])
            runs = list(runs_over(first, last, dimension))
            assert covered(runs) == dict.fromkeys(range(first, last), 1), (first, last)
            assert slots(runs) <= 100 + 36
            if dimension == "user" and last - first > 2000:
                assert slots(runs) <= 12 + 4 + 4 + 2 * (12 + 2)


def test_a_day_of_any_time_zone_is_few_slots() -> None:
    for offset in range(96):
        day = 96 * 700_000 + offset
        runs = list(runs_over(day, day + 96, ""))
        assert covered(runs) == dict.fromkeys(range(day, day + 96), 1)
        assert slots(runs) <= 1 + 2 * (3 + 2)


def test_a_quarter_holds_its_first_moment_and_not_the_next_ones() -> None:
    for moment in (datetime(1, 1, 3, tzinfo=UTC), datetime(1969, 12, 31, 23, 45, tzinfo=UTC), START):
        quarter = quarter_of(moment)
        assert begin_of(quarter) <= moment < begin_of(quarter + 1)
        edge = begin_of(quarter)
        assert (quarter_of(edge), first_quarter_from(edge)) == (quarter, quarter)
        tick = timedelta(microseconds=1)
        assert (quarter_of(edge - tick), first_quarter_from(edge + tick)) == (quarter - 1, quarter + 1)
