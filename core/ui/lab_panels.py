"""The parts of the Prompt Lab's tab of results: charts, flips, case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from core.lab.metrics import Metric
from core.lab.results import Results
from core.lab.tradeoff import tradeoff
from core.lab.variants import Variant
from core.lab.verdict import Verdict
from core.ui import lab_outputs
from core.ui.components import notices
from core.ui.lab_charts import HEAT_SELECTION, POINT_SELECTION, heat_map, intervals, pareto, standings_of
from core.ui.lab_tables import TRACE_OF, cases_table, flips_table, means_table, runs_table
from core.ui.text import count, escape_markdown, shorten

_MODEL, _HEAT, _POINTS, _FLIPS, _PRICE = "lab-heat-model", "lab-heat", "lab-points", "lab-flips", "lab-price"
_ALL_MODELS = "All models"


def charts(results: Results, metric: Metric, baseline: Variant, found: Verdict) -> None:
    """Heat map, Pareto chart, the cells of what was clicked in them, and the means."""
    left, right = st.columns(2, gap="medium")
    with left:
        of_field = _heat_map(results, metric)
    with right:
        of_point = _pareto(results, metric)
    if clicked := list(dict.fromkeys((*of_field, *of_point))):
        _runs(results, clicked, metric)
    st.subheader("Means", anchor=False)
    standings = standings_of(found, baseline)
    standings = {variant: standings.get(variant, "") for variant in results.variants}
    means = results.means(metric)
    st.altair_chart(intervals(means, metric, standings), alt=f"{metric.title}: mean and interval of each variant")
    with st.expander("As numbers"):
        st.dataframe(means_table(means, metric, standings), hide_index=True, alt="Means with intervals")


def _heat_map(results: Results, metric: Metric) -> list[Variant]:
    """Returns the variants whose field was clicked: over all models one of each."""
    st.subheader("Template and temperature", anchor=False)
    models = list(dict.fromkeys(variant.model for variant in results.variants))
    model: str | None = models[0]
    if len(models) > 1:
        picked = st.selectbox("Model", [_ALL_MODELS, *models], key=_MODEL, label_visibility="collapsed")
        model = None if picked == _ALL_MODELS else picked
    cells = results.heat_map(metric, model)
    st.caption(f"{escape_markdown(metric.title)} · click a field to see its cells")
    event = st.altair_chart(
        heat_map(cells, metric), key=_HEAT, on_select="rerun", selection_mode=HEAT_SELECTION,
        alt=f"{metric.title} by template and temperature",
    )  # fmt: skip
    points = event.selection.get(HEAT_SELECTION) or []
    wanted = (points[-1].get("row"), points[-1].get("temperature")) if points else None
    shown = [variant for variant in results.variants if model in (None, variant.model)]
    return [variant for variant in shown if (variant.versioned, variant.warmth) == wanted]


def _pareto(results: Results, metric: Metric) -> list[Variant]:
    """Returns the variant whose point was clicked."""
    st.subheader("Quality and what it takes", anchor=False)
    quality = metric if metric.is_quality else next(iter(results.quality), None)
    prices = {m.title: m for m in results.metrics if m.key in ("completion_tokens", "cost_usd")}
    if quality is None or not prices:
        st.caption("No scorer says how good an output is." if quality is None else "Neither tokens nor cost are known.")
        return []
    price = _price(prices)
    made = tradeoff(results, quality, price)
    if made.left_out:
        names = ", ".join(made.left_out)
        notices([f"Left out, as {quality.title} or {price.title} is unknown for some cell: {shorten(names, 300)}."])
    if not made.points:
        return []
    st.caption("On the line: no other variant is as good and takes less · click a point to see its cells")
    event = st.altair_chart(
        pareto(made, quality, price), key=_POINTS, on_select="rerun", selection_mode=POINT_SELECTION,
        alt=f"{quality.title} against {price.title}",
    )  # fmt: skip
    points = event.selection.get(POINT_SELECTION) or []
    return [point.variant for point in made.points if points and point.name == points[-1].get("name")]


def _price(prices: Mapping[str, Metric]) -> Metric:
    """By title, the one that quality is shown against."""
    first = next(iter(prices))
    if len(prices) == 1:
        return prices[first]
    picked = st.segmented_control(
        "Against", list(prices), default=first, required=True, key=_PRICE, label_visibility="collapsed"
    )
    return prices[picked]


def _runs(results: Results, variants: Sequence[Variant], metric: Metric) -> None:
    runs = [run for variant in variants for run in results.of_variant[variant]]
    names = ", ".join(results.names[variant] for variant in variants)
    st.caption(f"{escape_markdown(shorten(names, 300))}: {count(len(runs), 'cell')}")
    link = st.column_config.LinkColumn(display_text=TRACE_OF, width="small")
    st.dataframe(
        runs_table(runs, metric, results.names), hide_index=True, alt="The cells of what was clicked",
        column_config={"Trace": link, "Output": st.column_config.TextColumn(width="large")},
    )  # fmt: skip


def flips(results: Results, metric: Metric, baseline: Variant) -> None:
    """Cases with another outcome than the baseline's."""
    st.subheader("Flips", anchor=False)
    name = escape_markdown(results.names[baseline])
    if not results.passes:
        st.caption("No scorer lets an output pass or fail, so no case can flip.")
        return
    found = results.flips(metric, baseline)
    if not found:
        st.caption(f"No case comes out otherwise than with {name}.")
        return
    fixed = sum(flip.fixed for flip in found)
    st.caption(f"Against {name}: {fixed:,} fixed, {len(found) - fixed:,} broken · mark a row to see both outputs below")
    link = st.column_config.LinkColumn(display_text=TRACE_OF, width="small")
    st.dataframe(
        flips_table(found), hide_index=True, key=_FLIPS, alt="Cases with another outcome", selection_mode="single-row",
        on_select=partial(_compare_flip, results, metric, baseline),
        column_config={"Baseline": link, "Now": link, "Output": st.column_config.TextColumn(width="large")},
    )  # fmt: skip


def _compare_flip(results: Results, metric: Metric, baseline: Variant) -> None:
    rows, found = st.session_state[_FLIPS].selection.rows, results.flips(metric, baseline)
    if rows and rows[0] < len(found):
        flip = found[rows[0]]
        lab_outputs.compare(flip.case_id, results.names[baseline], flip.name)


def cases(results: Results, metric: Metric) -> None:
    """Every case with every variant."""
    st.subheader("Case by case", anchor=False)
    st.caption(f"{escape_markdown(metric.title)} · each value opens its trace")
    link = st.column_config.LinkColumn(display_text=TRACE_OF)
    st.dataframe(
        cases_table(results, metric), hide_index=True, alt="Each case with each variant",
        column_config=dict.fromkeys(results.names.values(), link),
    )  # fmt: skip
