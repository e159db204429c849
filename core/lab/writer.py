"""Writes results down in groups: what costs is the disk, and it is waited for once for all that came meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from core.errors import LibraryError
from core.lab.halts import Halt, NotWritten, Stopped
from core.ledger import ExperimentStore, RunResult
from core.models import ExperimentState, RunState

_MOST = 200
_RETRIES_S = (0.5, 2.0, 8.0)
_GATHER_S = 0.25
"""For so long at most the first result of a group waits for others: a kill loses no more than that."""
_LULL_S = 0.01
"""A group is written when no result has come for so long: then the workers wait for their server, and writing takes no
time from them. A worker that waits for room ends the waiting too."""


class Writer:
    """A thread that owns the way to the ledger. At most ``room`` cells are begun and not yet on the disk."""

    def __init__(
        self,
        store: ExperimentStore,
        experiment_id: str,
        *,
        mirror: bool,
        room: int,
        halt: Callable[[Halt], None],
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store = store
        self._experiment_id = experiment_id
        self._mirror = mirror
        self._halt = halt
        self._wait = wait
        self._results: queue.SimpleQueue[RunResult | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(room)
        self._hurry = threading.Event()
        self._closing = False
        self._failed = False
        self.ended: Counter[RunState] = Counter()
        """Runs that are on the disk, by what became of them."""
        self.cached = 0
        self._thread = threading.Thread(target=self._work, name="lab-writer", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """To be called before a cell is begun: waits until there is room for its result."""
        if not self._room.acquire(blocking=False):
            self._hurry.set()
            self._room.acquire()

    def put(self, result: RunResult | None) -> None:
        """What became of a cell that was begun; None: nothing, it stays pending."""
        if result is None:
            self._room.release()
        else:
            self._results.put(result)

    def close(self) -> None:
        """Returns when all results are on the disk, or given up."""
        self._closing = True
        self._results.put(None)
        self._hurry.set()
        self._thread.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._next()
            if batch and not self._failed:
                self._write(batch)
            if batch:
                self._room.release(len(batch))

    def _next(self) -> tuple[list[RunResult], bool]:
        """All results that wait, at least one; False with the last ones."""
        batch: list[RunResult] = []
        result = self._results.get()
        if not self._closing:
            self._await_lull()
        while result is not None:
            batch.append(result)
            if len(batch) == _MOST:
                return batch, True
            try:
                result = self._results.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _await_lull(self) -> None:
        waiting, longest = -1, time.monotonic() + _GATHER_S
        while waiting != (waiting := self._results.qsize()) and time.monotonic() < longest:
            if self._hurry.wait(_LULL_S):
                break
        self._hurry.clear()

    def _write(self, batch: Sequence[RunResult]) -> None:
        for pause_s in (*_RETRIES_S, None):
            try:
                state = self._store.finish(self._experiment_id, batch, mirror=self._mirror)
            except LibraryError as error:
                if pause_s is None:
                    self._failed = True
                    self._halt(NotWritten(f"{error} What is done until then is kept."))
                    return
                self._wait(pause_s)
            else:
                break
        self.ended.update(result.run.state for result in batch)
        self.cached += sum(result.run.cached for result in batch)
        if state is not ExperimentState.RUNNING:
            self._halt(Stopped())
