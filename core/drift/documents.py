"""What ``drift`` prints."""

from __future__ import annotations

from typing import Any

from core.models import DriftColumn, DriftReport

Document = dict[str, Any]


def drift_document(report: DriftReport) -> Document:
    """One report with its columns, without its details."""
    return {
        "report_id": report.report_id,
        "verdict": None if report.verdict is None else str(report.verdict),
        "sentence": report.sentence,
        "columns": [_column_document(column) | {"note": note_of(report, column)} for column in report.columns],
        "left_out": [{"column": column, "reason": reason} for column, reason in report.left_out],
        "reference": report.reference,
        "current": report.current,
        "n_reference": report.n_reference,
        "n_current": report.n_current,
        "state": report.state,
        "sample": report.sample,
        "created_at": report.created_at.isoformat(),
        "error": report.error,
    }


def note_of(report: DriftReport, column: DriftColumn) -> str | None:
    """What a reader should know of how the column is compared."""
    note: str | None = report.details.get("notes", {}).get(column.column)
    return note


def _column_document(column: DriftColumn) -> Document:
    return {
        "column": column.column,
        "kind": column.kind,
        "method": column.method,
        "score": column.score,
        "threshold": column.threshold,
        "p_value": column.p_value,
        "q_value": column.q_value,
        "drifted": column.drifted,
        "n_reference": column.n_reference,
        "n_current": column.n_current,
    }
