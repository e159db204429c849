"""A report as tables: for the chart, for the screen, for a spreadsheet. No widget in here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from core.cost.documents import SOURCES, tally_document
from core.cost.report import By, Cell, Key, Report, Row
from core.cost.summary import name_of
from core.cost.zones import first_moment
from core.ledger import Tally
from core.phrases import money
from core.plain_text import spreadsheet_cell
from core.ui.narrowing import Narrowing
from core.ui.text import shorten

MOST_NAMES = 5
"""Drawn in a colour of their own; the theme has six, and one is for the rest."""
MOST_BARS = 100
"""Beyond it a bar is a week, beyond as many weeks a month."""
MOST_ROWS = 2000
SIDES = ("Ledger", "Comet")
_LABEL_CHARS = 40
_OTHERS = "the others"


class Measure(StrEnum):
    """What a chart's bars are as long as."""

    COST = "Cost"
    TOKENS = "Tokens"
    CALLS = "Questions"

    def of(self, tally: Tally) -> float:
        return {"Cost": tally.known_usd, "Tokens": tally.tokens, "Questions": tally.calls}[self]


@dataclass(frozen=True, slots=True)
class Bars:
    """What a chart shows of a report."""

    table: pd.DataFrame
    """One row a bar's part: begin (of the bar, ISO), name, value, and texts for the tooltip."""
    begins: tuple[str, ...]
    """Every bar from first to last, with those in which nothing was asked."""
    names: tuple[str, ...]
    """In the order in which they are stacked: what cost most first."""
    keys: tuple[str | None, ...]
    """The name behind each of ``names``, but for the last where that is the rest."""
    width: str
    """``day``, ``week`` or ``month``."""


def bars_of(report: Report, first: date, last: date, measure: Measure) -> Bars:
    """The report's cells, drawn together to ``MOST_BARS`` bars and ``MOST_NAMES`` names."""
    labels = labels_of(report)
    width = _width((last - first).days + 1)
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in report.cells:
        place = _begin(cell.day, width).isoformat(), labels.get(cell.name, _OTHERS)
        groups.setdefault(place, []).append(cell)
    for cell in report.others:
        groups.setdefault((_begin(cell.day, width).isoformat(), _OTHERS), []).append(cell)
    names = tuple(dict.fromkeys([*labels.values(), *(name for _, name in groups)]))
    rows = [_part(begin, name, names, cells, measure) for (begin, name), cells in groups.items()]
    table = pd.DataFrame([row for row in rows if row["value"]], columns=list(rows[0]) if rows else [])
    return Bars(table, tuple(_begins(first, last, width)), names, tuple(labels), width)


def labels_of(report: Report) -> dict[str | None, str]:
    """The names that get a colour, each with a label of its own."""
    if report.by is By.DAY:
        return {None: "all"}
    labels: dict[str | None, str] = {}
    for row in report.rows()[:MOST_NAMES]:
        label = shorten(name_of(row.key, report.by), _LABEL_CHARS)
        while label in (*labels.values(), _OTHERS):
            label += "\u200a*"
        labels[None if row.key is None else str(row.key)] = label
    return labels


def _part(begin: str, name: str, names: Sequence[str], cells: Sequence[Cell], measure: Measure) -> dict[str, Any]:
    tally = sum((cell.tally for cell in cells), Tally())
    return {
        "begin": begin,
        "name": name,
        "rank": names.index(name),
        "value": measure.of(tally),
        "cost": ("" if tally.complete or tally.cost_usd is None else "over ") + money(tally.cost_usd),
        "tokens": f"{tally.tokens:,}",
        "questions": f"{tally.calls:,}",
    }


def _width(days: int) -> str:
    if days <= MOST_BARS:
        return "day"
    return "week" if days <= 7 * MOST_BARS else "month"


def _begin(day: date, width: str) -> date:
    if width == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if width == "month" else day


def _next(begin: date, width: str) -> date:
    days = {"day": 1, "week": 7, "month": 31}[width]
    return _begin(begin + timedelta(days=days), width)


def _begins(first: date, last: date, width: str) -> Iterable[str]:
    begin = _begin(first, width)
    while begin <= last:
        yield begin.isoformat()
        begin = _next(begin, width)


