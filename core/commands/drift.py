"""``drift``: whether the traffic has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.commands import Json, Open
from core.console import complain, end_progress, show_progress, show_result
from core.drift.documents import drift_document, note_of
from core.drift.service import COMMAND, CURRENT, REFERENCE, Drift
from core.models import DriftColumn, DriftReport
from core.phrases import one_line

_POLL_S = 0.2
_WEBHOOK_S = 6.0
"""What a webhook has not taken by then, a later command or the app sends."""
_INTERRUPTED = 130
"""The shell's exit code for Ctrl-C."""
_HELP = "For example 7d, 14d..7d, 2026-11-01..2026-11-08, version:NAME, or a .csv, .jsonl or .parquet file."


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts it on the command line; ``services`` opens what it works with."""

    @app.command()
    def drift(
        reference: Annotated[str, typer.Option(metavar="WINDOW|FILE", help=_HELP)] = REFERENCE,
        current: Annotated[str, typer.Option(metavar="WINDOW|FILE", help="Likewise.")] = CURRENT,
        json_: Json = False,
    ) -> None:
        """Compare the traffic of two windows, or two files: what has drifted? Drift that is found is no failure."""
        with services() as opened:
            report_id = opened.drift.start(_window(reference), _window(current), COMMAND)
            report = _follow(opened.drift, report_id)
            opened.notifier.wait(_WEBHOOK_S)
        show_result(drift_document(report), _lines(report), as_json=json_)
        if report.error:
            complain(report.error)
            raise typer.Exit(1)


def _window(text: str) -> str:
    """A path that exists is a file."""
    try:
        return f"file:{text}" if Path(text).is_file() else text
    except (OSError, ValueError):
        return text


def _follow(drift: Drift, report_id: str) -> DriftReport:
    try:
        while not drift.wait(report_id, _POLL_S):
            show_progress(drift.stage(report_id))
    except KeyboardInterrupt:
        end_progress()
        complain("stopped")
        raise typer.Exit(_INTERRUPTED) from None
    end_progress()
    return drift.report(report_id)


def _lines(report: DriftReport) -> list[str]:
    lines = [report.sentence or "There is no verdict."]
    lines += [_line(column) for column in report.columns]
    notes = [(column.column, note) for column in report.columns if (note := note_of(report, column))]
    lines += [f"{'note':<9} {one_line(name)}: {note}" for name, note in notes]
    return [*lines, *(f"{'left out':<9} {one_line(column)}: {reason}" for column, reason in report.left_out)]


def _line(column: DriftColumn) -> str:
    score = "unknown" if column.score is None else f"{column.score:.3g}"
    mark = "DRIFT" if column.drifted else "same"
    return f"{mark:<9} {one_line(column.column)}: {column.method} {score}, threshold {column.threshold:g}"
