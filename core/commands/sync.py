"""``sync``: sends to Comet by hand or from cron, and reads back from it."""

from __future__ import annotations

from typing import Annotated

import typer

from core.commands import Json, Open
from core.console import end_progress, moment, show_progress, show_result
from core.documents import sync_document
from core.mirror.service import SyncReport, SyncWish
from core.mirror.status import counted
from core.phrases import one_line


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts it on the command line; ``services`` opens what it works with."""

    @app.command()
    def sync(
        since: Annotated[
            str | None,
            typer.Option(
                metavar="ISO",
                help="Also send traces from before the key, from then on; with --read-back, read from then on.",
            ),
        ] = None,
        until: Annotated[str | None, typer.Option(metavar="ISO", help="Only such traces before this time.")] = None,
        resend: Annotated[bool, typer.Option("--resend", help="Try again what Comet refused.")] = False,
        read_back: Annotated[
            bool,
            typer.Option("--read-back", help="Read usage, cost and feedback back from Comet, since --since or all."),
        ] = False,
        json_: Json = False,
    ) -> None:
        """Send to Comet what it has yet to hear: by hand, or from cron."""
        wish = SyncWish(moment(since, "--since"), moment(until, "--until"), resend, read_back)
        with services() as opened:
            report = opened.mirroring.sync(wish, lambda pending: show_progress(f"{pending:,} to send"))
        end_progress()
        show_result(sync_document(report), _lines(report), as_json=json_)
        if report.failed:
            raise typer.Exit(1)


def _lines(report: SyncReport) -> list[str]:
    read = report.read_back
    lines = [counted(report.outbox)]
    if report.back_filled is not None:
        lines.append(f"{report.back_filled:,} traces from before the key were put in")
    if report.drained.detail:
        lines.append(f"{report.drained.status}: {one_line(report.drained.detail)}")
    lines += [f"  refused: {row.kind} {one_line(row.id)}: {one_line(row.error or '')}" for row in report.refused]
    if read is not None:
        lines.append(f"reading back {read.state}: {read.records:,} records {one_line(read.detail)}".rstrip())
    return lines
