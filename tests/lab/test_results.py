"""Means over repeats and cases, metrics, heat map and flips of an experiment."""

from __future__ import annotations

import math

import pytest

from core.lab.metrics import COMPLETION, COST, LATENCY, PASSED, TOKENS, metrics_of
from core.lab.results import Results, results_of
from core.lab.scorers.measures import Latency
from core.lab.scorers.texts import Contains
from core.lab.statistics import Interval, mean_interval
from core.lab.variants import Variant, chosen, names_of
from core.models import Score, Usage
from tests.lab.result_runs import failed, grid, pending, run_of


def right_of(results: Results):
    return next(metric for metric in results.metrics if metric.key == "scores.right")


def test_metrics_are_the_pass_rate_the_scorers_and_what_runs_took() -> None:
    metrics = metrics_of([run_of("plain", "c0", 1.0)], [Contains(name="right"), Latency()])
    assert [metric.key for metric in metrics] == [
        "passed", "scores.right", "latency_ms", "cost_usd", "completion_tokens", "tokens",
    ]  # fmt: skip
    assert [metric.lower_is_better for metric in metrics] == [False, False, True, True, True, True]
    assert [metric.is_quality for metric in metrics] == [True, True, False, False, False, False]


def test_what_nobody_measured_is_no_metric() -> None:
    run = run_of("plain", "c0", None, usage=Usage(None, None), cost_usd=None)
    assert [metric.key for metric in metrics_of([run])] == ["latency_ms"]
    assert metrics_of([failed("plain", "c0"), pending("plain", "c1")]) == []


def test_a_score_beyond_one_of_an_unknown_scorer_is_no_share() -> None:
    shares = {m.key: m.is_share for m in metrics_of([run_of("plain", "c0", 0.4), run_of("plain", "c1", 7.0)])}
    assert shares["scores.right"] is False
    assert {m.key: m.is_share for m in metrics_of([run_of("plain", "c0", 0.4)])}["scores.right"] is True


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_counts_in_no_mean(value: float) -> None:
    runs = [run_of("plain", "c0", 1.0), run_of("plain", "c1", 1.0, scores={"right": Score(value, None, "")})]
    results = Results(runs)
    (mean,) = results.means(right_of(results))
    assert (mean.interval.mean, mean.interval.n) == (1.0, 1)


def test_repeats_are_averaged_before_cases_so_that_a_case_counts_once() -> None:
    runs = [run_of("plain", "c0", 0.0, repeat=n) for n in range(3)] + [run_of("plain", "c1", 1.0)]
    results = Results(runs)
    (mean,) = results.means(right_of(results))
    assert mean.interval == Interval(0.5, 0.0, 1.0, 2), "no interval of a share goes beyond 0 and 1"
    (latency,) = results.means(LATENCY)
    assert latency.interval == mean_interval([100.0, 100.0])


def test_the_best_variant_stands_first_and_for_latency_the_fastest() -> None:
    runs = [
        run_of("slow", "c0", 1.0, latency_ms=900.0),
        run_of("fast", "c0", 0.0, latency_ms=90.0),
        failed("off", "c0"),
    ]
    results = Results(runs)
    assert [mean.name for mean in results.means(PASSED)] == ["slow@1", "fast@1", "off@1"]
    assert [mean.name for mean in results.means(LATENCY)] == ["fast@1", "slow@1", "off@1"]
    assert [(mean.value, mean.failed) for mean in results.means(LATENCY)][-1] == (None, 1)


def test_amounts_are_written_with_their_units() -> None:
    assert PASSED.written(0.625) == "62.5 %"
    assert LATENCY.written(1234.5) == "1,234 ms"
    assert COMPLETION.written(45.27) == "45.3 tokens"
    assert COST.written(0.00123) == "$0.00123"
    assert COST.written(None) == TOKENS.written(None) == "unknown"


