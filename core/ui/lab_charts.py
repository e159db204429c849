"""The charts of an experiment's results, made with Altair; their colours come from the theme, light or dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import altair as alt
import pandas as pd

from core.lab.metrics import Metric
from core.lab.results import HeatCell, Mean
from core.lab.tradeoff import Tradeoff
from core.lab.variants import Variant, names_of
from core.lab.verdict import Verdict
from core.ui.text import shorten

HEAT_SELECTION, POINT_SELECTION = "field", "point"
BETTER, WORSE, UNDECIDED, BASELINE = "clearly better", "clearly worse", "undecided", "baseline"
_STANDINGS = [BETTER, WORSE, UNDECIDED, BASELINE]
_GRAY = "#7B8886"
"""Readable on light and on dark."""
_DARK, _WHITE = "#17211F", "#FFFFFF"
_ON_LIGHT = "luminance(scale('color', datum.value)) > 0.2"
"""Whether a field's colour, whatever the theme, is one on which dark letters read better than white ones."""
_ROW_PX, _FIELD_PX, _PLANE_PX = 30, 44, 300
_NAMES_PX = 190
"""Of the names on an axis, so that a phone has room for the chart."""
_TEMPLATE_CHARS = 18
_HALF = 0.5
_ABOVE_PX, _LINE_PX = -12, 15
"""Of a label over its point, and from one line of labels to the next."""


