"""The charts of the Drift page, made with Altair; the current side has the theme's colour, the reference is gray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.models import DriftColumn, DriftReport
from core.ui.drift_phrases import by_p_value, report_title, score_words
from core.ui.text import shorten

PLACE_SELECTION, POINT_SELECTION = "place", "run"
GRAY = "#7B8886"
"""Readable on light and on dark."""
_AMBER = "#D97706"
_HEIGHT_PX, _ROW_PX, _HISTORY_PX = 150, 30, 140
_NAMES_PX = 150
_VALUE_CHARS = 24
_LEAST_P = 1e-4
_AMOUNT = "format(datum.value, abs(datum.value) >= 1000 ? ',.0f' : '.3~g')"
"""Of a number on an axis: neither ``1e+3`` nor micro-units."""
_HIT = 0.001
"""An opacity that nobody sees and that still takes a click."""


def spread_chart(spread: Mapping[str, Any], key: str = PLACE_SELECTION) -> alt.LayerChart:
    """Reference against current; a click anywhere over a bin or a value selects its ``place``."""
    return _values_chart(spread, key) if "values" in spread else _bins_chart(spread, key)


def bins_table(spread: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each bin. A single value gets a bar of its own width."""
    edges = list(spread["edges"])
    low, high = edges[0], edges[-1]
    pad = (abs(low) or 1.0) / 2 if low == high else 0.0
    return pd.DataFrame([
        {
            "place": n,
            "begin": begin - pad,
            "end": end + pad,
            "range": _range(begin, end, first=n == 0, last=n == len(edges) - 2, alone=low == high),
            "reference": before,
            "current": after,
            "zero": 0.0,
            "top": max(*spread["reference"], *spread["current"]),
        }
        for n, (begin, end, before, after) in enumerate(
            zip(edges[:-1], edges[1:], spread["reference"], spread["current"], strict=True)
        )
    ])  # fmt: skip


def _range(begin: float, end: float, *, first: bool, last: bool, alone: bool) -> str:
    """The outer bins hold what is beyond them too."""
    if alone:
        return f"{begin:.4g}"
    if first:
        return f"up to {end:.4g}"
    return f"{begin:.4g} and more" if last else f"{begin:.4g} to {end:.4g}"


def _bins_chart(spread: Mapping[str, Any], key: str) -> alt.LayerChart:
    title = "Characters" if "of" in spread else None
    axis = alt.Axis(tickCount=4, labelExpr=_AMOUNT, grid=False)
    base = alt.Chart(bins_table(spread)).encode(
        x=alt.X("begin:Q", title=title, axis=axis, scale=alt.Scale(zero=False, nice=False)),
        x2="end:Q",
        y=alt.Y("zero:Q", title=None, axis=alt.Axis(format="%", tickCount=3)),
    )
    before = base.mark_rect(color=GRAY, opacity=0.45).encode(y2="reference:Q")
    after = base.mark_rect(opacity=0.6).encode(y2="current:Q")
    hit = base.mark_rect(opacity=_HIT, cursor="pointer").encode(y2="top:Q", tooltip=_tips("range"))
    chart: alt.LayerChart = (before + after + hit.add_params(_picked(key))).properties(height=_HEIGHT_PX)
    return chart


