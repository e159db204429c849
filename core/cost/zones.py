"""Days as people live them: a time zone's days as stretches of time in UTC. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import InputError

_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
EARLIEST, LATEST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
"""Beyond these a time zone has no dates."""


def zone_named(name: str) -> ZoneInfo:
    """Raises InputError for a name that the IANA database does not have."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a folder of the database, such as "America"
        hint = "Use a name such as Europe/Berlin or UTC."
        raise InputError(f"There is no time zone {name!r:.80}", subject=name[:80], hint=hint) from None


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins there, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def stretches(
    days: Sequence[date], since: datetime, until: datetime, zone: ZoneInfo
) -> Iterator[tuple[date, datetime, datetime]]:
    """The parts of [since, until) that lie in one of the days of UTC, each within one day of the zone.

    ``days`` in order. Exact whenever the clocks change, also where they do so at midnight or skip a day.
    """
    for first, last in _runs(days):
        begin = max(datetime.combine(first, time.min, UTC), since, EARLIEST)
        yield from _within(begin, min(datetime.combine(last, time.min, UTC) + _DAY, until, LATEST), zone)


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last of the days that follow one another."""
    begin = 0
    for i, day in enumerate(days):
        if i + 1 == len(days) or days[i + 1] - day > _DAY:
            yield days[begin], day
            begin = i + 1


def _within(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[date, datetime, datetime]]:
    while begin < end:
        offset = _offset(begin, zone)
        day = (begin + offset).date()
        midnight = datetime.combine(day, time.min, UTC) + _DAY - offset
        until = min(midnight, end)
        if _offset(until - _TICK, zone) != offset:
            until = _change(begin, until, zone)
        yield day, begin, until
        begin = until


def _change(begin: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after ``begin`` at which the clocks go differently; they do at ``end``."""
    offset = _offset(begin, zone)
    while end - begin > _TICK:
        middle = begin + (end - begin) / 2
        if _offset(middle, zone) == offset:
            begin = middle
        else:
            end = middle
    return end


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
