"""The charts of the Cost page, made with Altair; their colours come from the theme, light or dark."""

from __future__ import annotations

import altair as alt

from core.ui.charts import BAR_SELECTION
from core.ui.cost_tables import Bars, Measure

_HEIGHT_PX = 300
_DATE = "timeFormat(toDate(datum.value + 'T00:00'), '{}')"
"""A day without a time zone: read and written in the browser's own, so that it stays that day."""
_FORMATS = {"day": "%-d %b", "week": "%-d %b", "month": "%b %Y"}
_AMOUNT = "replace(format(datum.value, '{}'), 'G', 'B')"
"""Each number by itself, as an axis would write all of them in thousands; and a billion has a B."""
_FORMS = {Measure.COST: "$,~r", Measure.TOKENS: "~s", Measure.CALLS: "~s"}


def spending_bars(bars: Bars, measure: Measure) -> alt.Chart:
    """A bar a day, stacked by name; a click selects ``begin`` and ``name``."""
    picked = alt.selection_point(BAR_SELECTION, fields=["begin", "name"], toggle=False)
    chart: alt.Chart = (
        alt.Chart(bars.table)
        .mark_bar(cursor="pointer", cornerRadius=2)
        .encode(
            x=_days(bars.begins, bars.width),
            y=_amount(measure),
            color=alt.Color("name:N", scale=alt.Scale(domain=list(bars.names)), legend=_legend(bars)),
            order=alt.Order("rank:Q"),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.4)),
            tooltip=[_tip(name) for name in ("begin", "name", "cost", "tokens", "questions")],
        )
        .add_params(picked)
        .properties(height=_HEIGHT_PX)
    )
    return chart


def side_by_side(bars: Bars) -> alt.Chart:
    """Two bars a day, one for each side; a click selects ``begin``."""
    picked = alt.selection_point(BAR_SELECTION, fields=["begin"], toggle=False)
    chart: alt.Chart = (
        alt.Chart(bars.table)
        .mark_bar(cursor="pointer", cornerRadius=2)
        .encode(
            x=_days(bars.begins, bars.width),
            xOffset=alt.XOffset("name:N", scale=alt.Scale(domain=list(bars.names))),
            y=_amount(Measure.COST),
            color=alt.Color("name:N", scale=alt.Scale(domain=list(bars.names)), legend=_legend(bars)),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.4)),
            tooltip=[_tip(name) for name in ("begin", "name", "cost", "tokens", "questions")],
        )
        .add_params(picked)
        .properties(height=_HEIGHT_PX)
    )
    return chart


def _days(begins: tuple[str, ...], width: str) -> alt.X:
    axis = alt.Axis(labelExpr=_DATE.format(_FORMATS[width]), labelAngle=0, labelOverlap=True, labelSeparation=12)
    return alt.X("begin:O", title=None, scale=alt.Scale(domain=list(begins)), axis=axis)


def _amount(measure: Measure) -> alt.Y:
    title = {Measure.COST: "US dollars", Measure.TOKENS: "Tokens", Measure.CALLS: "Questions"}[measure]
    least = 1 if measure is not Measure.COST else 0
    axis = alt.Axis(labelExpr=_AMOUNT.format(_FORMS[measure]), tickMinStep=least, tickCount=5)
    return alt.Y("value:Q", title=title, axis=axis)


def _legend(bars: Bars) -> alt.Legend | None:
    """Of the names that have a bar; their colours stay whatever is measured."""
    shown = set(bars.table["name"])
    names = [name for name in bars.names if name in shown]
    legend = alt.Legend(orient="top", title=None, columns=3, labelLimit=180, values=names, offset=4, padding=0)
    return legend if len(bars.names) > 1 else None


def _tip(field: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:N", title={"begin": "From", "name": "Name"}.get(field, field.capitalize()))
