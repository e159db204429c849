"""Groups of results on their way to the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.lab.halts import Halt
from core.lab.writer import Writer
from core.ledger import RunResult
from core.models import ExperimentState, Run, RunState


@dataclass
class Shelf:
    """What an ExperimentStore got, group by group, and when."""

    groups: list[tuple[float, list[int]]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)

    def finish(self, experiment_id: str, results: Sequence[RunResult], *, mirror: bool) -> ExperimentState:
        self.groups.append((time.monotonic(), [result.run.position for result in results]))
        self.came.set()
        return ExperimentState.RUNNING


def result(position: int) -> RunResult:
    return RunResult(Run(position, "t", 1, "m", 0.0, "c", 0, RunState.DONE))


def writer_on(shelf: Shelf, *, room: int = 100) -> Writer:
    halts: list[Halt] = []
    return Writer(shelf, "e", mirror=False, room=room, halt=halts.append)  # type: ignore[arg-type]


def test_results_that_come_together_are_one_group_and_are_written_when_no_more_come():
    shelf = Shelf()
    writer, began = writer_on(shelf), time.monotonic()
    for position in range(20):
        writer.begin()
        writer.put(result(position))
    assert shelf.came.wait(5)
    at, positions = shelf.groups[0]
    writer.close()
    assert positions == list(range(20))
    assert at - began < 0.2, "a lull ends the waiting before its longest time"


def test_results_that_never_stop_are_written_within_the_longest_wait():
    shelf = Shelf()
    writer, began, position = writer_on(shelf, room=100_000), time.monotonic(), 0
    while not shelf.came.is_set() and time.monotonic() - began < 10:
        writer.begin()
        writer.put(result(position))
        position += 1
        time.sleep(0.001)
    writer.close()
    assert shelf.groups[0][0] - began < 2.0
    assert sorted(n for _, group in shelf.groups for n in group) == list(range(position))


def test_a_worker_that_waits_for_room_is_not_kept_waiting():
    shelf = Shelf()
    writer = writer_on(shelf, room=2)
    for position in range(6):
        writer.begin()
        writer.put(result(position))
    writer.close()
    assert writer.ended[RunState.DONE] == 6
    assert all(len(group) <= 2 for _, group in shelf.groups)
