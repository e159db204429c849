"""What pages and the command line show of the lab: what can be chosen, and how far an experiment is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.models import ExperimentState


@dataclass(frozen=True, slots=True)
class Choices:
    """What a form offers; each may also be named by hand."""

    templates: tuple[str, ...]
    """``name`` for what runs now, ``name@3`` for one version."""
    models: tuple[str, ...]
    """The default one first, then those that experiments have used."""
    test_sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an experiment is."""

    experiment_id: str
    name: str
    state: ExperimentState
    total: int
    done: int
    failed: int
    cached: int
    """Of the done ones."""
    spent_usd: float | None
    """None where a price or count is unknown."""
    max_cost_usd: float | None
    created_at: datetime
    time_left_s: float | None = None
    waits_s: float = 0.0
    """How long the model server has asked to wait."""
    stopping: bool = False
    """No call is begun any more; those under way are waited for."""
    error: str | None = None

    @property
    def pending(self) -> int:
        return self.total - self.done - self.failed

    @property
    def ended(self) -> bool:
        return self.state is not ExperimentState.RUNNING
