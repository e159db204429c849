"""How the Drift page words windows, scores and states. Plain text where not said otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from core.drift.paths import given_name
from core.drift.windows import Period, RowsFile, Window, parse_window
from core.errors import InputError
from core.models import DriftColumn, DriftReport, DriftVerdict
from core.phrases import count, listed, one_line
from core.ui.text import UNKNOWN, moment, shorten

VERDICTS = {
    DriftVerdict.DRIFT: ":orange[:material/trending_up:]",
    DriftVerdict.NO_DRIFT: ":green[:material/check_circle:]",
    DriftVerdict.NOT_ENOUGH: ":gray[:material/hourglass_empty:]",
}
"""Markdown."""
ORIGINS = {"page": "made on this page", "command": "made by the command", "schedule": "the daily report"}
_LONGEST_NAME = 60
_LEAST_P = 0.001
_AGO = re.compile(r"(\d+)([hd])(?:\.\.(\d+)\2)?")
_UNITS = {"h": "hour", "d": "day"}
_P_VALUES = ("ks", "words")


def window_words(window: str) -> str:
    """A window as people say it: ``the last 7 days``, ``14 to 7 days ago``, ``the file a.csv``."""
    kind, _, rest = window.partition(":")
    if kind == "version":
        return f"the data version {one_line(rest)[:12]}"
    if kind == "file":
        return f"the file {file_name(rest)}"
    span, _, query = window.partition("?")
    return _span_words(span) + _filter_words(query)


def file_name(path: str) -> str:
    """What its owner called it, shortened."""
    return shorten(given_name(Path(path)), _LONGEST_NAME)


def _span_words(span: str) -> str:
    ago = _AGO.fullmatch(span)
    if ago is None:
        return one_line(span).replace("..", " to ")
    begin, unit, end = int(ago[1]), _UNITS[ago[2]], ago[3]
    if end:
        return f"{begin} to {count(int(end), unit)} ago"
    return f"the last {unit}" if begin == 1 else f"the last {count(begin, unit)}"


def _filter_words(query: str) -> str:
    parts = [f"{name} {shorten(value, 40) or 'none'}" for name, value in parse_qsl(query, keep_blank_values=True)]
    return f", only {listed(parts)}" if parts else ""


def window_of(window: str, when: datetime) -> Window | None:
    """None for one that can no longer be read."""
    try:
        return parse_window(window, when)
    except InputError:
        return None


def dates_of(window: str, when: datetime) -> str:
    """From when to when a period of a report went, empty for others."""
    found = window_of(window, when)
    return f"{moment(found.since)} to {moment(found.until)}" if isinstance(found, Period) else ""


def is_file(window: str) -> bool:
    return isinstance(window_of(window, datetime.now(UTC)), RowsFile)


def column_name(column: str) -> str:
    return shorten(one_line(column).replace("_", " "), _LONGEST_NAME) or "a column without a name"


def score_words(column: DriftColumn) -> str:
    """The score with what it is held against."""
    if column.score is None:
        return "no words to compare"
    if column.method in _P_VALUES:
        name = "Kolmogorov-Smirnov" if column.method == "ks" else "words"
        return f"{name}, {p_words(column.q_value)}, drift below {column.threshold:g}"
    beyond = f"PSI {column.score:.3g}, drift from {column.threshold:g}"
    return f"{beyond}, {p_words(column.q_value)}"


def p_words(p_value: float | None) -> str:
    """Corrected p-values as papers write them."""
    if p_value is None:
        return f"p {UNKNOWN}"
    return f"p < {_LEAST_P:g}" if p_value < _LEAST_P else f"p = {p_value:.2g}"


def by_p_value(method: str) -> bool:
    """Whether a method's score is a p-value, so that less means more drift."""
    return method in _P_VALUES


def report_title(report: DriftReport) -> str:
    """One line for a list of reports."""
    outcome = report.state if report.verdict is None else str(report.verdict)
    if report.verdict is DriftVerdict.DRIFT:
        outcome = f"drift in {count(sum(column.drifted for column in report.columns), 'column')}"
    windows = f"{window_words(report.current)} against {window_words(report.reference)}"
    made_up = "Sample · " if report.sample else ""
    return f"{made_up}{moment(report.created_at)} · {outcome} · {windows}"


def spread_of(report: DriftReport, column: str) -> Mapping[str, Any] | None:
    """The column's distribution."""
    found: Mapping[str, Any] | None = report.details.get("distributions", {}).get(column)
    return found
