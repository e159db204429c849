"""Two thousand answers with thumbs reach Comet once each, through faults of every kind and twenty ``kill -9``.

The app's side, the worker process and Comet's packages are real; Comet is the fake that keeps state.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from core.config import load_settings
from core.ledger import Ledger, SenderStatus, TraceFilter, open_ledger
from core.mirror.records import record_id
from core.mirror.target import settings_document
from core.models import Trace
from tests.fakes.comet_server import KEY, FakeComet, Faults
from tests.fakes.comet_state import Experiment
from tests.mirror.victims import Victims, plan
from tests.processes import is_at_work

TRACES = 2_000
KILLS = 10
RATES = {
    "refuse": 0.008, "commit-refuse": 0.008, "cut": 0.008, "500": 0.008, "commit-500": 0.008, "503": 0.004,
    "html": 0.004, "empty": 0.004, "400": 0.003, "hang": 0.002, "commit-hang": 0.002, "trickle": 0.002,
    "401": 0.001, "403": 0.001, "429": 0.001, "reject": 0.01, "reject-403": 0.01,
}  # fmt: skip
SEED = int(os.environ.get("CUEPOINT_TEST_SEED", "1"))


class Killer:
    """Runs the victims, kills them at moments that the seed decides, and does what a person would do meanwhile."""

    def __init__(self, victims: Victims, comet: FakeComet, ledger: Ledger, settings: str, folder: Path) -> None:
        self._victims, self._comet, self._ledger, self._settings = victims, comet, ledger, settings
        self._progress = folder / "progress"
        self._progress.touch()
        self._random = random.Random(SEED)
        self.steps = len(plan(TRACES, SEED))
        self.app_kills_at = sorted(self._random.sample(range(1, self.steps), KILLS))
        self.drainer_kills = 0
        self.begun_when_killed = 0
        """Rows that were on their way when the process that sent them was killed."""

    def run(self) -> None:
        self._start_app()
        self._start_drainer()
        while self._acknowledged() < self.steps or self.drainer_kills < KILLS:
            self._kill_app()
            self._kill_drainer()
            self._mend()
            time.sleep(0.005)

    def _start_app(self) -> None:
        wish = {"url": self._ledger.url, "count": TRACES, "seed": SEED, "begin": self._acknowledged()}
        self._app = self._victims.start(app={**wish, "progress": str(self._progress)})

    def _start_drainer(self) -> None:
        self._drainer = self._victims.start(drainer=self._settings)
        self._kill_at = len(self._comet.requests) + self._random.randint(1, 300)

    def _acknowledged(self) -> int:
        """Steps that the app knows to be done. The file's last line may be a part of one."""
        lines = self._progress.read_bytes().split(b"\n")[:-1]
        return int(lines[-1]) if lines else 0

    def _kill_app(self) -> None:
        if self.app_kills_at and self._acknowledged() >= self.app_kills_at[0]:
            self.app_kills_at.pop(0)
            kill(self._app)
            self._start_app()

    def _kill_drainer(self) -> None:
        if self.drainer_kills < KILLS and len(self._comet.requests) >= self._kill_at:
            kill(self._drainer)
            self.drainer_kills += 1
            self.begun_when_killed += sum(row.unsure for row in self._ledger.outbox.rows("pending", limit=10_000))
            self._start_drainer()

    def _mend(self) -> None:
        """A person tries a rejected key again, and what was refused."""
        if self._ledger.outbox.status().status is SenderStatus.PAUSED:
            self._ledger.outbox.resume()
        if self._ledger.outbox.stats().dead:
            self._ledger.outbox.resend_dead()

    def finish(self) -> None:
        """Until everything is delivered, by a Comet that does not fail any more."""
        self._comet.faults = None
        left, end = self.steps, time.monotonic()
        while (stats := self._ledger.outbox.stats()).pending or stats.dead:
            if stats.pending < left:
                left, end = stats.pending, time.monotonic() + 60
            assert time.monotonic() < end, f"nothing arrives: {stats}, {self._ledger.outbox.status()}"
            self._mend()
            time.sleep(0.05)


def each_and_then_any() -> Faults:
    """Every kind of fault once, with good requests in between, and then any by chance."""
    faults = Faults(seed=SEED, rates=RATES)
    faults.script("experiment/llm", None, "reject", None, "reject-403", None)
    kinds = random.Random(SEED).sample(sorted(RATES), len(RATES))
    return faults.script("/", *(fault for kind in kinds for fault in (*[None] * 12, kind)))


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while is_at_work(pid):
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_after_faults_and_kills_comet_holds_exactly_the_ledger(tmp_path: Path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'cuepoint.db'}")
    with FakeComet(faults=each_and_then_any()) as comet, Victims() as victims:
        comet.forgets_the_gone = True
        settings = load_settings(
            comet_api_key=KEY, comet_url_override=comet.url, comet_timeout_s=0.5, data_dir=tmp_path,
            comet_workspace="team", comet_project_name="answers",
        )  # fmt: skip
        killer = Killer(victims, comet, ledger, settings_document(settings), tmp_path)
        killer.run()
        failed = Counter(seen.fault for seen in comet.requests if seen.fault)
        killer.finish()
    asked = ledger.traces.list(TraceFilter(limit=None), light=True)
    assert len(asked) == TRACES
    assert (killer.app_kills_at, killer.drainer_kills) == ([], KILLS)
    assert killer.begun_when_killed > 0
    assert set(failed) == set(RATES)
    assert comet.unknown == []
    assert_equal(comet.experiments, asked)
    ledger.close()


def assert_equal(held: dict[str, Experiment], asked: Sequence[Trace]) -> None:
    assert set(held) == {record_id(trace.trace_id) for trace in asked}
    assert [key for key, one in held.items() if one.created != 1] == []
    assert [key for key, one in held.items() if doubled(one)] == []
    assert [trace.trace_id for trace in asked if not told(held[record_id(trace.trace_id)], trace)] == []


def doubled(record: Experiment) -> list[str]:
    """Metrics that say the same twice in a row, and those of the trace that were written more than once."""
    writes = {name: [str(write.value) for write in found] for name, found in record.metrics.items()}
    return [
        name
        for name, values in writes.items()
        if any(a == b for a, b in pairwise(values)) or (not name.endswith("feedback") and len(values) > 1)
    ]


def told(record: Experiment, trace: Trace) -> bool:
    """Whether Comet shows the thumb that the ledger has, with its words."""
    thumb = trace.feedback
    assert thumb is not None
    shown = thumb.value == 0 or float(record.last("user_feedback")) == (1 if thumb.value > 0 else 0)
    raw = float(record.last("feedback")) == thumb.value
    return shown and raw and record.others.get("feedback_comment", "") == thumb.comment
