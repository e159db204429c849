"""Runs of a small grid, by hand, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from core.models import Run, RunState, Score, Usage

Value = float | None
_POSITIONS = count()


def run_of(
    template: str, case_id: str, value: Value, *, repeat: int = 0, passed: bool | None = None, **facts: Any
) -> Run:
    """A done run with the score ``right``, which passes from 0.5 on where nothing is said."""
    if passed is None and value is not None:
        passed = value >= 0.5
    position = next(_POSITIONS)
    made = Run(
        position, template, 1, "model-a", 0.0, case_id, repeat, RunState.DONE, trace_id=f"trace-{position}",
        output=f"{template} on {case_id}", scores={"right": Score(value, passed, "")}, passed=passed,
        usage=Usage(10, 5), cost_usd=0.01, latency_ms=100.0,
    )  # fmt: skip
    return replace(made, **facts)


def failed(template: str, case_id: str, error: str = "The server is down", **facts: Any) -> Run:
    return Run(0, template, 1, "model-a", 0.0, case_id, 0, RunState.FAILED, error=error, **facts)


def pending(template: str, case_id: str) -> Run:
    return Run(0, template, 1, "model-a", 0.0, case_id, 0)


def grid(cases: int, **values: Callable[[int], Value]) -> list[Run]:
    """``grid(10, plain=lambda n: 0.0, brief=…)``: a run of each template on each case."""
    return [run_of(template, f"c{n:02}", value(n)) for n in range(cases) for template, value in values.items()]
