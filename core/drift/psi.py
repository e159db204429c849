"""The population stability index, as a plain function. Pure.

PSI = Σ (c - r) · ln(c / r) over bins, where r and c are the shares of the reference and of the current values in a bin
(Siddiqi 2006, Credit Risk Scorecards, 9). A common reading: below 0.1 no change, 0.1 to 0.2 some, above 0.2 a change
that matters. An empty bin counts as a share of EMPTY_SHARE, as a logarithm of 0 is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

EMPTY_SHARE = 1e-4
"""Evidently's default too, so that both give the same figure."""

Shares = NDArray[np.float64]


def psi(reference: ArrayLike, current: ArrayLike, edges: ArrayLike | None = None, *, bins: int = 10) -> float:
    """PSI of two samples of finite numbers; 0 for equal shares, without an upper bound.

    ``edges``: bin edges, ascending; without them ``bins`` quantiles of the reference. Values outside the edges count
    in the outer bins. Raises ValueError for an empty sample.
    """
    before, after = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if not before.size or not after.size:
        raise ValueError("PSI needs at least one value on each side")
    cuts = quantile_edges(before, bins) if edges is None else np.asarray(edges, dtype=np.float64)
    return psi_of_shares(_shares(before, cuts), _shares(after, cuts))


def psi_of_categories(reference: Sequence[object], current: Sequence[object]) -> float:
    """PSI with a bin for each value that occurs on either side. Raises ValueError for an empty sample."""
    if not len(reference) or not len(current):
        raise ValueError("PSI needs at least one value on each side")
    codes = {value: code for code, value in enumerate(dict.fromkeys([*reference, *current]))}
    before, after = (
        np.bincount([codes[value] for value in side], minlength=len(codes)) / len(side) for side in (reference, current)
    )
    return psi_of_shares(before, after)


def psi_of_shares(reference: ArrayLike, current: ArrayLike) -> float:
    """PSI of the shares by bin, each array summing to 1."""
    r, c = (np.where(np.asarray(share) > 0, share, EMPTY_SHARE).astype(np.float64) for share in (reference, current))
    return float(np.sum((c - r) * np.log(c / r)))


def quantile_edges(reference: ArrayLike, bins: int = 10) -> Shares:
    """Edges of bins that hold about equally many reference values; fewer bins where values repeat."""
    return np.unique(np.quantile(np.asarray(reference, dtype=np.float64), np.linspace(0, 1, bins + 1)))


def width_edges(values: ArrayLike, bins: int = 10) -> Shares:
    """Edges of bins of equal width over all values."""
    return np.histogram_bin_edges(np.asarray(values, dtype=np.float64), bins)


def _shares(values: Shares, edges: Shares) -> Shares:
    """The share of the values in each bin; a bin holds its lower edge, the last one its upper too."""
    inner = edges[1:-1]
    counts = np.bincount(np.searchsorted(inner, values, side="right"), minlength=len(inner) + 1)
    return counts / len(values)
