"""An experiment's results as tables for the screen. No widget in here; all texts in them are shown as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import pandas as pd

from core.lab.metrics import Metric
from core.lab.results import Flip, Mean, Results
from core.lab.variants import Variant, variant_of
from core.models import Run
from core.phrases import one_line
from core.ui.text import shorten

TRACE_OF = r"#(.+)$"
"""What a link to a trace is called stands behind its ``#``."""
_LONGEST_OUTPUT = 300


def trace_link(run: Run | None, name: str) -> str | None:
    """None where a run has no trace."""
    return None if run is None or run.trace_id is None else f"/traces?trace={quote(run.trace_id)}#{quote(name)}"


def means_table(means: Sequence[Mean], metric: Metric, standings: dict[Variant, str]) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "Variant": mean.name,
            "Mean": metric.written(mean.value),
            "95 % interval": "too few cases" if mean.interval.low is None or mean.interval.high is None
            else f"{metric.written(mean.interval.low)} to {metric.written(mean.interval.high)}",
            "Cases": mean.interval.n,
            "Runs": mean.runs,
            "Failed": mean.failed,
            "Missing": mean.pending,
            "Against the baseline": standings.get(mean.variant, ""),
        }
        for mean in means
    ])  # fmt: skip


def flips_table(flips: Sequence[Flip]) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "Case": one_line(flip.case_id),
            "Variant": flip.name,
            "Flip": "fixed" if flip.fixed else "broken",
            "Baseline": trace_link(flip.before, "failed" if flip.fixed else "passed"),
            "Now": trace_link(flip.after, "passed" if flip.fixed else "failed"),
            "Output": shorten(flip.after.output or "", _LONGEST_OUTPUT),
        }
        for flip in flips
    ])  # fmt: skip


def cases_table(results: Results, metric: Metric) -> pd.DataFrame:
    """A row for each case, a column for each variant; each field links to the trace of the first run behind it."""
    first = first_runs(results)
    columns = {
        results.names[variant]: [
            trace_link(first.get((case, variant)), _written(results, metric, case, variant)) for case in results.cases
        ]
        for variant in results.variants
    }
    return pd.DataFrame({"Case": [one_line(case) for case in results.cases], **columns})


def runs_table(runs: Sequence[Run], metric: Metric, names: Mapping[Variant, str]) -> pd.DataFrame:
    """A row for each; columns that say the same in every row are left out."""
    marks = {True: "passed", False: "failed", None: ""}
    table = pd.DataFrame([
        {
            "Variant": names[variant_of(run)],
            "Case": one_line(run.case_id),
            "Repeat": run.repeat + 1,
            metric.title: "–" if (value := metric.of(run)) is None else metric.written(value),
            "Outcome": "error" if run.error else marks[run.passed],
            "Output": shorten(run.error or run.output or "", _LONGEST_OUTPUT),
            "Trace": trace_link(run, "open"),
        }
        for run in runs
    ])  # fmt: skip
    return table.drop(columns=[name for name in ("Variant", "Repeat") if table[name].nunique() == 1])


def first_runs(results: Results) -> dict[tuple[str, Variant], Run]:
    """Case and variant -> its run of the lowest repeat."""
    found: dict[tuple[str, Variant], Run] = {}
    for variant, runs in results.of_variant.items():
        for run in sorted(runs, key=lambda run: run.repeat):
            found.setdefault((run.case_id, variant), run)
    return found


def _written(results: Results, metric: Metric, case: str, variant: Variant) -> str:
    value = results.by_case(metric, variant).get(case)
    return "open" if value is None else metric.written(value)
