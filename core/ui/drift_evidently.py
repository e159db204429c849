"""Evidently's own report: to download, and in a frame that can do nothing to the page."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.drift.documents import drift_document
from core.errors import NotFound
from core.models import DriftReport
from core.plain_text import spreadsheet_cell
from core.services import Services
from core.ui.drift_phrases import column_name
from core.ui.errors import show_error
from core.ui.text import escape_markdown

_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' "
    "'unsafe-eval' blob:; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:; "
    "form-action 'none'; base-uri 'none'\">"
)
"""Nothing is loaded from, or sent to, anywhere: the report is whole in itself."""
_HEIGHT_PX = 900


def show(services: Services, report: DriftReport, _reports: Sequence[DriftReport]) -> None:
    """The whole tab."""
    _downloads(services, report)
    said: Mapping[str, Any] | None = report.details.get("evidently")
    if said is None:
        st.caption("Evidently had no column to compare.")
        return
    _scores(report, said)
    if not said.get("html"):
        st.caption("Evidently could make no report of these columns.")
        return
    if st.toggle("Show its report here", key=f"drift-frame-{report.report_id}", help="About 4 MB"):
        st.iframe(framed(services.drift.html(report.report_id)), height=_HEIGHT_PX, alt="Evidently's report")


def framed(report_html: bytes) -> str:
    """A page around the report that gives it an origin of its own.

    The frame of the page itself has the app's origin, so a script in it could read and click everything. Texts in the
    report are made harmless before Evidently sees them; this holds whatever gets past that.
    """
    inner = html.escape(sealed(report_html).decode("utf-8", "replace"), quote=True)
    return (
        "<!doctype html><style>html,body,iframe{margin:0;border:0;width:100%;height:100%;display:block}"
        f'</style><iframe title="Evidently" sandbox="allow-scripts" srcdoc="{inner}"></iframe>'
    )


def sealed(report_html: bytes) -> bytes:
    """The report with a policy that lets it load and send nothing."""
    head, found, rest = report_html.partition(b"<head>")
    return head + found + _POLICY.encode() + rest if found else _POLICY.encode() + report_html


def _downloads(services: Services, report: DriftReport) -> None:
    with st.container(horizontal=True):
        if (report.details.get("evidently") or {}).get("html"):
            try:
                services.drift.html_path(report.report_id)
            except NotFound as error:
                show_error(error)
            else:
                st.download_button(
                    "Evidently's report", lambda: sealed(services.drift.html(report.report_id)),
                    "cuepoint-drift-evidently.html", "text/html", icon=":material/download:", on_click="ignore",
                    key="drift-html", help="One HTML file, whole in itself",
                )  # fmt: skip
        st.download_button(
            "CSV", lambda: to_csv(report), "cuepoint-drift.csv", "text/csv", icon=":material/download:",
            on_click="ignore", key="drift-csv", help="A line for each column",
        )  # fmt: skip
        st.download_button(
            "JSON", lambda: to_json(report), "cuepoint-drift.json", "application/json", icon=":material/download:",
            on_click="ignore", key="drift-json", help="As `drift --json` prints it, with its details",
        )  # fmt: skip


def _scores(report: DriftReport, said: Mapping[str, Any]) -> None:
    st.caption(
        "Evidently judges each column by its score alone; a verdict here also asks that the change be no chance."
    )
    st.dataframe(scores_table(report, said), hide_index=True, alt="Evidently's scores beside ours")
    for name, why in said.get("failed", ()):
        st.caption(
            f":material/info: Evidently did not compare {escape_markdown(column_name(name))}: {escape_markdown(why)}"
        )


def scores_table(report: DriftReport, said: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each column that Evidently compared."""
    ours = {column.column: column for column in report.columns}
    return pd.DataFrame([
        {
            "Column": column_name(score["column"]),
            "Ours": "drift" if score["column"] in ours and ours[score["column"]].drifted else "same",
            "Evidently": "drift" if score["detected"] else "same",
            "Its method": score["method"],
            "Its score": score["score"],
            "Its threshold": score["threshold"],
        }
        for score in said.get("scores", ())
    ])  # fmt: skip


def to_csv(report: DriftReport) -> str:
    """Names as a spreadsheet shows them and does not run them."""
    rows = drift_document(report)["columns"]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows({**row, "column": spreadsheet_cell(row["column"])} for row in rows)
    return out.getvalue()


def to_json(report: DriftReport) -> str:
    return json.dumps({**drift_document(report), "details": dict(report.details)}, ensure_ascii=True, indent=2)