def bar_clicked(bars: Bars, begin: str, name: str, report: Report) -> Narrowing | None:
    """The traces of a bar's part; None for one that is not in the chart (any more)."""
    if begin not in bars.begins or name not in bars.names:
        return None
    day, zone = date.fromisoformat(begin), ZoneInfo(report.zone)
    since, until = first_moment(day, zone), first_moment(_next(day, bars.width), zone)
    since = since if report.since is None else max(since, report.since)
    place = bars.names.index(name)
    named = report.by is not By.DAY and place < len(bars.keys)
    return Narrowing(since, until, **({str(report.by): bars.keys[place] or ""} if named else {}))


def row_clicked(report: Report, rows: Sequence[Row], number: int) -> Narrowing | None:
    """The traces of one of the rows of a table; None for a row that is not there (any more)."""
    if not 0 <= number < len(rows):
        return None
    key = rows[number].key
    if isinstance(key, date):
        zone = ZoneInfo(report.zone)
        return Narrowing(first_moment(key, zone), first_moment(key + timedelta(days=1), zone))
    return Narrowing(report.since, report.until, **{str(report.by): key or ""})


def rows_table(report: Report) -> pd.DataFrame:
    """One row for each day or name. A number that nobody knows is missing; by no thumb, an amount is infinite."""
    return pd.DataFrame([_row(report, row) for row in report.rows()[:MOST_ROWS]])


def _row(report: Report, row: Row) -> dict[str, Any]:
    tally = row.tally
    return {
        HEADS[report.by]: key_text(report, row.key),
        "Questions": tally.calls,
        "Cost": tally.cost_usd,
        "Per question": tally.usd_per_call,
        "Thumbs up": tally.thumbs_up,
        "Per thumb up": tally.usd_per_thumb_up if tally.thumbs_up else math.inf,
        "Tokens": tally.tokens if tally.tokens or not tally.uncounted_calls else None,
        "Unknown price": tally.unpriced_tokens,
        "Prompt": tally.prompt_tokens,
        "Cached": tally.cached_tokens,
        "Completion": tally.completion_tokens,
        "Reasoning": tally.reasoning_tokens,
    }


def key_text(report: Report, key: Key) -> date | str:
    """What a table shows of a row's key."""
    return key if isinstance(key, date) else shorten(name_of(key, report.by), 2 * _LABEL_CHARS)


HEADS = {By.DAY: "Day", By.MODEL: "Model", By.KIND: "Kind", By.TEMPLATE: "Template", By.USER: "Person"}


def to_csv(*reports: Report) -> str:
    """Each day's sum for each name, of each source. What a spreadsheet would run as a formula gets an apostrophe."""
    rows = [
        {"source": SOURCES[report.source], "day": cell.day.isoformat()}
        | ({} if report.by is By.DAY else {str(report.by): spreadsheet_cell(cell.name or "")})
        | tally_document(cell.tally)
        for report in reports
        for cell in report.cells
    ]
    return str(pd.DataFrame(rows).to_csv(index=False))


# ------------------------------------------------------------------------------------------------------- two sources


def days_beside(ours: Report, theirs: Report, first: date, last: date) -> Bars:
    """The cost of both sources by day, each with its name."""
    sides = [_by_day(report, first, last, name) for report, name in zip((ours, theirs), SIDES, strict=True)]
    return replace(sides[0], table=pd.concat([side.table for side in sides], ignore_index=True), names=SIDES, keys=())


def _by_day(report: Report, first: date, last: date, name: str) -> Bars:
    bars = bars_of(report.by_day(), first, last, Measure.COST)
    return replace(bars, table=bars.table.assign(name=name))


def rows_beside(ours: Report, theirs: Report) -> tuple[pd.DataFrame, list[Row]]:
    """A row for each day or name that either has, with what the ledger has of it."""
    here, there = ({row.key: row.tally for row in report.rows()} for report in (ours, theirs))
    keys = list(dict.fromkeys([*here, *there]))
    keys = sorted(keys, key=str) if ours.by is By.DAY else keys
    rows = [Row(key, here.get(key, Tally())) for key in keys]
    table = pd.DataFrame([_beside(ours, row, there.get(row.key, Tally())) for row in rows])
    return table, rows


def _beside(report: Report, row: Row, theirs: Tally) -> dict[str, Any]:
    ours, (here, there) = row.tally, SIDES
    costs = ours.cost_usd, theirs.cost_usd
    return {
        HEADS[report.by]: key_text(report, row.key),
        here: costs[0],
        there: costs[1],
        "Difference": None if None in costs else ours.known_usd - theirs.known_usd,
        f"{here}, questions": ours.calls,
        f"{there}, records": theirs.calls,
        f"{here}, tokens": ours.tokens,
        f"{there}, tokens": theirs.tokens,
    }
