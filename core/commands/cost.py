"""``cost``: what was spent, what the month will have cost, and what it would cost on another model."""

from __future__ import annotations

from typing import Annotated

import typer

from core.commands import Json, Open
from core.console import moment, show_result
from core.cost.printing import CostSource, printed
from core.cost.report import By
from core.cost.zones import zone_named


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts it on the command line; ``services`` opens what it works with."""

    @app.command()
    def cost(
        since: Annotated[
            str | None,
            typer.Option(metavar="ISO", help="Only from this time on; without a zone it is one of --timezone."),
        ] = None,
        by: Annotated[By, typer.Option(help="What the sums are broken down by.")] = By.DAY,
        source: Annotated[
            CostSource, typer.Option(help="The ledger, what `sync --read-back` read from Comet, or both compared.")
        ] = CostSource.LEDGER,
        timezone: Annotated[str, typer.Option(metavar="NAME", help="Whose days, for example Europe/Berlin.")] = "UTC",
        json_: Json = False,
    ) -> None:
        """Show what was spent and what the month will have cost. What nobody knows is unknown and named, never 0."""
        zone = zone_named(timezone)
        begin = moment(since, "--since", zone)
        with services() as opened:
            document, lines = printed(opened.costs, source, by, begin, zone)
        show_result(document, lines, as_json=json_)
