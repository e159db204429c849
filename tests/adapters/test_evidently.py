"""Evidently itself. Its import takes seconds, so all that needs it stands here, and its report is made once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.drift.columns import ColumnKind, ColumnPair, pair_columns
from core.drift.decide import compare_columns
from core.drift.psi import psi, psi_of_categories
from tests.drift.tables import table

pytestmark = pytest.mark.slow
ATTACK = "</script><script>alert('question')</script>"


@pytest.fixture(scope="module")
def report() -> Callable[..., Any]:
    from core.adapters.evidently import evidently_report  # noqa: PLC0415

    return evidently_report


@pytest.fixture(scope="module")
def before() -> pd.DataFrame:
    return table(400, 1).rename(columns={"cost_usd": "</script><script>cost"})


@pytest.fixture(scope="module")
def after() -> pd.DataFrame:
    found = table(450, 2, new=0.5, slower=80).rename(columns={"cost_usd": "</script><script>cost"})
    found["question"] = found["question"] + " " + ATTACK
    found["model"] = [ATTACK if row % 2 else "small" for row in range(450)]
    return found.drop(columns=["trace_id"])


@pytest.fixture(scope="module")
def pairs(before: pd.DataFrame, after: pd.DataFrame) -> list[ColumnPair]:
    return pair_columns(before.drop(columns=["trace_id"]), after)[0]


@pytest.fixture(scope="module")
def made(report: Callable[..., Any], pairs: list[ColumnPair]) -> Any:
    methods = {item.column.column: item.column.method for item in compare_columns(pairs)}
    return report(pairs, methods, "Drift in </script> columns")


def test_each_column_is_scored_by_the_method_of_its_kind_and_size(made: Any):
    methods = {score.column: (score.method, score.threshold) for score in made.scores}
    assert methods == {
        "question": ("abs_text_content_drift", 0.65),
        "latency_ms": ("psi", 0.2),
        "model": ("psi", 0.2),
        "status": ("psi", 0.2),
        "feedback": ("psi", 0.2),
        "</script><script>cost": ("psi", 0.2),
    }
    assert made.failed == ()


def test_what_is_detected_comes_from_its_tests(made: Any):
    detected = {score.column: score.detected for score in made.scores}
    assert detected["question"]
    assert detected["model"]
    assert not detected["feedback"]


def test_no_text_of_the_data_ends_a_script_of_the_html(made: Any):
    html = made.html.decode().replace("\\u2039", "\u2039").replace("\\u203a", "\u203a")
    for opening in ("<script>alert", "<script>cost"):
        assert opening not in html
    assert "\u2039/script\u203a\u2039script\u203aalert" in html, "the words themselves are shown, harmless"


def test_the_snapshot_is_json_with_every_column(made: Any):
    assert len(json.loads(made.snapshot)["top_level_metrics"]) == len(made.scores)


def test_a_small_sample_is_scored_by_ks(report: Callable[..., Any]):
    pairs, _ = pair_columns(table(120, 1)[["latency_ms"]], table(120, 2)[["latency_ms"]])
    (score,) = report(pairs, {"latency_ms": "ks"}).scores
    assert (score.method, score.threshold, score.detected) == ("ks", 0.05, False)


def test_a_column_that_it_cannot_take_costs_only_itself(report: Callable[..., Any], pairs: list[ColumnPair]):
    same = pd.Series(["of the and"] * 200, dtype=object)
    good = next(pair for pair in pairs if pair.name == "latency_ms")
    found = report([ColumnPair("bad", ColumnKind.TEXT, same, same), good], {"bad": "words", "latency_ms": "psi"})
    assert [score.column for score in found.scores] == ["latency_ms"]
    assert [name for name, _ in found.failed] == ["bad"]
    assert found.html


def test_nothing_that_it_can_take_is_an_empty_report(report: Callable[..., Any]):
    found = report([], {})
    assert (found.scores, found.html) == ((), b"")


@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
def test_our_psi_of_numbers_equals_evidentlys_with_its_edges(report: Callable[..., Any], shift: float):
    rng = np.random.default_rng(7)
    before, after = rng.normal(size=500), rng.normal(shift, size=700)
    edges = np.histogram_bin_edges(np.concatenate([before, after]), "sturges")
    (score,) = report([ColumnPair("x", ColumnKind.NUMBER, pd.Series(before), pd.Series(after))], {"x": "psi"}).scores
    assert math.isclose(score.score, psi(before, after, edges), rel_tol=1e-9, abs_tol=1e-12)


def test_our_psi_of_categories_equals_evidentlys(report: Callable[..., Any]):
    before, after = ["a"] * 70 + ["b"] * 30, ["a"] * 40 + ["b"] * 50 + ["c"] * 10
    pair = ColumnPair("c", ColumnKind.CATEGORY, pd.Series(before, dtype=object), pd.Series(after, dtype=object))
    (score,) = report([pair], {"c": "psi"}).scores
    assert math.isclose(score.score, psi_of_categories(before, after), rel_tol=1e-9)


def test_columns_compared_in_a_copy_of_the_process_are_as_those_compared_here(
    report: Callable[..., Any], pairs: list[ColumnPair], made: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("core.adapters.evidently._MANY_TEXTS", 1)
    methods = {item.column.column: item.column.method for item in compare_columns(pairs)}
    copied = report(pairs, methods, "Drift in </script> columns")
    assert copied.scores == made.scores
    assert json.loads(copied.snapshot)["top_level_metrics"] == json.loads(made.snapshot)["top_level_metrics"]
    assert len(copied.html) == len(made.html)


def test_the_snapshot_is_the_one_that_evidently_makes_of_all_columns_together(made: Any, pairs: list[ColumnPair]):
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415
    from evidently.core.report import Snapshot  # noqa: PLC0415
    from evidently.metrics import ValueDrift  # noqa: PLC0415

    kinds = {kind: [pair.name for pair in pairs if pair.kind is kind] for kind in ColumnKind}
    definition = DataDefinition(
        numerical_columns=kinds[ColumnKind.NUMBER],
        categorical_columns=kinds[ColumnKind.CATEGORY],
        text_columns=kinds[ColumnKind.TEXT],
    )
    names = [pair.name.replace("<", "\u2039").replace(">", "\u203a") for pair in pairs]
    definition.numerical_columns = [
        name.replace("<", "\u2039").replace(">", "\u203a") for name in kinds[ColumnKind.NUMBER]
    ]
    sides = [
        Dataset.from_pandas(pd.DataFrame(dict(zip(names, side, strict=True))), data_definition=definition)
        for side in ([pair.current for pair in pairs], [pair.reference for pair in pairs])
    ]
    metrics = [
        ValueDrift(column=name, method=score.method, threshold=score.threshold)
        for name, score in zip(names, made.scores, strict=True)
    ]
    whole = Report(metrics, include_tests=True).run(*sides, name="Drift in \u2039/script\u203a columns")
    theirs, ours = json.loads(whole.dumps()), json.loads(made.snapshot)
    assert ours.keys() == theirs.keys()
    for part in ("name", "top_level_metrics", "metadata", "tags"):
        assert ours[part] == theirs[part]
    assert [kind["type"] for kind in ours["widgets"]] == [kind["type"] for kind in theirs["widgets"]]
    assert [kind["params"] for kind in ours["tests_widgets"][:1]] == [
        kind["params"] for kind in theirs["tests_widgets"][:1]
    ]
    values = [[result["value"] for result in found["metric_results"].values()] for found in (ours, theirs)]
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    loaded = Snapshot.loads(made.snapshot.decode()).get_html_str(as_iframe=False)
    assert len(loaded) == len(whole.get_html_str(as_iframe=False)) == len(made.html.decode())
