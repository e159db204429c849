"""How often does the lab's verdict name a winner where there is none, and how often does it find one that there is?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Context, Figure, Report, Table
from core.lab.metrics import PASSED, Metric
from core.lab.results import Results
from core.lab.verdict import verdict
from core.models import Run, RunState, Score

NULLS = 1000
"""Of each kind."""
POWERED = 400
MOST = 0.05
Scores = NDArray[np.float64]
"""Shape (variants, cases), 0 to 1."""
Draw = Callable[[np.random.Generator], Scores]


@dataclass(frozen=True, slots=True)
class World:
    """A kind of experiment."""

    name: str
    draw: Draw
    of_passes: bool
    """Whether the pass rate is judged, else a score of 0 to 1."""


def run(context: Context) -> Report:
    times = 40 if context.quick else NULLS
    report = Report(
        "Verdict",
        f"Simulated experiments, each with its own runs, judged by `core.lab.verdict` as the Results tab and "
        f"`lab run --json` do. In {times:,} of each kind no variant is better than another; a verdict that names any "
        "winner or loser is false. In the others a variant is better by so many points, on cases of different "
        "difficulty that both variants meet; the table says how often the verdict finds that.",
    )
    rows = []
    for seed, world in enumerate(_nulls()):
        false = _decided(world, times, seed)
        report.figures.append(Figure(f"false verdicts, {world.name}", false * 100, MOST * 100, "%"))
    for points in (10, 20, 30):
        found = [f"{_decided(_better(points, cases), 40 if context.quick else POWERED, 99):.0%}" for cases in _SIZES]
        rows.append([f"{points} points", *found])
    header = ["true difference", *(f"{cases} cases" for cases in _SIZES)]
    report.tables.append(Table("Share of experiments in which the better of two variants is named:", header, rows))
    return report


_SIZES = (20, 50, 100, 200)


def _nulls() -> Iterable[World]:
    """Also those where a test that assumes normal differences would go wrong: few cases, rare passes, heavy tails."""
    yield World("2 variants, 50 cases, passes", lambda rng: _passes(rng, 2, 50, 0.7), of_passes=True)
    yield World("2 variants, 12 cases, passes", lambda rng: _passes(rng, 2, 12, 0.5), of_passes=True)
    yield World("2 variants, 30 cases, rare passes", lambda rng: _passes(rng, 2, 30, 0.05), of_passes=True)
    yield World("2 variants, 50 cases, scores", lambda rng: rng.random((2, 50)), of_passes=False)
    yield World("2 variants, 20 cases, skewed scores", lambda rng: rng.beta(0.2, 3, (2, 20)), of_passes=False)
    yield World("8 variants, 50 cases, passes", lambda rng: _passes(rng, 8, 50, 0.7), of_passes=True)


def _better(points: int, cases: int) -> World:
    def draw(rng: np.random.Generator) -> Scores:
        ease = rng.beta(2, 2, cases) * (1 - points / 100)
        shares = np.stack([ease, ease + points / 100])
        return (rng.random(shares.shape) < shares).astype(np.float64)

    return World(f"{points} points", draw, of_passes=True)


def _passes(rng: np.random.Generator, variants: int, cases: int, share: float) -> Scores:
    """Each case has a difficulty of its own, which all variants meet."""
    ease = rng.beta(4 * share, 4 * (1 - share), cases)
    return (rng.random((variants, cases)) < ease).astype(np.float64)


def _decided(world: World, times: int, seed: int) -> float:
    """Share of experiments in which the verdict names a winner or a loser; of better worlds, the right winner."""
    rng, hits = np.random.default_rng(seed), 0
    for _ in range(times):
        results = Results(_runs(world.draw(rng)))
        found = verdict(results, _metric(results, of_passes=world.of_passes), results.baseline)
        hits += any(line.better or line.worse for line in found.lines)
    return hits / times


def _metric(results: Results, *, of_passes: bool) -> Metric:
    return PASSED if of_passes else results.quality[1]


def _runs(scores: Scores) -> list[Run]:
    return [
        Run(
            case * len(scores) + variant, f"t{variant}", 1, "m", 0.0, f"c{case}", 0, RunState.DONE, output="x",
            scores={"right": Score(float(value), passed=bool(value >= 0.5))}, passed=bool(value >= 0.5),
        )
        for variant, row in enumerate(scores)
        for case, value in enumerate(row)
    ]  # fmt: skip