def heat_map(cells: Sequence[HeatCell], metric: Metric) -> alt.LayerChart:
    """Template by temperature; the better, the stronger. A click selects ``row`` and ``temperature``."""
    table = pd.DataFrame([_field(cell, metric) for cell in cells])
    picked = alt.selection_point(HEAT_SELECTION, fields=["row", "temperature"], toggle="true")
    base = alt.Chart(table).encode(
        x=alt.X("temperature:O", title="Temperature", sort=_warmths(cells), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("row:N", title=None, sort=None, axis=_names()),
        tooltip=[_tip("row", "Template"), _tip("temperature"), _tip("text", metric.title), _tip("cases")],
    )
    known = base.transform_filter("isValid(datum.value)")
    edge = alt.condition(picked, alt.value(_GRAY), alt.value("transparent"), empty=False)
    scale = alt.Scale(reverse=metric.lower_is_better, zero=False)
    fields = (
        known.mark_rect(cursor="pointer", cornerRadius=4, strokeWidth=3)
        .encode(color=alt.Color("value:Q", legend=None, scale=scale), stroke=edge)
        .add_params(picked)
    )
    missing = base.transform_filter("!isValid(datum.value)").mark_text(color=_GRAY).encode(text=alt.value("–"))
    letters = alt.condition(_ON_LIGHT, alt.value(_DARK), alt.value(_WHITE))
    numbers = known.mark_text(fontSize=13, cursor="pointer").encode(text="text:N", color=letters)
    chart: alt.LayerChart = (fields + missing + numbers).properties(height=alt.Step(_FIELD_PX))
    return chart


def pareto(made: Tradeoff, quality: Metric, price: Metric) -> alt.LayerChart:
    """Quality over what is paid for it; the front is a line. A click selects ``name``."""
    labels, lines = short_names([point.variant for point in made.points]), _lines_of(made)
    table = pd.DataFrame([
        {
            "name": point.name,
            "label": labels[point.variant],
            "line": lines.get(point.variant, 0),
            "quality": point.quality,
            "price": point.price,
            "front": point.on_front,
            "place": "on the front" if point.on_front else "beaten by another",
            "good": quality.written(point.quality),
            "paid": price.written(point.price),
        }
        for point in made.points
    ])  # fmt: skip
    picked = alt.selection_point(POINT_SELECTION, fields=["name"], toggle="true")
    x = alt.X("price:Q", title=f"{price.title} per answer", scale=alt.Scale(zero=False, padding=24), axis=_few_ticks())
    y = alt.Y("quality:Q", title=quality.title, scale=alt.Scale(zero=False, padding=24), axis=_measure_axis(quality))
    base = alt.Chart(table).encode(
        x=x,
        y=y,
        tooltip=[_tip("name", "Variant"), _tip("good", quality.title), _tip("paid", price.title), _tip("place")],
    )
    front = base.transform_filter("datum.front")
    edge = alt.condition(picked, alt.value(_GRAY), alt.value("transparent"), empty=False)
    look: dict[str, Any] = {"filled": True, "opacity": 1, "cursor": "pointer", "strokeWidth": 5}
    beaten = base.transform_filter("!datum.front").mark_point(color=_GRAY, size=80, **look).encode(stroke=edge)
    best = front.mark_point(size=130, **look).encode(stroke=edge).add_params(picked)
    line = front.mark_line(opacity=0.45, strokeWidth=2, color=_GRAY)
    chart: alt.LayerChart = (line + beaten + best + _labels(front, made)).properties(height=_PLANE_PX)
    return chart


def _labels(front: alt.Chart, made: Tradeoff) -> alt.LayerChart:
    """Names of the points on the front, each to the side where there is room, in lines where they would overlap."""
    prices = [point.price for point in made.points]
    middle = (min(prices) + max(prices)) * _HALF
    lines = _lines_of(made)
    sides: list[tuple[str, Literal["left", "right"]]] = [("<=", "left"), (">", "right")]
    layers = [
        front.transform_filter(f"datum.price {side} {float(middle)!r} && datum.line == {line}")
        .mark_text(align=align, fontSize=12, color=_GRAY, limit=_NAMES_PX, dy=_ABOVE_PX - line * _LINE_PX)
        .encode(text="label:N")
        for side, align in sides
        for line in sorted(set(lines.values()))
    ]
    return alt.LayerChart(layer=layers)


def _lines_of(made: Tradeoff) -> dict[Variant, int]:
    """The line of each label of the front, 0 nearest to its point: those that would meet take lines of their own.

    The chart's width is not known here; a label is taken to be as wide as half of it.
    """
    points = [point for point in made.points if point.on_front]
    qualities = [point.quality for point in made.points]
    height = (max(qualities) - min(qualities)) or 1.0
    taken: list[float] = []
    lines: dict[Variant, int] = {}
    for point in sorted(points, key=lambda point: point.quality):
        at = (point.quality - min(qualities)) / height * _PLANE_PX
        line = 0
        while any(abs(at + line * _LINE_PX - other) < _LINE_PX for other in taken):
            line += 1
        taken.append(at + line * _LINE_PX)
        lines[point.variant] = line
    return lines


def intervals(means: Sequence[Mean], metric: Metric, standings: dict[Variant, str]) -> alt.LayerChart:
    """Each variant's mean with its 95 % interval, best first, coloured by its standing against the baseline."""
    known = [mean for mean in means if mean.value is not None]
    labels = short_names([mean.variant for mean in known])
    table = pd.DataFrame([
        _row(mean, metric, standings[mean.variant]) | {"label": labels[mean.variant]} for mean in known
    ])  # fmt: skip
    tips = [_tip("name", "Variant"), _tip("text", "Mean"), _tip("range", "95 %"), _tip("cases"), _tip("standing")]
    base = alt.Chart(table).encode(
        y=alt.Y("label:N", title=None, sort=[labels[mean.variant] for mean in known], axis=_names()),
        color=alt.Color("standing:N", scale=alt.Scale(domain=_STANDINGS), legend=_legend(table["standing"])),
        tooltip=tips,
    )
    scale = alt.Scale(zero=False, padding=16)
    x = alt.X("value:Q", title=f"{metric.title}, mean with 95 % interval", axis=_measure_axis(metric), scale=scale)
    bars = base.mark_rule(strokeWidth=3, opacity=0.55).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(x=x)
    zero = alt.Chart(table).transform_filter(f"datum.standing == '{BASELINE}'")
    mark = zero.mark_rule(strokeDash=[4, 4], color=_GRAY).encode(x="value:Q")
    chart: alt.LayerChart = (mark + bars + dots).properties(height=alt.Step(_ROW_PX))
    return chart


def short_names(variants: Sequence[Variant]) -> dict[Variant, str]:
    """For an axis: templates of long names are cut where that leaves each variant a name of its own."""
    cut = {variant: replace(variant, template=shorten(variant.template, _TEMPLATE_CHARS)) for variant in variants}
    whole, names = names_of(variants), names_of(list(cut.values()))
    times = Counter(names[cut[variant]] for variant in variants)
    return {v: names[cut[v]] if times[names[cut[v]]] == 1 else whole[v] for v in variants}


def standings_of(found: Verdict, baseline: Variant) -> dict[Variant, str]:
    """How each variant stands against the baseline."""
    standings = {line.variant: BETTER if line.better else WORSE if line.worse else UNDECIDED for line in found.lines}
    return standings | {baseline: BASELINE}


def _field(cell: HeatCell, metric: Metric) -> dict[str, object]:
    return {
        "row": cell.row,
        "temperature": cell.variant.warmth,
        "value": cell.value,
        "text": metric.written(cell.value),
        "cases": cell.n,
    }


def _row(mean: Mean, metric: Metric, standing: str) -> dict[str, object]:
    low, high = mean.interval.low, mean.interval.high
    bounds = None if low is None or high is None else f"{metric.written(low)} to {metric.written(high)}"
    return {
        "name": mean.name,
        "value": mean.value,
        "low": mean.value if low is None else low,
        "high": mean.value if high is None else high,
        "text": metric.written(mean.value),
        "range": bounds or "too few cases",
        "cases": mean.interval.n,
        "standing": standing,
    }


def _warmths(cells: Sequence[HeatCell]) -> list[str]:
    """From cold to hot."""
    ordered = sorted(cells, key=lambda cell: -1.0 if cell.temperature is None else cell.temperature)
    return list(dict.fromkeys(cell.variant.warmth for cell in ordered))


def _names() -> alt.Axis:
    return alt.Axis(labelLimit=_NAMES_PX, domain=False, ticks=False, labelPadding=8)


def _few_ticks() -> alt.Axis:
    return alt.Axis(tickCount=4, labelOverlap=True, grid=False)


def _measure_axis(metric: Metric) -> alt.Axis:
    return alt.Axis(tickCount=5, labelOverlap=True, format="~%" if metric.is_share else "~g")


def _legend(shown: pd.Series[str]) -> alt.Legend:
    names = list(dict.fromkeys(shown))
    return alt.Legend(orient="top", title=None, columns=2, values=names, offset=4, padding=0)


def _tip(field: str, title: str = "") -> alt.Tooltip:
    return alt.Tooltip(f"{field}:N", title=title or field.capitalize())
