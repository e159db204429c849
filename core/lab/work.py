"""One experiment at work in this process: workers, their purse, their gate and the writer."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from core.cost.budgets import Budgets
from core.cost.worst import CostOf
from core.errors import CuepointError, LibraryError
from core.lab.calls import Caller, Chats, Hold, hold_nothing
from core.lab.cell import Cells
from core.lab.gate import Gate, Pace
from core.lab.halts import Fault, Halt, Interrupted, Stopped
from core.lab.money import Purse, WorstCase
from core.lab.plan import Plan
from core.lab.scorers import Tools
from core.lab.writer import Writer
from core.ledger import ExperimentStore, RunResult
from core.models import Experiment, ExperimentState, Run, RunState
from core.ports import Clock, WholeChatModel

_log = logging.getLogger(__name__)


Record = Callable[[str, ExperimentState], Mapping[str, Any] | None]
"""What a mirror is told of an experiment that ends so, as JSON; None: nothing."""


def tells_nobody(experiment_id: str, state: ExperimentState) -> None:
    """The record of a lab without a mirror."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What every experiment of a process works with."""

    store: ExperimentStore
    chats: Chats
    tools: Tools
    cost_of: CostOf
    clock: Clock
    mirror: bool = False
    pace: Pace = Pace()  # noqa: RUF009  frozen
    record: Record = tells_nobody
    server: str = ""
    """Host of the model server."""
    budgets: Budgets | None = None


class Work:
    """Runs the pending cells of an experiment that belongs to this process."""

    def __init__(
        self, experiment: Experiment, plan: Plan, pending: Sequence[Run], parts: Parts, *, user: str = ""
    ) -> None:
        self.experiment = experiment
        self.plan = plan
        self._parts = parts
        self._gate = Gate(plan.concurrency, parts.pace)
        self._lock = threading.Lock()
        self._halt: Halt | None = None
        self._began: float | None = None
        self._cells = self._prepared(user)
        self._pending: deque[Run] = deque(pending)
        self._to_do = len(self._pending)
        self._known: dict[str, RunResult] = {}
        self._writer: Writer | None = None
        self.finished = threading.Event()
        """Set by who called run(), when nothing follows any more."""

    @property
    def experiment_id(self) -> str:
        return self.experiment.experiment_id

    # ------------------------------------------------------------------------------------------------------ working

    def run(self) -> None:
        """To the end, whatever that is; it is written down. Raises nothing."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  the process goes on
            _log.exception("The experiment %s ended early", self.experiment_id)
            self._end(Fault(f"A fault of Cuepoint ended it ({type(error).__name__})"))

    def stop(self) -> None:
        """Makes no further call; those under way are waited for and kept."""
        self.halt(Stopped())

    def interrupt(self) -> None:
        """The same, and leaves the experiment running: another process resumes it."""
        self.halt(Interrupted())

    def halt(self, reason: Halt) -> None:
        """The first reason counts."""
        with self._lock:
            if self._halt is not None:
                return
            self._halt = reason
        self._gate.close(reason)
        self._cells.purse.close(reason)

    def _prepared(self, user: str) -> Cells:
        parts, plan = self._parts, self.plan
        caller = Caller(parts.chats, self._gate, parts.cost_of, parts.clock, self._hold_for(user))
        worst = WorstCase(plan, parts.cost_of, parts.clock())
        spent = parts.store.spending(self.experiment_id).known_usd
        purse = Purse(self.experiment.max_cost_usd, spent)
        return Cells(self.experiment_id, plan, caller, parts.tools, purse, worst, self.halt, user, parts.server)

    def _hold_for(self, user: str) -> Hold:
        """What a budget has left for no call beside those under way is waited for, until the experiment ends."""
        budgets = self._parts.budgets
        if budgets is None:
            return hold_nothing
        return lambda model, messages, most: budgets.for_call(
            model, messages, user=user, max_tokens=most, patience_s=math.inf, stopped=lambda: self.stopping
        )

    def _run(self) -> None:
        keys = [run.content_key for run in self._pending if run.repeat == 0]
        self._known = self._parts.store.find_cached(keys)
        self._warm_up()
        self._began = time.monotonic()
        self._writer = Writer(
            self._parts.store,
            self.experiment_id,
            mirror=self._parts.mirror,
            room=2 * self.plan.concurrency,
            halt=self.halt,
        )
        count = min(self.plan.concurrency, len(self._pending))
        workers = [threading.Thread(target=self._work, name=f"lab-{n}", daemon=True) for n in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self._writer.close()
        self._end(self._halt)

    def _warm_up(self) -> None:
        """So that no call's time is that of an import. A model that cannot be had fails its own cells."""
        for model in {run.model for run in self._pending if run.repeat > 0 or run.content_key not in self._known}:
            with suppress(CuepointError):
                chat = self._parts.chats(model)
                if isinstance(chat, WholeChatModel):
                    chat.warm_up()

    def _work(self) -> None:
        assert self._writer is not None
        while self._halt is None and self._pending:
            self._writer.begin()
            self._writer.put(self._next())

    def _next(self) -> RunResult | None:
        """What became of the next cell; None where there is none, or where the experiment ends before it."""
        try:
            run = self._pending.popleft()
        except IndexError:
            return None
        try:
            known = self._known.get(run.content_key) if run.repeat == 0 else None
            return self._cells.carry_out(run, known)
        except Halt as halt:
            self.halt(halt)
            return None
        except Exception as error:  # noqa: BLE001  one cell's fault of ours is not the others'
            _log.exception("A cell of the lab failed")
            reason = f"A fault of Cuepoint ended the run ({type(error).__name__})"
            return RunResult(replace(run, state=RunState.FAILED, error=reason))

    def _end(self, halt: Halt | None) -> None:
        state = ExperimentState.FINISHED if halt is None else halt.state
        if state is not None:
            document, reason = self._record(state), halt.reason if halt else None
            with suppress(LibraryError):  # a ledger that cannot be written: the next start finds its cells pending
                self._parts.store.end(self.experiment_id, state, error=reason, document=document)

    def _record(self, state: ExperimentState) -> Mapping[str, Any] | None:
        try:
            return self._parts.record(self.experiment_id, state)
        except Exception:  # noqa: BLE001  the experiment is done and kept, whoever is told of it
            _log.exception("What is told of the experiment %s could not be made", self.experiment_id)
            return None

    # ----------------------------------------------------------------------------------------------------- watching

    @property
    def stopping(self) -> bool:
        """Whether only the calls under way are still waited for."""
        return self._halt is not None

    @property
    def waits_s(self) -> float:
        """How long a busy model server is still waited for."""
        return self._gate.waits_s

    def time_left_s(self) -> float | None:
        """By the calls so far; None before the first is answered."""
        if self._began is None or self._writer is None:
            return None
        ended = sum(self._writer.ended.values())
        called = ended - self._writer.cached
        left = self._to_do - ended
        if not called:
            return None if left else 0.0
        return left * (time.monotonic() - self._began) / called