def test_names_hold_only_what_tells_variants_apart() -> None:
    one, two = Variant("plain", 2, "m", 0.0), Variant("plain", None, "m", 0.5)
    assert list(names_of([one]).values()) == ["plain@2"]
    assert list(names_of([one, two]).values()) == ["plain@2 at 0", "plain at 0.5"]
    other = Variant("plain", 2, "n", None)
    assert list(names_of([one, other]).values()) == ["plain@2 at 0 on m", "plain@2 at default on n"]


def test_the_baseline_of_the_spec_is_found_and_else_the_first_variant_is_it() -> None:
    variants = [Variant("plain", 1, "m", 0.0), Variant("plain", 1, "m", 0.5)]
    assert chosen(variants, {"template": "plain", "temperature": 0.5}) == variants[1]
    assert chosen(variants, {"template": "gone"}) == variants[0]
    assert chosen([], {}) is None


def test_the_heat_map_has_a_field_for_each_template_and_temperature_by_model_or_over_all() -> None:
    runs = [
        run_of("plain", "c0", value, model=model, temperature=temperature)
        for model, temperature, value in [("a", 0.0, 1.0), ("b", 0.0, 0.0), ("a", 1.0, 0.8)]
    ] + [run_of("plain", "c0", None, model="b", temperature=1.0)]
    results = Results(runs)
    right = right_of(results)
    assert [(cell.row, cell.temperature, cell.value) for cell in results.heat_map(right, "a")] == [
        ("plain@1", 0.0, 1.0), ("plain@1", 1.0, 0.8),
    ]  # fmt: skip
    over_all = results.heat_map(right)
    assert [(cell.value, cell.n) for cell in over_all] == [(0.5, 1), (None, 0)], "a mean of one of two models is none"


def test_flips_say_what_a_variant_fixed_and_broke_by_case() -> None:
    runs = grid(4, plain=lambda n: float(n < 2), brief=lambda n: float(n in (1, 2)))
    results = Results(runs)
    flips = results.flips(PASSED, results.variants[0])
    assert [(flip.case_id, flip.fixed, flip.name) for flip in flips] == [
        ("c00", False, "brief@1"), ("c02", True, "brief@1"),
    ]  # fmt: skip
    assert flips[0].before.output == "plain on c00"
    assert flips[0].after.output == "brief on c00"
    assert results.flips(LATENCY, results.variants[0]) == flips, (
        "a metric that does not pass or fail shows the pass rate's"
    )


def test_with_repeats_most_of_them_decide_and_a_tie_is_no_flip() -> None:
    runs = [run_of("plain", "c0", 1.0, repeat=n) for n in range(3)]
    runs += [run_of("brief", "c0", value, repeat=n) for n, value in enumerate((1.0, 0.0, 0.0))]
    runs += [run_of("tied", "c0", value, repeat=n) for n, value in enumerate((1.0, 0.0))]
    results = Results(runs)
    (flip,) = results.flips(PASSED, results.variants[0])
    assert (flip.name, flip.fixed) == ("brief@1", False)
    assert flip.after.passed is False, "a run with the outcome that is shown"


def test_a_failed_run_is_no_flip_and_without_passes_there_is_none() -> None:
    results = Results([run_of("plain", "c0", 1.0), failed("brief", "c0")])
    assert results.passes
    assert results.flips(PASSED, results.variants[0]) == []
    unscored = Results([run_of("plain", "c0", None), run_of("brief", "c0", None)])
    assert not unscored.passes
    assert unscored.flips(PASSED, unscored.variants[0]) == []


def test_a_spec_that_is_not_as_ours_are_loses_only_its_scorers() -> None:
    runs = grid(2, plain=lambda _n: 1.0, brief=lambda _n: 0.0)
    results = results_of(runs, {"scorers": [{"type": "of old"}], "baseline": "plain"})
    assert results.baseline == results.variants[0]
    assert right_of(results).title == "right"
    spec = {"scorers": [{"type": "contains", "name": "right"}], "baseline": {"template": "brief"}}
    assert results_of(runs, spec).baseline == results.variants[1]
