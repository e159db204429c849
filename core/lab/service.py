"""The Prompt Lab as pages and commands call it: plan, estimate, run, watch, stop, resume."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.cost import server_of
from core.cost.budgets import Budgets
from core.cost.worst import CostOf
from core.errors import InputError
from core.lab.chats import LabModels
from core.lab.estimate import Estimate, estimate
from core.lab.gate import Pace
from core.lab.grid import cells_of
from core.lab.money import check_prices
from core.lab.plan import Plan, plan_of
from core.lab.planning import CaseSets, Planner, Templates
from core.lab.progress import Choices, Progress
from core.lab.results import Results, results_of
from core.lab.scorers import Tools
from core.lab.spec import Spec, spec_of
from core.lab.work import Parts, Record, Work, tells_nobody
from core.ledger import Ledger
from core.models import Experiment, ExperimentState, Run, RunState
from core.ports import Clock

_REMEMBERED = 20
"""Experiments of this process that ended and are kept in memory; of others the ledger tells all there is."""
_LONGEST_END_S = 5.0
"""Calls under way are not waited for longer than this when the process ends."""


class Lab:
    """Experiments of this process run in its background; the ledger has them all. Safe for all threads."""

    def __init__(
        self,
        ledger: Ledger,
        models: LabModels,
        *,
        templates: Templates,
        cases: CaseSets,
        tools: Tools,
        cost_of: CostOf,
        budgets: Budgets | None = None,
        mirror: bool = False,
        record: Record = tells_nobody,
        clock: Clock = lambda: datetime.now(UTC),
        pace: Pace | None = None,
    ) -> None:
        self._store = ledger.experiments
        self._models = models
        self._cost_of, self._budgets = cost_of, budgets
        self._clock = clock
        self._tools = tools
        self._mirror = mirror
        self._pace = pace or Pace()
        self._record = record
        self._templates, self._cases = templates, cases
        self._planner = Planner(templates, cases, tools, models.default_name)
        self._guard = threading.Lock()
        self._works: dict[str, Work] = {}

    # ------------------------------------------------------------------------------------------------- before a run

    def choices(self) -> Choices:
        """What a form offers."""
        used = self._store.models()
        default = self._models.default.name if self._models.default is not None else ""
        models = tuple(dict.fromkeys(name for name in (default, *used) if name))
        return Choices(tuple(self._templates.offered()), models, tuple(self._cases.offered()))

    def plan(self, spec: Spec | Mapping[str, Any], *, folder: Path | None = None) -> Plan:
        """Looks everything up that a spec names. Raises InputError that names what is wrong at its place.

        ``folder``: where a spec file is; a spec from a form must not name files of the server.
        """
        return self._planner.plan(spec if isinstance(spec, Spec) else spec_of(spec), folder=folder)

    def estimate(self, plan: Plan) -> Estimate:
        """What it will take, nothing is called for it."""
        cells = cells_of(plan, self._models.server)
        known = self._store.find_cached([cell.content_key for cell in cells if cell.repeat == 0])
        return estimate(
            plan,
            server=self._models.server,
            known=known.keys(),
            means=self._store.mean_completion_tokens(plan.models),
            cost_of=self._cost_of,
            when=self._clock(),
        )

    def unfinished(self, plan: Plan) -> Experiment | None:
        """The latest experiment with the same cells and scorers that ended, or was left, before its last cell."""
        key = plan.document()["key"]
        for found in self._store.list(name=plan.name, limit=20):
            if found.state is not ExperimentState.FINISHED:
                experiment = self._store.get(found.experiment_id)
                if experiment.spec.get("key") == key:
                    return experiment
        return None

    # ------------------------------------------------------------------------------------------------------ running

    def start(self, plan: Plan, *, user: str = "") -> str:
        """Runs a plan in the background; returns the experiment's id as soon as it would survive a kill.

        Raises InputError where a cap cannot be kept, since the price of a model is unknown.
        """
        check_prices(plan, plan.max_cost_usd, self._cost_of, self._clock(), self._models.server)
        cells = cells_of(plan, self._models.server)
        traces = {case.trace_id for case in plan.cases if case.trace_id is not None}
        experiment_id = self._store.create(plan.document(), cells, from_traces=traces)
        self._begin(experiment_id, plan, cells, user=user)
        return experiment_id

    def resume(self, experiment_id: str, *, max_cost_usd: float | None = None, failed_too: bool = False) -> None:
        """Runs the missing cells of an experiment that was stopped, capped, failed, or left by a dead process.

        ``max_cost_usd`` replaces its cap; ``failed_too`` runs its failed cells again. Raises InputError where it is
        at work elsewhere, NotFound.
        """
        if experiment_id in self.active():
            return
        experiment = self._store.get(experiment_id)
        cap = experiment.max_cost_usd if max_cost_usd is None else max_cost_usd
        check_prices(plan_of(experiment.spec), cap, self._cost_of, self._clock(), self._models.server)
        if self._store.claim(experiment_id):
            self._store.stop(experiment_id)
        if not self._store.reopen(experiment_id, max_cost_usd=max_cost_usd, failed_too=failed_too):
            raise InputError("Another process works on this experiment", subject=experiment_id)
        self._begin(experiment_id)

    def resume_all(self) -> list[str]:
        """Takes up, in the background, the experiments that dead processes left running; returns their ids."""
        resumed = [experiment_id for experiment_id in self._store.running() if self._store.claim(experiment_id)]
        for experiment_id in resumed:
            self._begin(experiment_id)
        return resumed

    def stop(self, experiment_id: str) -> None:
        """Makes no further call, whichever process works on it; calls under way are finished and kept."""
        work = self._works.get(experiment_id)
        if work is not None and not work.finished.is_set():
            work.stop()
        else:
            self._store.stop(experiment_id)

    def wait(self, experiment_id: str, timeout_s: float | None = None) -> bool:
        """Whether it has ended in this process; waits at most so long for that."""
        work = self._works.get(experiment_id)
        return work is None or work.finished.wait(timeout_s)

    def remove(self, experiment_id: str) -> None:
        """Forgets an experiment that has ended. Its traces stay. Raises InputError while it runs."""
        if self._store.head(experiment_id).state is ExperimentState.RUNNING:
            raise InputError("This experiment still runs", subject=experiment_id, hint="Stop it first.")
        self._store.remove(experiment_id)

    def close(self) -> None:
        """Begins no further call; experiments stay running, for the next process."""
        works = [work for work in list(self._works.values()) if not work.finished.is_set()]
        for work in works:
            work.interrupt()
        for work in works:
            work.finished.wait(_LONGEST_END_S)

    # ----------------------------------------------------------------------------------------------------- watching

    def active(self) -> list[str]:
        """Experiments at work in this process, latest first."""
        return [key for key, work in reversed(list(self._works.items())) if not work.finished.is_set()]

    def progress(self, experiment_id: str) -> Progress:
        """Also of experiments of other processes and of long ago. Raises NotFound."""
        experiment = self._store.head(experiment_id)
        work = self._works.get(experiment_id)
        at_work = work is not None and not work.finished.is_set()
        counts = self._store.counts(experiment_id)
        return Progress(
            experiment_id=experiment_id,
            name=experiment.name,
            state=experiment.state,
            total=experiment.total,
            done=counts[RunState.DONE],
            failed=counts[RunState.FAILED],
            cached=self._store.cached_count(experiment_id),
            spent_usd=experiment.spent_usd,
            max_cost_usd=experiment.max_cost_usd,
            created_at=experiment.created_at,
            time_left_s=work.time_left_s() if work is not None and at_work else None,
            waits_s=work.waits_s if work is not None and at_work else 0.0,
            stopping=at_work and work is not None and work.stopping,
            error=experiment.error,
        )

    def experiment(self, experiment_id: str) -> Experiment:
        """With its whole spec. Raises NotFound."""
        return self._store.get(experiment_id)

    def experiments(self, *, limit: int = 100, offset: int = 0) -> list[Experiment]:
        """Newest first, without their specs."""
        return self._store.list(limit=limit, offset=offset)

    def runs(self, experiment_id: str) -> list[Run]:
        """All cells in the order of the grid."""
        return self._store.runs(experiment_id)

    def results(self, experiment_id: str) -> Results:
        """What it found so far. Raises NotFound."""
        spec = self._store.get(experiment_id).spec
        return results_of(self._store.runs(experiment_id), spec, untempered=self._store.untempered(experiment_id))

    def latest(self, experiment_id: str, limit: int = 50) -> list[Run]:
        """The cells that ended last, newest first."""
        return self._store.latest(experiment_id, limit)

    # ----------------------------------------------------------------------------------------------------------- our

    def _begin(
        self, experiment_id: str, plan: Plan | None = None, pending: Sequence[Run] | None = None, *, user: str = ""
    ) -> None:
        """Plan and cells are read from the ledger where they are not at hand."""
        experiment = self._store.get(experiment_id)
        plan = plan or plan_of(experiment.spec)
        pending = self._store.take(experiment_id) if pending is None else pending
        parts = Parts(
            self._store,
            self._models.get,
            self._tools,
            self._cost_of,
            self._clock,
            self._mirror,
            self._pace,
            record=self._record,
            server=server_of(self._models.server),
            budgets=self._budgets,
        )
        work = Work(experiment, plan, pending, parts, user=user)
        with self._guard:
            ended = [key for key, known in self._works.items() if known.finished.is_set()]
            for key in ended[:-_REMEMBERED]:
                del self._works[key]
            self._works[experiment_id] = work
        # A daemon: leaving the app must not wait for a model; the experiment is resumed at the next start.
        threading.Thread(target=self._carry_out, args=(work,), name="lab", daemon=True).start()

    def _carry_out(self, work: Work) -> None:
        work.run()
        work.finished.set()
