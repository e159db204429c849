"""The charts of a forecast and of a comparison with machines of one's own; their colours come from the theme."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

import altair as alt
import pandas as pd

from core.cost.what_if import Comparison

GRAY = "#7B8886"
"""Readable on light and on dark."""
_SIDES = {"own_usd": "Own machines", "hosted_usd": "Hosted"}
_HEIGHT_PX = 320
_LINE_PX = 16
_WHOLE_PERCENT = 0.1
_MARGIN = 1.2
"""Of a logarithmic scale at both ends."""
_DATE = "timeFormat(toDate(datum.value + 'T00:00'), '%-d %b')"
_DOLLARS = "replace(format(datum.value, '$,~r'), 'G', 'B')"
_KINDS = ("Spent", "Expected")
_BAND = "Nine in ten"
_STEPS = (1, 2, 5)
_FEW_TENS = 4
"""Powers of ten between which there is room for three labels each."""


def month_course(table: pd.DataFrame) -> alt.LayerChart:
    """The month's sum day by day, spent and expected, with the band. ``table`` as ``course_table`` makes it."""
    axis = alt.Axis(labelExpr=_DATE, labelAngle=0, labelOverlap=True, labelSeparation=12)
    days = alt.X("day:O", title=None, scale=alt.Scale(domain=table["day"].tolist()), axis=axis)
    amount = alt.Axis(labelExpr=_DOLLARS, tickCount=5)
    tips = [alt.Tooltip(f"{name}:N", title=name.capitalize()) for name in ("day", "spent", "expected", "band")]
    kinds = alt.Scale(domain=[*_KINDS, _BAND])
    long = table.melt(["day", "spent", "expected", "band"], ["Spent", "Expected"], "kind", "usd").dropna(subset="usd")
    legend = alt.Legend(
        orient="top", title=None, offset=4, padding=0, symbolType="square", symbolStrokeWidth=0, symbolOpacity=1
    )
    band = (
        alt.Chart(table.dropna(subset=["low"]).assign(kind=_BAND))
        .mark_area(opacity=0.25)
        .encode(x=days, y=alt.Y("low:Q", title="US dollars", axis=amount), y2="high:Q",
                color=alt.Color("kind:N", scale=kinds, legend=legend))
    )  # fmt: skip
    lines = (
        alt.Chart(long)
        .mark_line(point=alt.OverlayMarkDef(size=40), strokeWidth=2.5)
        .encode(
            x=days,
            y=alt.Y("usd:Q", title="US dollars", axis=amount),
            color=alt.Color("kind:N", scale=kinds, legend=legend),
            strokeDash=alt.StrokeDash(
                "kind:N", scale=alt.Scale(domain=list(_KINDS), range=[[1, 0], [5, 4]]), legend=None
            ),
            tooltip=tips,
        )
    )
    chart: alt.LayerChart = (band + lines).properties(height=_HEIGHT_PX)
    return chart


def utilisation_chart(table: pd.DataFrame, found: Comparison) -> alt.LayerChart | alt.FacetChart:
    """Dollars for a million tokens over utilisation, hosted as a level line; marks where they are level and where the
    workload is.
    """
    long = table.rename(columns=_SIDES).melt("utilisation", list(_SIDES.values()), "side", "usd").dropna()
    x = alt.X("utilisation:Q", title="Utilisation", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("usd:Q", title="US dollars for 1,000,000 tokens", **_amounts(long["usd"].tolist()))
    color = alt.Color("side:N", scale=alt.Scale(domain=list(_SIDES.values())),
                      legend=alt.Legend(orient="top", title=None, offset=4, padding=0))  # fmt: skip
    tips = [alt.Tooltip("side:N", title="Where"), alt.Tooltip("utilisation:Q", format=".0%", title="Utilisation"),
            alt.Tooltip("usd:Q", format="$,.4~r", title="1,000,000 tokens")]  # fmt: skip
    lines = alt.Chart(long).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=color, tooltip=tips)
    return alt.layer(lines, *_places(found, x)).properties(height=_HEIGHT_PX)


def _amounts(values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic scale, as half the utilisation is twice the price; nothing is free on one."""
    if not values or min(values) <= 0:
        return {"axis": alt.Axis(labelExpr=_DOLLARS, tickCount=5)}
    least, most = min(values) / _MARGIN, max(values) * _MARGIN
    low, high = floor(log10(least)), ceil(log10(most))
    steps = _STEPS if high - low <= _FEW_TENS else (1,)
    ticks = [step * 10.0**power for power in range(low, high + 1) for step in steps]
    shown = [tick for tick in ticks if least <= tick <= most]
    return {
        "scale": alt.Scale(type="log", domain=[least, most], nice=False),
        "axis": alt.Axis(labelExpr=_DOLLARS, values=shown),
    }


def _share(part: float) -> str:
    """In percent; a small one with two digits, so that it is no 0."""
    return f"{part:.0%}" if part >= _WHOLE_PERCENT else f"{100 * part:.2g}%"


def _places(found: Comparison, x: alt.X) -> list[alt.Chart | alt.LayerChart]:
    """An upright line with its word for the workload, and for the break-even point."""
    at = {"this traffic": found.utilisation, "break-even": found.break_even_utilisation}
    rows = [
        {"utilisation": u, "what": f" {what} {_share(u)}", "y_px": _LINE_PX * n}
        for n, (what, u) in enumerate(at.items())
        if u and u <= 1
    ]
    shown = pd.DataFrame(rows)
    if shown.empty:
        return []
    base = alt.Chart(shown).encode(x=x)
    words = base.mark_text(align="left", baseline="top", dx=3, color=GRAY).encode(
        text="what:N", y=alt.Y("y_px:Q", scale=None, axis=None)
    )
    return [base.mark_rule(strokeDash=[4, 4], color=GRAY), words]
