"""What does a drift report cost beside plain Evidently, how often is it a false alarm, and what does it find?"""

from __future__ import annotations

import gzip
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.drift_meanwhile import BUSY, QUIET, answers_meanwhile
from benchmarks.drift_traffic import traffic
from benchmarks.harness import Context, Figure, Report, Table, median, ms, timed
from core.drift.beside import beside
from core.drift.decide import method_of
from core.drift.report import compare, judge, pair
from core.models import DriftVerdict

ROWS, ROUNDS = 10_000, 3
REPLAYS, SHIFTED_REPLAYS = 500, 200
SIZES = (100, 300, 1000)
SHIFT, SHIFT_ROWS = 0.2, 300
ANSWERS = 400
SLOWER, FALSE_ALARMS, FOUND, MEANWHILE = 1.15, 0.05, 0.9, 1.05
_NUMBERS = ["question_chars", "answer_chars", "latency_ms", "ttft_ms", "prompt_tokens", "cost_usd", "top_score"]
_CATEGORIES, _TEXTS = ["status", "feedback", "model"], ["question", "answer"]


def run(context: Context) -> Report:
    """Needs no corpus: the traffic is made up, as only then is known what has drifted."""
    report = Report(
        "Drift",
        f"Made-up traffic of 12 columns, two of them texts, about 11 topics. Time: {ROWS:,} rows against {ROWS:,}, by "
        "one process that has loaded Evidently (its import, 7 to 12 s, is the same for all). *Ours* is everything but "
        "reading the ledger: pairing, our tests and words in a copy of the process beside Evidently, whose texts are "
        "compared in another, its report compressed. *Same metrics* is "
        "Evidently's report of the same columns and methods, as HTML and JSON; *preset* is its `DataDriftPreset` with "
        "these methods. A false alarm is a report of equal traffic that says drift; a shift gives "
        f"{SHIFT:.0%} of the questions a topic that the reference does not have.",
    )
    _times(report, 500 if context.quick else ROWS, 1 if context.quick else ROUNDS)
    _meanwhile(report, 500 if context.quick else ROWS, 16 if context.quick else ANSWERS)
    _alarms(report, 10 if context.quick else REPLAYS)
    _shifts(report, 5 if context.quick else SHIFTED_REPLAYS)
    return report


# ------------------------------------------------------------------------------------------------------------- time


def _times(report: Report, rows: int, rounds: int) -> None:
    rng = np.random.default_rng(1)
    before, after = traffic(rows, rng), traffic(rows, rng)
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: _ours(before, after),
        "same metrics": lambda: _plain(before, after, _same_metrics()),
        "preset": lambda: _plain(before, after, _preset()),
    }
    _ours(before.head(200), after.head(200))  # what is loaded at the first use is loaded for all
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(timed(way)[1] / 1000)
    plain = median(times["same metrics"])
    report.figures.append(Figure("ours / Evidently's same metrics", median(times["ours"]) / plain, SLOWER))
    report.figures.append(Figure("ours / Evidently's preset", median(times["ours"]) / median(times["preset"])))
    cells = [[name, *(f"{took:.1f}" for took in (median(took_s), min(took_s)))] for name, took_s in times.items()]
    report.tables.append(Table(f"{rows:,} rows against {rows:,}:", ["way", "median s", "least s"], cells))


def _ours(before: pd.DataFrame, after: pd.DataFrame) -> None:
    from core.adapters.evidently import evidently_report  # noqa: PLC0415  seconds

    paired = pair(before, after)
    judged = beside(lambda: judge(paired))
    found = evidently_report(paired.pairs, {item.name: method_of(item) for item in paired.pairs})
    judged()
    for content in (found.html, found.snapshot):
        gzip.compress(content, 2)


def _same_metrics() -> list[Any]:
    from evidently.metrics import ValueDrift  # noqa: PLC0415

    psi = [ValueDrift(column=name, method="psi", threshold=0.2) for name in (*_NUMBERS, *_CATEGORIES)]
    return [*psi, *(ValueDrift(column=name, method="abs_text_content_drift", threshold=0.65) for name in _TEXTS)]


def _preset() -> list[Any]:
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    methods = {"num_method": "psi", "cat_method": "psi", "text_method": "abs_text_content_drift"}
    return [DataDriftPreset(**methods, num_threshold=0.2, cat_threshold=0.2, text_threshold=0.65)]


def _plain(before: pd.DataFrame, after: pd.DataFrame, metrics: list[Any]) -> None:
    import evidently  # noqa: PLC0415

    definition = evidently.DataDefinition(
        numerical_columns=_NUMBERS, categorical_columns=_CATEGORIES, text_columns=_TEXTS
    )
    reference, current = (evidently.Dataset.from_pandas(side, data_definition=definition) for side in (before, after))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snapshot = evidently.Report(metrics, include_tests=True).run(current, reference)
    snapshot.get_html_str(as_iframe=False)
    snapshot.dumps()


def _meanwhile(report: Report, rows: int, answers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        times, made = answers_meanwhile(Path(folder), rows, answers)
    slower = median(times[BUSY]) / median(times[QUIET])
    report.figures.append(Figure("median of an answer while a report is made, by that without", slower, MEANWHILE, "×"))
    cells = [[name, *ms(took)] for name, took in times.items()]
    report.tables.append(
        Table(
            f"Milliseconds to an answer about the demo library, no chat model, {answers} each, {made} reports begun:",
            ["", "median", "95 % under"], cells,
        )
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- verdicts


def _alarms(report: Report, replays: int) -> None:
    for rows in SIZES:
        rng = np.random.default_rng(rows)
        alarms = sum(_drifted(traffic(rows, rng), traffic(rows, rng)) for _ in range(replays))
        name = f"false alarms at {rows:,} rows ({replays} replays)"
        report.figures.append(Figure(name, alarms / replays, FALSE_ALARMS))


def _shifts(report: Report, replays: int) -> None:
    rng = np.random.default_rng(SHIFT_ROWS)
    found = sum(
        _drifted(traffic(SHIFT_ROWS, rng), traffic(SHIFT_ROWS, rng, shifted=SHIFT), "question") for _ in range(replays)
    )
    name = f"shifts of {SHIFT:.0%} found in the questions at {SHIFT_ROWS} rows ({replays} replays)"
    report.figures.append(Figure(name, found / replays, FOUND, most=False))


def _drifted(before: pd.DataFrame, after: pd.DataFrame, column: str = "") -> bool:
    outcome = compare(before, after)
    if not column:
        return outcome.verdict is DriftVerdict.DRIFT
    return any(item.column == column and item.drifted for item in outcome.columns)
