"""kill -9 in the middle of an experiment: the next process calls what is missing, and nothing that is kept."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.models import ExperimentState, RunState
from tests.fakes.lab import ledger_in
from tests.fakes.openai_server import FakeOpenAI, Reply, Request
from tests.lab.victims import CASES, CONCURRENCY, Victims, open_real_lab

TOTAL = 2 * CASES


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    started = Victims()
    yield started
    started.close()


class Counting:
    """Answers, counts who was asked what, and says when so many were answered."""

    def __init__(self, kill_after: int) -> None:
        self.asked: Counter[str] = Counter()
        self.reached = threading.Event()
        self._kill_after = kill_after
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        text = request.body["messages"][-1]["content"]
        with self._lock:
            self.asked[text] += 1
            if self.asked.total() > self._kill_after:
                self.reached.set()
        return Reply(f"It is the answer {text.rsplit(maxsplit=1)[-1]}.", latency_s=0.01)


@pytest.mark.parametrize("kill_after", [1, 30, 75, TOTAL - CONCURRENCY])
def test_a_killed_experiment_is_completed_and_no_kept_cell_is_called_again(
    victims: Victims, tmp_path: Path, kill_after: int
) -> None:
    counting = Counting(kill_after)
    ledger = ledger_in(tmp_path)
    with FakeOpenAI(otherwise=counting) as server:
        victims.start("run_experiment", tmp_path, server.url)
        _, pid, experiment_id = victims.line().split()
        assert counting.reached.wait(30)
        os.kill(int(pid), signal.SIGKILL)
        victims.wait_until_killed()
        kept = [run for run in ledger.experiments.runs(experiment_id) if run.state is RunState.DONE]
        called = counting.asked.total()
        assert called - len(kept) <= 2 * CONCURRENCY, "only calls under way, and answers on their way to the disk"
        lab = open_real_lab(ledger, server.url)
        assert lab.resume_all() == [experiment_id]
        assert lab.wait(experiment_id, 60)
        progress = lab.progress(experiment_id)
        lab.close()
    assert (progress.state, progress.done, progress.failed) == (ExperimentState.FINISHED, TOTAL, 0)
    assert len(counting.asked) == TOTAL, "none is lost"
    assert counting.asked.total() == called + TOTAL - len(kept), "only the missing cells were called"
    assert max(counting.asked.values()) <= 2
    runs = ledger.experiments.runs(experiment_id)
    assert [run for run in runs if run.position in {k.position for k in kept}] == kept
    assert {ledger.traces.get(run.trace_id or "").answer.text for run in runs} == {run.output for run in runs}
    ledger.close()
