"""A ledger on SQLite, a mirror in memory, and clocks that a test moves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.ledger import Ledger, OutboxRow, open_ledger
from core.mirror.drainer import Drainer
from core.mirror.patience import Patience
from core.models import Feedback
from tests.fakes.mirrors import MemoryMirror
from tests.ledger.samples import Ticking, trace


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("prepared-mirror") / "cuepoint.db"
    open_ledger(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def ledger_url(prepared: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(prepared, tmp_path / 'cuepoint.db')}"


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def ledger(ledger_url: str, clock: Ticking) -> Iterator[Ledger]:
    opened = open_ledger(ledger_url, clock=clock)
    yield opened
    opened.close()


@dataclass
class Desk:
    """A drainer with all that is around it."""

    ledger: Ledger
    clock: Ticking
    mirror: MemoryMirror = field(default_factory=MemoryMirror)
    opened: int = 0
    stuck: list[OutboxRow] = field(default_factory=list)
    monotonic_s: float = 1000.0

    def __post_init__(self) -> None:
        self.patience = Patience(lambda: self.monotonic_s, lambda: 1.0)
        self.drainer = self.new_drainer()

    def new_drainer(self, open_mirror: Callable[[], MemoryMirror] | None = None, *, timeout_s: float = 0.0) -> Drainer:
        return Drainer(
            self.ledger,
            open_mirror or self._open,
            "target",
            stuck=self.stuck.extend,
            patience=self.patience,
            timeout_s=timeout_s,
        )

    def _open(self) -> MemoryMirror:
        self.opened += 1
        return self.mirror

    def forward(self, seconds: float) -> None:
        """Moves the time of day and the time that only grows."""
        self.clock.forward(seconds=seconds)
        self.monotonic_s += seconds

    def ask(self, *trace_ids: str, **changes: Any) -> None:
        self.ledger.traces.finish_all([trace(trace_id, **changes) for trace_id in trace_ids], mirror=True)

    def thumb(self, trace_id: str, value: int = 1) -> None:
        self.ledger.traces.save_feedback(Feedback(trace_id, value), mirror=True)

    def turns(self, most: int = 100) -> None:
        """Turns until the drainer would wait."""
        for _ in range(most):
            if self.drainer.turn() > 0:
                return

    def row(self, trace_id: str, kind: str = "trace") -> OutboxRow:
        return self.ledger.outbox.row(kind, trace_id)

    def states(self, trace_ids: Sequence[str], kind: str = "trace") -> list[str]:
        return [str(self.row(trace_id, kind).state) for trace_id in trace_ids]


@pytest.fixture
def desk(ledger: Ledger, clock: Ticking) -> Desk:
    return Desk(ledger, clock)
