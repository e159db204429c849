"""The Cost page over the ledger and Comet side by side, with the differences named, counted and opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.cost.report import Comparison, Report, Row
from core.cost.summary import DIFFERENCES, sides_of
from core.ledger import Difference, DifferenceExample, DifferenceTally, Source
from core.services import Services
from core.ui import places
from core.ui.charts import BAR_SELECTION
from core.ui.components import empty_state
from core.ui.cost_charts import side_by_side
from core.ui.cost_figures import NOTHING, cost_text, money_cell, unknown_prices
from core.ui.cost_tables import SIDES, Bars, bar_clicked, days_beside, row_clicked, rows_beside, to_csv
from core.ui.cost_view import View, ask_for
from core.ui.errors import callback
from core.ui.text import UNKNOWN, count, escape_markdown, moment, money, shorten

_CHART, _TABLE = "cost-sides", "cost-sides-rows"
_COLUMNS = {
    f"{side}, {what}": st.column_config.NumberColumn(format="localized")
    for side in SIDES
    for what in ("questions", "records", "tokens")
}
_MOST_EXAMPLES = 5
_TITLE_CHARS = 80
_WHAT_TO_DO = {
    Difference.TOKENS: "The record at Comet was changed, or was read back before the trace's last change arrived.",
    Difference.COST: "The record at Comet was changed, or one side knows a price that the other does not.",
    Difference.WAITING: "The Traces page says how the delivery stands.",
    Difference.REFUSED: "The Traces page says why, and sends them again when they are mended.",
    Difference.UNQUEUED: "The Traces page sends them: “Send earlier traces”.",
    Difference.SAMPLE: "Sample traffic stays here.",
    Difference.UNREAD: "Read Comet back to see them.",
    Difference.MISSING: "Read Comet back again. If they stay away, somebody removed them there.",
    Difference.FOREIGN: "Other programs log to the same project.",
    Difference.ELSEWHERE: "They are of another library that logs to the same project, or were removed here.",
}


def show(services: Services, view: View) -> None:
    """Totals, differences, chart and table of both."""
    ours, theirs = (
        services.costs.report(since=view.since, by=view.by, zone=view.zone, source=source) for source in Source
    )
    if not ours.cells and not theirs.cells:
        empty_state("compare_arrows", "Nothing to compare", "Neither the ledger nor Comet has anything of this time.")
        return
    with st.spinner("Comparing trace by trace…", show_time=False):
        comparison = services.costs.compare(since=view.since)
    _totals(ours, theirs)
    _differences(services, comparison, view)
    for report, side in zip((ours, theirs), SIDES, strict=True):
        unknown_prices(report, side)
    _chart(ours, theirs, view)
    _rows(services, ours, theirs)


def _totals(ours: Report, theirs: Report) -> None:
    here, there = ours.total, theirs.total
    apart = None if None in (here.cost_usd, there.cost_usd) else here.known_usd - there.known_usd
    both = bool(ours.cells and theirs.cells)
    with st.grid(3, min_column_width=150):
        st.metric(SIDES[0], _side_total(ours), border=True, help=count(here.calls, "question"))
        st.metric(SIDES[1], _side_total(theirs), border=True, help=count(there.calls, "record"))
        st.metric("Difference", money(apart) if both else NOTHING, border=True,
                  help="The ledger's known cost less Comet's")  # fmt: skip


def _side_total(report: Report) -> str:
    """A dash where a side has nothing: what was never read back is no zero."""
    return cost_text(report.total) if report.cells else NOTHING


def _differences(services: Services, comparison: Comparison, view: View) -> None:
    found = {one.kind: one for one in comparison.differences}
    st.markdown("#### Trace by trace")
    alike = found.pop(Difference.NONE, None)
    if alike:
        st.markdown(f":green[:material/check_circle:] **{alike.count:,}** in both, with equal tokens and cost")
    if not found:
        st.markdown("No difference.")
    for kind in DIFFERENCES:
        if kind in found:
            _difference(services, found[kind], view)


def _difference(services: Services, one: DifferenceTally, view: View) -> None:
    label = f"**{one.count:,}** {DIFFERENCES[one.kind]} :gray[· {escape_markdown(sides_of(one))}]"
    area = st.expander(label, key=f"difference-{one.kind}", on_change="rerun")
    if not area.open:
        return
    with area:
        st.caption(_WHAT_TO_DO[one.kind])
        for example in services.costs.examples(one.kind, since=view.since, limit=_MOST_EXAMPLES):
            _example(example)
        if one.count > _MOST_EXAMPLES:
            st.caption(f"and {one.count - _MOST_EXAMPLES:,} more")


def _example(example: DifferenceExample) -> None:
    """A link to its trace, or what Comet calls it where the ledger has none; and both sides' numbers."""
    title = escape_markdown(shorten(example.title or "(no name)", _TITLE_CHARS))
    sides = [
        _side(SIDES[0], example.ledger_usd, example.ledger_tokens) if example.trace_id else "",
        _side(SIDES[1], example.mirror_usd, example.mirror_tokens) if example.record_id else "",
    ]
    model = escape_markdown(shorten(example.model or "no model", _TITLE_CHARS))
    facts = " · ".join(filter(None, [moment(example.started_at), model, *sides]))
    if example.trace_id:
        address = {"trace": example.trace_id}
        st.page_link(places.TRACES, label=title, icon=":material/timeline:", query_params=address)
    else:
        st.markdown(f":material/cloud: {title} :gray[· record {escape_markdown(example.record_id or '')}]")
    st.caption(facts)


def _side(name: str, cost: float | None, tokens: int | None) -> str:
    return f"{name}: {escape_markdown(money(cost))}, {UNKNOWN if tokens is None else f'{tokens:,}'} tokens"


def _chart(ours: Report, theirs: Report, view: View) -> None:
    bars = days_beside(ours, theirs, *view.ends(ours, theirs))
    st.markdown("#### By day")
    st.caption(
        f"One pair of bars a {bars.width}, in {escape_markdown(ours.zone)} time · click one for the ledger's traces"
    )
    st.altair_chart(
        side_by_side(bars), key=_CHART, on_select=partial(callback(_open_bar), bars, ours),
        selection_mode=BAR_SELECTION, alt=f"Known cost by {bars.width} in the ledger and in Comet",
    )  # fmt: skip


def _open_bar(bars: Bars, ours: Report) -> None:
    points = st.session_state[_CHART].selection.get(BAR_SELECTION) or []
    if points:
        ask_for(bar_clicked(bars, str(points[-1].get("begin")), SIDES[0], ours))


def _rows(services: Services, ours: Report, theirs: Report) -> None:
    table, rows = rows_beside(ours, theirs)
    st.caption(f"{count(len(rows), 'row')} · mark one to open the ledger's traces")
    st.dataframe(
        table.style.format(dict.fromkeys([*SIDES, "Difference"], money_cell)), hide_index=True, key=_TABLE,
        column_config=_COLUMNS, placeholder=UNKNOWN,
        on_select=partial(callback(_open_row), ours, rows), selection_mode="single-row",
        alt=f"Cost by {ours.by} in the ledger and in Comet",
    )  # fmt: skip
    st.download_button(
        "CSV", lambda: to_csv(*map(services.costs.whole, (ours, theirs))), "cuepoint-cost.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="cost-csv", help="Each day's sums of both",
    )  # fmt: skip


def _open_row(ours: Report, rows: Sequence[Row]) -> None:
    marked = st.session_state[_TABLE].selection.rows
    if marked:
        ask_for(row_clicked(ours, rows, marked[0]))
