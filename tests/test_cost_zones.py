"""Days of a time zone as stretches of UTC: every moment is in the day that its clock shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cost.zones import first_moment, stretches, zone_named
from core.errors import InputError

FIRST = datetime(1974, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
ODD = [
    "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago",
    "America/St_Johns", "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca", "Asia/Beirut", "America/Toronto",
]  # fmt: skip
"""Half hours, quarters, changes at midnight, a day that was left out, half an hour of summer time."""


def all_days(begin: datetime, end: datetime) -> list[date]:
    first = begin.date()
    return [first + timedelta(days=n) for n in range((end.date() - first).days + 1)]


@given(
    zone=st.sampled_from(ODD).map(ZoneInfo),
    begin=st.timedeltas(timedelta(days=0), timedelta(days=60 * 365)).map(lambda since: FIRST + since),
    length=st.timedeltas(TICK, timedelta(days=40)),
    place=st.floats(0, 1, exclude_max=True),
)
def test_every_moment_is_in_one_stretch_and_that_has_the_day_of_its_clock(zone, begin, length, place):
    end = begin + length
    parts = list(stretches(all_days(begin, end), begin, end, zone))
    assert (parts[0][1], parts[-1][2]) == (begin, end)
    assert all(one[2] == two[1] for one, two in pairwise(parts))
    moment = min(begin + length * place, end - TICK)
    (day,) = [day for day, first, until in parts if first <= moment < until]
    assert day == moment.astimezone(zone).date()
    for day, first, until in parts:
        assert first.astimezone(zone).date() == (until - TICK).astimezone(zone).date() == day


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),  # 23 hours
        ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),  # 25 hours
        ("America/Santiago", datetime(2026, 9, 6, tzinfo=UTC)),  # midnight is left out
        ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),  # a whole day is left out
        ("America/St_Johns", datetime(2010, 11, 7, tzinfo=UTC)),  # a minute of Sunday, then Saturday again
        ("America/Toronto", datetime(1919, 3, 31, tzinfo=UTC)),  # from half past eleven to half past twelve
    ],
)
def test_when_the_clocks_change_every_minute_keeps_its_day(zone, around):
    begin, end = around - timedelta(days=2), around + timedelta(days=2)
    parts = list(stretches(all_days(begin, end), begin, end, ZoneInfo(zone)))
    minutes = [begin + timedelta(minutes=n) for n in range(4 * 24 * 60)]
    found = [[day for day, first, until in parts if first <= minute < until] for minute in minutes]
    assert found == [[minute.astimezone(ZoneInfo(zone)).date()] for minute in minutes]


def test_days_without_anything_cost_no_stretch():
    days = [date(1970, 1, 1), date(2026, 11, 24)]
    begin, end = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
    parts = list(stretches(days, begin, end, ZoneInfo("Asia/Tokyo")))
    assert [day for day, _, _ in parts] == [
        date(1970, 1, 1), date(1970, 1, 2), date(2026, 11, 24), date(2026, 11, 25),
    ]  # fmt: skip
    assert list(stretches([], begin, end, ZoneInfo("UTC"))) == []


def test_a_day_begins_at_its_first_moment():
    assert first_moment(date(2026, 11, 24), ZoneInfo("Asia/Kolkata")) == datetime(2026, 11, 23, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "Berlin", "America", "../etc/passwd", "/etc/passwd", "UTC\0", "x" * 5000, "Ü"])
def test_a_time_zone_that_there_is_not_is_named(name):
    with pytest.raises(InputError, match="There is no time zone"):
        zone_named(name)
