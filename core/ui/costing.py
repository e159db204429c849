"""The Cost page's first tab: what was spent. Over one source its totals, the chart, the table, the file."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.cost.printing import CostSource
from core.cost.report import By, Report
from core.ledger import Source, Tally
from core.services import Services
from core.ui import places, reading_back, reconciling, sample_making
from core.ui.charts import BAR_SELECTION
from core.ui.components import empty_state
from core.ui.cost_charts import spending_bars
from core.ui.cost_figures import money_cell, totals, unknown_prices
from core.ui.cost_tables import MOST_ROWS, Bars, Measure, bar_clicked, bars_of, row_clicked, rows_table, to_csv
from core.ui.cost_view import View, ask_for, choose
from core.ui.errors import callback
from core.ui.sample import shown
from core.ui.text import UNKNOWN, count, escape_markdown

_CHART, _TABLE = "cost-chart", "cost-rows"
_HELP = {
    "Questions": "Cells of the lab and other calls of a model included",
    "Thumbs up": None,
    "Tokens": "Prompt and completion",
    "Unknown price": "Tokens that the cost leaves out, as nobody knows their price",
    "Prompt": "Tokens of the prompts",
    "Cached": "Those of the prompts' tokens that the server had in its cache",
    "Completion": "Tokens of the answers",
    "Reasoning": "Those of the answers' tokens that nobody sees",
}
_COLUMNS = {name: st.column_config.NumberColumn(format="localized", help=text) for name, text in _HELP.items()}


def show(services: Services) -> None:
    """The tab."""
    view = choose()
    if view.source is not CostSource.LEDGER:
        reading_back.panel(services, view.since)
    if view.source is CostSource.BOTH:
        reconciling.show(services, view)
        return
    source = Source.LEDGER if view.source is CostSource.LEDGER else Source.MIRROR
    report = services.costs.report(
        since=view.since, by=view.by, zone=view.zone, source=source, sample=shown() and source is Source.LEDGER
    )
    if not report.cells:
        _nothing(services, view)
        return
    unknown_prices(report)
    totals(report.total)
    _chart(report, view)
    _rows(services, report)


def _nothing(services: Services, view: View) -> None:
    if view.source is CostSource.COMET:
        empty_state("cloud_off", "Nothing of this time was read back", "Read Comet back, or choose a longer time.")
    elif view.since is not None and services.costs.report(by=By.KIND, sample=shown()).cells:
        empty_state("payments", f"Nothing was asked in the last {view.window}", "Choose a longer time.")
    else:
        text = "Tokens and cost of every question will stand here, by day, model, kind, template and person: in total, "
        empty_state("payments", "Nothing was spent yet", text + "for each question and for each thumb up.")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(places.ASK, label="Ask the first question", icon=":material/forum:", width="content")
            sample_making.offer(services)


def _chart(report: Report, view: View) -> None:
    measure = _measure(report.total)
    bars = bars_of(report, *view.ends(report), measure)
    st.caption(
        f"One bar a {bars.width}, in {escape_markdown(report.zone)} time · click one to open {_traces_of(report)}"
    )
    st.altair_chart(
        spending_bars(bars, measure), key=_CHART, on_select=partial(callback(_open_bar), bars, report),
        selection_mode=BAR_SELECTION, alt=f"{measure} by {bars.width}",
    )  # fmt: skip


def _traces_of(report: Report) -> str:
    return "its traces" if report.source is Source.LEDGER else "the ledger's traces of it"


def _measure(total: Tally) -> Measure:
    """Starts with the cost where any is known, else with what is."""
    first = Measure.COST if total.known_usd else Measure.TOKENS if total.tokens else Measure.CALLS
    chosen = st.segmented_control(
        "Bars show", list(Measure), default=first, required=True, key="cost-measure", label_visibility="collapsed"
    )
    return Measure(chosen)


def _open_bar(bars: Bars, report: Report) -> None:
    points = st.session_state[_CHART].selection.get(BAR_SELECTION) or []
    if points:
        ask_for(bar_clicked(bars, str(points[-1].get("begin")), str(points[-1].get("name")), report))


def _rows(services: Services, report: Report) -> None:
    table = rows_table(report)
    left_out = len(report.rows()) - len(table)
    more = f", the first {MOST_ROWS:,} shown" if left_out else ""
    st.caption(f"{count(len(table) + left_out, 'row')}{more} · mark one to open {_traces_of(report)}")
    amounts = ["Cost", "Per question", "Per thumb up"]
    st.dataframe(
        table.style.format(dict.fromkeys(amounts, money_cell)), hide_index=True, key=_TABLE, column_config=_COLUMNS,
        placeholder=UNKNOWN,
        on_select=partial(callback(_open_row), report), selection_mode="single-row",
        alt=f"Questions, cost and tokens by {report.by}",
    )  # fmt: skip
    st.download_button(
        "CSV", lambda: to_csv(services.costs.whole(report)), "cuepoint-cost.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="cost-csv",
        help="Each day's sums" + ("" if report.by is By.DAY else f" for each {report.by}"),
    )  # fmt: skip


def _open_row(report: Report) -> None:
    rows = st.session_state[_TABLE].selection.rows
    if rows:
        ask_for(row_clicked(report, report.rows(), rows[0]))
