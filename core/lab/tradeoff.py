"""Quality against what it takes: which variants no other beats in both (Pareto 1906). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.lab.metrics import Metric
from core.lab.results import Results
from core.lab.variants import Variant


@dataclass(frozen=True, slots=True)
class Point:
    """A variant with both numbers, each a mean over cases."""

    variant: Variant
    name: str
    quality: float
    price: float
    on_front: bool


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """Points by price, cheapest first."""

    points: tuple[Point, ...]
    left_out: tuple[str, ...]
    """Names of the variants that lack one of the numbers for one of their cases."""


def tradeoff(results: Results, quality: Metric, price: Metric) -> Tradeoff:
    """A variant with a scored run of unknown price is left out: its mean would be of the others only."""
    known: list[tuple[Variant, float, float]] = []
    left_out = []
    for variant in results.variants:
        scores, prices = results.by_case(quality, variant), results.by_case(price, variant)
        if scores and scores.keys() <= prices.keys() and _all_priced(results, quality, price, variant):
            n = len(scores)
            known.append((variant, sum(scores.values()) / n, sum(prices[case] for case in scores) / n))
        else:
            left_out.append(results.names[variant])
    front = on_front([(score, cost) for _, score, cost in known], lower=quality.lower_is_better)
    points = [
        Point(variant, results.names[variant], score, cost, best)
        for (variant, score, cost), best in zip(known, front, strict=True)
    ]
    return Tradeoff(tuple(sorted(points, key=lambda point: (point.price, -point.quality))), tuple(left_out))


def on_front(points: Sequence[tuple[float, float]], *, lower: bool = False) -> list[bool]:
    """For (quality, price) pairs: whether no other is as good in both and better in one. Equal points stand together.

    ``lower``: of the quality, too, less is better.
    """
    signed = [(-quality if lower else quality, price) for quality, price in points]
    return [not any(_beats(other, mine) for other in signed) for mine in signed]


def _beats(other: tuple[float, float], mine: tuple[float, float]) -> bool:
    return other[0] >= mine[0] and other[1] <= mine[1] and other != mine


def _all_priced(results: Results, quality: Metric, price: Metric, variant: Variant) -> bool:
    scored = (run for run in results.of_variant[variant] if quality.of(run) is not None)
    return all(price.of(run) is not None for run in scored)
