"""Experiments in the ledger: runs with their traces, spending, the cache, and who works on what."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.errors import LibraryError, NotFound
from core.ledger import Ledger, RunResult, Spending, open_ledger
from core.ledger import experiments as experiments_module
from core.models import AnswerStatus, ExperimentState, Run, RunState, Score, Trace, Usage
from tests.ledger.samples import NASTY, Ticking, answer, trace
from tests.ledger.workers import Workers

SPEC = {"name": "Shorter answers", "max_cost_usd": 1.5, "templates": [{"name": "a", "user": NASTY}]}


def cells(count: int, *, repeat: int = 0) -> list[Run]:
    return [Run(n, "a", 3, "model-x", 0.25, f"case-{n}", repeat, content_key=f"key-{n}") for n in range(count)]


def lab_trace(experiment_id: str, trace_id: str, **changes: Any) -> Trace:
    made = trace(trace_id, kind="lab", conversation_id=experiment_id)
    return replace(made, answer=answer(trace_id, **changes))


def done(experiment_id: str, run: Run, *, cost_usd: float | None = 0.25, **changes: Any) -> RunResult:
    trace_id = f"{experiment_id}-{run.position}"
    given: dict[str, Any] = {
        "state": RunState.DONE,
        "trace_id": trace_id,
        "output": NASTY,
        "scores": {"exact": Score(1.0, passed=True, reason="equal"), "judge": Score(None, None, "it raised")},
        "passed": True,
        "usage": Usage(11, 12, 13, 14),
        "cost_usd": cost_usd,
        "latency_ms": 812.5,
    }
    ended = replace(run, **(given | changes))
    return RunResult(ended, (lab_trace(experiment_id, trace_id, cost_usd=cost_usd),), {"judge": "key-of-judge"})


@pytest.fixture
def other(url: str, clock: Ticking) -> Iterator[Ledger]:
    """The same ledger as another process opens it."""
    opened = open_ledger(url, clock=clock)
    yield opened
    opened.close()


def test_an_experiment_reads_back_as_it_was_created(ledger: Ledger, clock: Ticking) -> None:
    experiment_id = ledger.experiments.create(SPEC, cells(3))
    found = ledger.experiments.get(experiment_id)
    assert (found.name, found.state, found.total) == ("Shorter answers", ExperimentState.RUNNING, 3)
    assert (found.spec, found.max_cost_usd, found.spent_usd) == (SPEC, 1.5, 0.0)
    assert (found.created_at, found.finished_at, found.error) == (clock.now, None, None)
    assert ledger.experiments.runs(experiment_id) == cells(3)
    assert ledger.experiments.counts(experiment_id) == {RunState.PENDING: 3, RunState.DONE: 0, RunState.FAILED: 0}


def test_a_finished_run_reads_back_with_scores_and_its_trace(ledger: Ledger) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(2))
    result = done(experiment_id, store.take(experiment_id)[0])
    assert store.finish(experiment_id, [result], mirror=True) is ExperimentState.RUNNING
    first, second = store.runs(experiment_id)
    assert (first, second.state) == (result.run, RunState.PENDING)
    assert ledger.traces.get(first.trace_id or "").answer.text == result.traces[0].answer.text
    assert ledger.outbox.of_trace(first.trace_id or "")
    assert store.take(experiment_id) == [second]
    assert store.latest(experiment_id) == [first]


def test_runs_and_traces_of_one_call_come_together_or_not_at_all(ledger: Ledger) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(2))
    good, bad = (done(experiment_id, run) for run in store.take(experiment_id))
    broken = replace(bad, traces=(replace(bad.traces[0], kind=None),))  # type: ignore[arg-type]
    with pytest.raises(LibraryError):
        store.finish(experiment_id, [good, broken], mirror=False)
    assert store.counts(experiment_id)[RunState.PENDING] == 2
    assert store.get(experiment_id).spent_usd == 0.0
    with pytest.raises(NotFound):
        ledger.traces.get(good.traces[0].trace_id)


def test_what_was_spent_counts_judges_and_failed_calls_and_turns_unknown_for_good(ledger: Ledger) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(4))
    first, second, third, fourth = store.take(experiment_id)
    judged = done(experiment_id, first)
    judged = replace(judged, traces=(*judged.traces, lab_trace(experiment_id, "judge", cost_usd=0.125)))
    failed = done(experiment_id, second, state=RunState.FAILED, output=None, error="The server failed", passed=None)
    store.finish(experiment_id, [judged, failed], mirror=False)
    assert store.get(experiment_id).spent_usd == 0.625
    assert store.spending(experiment_id) == Spending(0.625, 0)
    store.finish(experiment_id, [done(experiment_id, third, cost_usd=None)], mirror=False)
    store.finish(experiment_id, [done(experiment_id, fourth)], mirror=False)
    assert store.get(experiment_id).spent_usd is None
    assert store.spending(experiment_id) == Spending(0.875, 1)


def test_only_called_first_answers_with_text_serve_as_cache(ledger: Ledger, clock: Ticking) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(5))
    runs = store.take(experiment_id)
    results = [
        done(experiment_id, runs[0]),
        done(experiment_id, runs[1], cached=True),
        done(experiment_id, runs[2], output=""),
        done(experiment_id, runs[3], state=RunState.FAILED),
    ]
    store.finish(experiment_id, results, mirror=False)
    again = store.create(SPEC, cells(1, repeat=1))
    clock.forward(seconds=1)
    store.finish(again, [done(again, store.take(again)[0])], mirror=False)
    found = store.find_cached([f"key-{n}" for n in range(5)])
    assert found == {"key-0": RunResult(results[0].run, (), {"judge": "key-of-judge"})}


def test_of_several_runs_with_one_content_the_latest_serves(ledger: Ledger, clock: Ticking) -> None:
    store = ledger.experiments
    for text in ("old", "new"):
        experiment_id = store.create(SPEC, cells(1))
        store.finish(experiment_id, [done(experiment_id, store.take(experiment_id)[0], output=text)], mirror=False)
        clock.forward(seconds=1)
    assert store.find_cached(["key-0"])["key-0"].run.output == "new"


def test_pending_runs_are_taken_in_order_and_from_a_position_on(ledger: Ledger) -> None:
    experiment_id = ledger.experiments.create(SPEC, cells(5))
    assert [run.position for run in ledger.experiments.take(experiment_id, 2)] == [0, 1]
    assert [run.position for run in ledger.experiments.take(experiment_id, 2, after=1)] == [2, 3]


@pytest.mark.parametrize("state", [ExperimentState.FINISHED, ExperimentState.CAPPED, ExperimentState.FAILED])
def test_an_experiment_ends_once(ledger: Ledger, clock: Ticking, state: ExperimentState) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(1))
    store.end(experiment_id, state, error="why")
    ended = store.get(experiment_id)
    store.stop(experiment_id)
    assert store.get(experiment_id) == ended
    assert (ended.state, ended.error, ended.finished_at) == (state, "why", clock.now)


def test_what_a_mirror_is_told_comes_with_the_end_or_not_at_all(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, [])

    def full(*_: Any, **__: Any) -> None:
        raise LibraryError("The disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(experiments_module, "enqueue", full)
        with pytest.raises(LibraryError):
            store.end(experiment_id, ExperimentState.FINISHED, document={"name": "x"})
    assert store.head(experiment_id).state is ExperimentState.RUNNING
    store.end(experiment_id, ExperimentState.FINISHED, document={"name": "x"})
    assert store.head(experiment_id).state is ExperimentState.FINISHED
    assert ledger.outbox.row("experiment", experiment_id).document == {"name": "x"}


def test_an_experiment_notes_the_versions_of_the_library_that_its_cases_came_from(ledger: Ledger) -> None:
    store = ledger.experiments
    for n, version in enumerate(["v1", "v2", "v1", None]):
        ledger.traces.finish(replace(trace(f"t{n}"), library_version=version), mirror=False)
    experiment_id = store.create(SPEC, cells(1), from_traces=["t0", "t2", "t3", "t1", "gone", "t0"])
    other_id = store.create(SPEC, cells(1), from_traces=["t1"])
    uses = {version: [use.id for use in ledger.datasets.uses(version).others] for version in ("v1", "v2")}
    assert uses["v1"] == [experiment_id]
    assert sorted(uses["v2"]) == sorted([experiment_id, other_id])
    store.remove(experiment_id)
    assert ledger.datasets.uses("v1").others == ()
    assert [use.id for use in ledger.datasets.uses("v2").others] == [other_id]


def test_a_stop_by_another_process_is_seen_with_the_next_run(ledger: Ledger, other: Ledger) -> None:
    experiment_id = ledger.experiments.create(SPEC, cells(2))
    other.experiments.stop(experiment_id)
    result = done(experiment_id, ledger.experiments.take(experiment_id)[0])
    assert ledger.experiments.finish(experiment_id, [result], mirror=False) is ExperimentState.STOPPED
    assert ledger.experiments.counts(experiment_id)[RunState.DONE] == 1


def test_a_living_process_keeps_its_experiment(ledger: Ledger, other: Ledger) -> None:
    experiment_id = ledger.experiments.create(SPEC, cells(1))
    assert other.experiments.running() == [experiment_id]
    assert not other.experiments.claim(experiment_id)
    assert not other.experiments.reopen(experiment_id)
    assert ledger.experiments.is_mine(experiment_id)
    assert not other.experiments.is_mine(experiment_id)


def test_one_process_takes_over_what_a_closed_one_left(ledger: Ledger, url: str, other: Ledger) -> None:
    gone = open_ledger(url)
    experiment_id = gone.experiments.create(SPEC, cells(1))
    gone.close()
    assert [ledger.experiments.claim(experiment_id), other.experiments.claim(experiment_id)] == [True, False]
    assert ledger.experiments.is_mine(experiment_id)


def test_a_stopped_experiment_runs_again_with_another_cap_and_its_failures(ledger: Ledger) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(2))
    first, _ = store.take(experiment_id)
    failed = done(experiment_id, first, state=RunState.FAILED, error="The server failed")
    store.finish(experiment_id, [failed], mirror=False)
    store.end(experiment_id, ExperimentState.CAPPED, error="the cap")
    assert store.reopen(experiment_id, max_cost_usd=9.0, failed_too=True)
    again = store.get(experiment_id)
    assert (again.state, again.max_cost_usd, again.error, again.finished_at) == (
        ExperimentState.RUNNING, 9.0, None, None,
    )  # fmt: skip
    assert [run.error for run in store.take(experiment_id)] == [None, None]


def test_the_list_is_newest_first_and_light(ledger: Ledger, clock: Ticking) -> None:
    ids = []
    for name in ("one", "two", "one"):
        ids.append(ledger.experiments.create(SPEC | {"name": name}, cells(1)))
        clock.forward(seconds=1)
    assert [found.experiment_id for found in ledger.experiments.list()] == ids[::-1]
    assert [found.experiment_id for found in ledger.experiments.list(name="one", limit=1)] == [ids[2]]
    assert {len(found.spec) for found in ledger.experiments.list()} == {0}
    assert ledger.experiments.head(ids[0]) == replace(ledger.experiments.get(ids[0]), spec={})


def test_removing_an_experiment_keeps_what_it_cost(ledger: Ledger) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(1))
    store.finish(experiment_id, [done(experiment_id, store.take(experiment_id)[0])], mirror=False)
    store.remove(experiment_id)
    assert store.runs(experiment_id) == []
    assert store.spending(experiment_id) == Spending(0.25, 0)
    for call in (store.get, store.head, store.remove, store.stop, store.claim, store.is_mine):
        with pytest.raises(NotFound, match=experiment_id):
            call(experiment_id)


def test_the_mean_of_answers_leaves_cached_and_uncounted_ones_out(ledger: Ledger) -> None:
    store = ledger.experiments
    experiment_id = store.create(SPEC, cells(4))
    runs = store.take(experiment_id)
    tokens = (Usage(1, 10), Usage(1, 20), Usage(1, None), Usage(1, 90))
    results = [done(experiment_id, run, usage=usage) for run, usage in zip(runs, tokens, strict=True)]
    results[3] = replace(results[3], run=replace(results[3].run, cached=True))
    store.finish(experiment_id, results, mirror=False)
    assert store.mean_completion_tokens(["model-x", "model-y"]) == {"model-x": 15.0}
    assert store.cached_count(experiment_id) == 1


def test_a_killed_process_leaves_an_experiment_that_can_be_claimed(url: str, ledger: Ledger, workers: Workers) -> None:
    workers.start("hang_experiment", url)
    _, pid, experiment_id = workers.line().split()
    assert not ledger.experiments.claim(experiment_id)
    os.kill(int(pid), signal.SIGKILL)
    workers.wait_until_killed()
    assert ledger.experiments.claim(experiment_id)
    assert ledger.experiments.counts(experiment_id) == {RunState.PENDING: 2, RunState.DONE: 0, RunState.FAILED: 0}
    assert AnswerStatus.RUNNING not in {found.answer.status for found in ledger.traces.list()}