def values_table(spread: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each value; names that are cut alike stay apart."""
    seen: dict[str, int] = {}
    rows = []
    for n, (value, before, after) in enumerate(
        zip(spread["values"], spread["reference"], spread["current"], strict=True)
    ):
        label = shorten(str(value), _VALUE_CHARS) or "(blank)"
        seen[label] = seen.get(label, 0) + 1
        label += f" ({seen[label]})" if seen[label] > 1 else ""
        rows.append({"place": n, "value": label, "reference": before, "current": after, "top": 1.0})
    return pd.DataFrame(rows)


def _values_chart(spread: Mapping[str, Any], key: str) -> alt.LayerChart:
    table = values_table(spread)
    table["top"] = table[["reference", "current"]].max().max()
    base = alt.Chart(table).encode(y=alt.Y("value:N", sort=None, title=None, axis=_names()))
    axis = alt.Axis(format="%", tickCount=3)
    before = base.mark_bar(color=GRAY, opacity=0.6, height={"band": 0.34}, yOffset=-5, cornerRadiusEnd=2)
    after = base.mark_bar(height={"band": 0.34}, yOffset=5, cornerRadiusEnd=2)
    hit = base.mark_bar(opacity=_HIT, cursor="pointer", height={"band": 1}).encode(
        x=alt.X("top:Q", title=None), tooltip=_tips("value")
    )
    both = before.encode(x=alt.X("reference:Q", title=None, axis=axis)) + after.encode(x=alt.X("current:Q", title=None))
    chart: alt.LayerChart = (both + hit.add_params(_picked(key))).properties(height=alt.Step(_ROW_PX))
    return chart


def _picked(key: str) -> alt.Parameter:
    return alt.selection_point(key, fields=["place"], toggle=False)


def words_chart(words: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """For each word a line from its share of the reference's texts to that of the current ones."""
    table = pd.DataFrame([
        {"word": shorten(str(word["word"]), _VALUE_CHARS), "reference": word["reference_share"],
         "current": word["current_share"]}
        for word in words
    ])  # fmt: skip
    base = alt.Chart(table).encode(y=alt.Y("word:N", sort=None, title=None, axis=_names()), tooltip=_tips("word"))
    x = alt.X("reference:Q", title="Share of the texts", axis=alt.Axis(format="%", tickCount=4))
    line = base.mark_rule(color=GRAY, opacity=0.5, strokeWidth=2).encode(x=x, x2="current:Q")
    before = base.mark_point(filled=True, color=GRAY, size=70, opacity=1).encode(x=x)
    after = base.mark_point(filled=True, size=90, opacity=1).encode(x="current:Q")
    chart: alt.LayerChart = (line + before + after).properties(height=alt.Step(24))
    return chart


def history_table(runs: Sequence[tuple[DriftReport, DriftColumn]]) -> pd.DataFrame:
    """A row for each run that has a score, oldest first."""
    return pd.DataFrame([
        {
            "report": report.report_id,
            "made": report.created_at,
            "score": _height(column),
            "threshold": column.threshold,
            "outcome": "drift" if column.drifted else "same",
            "text": score_words(column),
            "title": report_title(report),
        }
        for report, column in runs
        if column.score is not None
    ])  # fmt: skip


def _height(column: DriftColumn) -> float | None:
    """What is held against the threshold: the corrected p-value, or the score."""
    if not by_p_value(column.method):
        return column.score
    return None if column.q_value is None else max(column.q_value, _LEAST_P)


def history_chart(table: pd.DataFrame, method: str) -> alt.LayerChart:
    """Scores over time with the threshold; up is always more drift. A click selects ``report``."""
    if by_p_value(method):
        scale = alt.Scale(type="log", domain=[1.0, _LEAST_P], reverse=False)
        y = alt.Y("score:Q", title="corrected p", scale=scale, axis=alt.Axis(tickCount=4, format="~g", grid=False))
    else:
        y = alt.Y("score:Q", title="PSI", axis=alt.Axis(tickCount=4, grid=False))
    x = alt.X("made:T", title=None, axis=alt.Axis(tickCount=4, grid=False))
    base = alt.Chart(table).encode(x=x)
    picked = alt.selection_point(POINT_SELECTION, fields=["report"], toggle=False)
    line = base.mark_line(color=GRAY, opacity=0.5).encode(y=y)
    limit = base.mark_line(color=_AMBER, strokeDash=[4, 4]).encode(y=alt.Y("threshold:Q", title=None))
    colour = alt.condition("datum.outcome == 'drift'", alt.value(_AMBER), alt.value(GRAY))
    tips = [alt.Tooltip("title:N", title="Report"), alt.Tooltip("text:N", title="Score")]
    points = base.mark_point(filled=True, size=80, opacity=1, cursor="pointer").encode(y=y, color=colour, tooltip=tips)
    chart: alt.LayerChart = (line + limit + points.add_params(picked)).properties(height=_HISTORY_PX)
    return chart


def _names() -> alt.Axis:
    return alt.Axis(labelLimit=_NAMES_PX, domain=False, ticks=False, labelPadding=6)


def _tips(first: str) -> list[alt.Tooltip]:
    sides = [alt.Tooltip(f"{side}:Q", title=side.capitalize(), format=".1%") for side in ("reference", "current")]
    return [alt.Tooltip(f"{first}:N", title=first.capitalize()), *sides]
