"""``cost``: what was spent, what the month will have cost, and what it would cost on another model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from core.commands import Json, Open, Sample
from core.console import moment, show_result
from core.cost.printing import CostSource, budgets_part, forecast_part, spending_part, together, what_if_part
from core.cost.proving import proof_document, proof_lines
from core.cost.report import By
from core.cost.repricing import price_named, writers
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
        what_if: Annotated[
            str | None, typer.Option(metavar="MODEL", help="What it would have cost on this model of the price list.")
        ] = None,
        verify: Annotated[
            bool, typer.Option("--verify", help="Prove that the sums equal the traces, and show nothing else.")
        ] = False,
        repair: Annotated[bool, typer.Option("--repair", help="With --verify: make anew what differs.")] = False,
        sample: Sample = False,
        json_: Json = False,
    ) -> None:
        """Show what was spent and what the month will have cost. What nobody knows is unknown and named, never 0."""
        if repair and not verify:
            raise typer.BadParameter("goes with --verify only", param_hint="--repair")
        if verify:
            _prove(services, repair=repair, as_json=json_)
            return
        zone, now = zone_named(timezone), datetime.now(UTC)
        begin = moment(since, "--since", zone)
        with services() as opened:
            price = None if what_if is None else price_named(what_if, writers(opened.prices.table(), now))
            parts = [spending_part(opened.costs, source, by, begin, zone, sample=sample)]
            if source is not CostSource.COMET:
                parts.append(forecast_part(opened.costs, zone, now, sample=sample))
                parts.append(budgets_part([] if sample else opened.budgets.states()))
            if price is not None:
                parts.append(what_if_part(opened.costs, begin, zone, price, sample=sample))
        document, lines = together(parts)
        show_result(document, lines, as_json=json_)


def _prove(services: Open, *, repair: bool, as_json: bool) -> None:
    """Exits with 1 where sums differ and are not repaired."""
    with services() as opened:
        proof = opened.costs.verify()
        repaired = repair and proof.different > 0
        if repaired:
            opened.costs.repair(proof)
    show_result(proof_document(proof, repaired=repaired), proof_lines(proof, repaired=repaired), as_json=as_json)
    if proof.different and not repaired:
        raise typer.Exit(1)
