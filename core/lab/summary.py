"""An experiment's results as JSON and CSV: what ``lab run`` prints and what the page lets download."""

from __future__ import annotations

import csv
import io
from typing import Any

from core.lab.documents import Document, progress_document, run_document
from core.lab.metrics import Metric
from core.lab.progress import Progress
from core.lab.results import Mean, Results
from core.lab.tradeoff import tradeoff
from core.lab.variants import Variant
from core.lab.verdict import Line, Verdict, verdict
from core.plain_text import spreadsheet_cell

_FIXED = (
    "template", "version", "model", "temperature", "case", "repeat", "state", "passed", "output", "prompt_tokens",
    "completion_tokens", "cached_tokens", "reasoning_tokens", "cost_usd", "latency_ms", "cached", "error", "trace_id",
)  # fmt: skip


def experiment_document(
    progress: Progress, results: Results, metric: Metric | None = None, baseline: Variant | None = None
) -> Document:
    """How the experiment stands, its verdict, a summary by variant, and every cell.

    The verdict is by ``metric`` against ``baseline``: without them by the first metric against the spec's baseline.
    """
    metric = metric or next(iter(results.quality or results.metrics), None)
    baseline = baseline or results.baseline
    found = verdict(results, metric, baseline)
    return progress_document(progress) | {
        "verdict": verdict_document(found, results, metric, baseline),
        "summary": summary_document(results),
        "runs": [run_document(run) for run in results.runs],
    }


def verdict_document(found: Verdict, results: Results, metric: Metric | None, baseline: Variant | None) -> Document:
    """Differences are positive where the variant is better."""
    return {
        "sentence": found.headline,
        "metric": metric.key if metric else None,
        "baseline": results.names[baseline] if baseline else None,
        "notes": list(found.notes),
        "variants": [_line_document(line) for line in found.lines],
    }


def summary_document(results: Results) -> list[Document]:
    """A variant each, with its mean and 95 % interval by each metric, and whether it is on a Pareto front."""
    by_metric = {metric.key: {mean.variant: mean for mean in results.means(metric)} for metric in results.metrics}
    fronts = _fronts(results)
    return [
        {
            "variant": results.names[variant],
            "template": variant.template,
            "version": variant.version,
            "model": variant.model,
            "temperature": variant.temperature,
            "metrics": {key: _mean_document(means[variant]) for key, means in by_metric.items()},
            "pareto": {key: front.get(variant) for key, front in fronts.items()},
        }
        for variant in results.variants
    ]


def to_csv(results: Results) -> str:
    """A line per cell. What a spreadsheet would run as a formula gets an apostrophe in front."""
    labels = list(dict.fromkeys(label for run in results.runs for label in run.scores))
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*_FIXED, *(spreadsheet_cell(f"score {label}") for label in labels)])
    for run in results.runs:
        document = run_document(run)
        facts = document | document["usage"]
        scores = [run.scores[label].value if label in run.scores else None for label in labels]
        writer.writerow([_harmless(value) for value in (*(facts[name] for name in _FIXED), *scores)])
    return written.getvalue().encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be written


def _line_document(line: Line) -> Document:
    comparison = line.comparison
    return {
        "variant": line.name,
        "sentence": line.sentence,
        "decided": comparison is not None and comparison.decided,
        "difference": comparison.difference.mean if comparison else None,
        "low": comparison.difference.low if comparison else None,
        "high": comparison.difference.high if comparison else None,
        "cases": comparison.difference.n if comparison else 0,
        "left_out": line.left_out,
        "p_value": comparison.p_value if comparison else None,
        "more_cases": comparison.more_cases if comparison else None,
    }


def _mean_document(mean: Mean) -> Document:
    return {"mean": mean.value, "low": mean.interval.low, "high": mean.interval.high, "cases": mean.interval.n}


def _fronts(results: Results) -> dict[str, dict[Variant, bool]]:
    """By what is paid: variant -> whether it is on the front of the first quality. Unknown ones are not in."""
    quality = next(iter(results.quality), None)
    prices = [metric for metric in results.metrics if metric.key in ("completion_tokens", "cost_usd")]
    if quality is None:
        return {}
    points = {price.key: tradeoff(results, quality, price).points for price in prices}
    return {key: {point.variant: point.on_front for point in of_price} for key, of_price in points.items()}


def _harmless(value: Any) -> Any:
    return spreadsheet_cell(value) if isinstance(value, str) else value
