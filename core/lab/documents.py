"""What ``lab run`` prints as JSON."""

from __future__ import annotations

import math
from typing import Any

from core.lab.progress import Progress
from core.models import Run, Score

Document = dict[str, Any]


def run_document(run: Run) -> Document:
    """One cell."""
    usage = run.usage
    return {
        "template": run.template,
        "version": run.version,
        "model": run.model,
        "temperature": run.temperature,
        "case": run.case_id,
        "repeat": run.repeat,
        "state": str(run.state),
        "output": run.output,
        "scores": {name: score_document(score) for name, score in run.scores.items()},
        "passed": run.passed,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
        "cost_usd": run.cost_usd,
        "latency_ms": run.latency_ms,
        "cached": run.cached,
        "error": run.error,
        "trace_id": run.trace_id,
    }


def score_document(score: Score) -> Document:
    """A value that is not finite is none: JSON has no word for it."""
    value = score.value if score.value is not None and math.isfinite(score.value) else None
    return {"value": value, "passed": score.passed, "reason": score.reason}


def progress_document(progress: Progress) -> Document:
    """How the experiment stands."""
    return {
        "experiment_id": progress.experiment_id,
        "name": progress.name,
        "state": str(progress.state),
        "total": progress.total,
        "done": progress.done,
        "failed": progress.failed,
        "pending": progress.pending,
        "cached": progress.cached,
        "spent_usd": progress.spent_usd,
        "max_cost_usd": progress.max_cost_usd,
        "error": progress.error,
    }
