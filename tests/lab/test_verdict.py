"""The verdict of an experiment in words, also where there is little or nothing to say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from core.lab.metrics import COST, LATENCY, PASSED
from core.lab.results import Results
from core.lab.verdict import Verdict, verdict
from core.models import Run, Score
from tests.lab.result_runs import failed, grid, pending, run_of


def of(runs: list[Run], metric=None) -> Verdict:
    results = Results(runs)
    metrics = results.quality or results.metrics
    return verdict(results, metric or (metrics[0] if metrics else None), results.baseline)


def test_a_clear_winner_is_named_with_its_lead_in_points() -> None:
    found = of(grid(20, plain=lambda n: float(n < 4), brief=lambda n: float(n < 19)))
    assert found.headline == "Pass rate: brief@1 beats plain@1 by 75 points (52 to 98)"
    assert [(line.better, line.worse, line.left_out) for line in found.lines] == [(True, False, 0)]
    assert found.notes == ()


def test_for_latency_and_cost_less_is_better() -> None:
    rng = np.random.default_rng(1)
    runs = [
        run_of(name, f"c{n}", 1.0, latency_ms=base + rng.normal(0, 5), cost_usd=base / 1e5)
        for n in range(12)
        for name, base in (("slow", 1500.0), ("fast", 300.0))
    ]
    assert of(runs, LATENCY).headline.startswith("Latency: fast@1 beats slow@1 by 1,199 ms (1,197 ms")
    assert of(runs, COST).headline == "Cost: fast@1 beats slow@1 by $0.012 ($0.012 to $0.012)"


def test_equal_variants_are_undecided() -> None:
    found = of(grid(50, plain=lambda n: float(n % 2), brief=lambda n: float(n % 2)))
    assert found.headline == "Pass rate: undecided: brief@1 and plain@1 do not differ on these 50 cases"


def test_of_several_variants_the_best_is_named_and_the_others_counted() -> None:
    right = Results(grid(1, plain=lambda _n: 0.1)).quality[1]
    found = of(
        grid(20, plain=lambda n: n / 100, good=lambda n: 0.5, better=lambda n: 0.8 + n / 200, same=lambda n: n / 100),
        right,
    )
    assert found.headline.startswith("right: better@1 beats plain@1 by 75 points")
    assert found.headline.endswith("; 2 of 3 variants beat it")
    assert [line.name for line in found.lines] == ["better@1", "good@1", "same@1"]


def test_a_baseline_that_nobody_beats_is_said() -> None:
    worse = grid(20, plain=lambda _n: 1.0, bad=lambda _n: 0.0, awful=lambda _n: 0.0)
    assert of(worse).headline == "Pass rate: plain@1 beats all 2 other variants"
    mixed = grid(20, plain=lambda _n: 1.0, bad=lambda _n: 0.0, same=lambda _n: 1.0)
    assert of(mixed).headline == "Pass rate: no variant clearly beats plain@1: 1 undecided, 1 clearly worse"


def test_cases_that_failed_or_are_missing_are_left_out_of_both_sides_and_said() -> None:
    runs = grid(20, plain=lambda n: float(n < 4), brief=lambda n: float(n < 19))
    runs = [failed("brief", run.case_id) if run.template == "brief" and run.case_id < "c03" else run for run in runs]
    found = of([*runs, pending("plain", "c99"), pending("brief", "c99")])
    assert found.lines[0].left_out == 4
    assert found.headline.endswith("; 4 cases left out, as not both have a number")
    assert found.lines[0].comparison is not None
    assert found.lines[0].comparison.difference.n == 17
    assert found.notes == ("3 of 42 runs failed and count in no mean", "2 of 42 cells have no result yet")


def test_variants_without_a_common_case_are_not_compared() -> None:
    found = of([run_of("plain", "c0", 1.0), run_of("brief", "c1", 1.0)])
    assert found.headline == "Pass rate: brief@1 and plain@1 have no case in common with a number for Pass rate"


def test_one_case_decides_nothing() -> None:
    found = of(grid(1, plain=lambda _n: 0.0, brief=lambda _n: 1.0))
    assert "1 case, and no result of fewer than 6 can decide" in found.headline


def test_one_variant_has_nothing_to_be_compared_with() -> None:
    found = of(grid(3, plain=float))
    assert found.headline == (
        "Pass rate: plain@1 has 66.7 % over 3 cases; it is the only variant, so there is nothing to compare it with"
    )


def test_an_empty_experiment_all_failed_and_none_ended_are_one_sentence_each() -> None:
    assert of([]).headline == "This experiment has no cells, so there is nothing to compare"
    assert of([failed("a", "c0", "No\nroute"), failed("b", "c0")]).headline == (
        "All 2 runs failed, so there is nothing to compare: No route"
    )
    assert (
        of([failed("a", "c0"), pending("b", "c0")]).headline == "No run has given a result yet: 1 cell to go, 1 failed"
    )


def test_scores_that_are_no_numbers_are_counted_with_their_reason() -> None:
    runs = grid(7, plain=lambda _n: 1.0, brief=lambda _n: 1.0)
    runs += [run_of("plain", "c90", 0.0, scores={"right": Score(math.nan, None, "")})]
    runs += [run_of("plain", "c91", 0.0, scores={"right": Score(None, None, "The scorer failed: boom")})]
    found = of(runs, Results(runs).quality[1])
    assert found.notes == ("right is unknown for 2 outputs (The scorer failed: boom)",)


def test_a_scorer_that_says_nothing_is_noted_beside_the_pass_rate_and_a_silent_one_beside_every_metric() -> None:
    runs = grid(6, plain=lambda _n: 1.0, brief=lambda _n: 1.0)
    raised, silent = Score(None, None, "It raised"), Score(None, None, "The case has no passages")
    fine = Score(1.0, passed=True)
    runs = [
        replace(run, scores={**run.scores, "slow": raised if run.case_id == "c00" else fine, "faithful": silent})
        for run in runs
    ]
    said = {"slow gives no score for 2 of 12 outputs (It raised)"}
    always = {"faithful gives no score for 12 of 12 outputs (The case has no passages)"}
    assert {*of(runs, PASSED).notes} == said | always
    assert {*of(runs, LATENCY).notes} == always


def test_a_baseline_without_a_number_is_said() -> None:
    runs = [*grid(7, brief=lambda _n: 1.0), *(failed("plain", f"c{n:02}") for n in range(7))]
    results = Results(runs, baseline={"template": "plain"})
    assert verdict(results, PASSED, results.baseline).headline == "No result of plain@1 has a number for Pass rate"


def test_of_experiments_in_which_six_variants_are_alike_at_most_five_percent_call_a_winner() -> None:
    rng = np.random.default_rng(11)
    wins = 0
    for _ in range(200):
        scores = rng.random((6, 8))
        runs = [run_of(f"t{v}", f"c{c}", float(scores[v, c])) for c in range(8) for v in range(6)]
        results = Results(runs)
        found = verdict(results, results.quality[1], results.baseline)
        wins += any(line.better or line.worse for line in found.lines)
    assert wins <= 200 * 0.05 + 6
