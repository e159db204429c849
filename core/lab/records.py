"""An experiment that ended as a mirror shows it: parameters, metrics by variant, and the table of its runs. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from core.lab.variants import Variant, variant_of
from core.models import Experiment, ExperimentRecord, Run, RunState, Scalar

_LONGEST_TEXT = 2_000
_FIXED = (
    "template", "version", "model", "temperature", "case", "repeat", "state", "passed", "output", "prompt_tokens",
    "completion_tokens", "cost_usd", "latency_ms", "cached", "error", "trace_id",
)  # fmt: skip


def record_of(experiment: Experiment, runs: Sequence[Run]) -> ExperimentRecord:
    """Scores are means over the runs that have one, for all of them and for each variant."""
    labels = list(dict.fromkeys(label for run in runs for label in run.scores))
    return ExperimentRecord(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        parameters=_parameters(experiment),
        metrics=_metrics(experiment, runs),
        columns=(*_FIXED, *labels),
        rows=tuple(_row(run, labels) for run in runs),
        tags=("cuepoint-lab",),
    )


def _parameters(experiment: Experiment) -> dict[str, Scalar]:
    spec = experiment.spec
    templates = [f"{t['name']}" if t["version"] is None else f"{t['name']}@{t['version']}" for t in spec["templates"]]
    return {
        "state": str(experiment.state),
        "templates": ", ".join(templates),
        "models": ", ".join(spec["models"]),
        "temperatures": ", ".join(f"{temperature:g}" for temperature in spec["temperatures"]),
        "repeats": spec["repeats"],
        "cases": len(spec["cases"]),
        "test_set": spec["test_set"],
        "scorers": ", ".join(scorer["name"] or scorer["type"] for scorer in spec["scorers"]),
        "max_tokens": spec["max_tokens"],
        "concurrency": spec["concurrency"],
        "max_cost_usd": experiment.max_cost_usd,
    }


def _metrics(experiment: Experiment, runs: Sequence[Run]) -> dict[str, float | None]:
    metrics: dict[str, float | None] = {
        "runs": len(runs),
        "failed": sum(run.state is RunState.FAILED for run in runs),
        "cached": sum(run.cached for run in runs),
        "spent_usd": experiment.spent_usd,
        **_means("all", runs),
    }
    groups: dict[Variant, list[Run]] = defaultdict(list)
    for run in runs:
        groups[variant_of(run)].append(run)
    for variant, members in groups.items():
        metrics |= _means(f"{variant.versioned} {variant.model} {variant.warmth}", members)
    return metrics


def _means(group: str, runs: Sequence[Run]) -> Mapping[str, float | None]:
    values: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        if run.passed is not None:
            values["passed"].append(float(run.passed))
        for label, score in run.scores.items():
            if score.value is not None:
                values[label].append(score.value)
    return {f"{group}/{label}": fmean(found) for label, found in values.items()}


def _row(run: Run, labels: Sequence[str]) -> tuple[Scalar, ...]:
    fixed: tuple[Scalar, ...] = (
        run.template, run.version, run.model, run.temperature, run.case_id, run.repeat, str(run.state), run.passed,
        None if run.output is None else run.output[:_LONGEST_TEXT], run.usage.prompt_tokens,
        run.usage.completion_tokens, run.cost_usd, run.latency_ms, run.cached, run.error, run.trace_id,
    )  # fmt: skip
    return (*fixed, *(run.scores[label].value if label in run.scores else None for label in labels))
