"""Is one variant better than another on the same cases? A paired test, an interval, and the verdict in words. Pure.

The test is the sign-flip permutation test of paired differences (Fisher 1935; Good 2005, Permutation, Parametric and
Bootstrap Tests of Hypotheses, 3.1): where the variants are alike, each difference is as likely with the other sign. It
holds its level for any distribution, also for a handful of cases that only pass or fail. The interval is Student's.
Several variants against one baseline are corrected by Holm (1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

LEVEL = 0.05
"""Of the intervals of means: 95 in 100 hold the true one."""
VERDICT_LEVEL = 0.035
"""Of the test and of the interval of a difference. The test is exact, so that at 0.05 every other sample of a thousand
pairs of equal variants would have more than 50 winners; so it has fewer than 50."""
POWER = 0.8
"""With as many cases as are asked for, a difference as large as the observed one is found this often."""
FEWEST_CASES = 6
"""Below it no outcome can be significant: 2 / 2**5 is more than VERDICT_LEVEL."""

_EXACT_UP_TO = 14
_FLIPS = 20_000
_FLIPS_AT_ONCE = 500
"""Few megabytes for any number of cases."""
_SEED = 20_261
"""Fixed, so that the same results give the same verdict."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the bounds of its interval; None where there are too few values for one."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A over the cases that both have."""

    baseline: str
    variant: str
    difference: Interval
    """B minus A, at VERDICT_LEVEL."""
    p_value: float
    """Two-sided, corrected for the number of variants that were compared."""
    more_cases: int | None
    """About how many further cases would decide; None where it is decided, or no number is sensible."""
    left_out: int = 0
    """Cases that only one of the two has a score for."""

    @property
    def decided(self) -> bool:
        low, high = self.difference.low, self.difference.high
        return self.p_value < VERDICT_LEVEL and low is not None and high is not None and (low > 0 or high < 0)

    def in_words(self, *, points: bool = True, amount: Callable[[float], str] | None = None) -> str:
        """``B beats A by 12 points (4 to 20)`` or ``undecided, …``. ``points``: scores of 0 to 1, shown times 100.

        ``amount`` writes an amount with its unit, in place of points and plain numbers.
        """
        if self.decided:
            return self._winner(
                " points" if points and amount is None else "", amount or partial(_amount, points=points)
            )
        if self.difference.n < FEWEST_CASES:
            return (
                f"Undecided between {self.variant} and {self.baseline}: {_cases(self.difference.n)}, "
                f"and no result of fewer than {FEWEST_CASES} can decide"
            )
        if self.more_cases is None:
            return f"Undecided: {self.variant} and {self.baseline} do not differ on these {_cases(self.difference.n)}"
        return (
            f"Undecided between {self.variant} and {self.baseline}: about {_cases(self.more_cases)} more would decide"
        )

    def _winner(self, unit: str, written: Callable[[float], str]) -> str:
        mean, low, high = self.difference.mean, self.difference.low or 0.0, self.difference.high or 0.0
        first, second = (self.variant, self.baseline) if mean > 0 else (self.baseline, self.variant)
        bounds = sorted((abs(low), abs(high)))
        amount, least, most = (written(value) for value in (abs(mean), *bounds))
        return f"{first} beats {second} by {amount}{unit} ({least} to {most})"


def compare(
    baseline: tuple[str, Mapping[str, float]], variants: Sequence[tuple[str, Mapping[str, float]]]
) -> list[Comparison]:
    """Each variant against the baseline. A mapping is case -> score, the mean over its repeats; higher is better."""
    name, scores = baseline
    compared = [_compared(name, scores, other, theirs, len(variants)) for other, theirs in variants]
    corrected = holm([comparison.p_value for comparison in compared])
    found = [replace(comparison, p_value=p) for comparison, p in zip(compared, corrected, strict=True)]
    return [replace(comparison, more_cases=None) if comparison.decided else comparison for comparison in found]


def _compared(
    name: str, scores: Mapping[str, float], other: str, theirs: Mapping[str, float], tests: int
) -> Comparison:
    common = sorted(scores.keys() & theirs.keys())
    differences = np.array([theirs[case] - scores[case] for case in common], dtype=np.float64)
    p_value = sign_flip_p(differences)
    left_out = len(scores.keys() ^ theirs.keys())
    more_cases = cases_needed(differences, tests=tests)
    return Comparison(name, other, mean_interval(differences, level=VERDICT_LEVEL), p_value, more_cases, left_out)


def mean_interval(values: Sequence[float] | Numbers, *, level: float = LEVEL) -> Interval:
    """The mean with Student's interval, which misses the true one in a share ``level`` of samples.

    NaN for no value, no bounds for one.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n == 0:
        return Interval(math.nan, None, None, 0)
    mean = float(sample.mean())
    if n == 1:
        return Interval(mean, None, None, 1)
    half = float(stdtrit(n - 1, 1 - level / 2)) * float(sample.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def sign_flip_p(differences: Sequence[float] | Numbers) -> float:
    """Two-sided p-value of the mean against 0: exact up to 14 values that are not 0, else from 20,000 random flips."""
    sample = np.asarray(differences, dtype=np.float64)
    sample = sample[sample != 0]
    if not len(sample):
        return 1.0
    observed = abs(float(sample.sum())) * (1 - 1e-12)
    if len(sample) <= _EXACT_UP_TO:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(sample))))
        return float((np.abs(signs @ sample) >= observed).mean())
    rng, whole = np.random.default_rng(_SEED), float(sample.sum())
    hits = sum(_hits(_coins(rng, len(sample)), sample, whole, observed) for _ in range(_FLIPS // _FLIPS_AT_ONCE))
    return (hits + 1) / (_FLIPS + 1)  # the observed one counts: Phipson and Smyth 2010


def _coins(rng: np.random.Generator, n: int) -> Numbers:
    """_FLIPS_AT_ONCE rows of n fair coins, 0 or 1; from single bits, as that is ten times faster than choosing."""
    width = -(-n // 8)
    drawn = rng.integers(0, 256, size=(_FLIPS_AT_ONCE, width), dtype=np.uint8)
    return np.unpackbits(drawn, axis=1)[:, :n].astype(np.float64)


def _hits(coins: Numbers, sample: Numbers, whole: float, observed: float) -> int:
    """How many flips give a sum as far from 0 as the observed one: coins that fall on 1 keep their sign."""
    return int((np.abs(2 * (coins @ sample) - whole) >= observed).sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction for several tests (Holm 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(order):
        highest = max(highest, min(1.0, p_values[position] * (len(p_values) - rank)))
        corrected[position] = highest
    return corrected


def cases_needed(differences: Numbers, *, tests: int = 1) -> int | None:
    """About how many more cases a difference like the observed one needs (normal approximation of the paired test).

    ``tests``: how many variants are compared, of which Holm holds the first to VERDICT_LEVEL / tests.
    None where there is no difference to find, or more than a hundred times as many cases would be needed.
    """
    n = len(differences)
    if n < 2:  # noqa: PLR2004  no spread without two
        return None
    fewest = math.ceil(1 + math.log2(tests / VERDICT_LEVEL))  # the smallest p-value of n cases is 2 / 2**n
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    if mean == 0 or spread == 0:
        return max(1, fewest - n) if mean else None
    normal = NormalDist()
    factor = normal.inv_cdf(1 - VERDICT_LEVEL / tests / 2) + normal.inv_cdf(POWER)
    needed = max(fewest, math.ceil((factor * spread / abs(mean)) ** 2))
    return max(1, needed - n) if needed <= 100 * n else None


def _amount(value: float, *, points: bool) -> str:
    """A difference below one point keeps a digit, so that no winner is ahead by 0 points; none is above 100."""
    if not points:
        return f"{value:.3g}"
    value = min(value, 1.0)
    return f"{value * 100:.0f}" if value == 0 or value * 100 >= 0.95 else f"{value * 100:.1g}"  # noqa: PLR2004


def _cases(n: int) -> str:
    return f"{n:,} case" if n == 1 else f"{n:,} cases"
