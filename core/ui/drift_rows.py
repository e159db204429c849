"""The rows behind a bar of a drift report, or of a whole side, in a dialog; each opens its trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from core.drift.sides import Bar, Rows, Side
from core.models import DriftReport
from core.phrases import one_line
from core.plain_text import spreadsheet_cell
from core.services import Services
from core.ui.drift_phrases import column_name, spread_of, window_words
from core.ui.errors import guard
from core.ui.text import escape_markdown, shorten

_ASKED, _KEPT, _SIDE = "drift-rows-of", "drift-rows-kept", "drift-rows-side"
_MOST = 500
_LONGEST_CELL = 300
_LONGEST_LABEL = 80
_TRACE = "Trace"
_TRACE_NAME = r"#(.+)$"
"""What a link to a trace is called stands behind its ``#``."""
_FIRST = ("question", "answer")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose rows are shown."""

    side: Side
    bar: Bar | None


def ask_for(side: Side, bar: Bar | None) -> None:
    """For a click: the next drawing of the page opens the dialog."""
    st.session_state[_ASKED] = Wanted(side, bar)
    st.session_state[_SIDE] = side


def forget() -> None:
    """The dialog was closed."""
    st.session_state.pop(_ASKED, None)
    st.session_state.pop(_KEPT, None)


def open_dialog(services: Services, report: DriftReport) -> None:
    """Where rows were asked for."""
    wanted = st.session_state.get(_ASKED)
    if wanted is not None:
        _dialog(services, report, wanted)


@st.dialog("Rows", width="large", on_dismiss=forget, icon=":material/table_rows:")
def _dialog(services: Services, report: DriftReport, wanted: Wanted) -> None:
    picked = st.segmented_control(
        "Side", list(Side), key=_SIDE, required=True, format_func=lambda s: str(s).capitalize(),
        label_visibility="collapsed",
    )  # fmt: skip
    side = Side(picked or wanted.side)
    st.markdown(f"**{escape_markdown(described(report, wanted.bar))}**")
    with guard():
        rows = _load(services, report, side, wanted.bar)
        window = report.current if side is Side.CURRENT else report.reference
        of = "" if wanted.bar is None else f" of {rows.of:,}"
        more = f", the newest {_MOST} shown" if len(rows.table) > _MOST else ""
        st.caption(f"{len(rows.table):,}{of} rows of {escape_markdown(window_words(window))}{more}")
        _table(rows, wanted)


def _load(services: Services, report: DriftReport, side: Side, bar: Bar | None) -> Rows:
    """Kept while the dialog is open: a window of many thousand rows takes a second."""
    wanted = (report.report_id, side, bar)
    kept = st.session_state.get(_KEPT)
    if kept is None or kept[0] != wanted:
        kept = (wanted, services.drift.behind(report.report_id, side, bar))
        st.session_state[_KEPT] = kept
    rows: Rows = kept[1]
    return rows


def _table(rows: Rows, wanted: Wanted) -> None:
    if rows.table.empty:
        st.caption("No row.")
        return
    shown = rows_table(rows.table, wanted.bar.column if wanted.bar else "")
    st.dataframe(
        shown, hide_index=True, alt="The rows", height=420,
        column_config={
            _TRACE: st.column_config.LinkColumn(display_text=_TRACE_NAME, width="small"),
            "question": st.column_config.TextColumn(width="large"),
            "started_at": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", help="UTC"),
        },
    )  # fmt: skip
    st.download_button(
        "CSV", lambda: to_csv(rows.table), "cuepoint-drift-rows.csv", "text/csv", icon=":material/download:",
        on_click="ignore", key="drift-rows-csv", help="All of these rows, whole",
    )  # fmt: skip


def described(report: DriftReport, bar: Bar | None) -> str:
    """Plain text: ``latency ms: 900 to 1000``."""
    if bar is None:
        return "All rows"
    spread = spread_of(report, bar.column) or {}
    if "values" in spread:
        return f"{column_name(bar.column)}: {shorten(str(spread['values'][bar.place]), _LONGEST_LABEL) or '(blank)'}"
    edges = spread.get("edges", [])
    unit = " characters" if "of" in spread else ""
    first, last = bar.place == 0, bar.place == len(edges) - 2
    low, high = f"{edges[bar.place]:.4g}", f"{edges[bar.place + 1]:.4g}"
    span = low if first and last else f"up to {high}" if first else f"{low} and more" if last else f"{low} to {high}"
    return f"{column_name(bar.column)}: {span}{unit}"


def rows_table(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The last ones first, with the column that was clicked in front and a link to the trace of each."""
    newest = rows.iloc[::-1].head(_MOST)
    table: dict[str, Any] = {}
    if "trace_id" in newest:
        table[_TRACE] = [trace_address(str(trace_id)) for trace_id in newest["trace_id"]]
    names = [str(name) for name in newest.columns]
    first = [name for name in (column, *_FIRST, "started_at") if name in names]
    for name in dict.fromkeys([*first, *names]):
        if name not in ("trace_id", _TRACE):
            table[name] = [_cell(value) for value in newest.iloc[:, names.index(name)]]
    return pd.DataFrame(table)


def trace_address(trace_id: str, name: str = "open") -> str:
    return f"/traces?trace={quote(trace_id, safe='')}#{quote(name)}"


def _cell(value: Any) -> Any:
    return shorten(one_line(value), _LONGEST_CELL) if isinstance(value, str) else value


def to_csv(rows: pd.DataFrame) -> str:
    """A cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    table = rows.rename(columns=lambda name: spreadsheet_cell(str(name)))
    return str(table.map(lambda cell: spreadsheet_cell(cell) if isinstance(cell, str) else cell).to_csv(index=False))
