"""Experiments and runs to rows of the ledger and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.ledger.columns import finite
from core.models import Experiment, ExperimentState, Run, RunState, Score, Trace, Usage

_KEY = "key"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of a run, with the traces of the calls that were made for it."""

    run: Run
    traces: tuple[Trace, ...] = ()
    """Its own, and those of model judges."""
    score_keys: Mapping[str, str] = field(default_factory=dict)
    """Scorer -> SHA-256 over what decides its score: where it is equal, the score is too."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What the calls of an experiment cost, those of judges and failed ones included, cached runs not."""

    known_usd: float
    unknown_calls: int
    """Calls whose price or tokens nobody knows."""


def run_values(experiment_id: str, run: Run) -> dict[str, Any]:
    """The row of a pending run."""
    return {
        "experiment_id": experiment_id,
        "position": run.position,
        "template": run.template,
        "version": run.version,
        "model": run.model,
        "temperature": run.temperature,
        "case_id": run.case_id,
        "repeat": run.repeat,
        "content_key": run.content_key,
        "state": str(RunState.PENDING),
        "cached": False,
    }


def ended_values(experiment_id: str, result: RunResult, now: datetime) -> dict[str, Any]:
    """What changes in the row of a run that ended, and where it is."""
    run, usage = result.run, result.run.usage
    return {
        "of_experiment": experiment_id,
        "at_position": run.position,
        "state": str(run.state),
        "trace_id": run.trace_id,
        "output": run.output,
        "scores": {name: _score_document(score, result.score_keys.get(name)) for name, score in run.scores.items()},
        "passed": run.passed,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": run.cost_usd,
        "latency_ms": run.latency_ms,
        "cached": run.cached,
        "error": run.error,
        "finished_at": now,
    }


def _score_document(score: Score, key: str | None) -> dict[str, Any]:
    document = {"value": finite(score.value), "passed": score.passed, "reason": score.reason}
    return document if key is None else document | {_KEY: key}


def run_of(row: Any) -> Run:
    scores = {
        name: Score(document["value"], document["passed"], document["reason"])
        for name, document in (row.scores or {}).items()
    }
    return Run(
        position=row.position,
        template=row.template,
        version=row.version,
        model=row.model,
        temperature=row.temperature,
        case_id=row.case_id,
        repeat=row.repeat,
        state=RunState(row.state),
        content_key=row.content_key,
        trace_id=row.trace_id,
        output=row.output,
        scores=scores,
        passed=row.passed,
        usage=Usage(row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.reasoning_tokens),
        cost_usd=row.cost_usd,
        latency_ms=row.latency_ms,
        cached=row.cached,
        error=row.error,
    )


def result_of(row: Any) -> RunResult:
    """A run with the keys of its scores; its traces are not read."""
    keys = {name: document[_KEY] for name, document in (row.scores or {}).items() if _KEY in document}
    return RunResult(run_of(row), score_keys=keys)


def experiment_of(row: Any, spec: Mapping[str, Any]) -> Experiment:
    return Experiment(
        experiment_id=row.experiment_id,
        name=row.name,
        state=ExperimentState(row.state),
        spec=spec,
        total=row.total,
        created_at=row.created_at,
        finished_at=row.finished_at,
        max_cost_usd=row.max_cost_usd,
        spent_usd=row.spent_usd,
        error=row.error,
        sample=row.sample,
    )
