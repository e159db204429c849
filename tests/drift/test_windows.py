"""The windows of a drift report as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drift.windows import Period, RowsFile, SavedVersion, parse_window
from core.errors import InputError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def days(n: float) -> datetime:
    return NOW - timedelta(days=n)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("7d", Period(days(7), NOW)),
        (" 24H ", Period(days(1), NOW)),
        ("14d..7d", Period(days(14), days(7))),
        ("2026-11-01..2026-11-08", Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC))),
        ("2026-11-01T02:00+02:00..1d", Period(datetime(2026, 11, 1, tzinfo=UTC), days(1))),
        ("7d?kind=ask&model=gpt%2F4", Period(days(7), NOW, {"kind": "ask", "model": "gpt/4"})),
        ("version:traffic-october", SavedVersion("traffic-october")),
        ("file:/data/rows.CSV", RowsFile(Path("/data/rows.CSV"))),
    ],
)
def test_each_form_is_read(text, window):
    assert parse_window(text, NOW) == window


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("yesterday", "'yesterday' cannot be read"),
        ("7d..14d", "ends before it begins"),
        ("2026-11-01..", "cannot be read"),
        ("2026-13-01..2026-11-08", "cannot be read"),
        ("7d?colour=red", "filters by 'colour'"),
        ("version:", "cannot be read"),
        ("file:notes.docx", "notes.docx is no table"),
        ("0d", "ends before it begins"),
    ],
)
def test_what_cannot_be_read_is_quoted(text, said):
    with pytest.raises(InputError, match=said):
        parse_window(text, NOW)


def test_a_page_cannot_name_a_file_of_the_server():
    with pytest.raises(InputError, match="Upload it"):
        parse_window("file:/etc/passwd.csv", NOW, files=False)


@given(st.text(max_size=40))
def test_any_text_is_a_window_or_one_clear_error(text):
    try:
        window = parse_window(text, NOW)
    except InputError:
        return
    assert not isinstance(window, Period) or window.since < window.until
