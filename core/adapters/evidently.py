"""Evidently's report of pairs of columns. Its import takes seconds and hundreds of megabytes: for worker processes.

Texts and column names stand in its HTML inside a script as they are, so callers give harmless ones
(core/drift/columns.py); names are made harmless here.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from core.config import quiet_evidently
from core.drift.beside import beside
from core.drift.columns import ColumnKind, ColumnPair, harmless
from core.phrases import one_line

quiet_evidently()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    from evidently import DataDefinition, Dataset, Report
    from evidently.core.metric_types import MetricTestResult, metric_tests_widget
    from evidently.core.report import Snapshot, metric_tests_stats
    from evidently.core.serialization import SnapshotModel
    from evidently.legacy.tests.base_test import TestStatus
    from evidently.legacy.utils import NumpyEncoder
    from evidently.metrics import ValueDrift

METHODS: Mapping[str, tuple[str, float]] = {
    "ks": ("ks", 0.05),
    "psi": ("psi", 0.2),
    "words": ("abs_text_content_drift", 0.65),
}
"""Our method -> Evidently's with its threshold, at which equal traffic alarms least."""
_PLACES: Mapping[ColumnKind, str] = {
    ColumnKind.NUMBER: "numerical_columns",
    ColumnKind.CATEGORY: "categorical_columns",
    ColumnKind.TEXT: "text_columns",
}
"""Kind -> where Evidently is told of a column."""
_REASON_CHARS = 200
_MANY_TEXTS = 2_000


@dataclass(frozen=True, slots=True)
class EvidentlyScore:
    """What Evidently says of one column."""

    column: str
    method: str
    score: float
    threshold: float
    detected: bool


@dataclass(frozen=True, slots=True)
class EvidentlyReport:
    """All that it says; ``html`` and ``snapshot`` are empty where no column could be compared."""

    scores: tuple[EvidentlyScore, ...]
    failed: tuple[tuple[str, str], ...]
    """Column and why Evidently did not compare it."""
    html: bytes
    snapshot: bytes
    """JSON that ``evidently.core.report.Snapshot.loads`` reads."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Evidently's report of one column."""

    model: SnapshotModel
    tests: Sequence[MetricTestResult]

    def score_of(self, column: str) -> EvidentlyScore:
        """Whether it is detected stands in the tests only."""
        (result,) = self.model.metric_results.values()
        config = result.to_dict()["config"]
        detected = any(test.status is TestStatus.FAIL for test in self.tests)
        return EvidentlyScore(column, str(config["method"]), float(result.value), float(config["threshold"]), detected)


def evidently_report(pairs: Sequence[ColumnPair], methods: Mapping[str, str], title: str = "") -> EvidentlyReport:
    """``methods``: column -> one of METHODS' keys. One bad column costs itself, not the others.

    Texts take as long as all the rest, so many of them are compared in a copy of the process meanwhile.
    """
    named = list(zip(_names(pairs), pairs, strict=True))
    texts = [(name, pair) for name, pair in named if pair.kind is ColumnKind.TEXT]
    others = [(name, pair) for name, pair in named if pair.kind is not ColumnKind.TEXT]
    work = partial(_columns, texts, methods, title)
    compared = beside(work) if others and sum(len(pair.current) for _, pair in texts) >= _MANY_TEXTS else work
    found = _columns(others, methods, title) | compared()
    made = [(pair.name, part) for name, pair in named if isinstance(part := found[name], _Part)]
    failed = tuple((pair.name, why) for name, pair in named if isinstance(why := found[name], str))
    if not made:
        return EvidentlyReport((), failed, b"", b"")
    html, snapshot = _written(_whole([part for _, part in made]))
    return EvidentlyReport(tuple(part.score_of(name) for name, part in made), failed, html, snapshot)


def _columns(named: Sequence[tuple[str, ColumnPair]], methods: Mapping[str, str], title: str) -> dict[str, _Part | str]:
    """By their names in the report: each column's part of it, or why there is none."""
    found: dict[str, _Part | str] = {}
    for name, pair in named:
        try:
            found[name] = _run(name, pair, methods[pair.name], title)
        except Exception as error:  # noqa: BLE001  it raises anything
            found[name] = one_line(f"{type(error).__name__}: {error}")[:_REASON_CHARS]
    return found


def _run(name: str, pair: ColumnPair, method: str, title: str) -> _Part:
    """The report of one column, called ``name`` there, as one of all columns has it."""
    definition = DataDefinition(**{_PLACES[pair.kind]: [name]})
    reference, current = (
        Dataset.from_pandas(pd.DataFrame({name: side}), data_definition=definition)
        for side in (pair.reference, pair.current)
    )
    named, threshold = METHODS[method]
    metric = ValueDrift(column=name, method=named, threshold=threshold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Report([metric], include_tests=True).run(current, reference, name=harmless(title) or None)
    return _Part(made.to_snapshot_model(), made.tests_results)


def _whole(parts: Sequence[_Part]) -> SnapshotModel:
    """One report of all columns, as Evidently makes it of a table with all of them."""
    models = [part.model for part in parts]
    tests = [test for part in parts for test in part.tests]
    joined = {
        "metric_results": {key: result for model in models for key, result in model.metric_results.items()},
        "top_level_metrics": [key for model in models for key in model.top_level_metrics],
        "widgets": [widget for model in models for widget in model.widgets],
        "tests_widgets": [metric_tests_stats(tests), metric_tests_widget(tests)],
    }
    whole: SnapshotModel = models[0].copy(update=joined)
    return whole


def _written(model: SnapshotModel) -> tuple[bytes, bytes]:
    """HTML and JSON."""
    html = Snapshot.load_model(model).get_html_str(as_iframe=False)
    return html.encode("utf-8", "replace"), json.dumps(model.dict(), cls=NumpyEncoder).encode()


def _names(pairs: Sequence[ColumnPair]) -> list[str]:
    """Harmless, and no two equal."""
    found: list[str] = []
    for pair in pairs:
        name = plain = harmless(pair.name) or "column"
        number = 1
        while name in found:
            number += 1
            name = f"{plain} ({number})"
        found.append(name)
    return found
