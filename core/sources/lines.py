"""Caption lines as a file has them -> segments in order, without overlaps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite

from core.models import Segment
from core.sources.text import clean_text

LONGEST_S = 30 * 24 * 3600.0
"""A time after this is an error of the file (milliseconds given as seconds, for example)."""


def tidy(segments: Iterable[Segment]) -> tuple[tuple[Segment, ...], list[str]]:
    """Segments with clean text, in order of time, each ending where the next begins at the latest; and notes about
    what had to be changed. Empty lines are left out. Times below 0 become 0.
    """
    kept = [_clean(segment) for segment in segments]
    kept = [segment for segment in kept if segment.text]
    ordered = sorted(kept, key=lambda segment: segment.start_s)
    backward = sum(later.start_s < earlier.start_s for earlier, later in pairwise(kept))
    clamped, overlaps = _without_overlaps(ordered)
    notes = [f"{_lines(backward)} out of order, sorted by time"] if backward else []
    if overlaps and overlaps * 2 < len(ordered):  # generated captions all overlap: that is how they are shown
        notes.append(f"{_lines(overlaps)} overlapping, shortened")
    return tuple(clamped), notes


def _clean(segment: Segment) -> Segment:
    start_s = max(0.0, segment.start_s)
    return Segment(clean_text(segment.text), start_s, max(0.0, segment.end_s - start_s))


def _without_overlaps(segments: Sequence[Segment]) -> tuple[list[Segment], int]:
    clamped, overlaps = list(segments), 0
    for n, (segment, following) in enumerate(pairwise(segments)):
        longest_s = following.start_s - segment.start_s
        # A millisecond is rounding. Lines of one start are spoken together and keep their time.
        if longest_s > 0 and segment.duration_s > longest_s:
            clamped[n] = replace(segment, duration_s=longest_s)
            overlaps += segment.duration_s > longest_s + 0.001
    return clamped, overlaps


def _lines(count: int) -> str:
    return f"{count} caption line{'' if count == 1 else 's'}"


def is_time(seconds: float) -> bool:
    """Whether this can be a place in a video."""
    return isfinite(seconds) and seconds <= LONGEST_S
