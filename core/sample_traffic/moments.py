"""When made-up people ask: more on working days, more each week, in office hours. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

_WEEKDAYS = (1.0, 1.12, 1.1, 1.05, 0.85, 0.28, 0.22)
"""From Monday on."""
_HOURS = (1, 1, 1, 1, 2, 5, 12, 30, 62, 90, 100, 92, 70, 84, 96, 88, 70, 48, 30, 22, 16, 10, 5, 2)
"""Of UTC."""
_GROWTH = 2.0
"""Of the last day over the first."""
_UNEVEN = 0.08


def moments(rng: Random, number: int, days: int, now: datetime) -> list[datetime]:
    """So many moments of the last ``days`` days up to ``now``, in order, to the millisecond."""
    first = now - timedelta(days=days)
    weights = [_weight(rng, first + timedelta(hours=hour), hour / (days * 24)) for hour in range(days * 24)]
    chosen = rng.choices(range(days * 24), cum_weights=list(accumulate(weights)), k=number)
    found = (first + timedelta(hours=hour, milliseconds=rng.randrange(3_600_000)) for hour in chosen)
    return sorted(found)


def _weight(rng: Random, hour: datetime, passed: float) -> float:
    busy: float = _WEEKDAYS[hour.weekday()] * _HOURS[hour.hour] * _GROWTH**passed
    return busy * max(0.1, rng.gauss(1.0, _UNEVEN))
