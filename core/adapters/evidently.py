"""Evidently's report of pairs of columns. Its import takes seconds and hundreds of megabytes: for worker processes.

Texts and column names stand in its HTML inside a script as they are, so callers give harmless ones
(core/drift/columns.py); names are made harmless here.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.config import quiet_evidently
from core.drift.columns import ColumnKind, ColumnPair, harmless
from core.phrases import one_line

quiet_evidently()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

METHODS: Mapping[str, tuple[str, float]] = {
    "ks": ("ks", 0.05),
    "psi": ("psi", 0.2),
    "words": ("abs_text_content_drift", 0.65),
}
"""Our method -> Evidently's with its threshold, at which equal traffic alarms least."""
_REASON_CHARS = 200


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


def evidently_report(pairs: Sequence[ColumnPair], methods: Mapping[str, str], title: str = "") -> EvidentlyReport:
    """``methods``: column -> one of METHODS' keys. One bad column costs itself, not the others."""
    try:
        return _whole(pairs, methods, title)
    except Exception:  # noqa: BLE001  it raises anything; the columns are tried one by one
        return _good_ones(pairs, methods, title)


def _good_ones(pairs: Sequence[ColumnPair], methods: Mapping[str, str], title: str) -> EvidentlyReport:
    good: list[ColumnPair] = []
    failed: list[tuple[str, str]] = []
    for pair in pairs:
        try:
            _run([pair], methods, title)
        except Exception as error:  # noqa: BLE001  as above
            failed.append((pair.name, one_line(f"{type(error).__name__}: {error}")[:_REASON_CHARS]))
        else:
            good.append(pair)
    found = _whole(good, methods, title)
    return EvidentlyReport(found.scores, tuple(failed), found.html, found.snapshot)


def _whole(pairs: Sequence[ColumnPair], methods: Mapping[str, str], title: str) -> EvidentlyReport:
    if not pairs:
        return EvidentlyReport((), (), b"", b"")
    snapshot = _run(pairs, methods, title)
    html = snapshot.get_html_str(as_iframe=False).encode("utf-8", "replace")
    return EvidentlyReport(_scores(json.loads(snapshot.json()), pairs), (), html, snapshot.dumps().encode())


def _run(pairs: Sequence[ColumnPair], methods: Mapping[str, str], title: str) -> Any:
    names = _names(pairs)
    kinds = {kind: [name for name, pair in zip(names, pairs, strict=True) if pair.kind is kind] for kind in ColumnKind}
    definition = DataDefinition(
        numerical_columns=kinds[ColumnKind.NUMBER],
        categorical_columns=kinds[ColumnKind.CATEGORY],
        text_columns=kinds[ColumnKind.TEXT],
    )
    reference, current = (
        Dataset.from_pandas(pd.DataFrame(dict(zip(names, side, strict=True))), data_definition=definition)
        for side in ([pair.reference for pair in pairs], [pair.current for pair in pairs])
    )
    metrics = [_metric(name, methods[pair.name]) for name, pair in zip(names, pairs, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Report(metrics, include_tests=True).run(current, reference, name=harmless(title) or None)


def _metric(name: str, method: str) -> Any:
    named, threshold = METHODS[method]
    return ValueDrift(column=name, method=named, threshold=threshold)


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


def _scores(document: Mapping[str, Any], pairs: Sequence[ColumnPair]) -> tuple[EvidentlyScore, ...]:
    """The metrics come in the order in which they were asked for; "detected" exists in their tests only."""
    detected = {test["metric_config"]["metric_id"]: test["status"] == "FAIL" for test in document["tests"]}
    return tuple(
        EvidentlyScore(
            pair.name,
            str(metric["config"]["method"]),
            float(metric["value"]),
            float(metric["config"]["threshold"]),
            detected.get(metric["id"], False),
        )
        for pair, metric in zip(pairs, document["metrics"], strict=True)
    )
