"""``prices …``: the price list, own prices, and costs that they fill in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from core.commands import Json, Open
from core.console import complain, end_progress, moment, show_progress, show_result
from core.cost.price_documents import (
    amounts_text,
    change_document,
    change_text,
    done_document,
    preview_document,
    prices_document,
    span_text,
    table_lines,
)
from core.cost.prices import Price, server_of
from core.cost.pricing import Prices
from core.errors import InputError
from core.ledger import PriceChange
from core.phrases import count, one_line

_AUTHOR = "cli"
Reprice = Annotated[
    bool, typer.Option("--reprice", help="Work out anew also the costs that are known, of its model, server and time.")
]


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts them on the command line; ``services`` opens what each works with."""
    group = typer.Typer(help="What models cost: the price list and own prices.", invoke_without_command=True)
    for add in (_add_list, _add_add, _add_withdraw, _add_fill):
        add(group, services)
    app.add_typer(group, name="prices")


def _add_list(group: typer.Typer, services: Open) -> None:
    @group.callback()
    def prices(context: typer.Context, json_: Json = False) -> None:
        """Show what models cost, by server and time; add and withdraw own prices."""
        if context.invoked_subcommand is not None:
            return
        with services() as opened:
            table, history = opened.prices.table(), opened.prices.history()
        show_result(prices_document(table, history), table_lines(table), as_json=json_)
        if unfinished := [kept for kept in history if kept.filled_at is None]:
            complain(f"{count(len(unfinished), 'price')} did not reach all traces yet: the app goes on, or prices fill")


def _add_add(group: typer.Typer, services: Open) -> None:
    @group.command()
    def add(
        model: Annotated[str, typer.Argument(metavar="MODEL", help="Its name as the server gives it.")],
        input_: Annotated[float, typer.Option("--input", metavar="USD", help="US dollars for a million tokens.")],
        output: Annotated[float, typer.Option("--output", metavar="USD", help="Likewise; reasoning included.")],
        cached: Annotated[
            float | None, typer.Option("--cached", metavar="USD", help="For cached input, where it costs otherwise.")
        ] = None,
        reasoning: Annotated[
            float | None, typer.Option("--reasoning", metavar="USD", help="For reasoning, where it costs otherwise.")
        ] = None,
        since: Annotated[
            str | None,
            typer.Option(
                metavar="ISO",
                help="From when on; without it a model's first price is for all its calls, "
                "another one for those from today on.",
            ),
        ] = None,
        server: Annotated[
            str | None, typer.Option(metavar="ADDRESS", help="Of the model; the one in the settings by default.")
        ] = None,
        note: Annotated[str, typer.Option(help="Where the price is from.")] = "",
        reprice: Reprice = False,
        unknown_server: Annotated[
            bool, typer.Option("--unknown-server", help="Also for traces of which the server is not known.")
        ] = False,
        sure: Annotated[bool, typer.Option("--sure", help="Also where the price looks like a slip.")] = False,
        preview: Annotated[bool, typer.Option("--preview", help="Only tell what it would change.")] = False,
        json_: Json = False,
    ) -> None:
        """Add an own price; questions and runs without a cost that it fits get theirs."""
        begin = moment(since, "--since")
        with services() as opened:
            book = opened.prices
            host = server_of(server) if server else book.server
            begin = begin or book.start_of_next(model.strip(), host, datetime.now(UTC))
            price = Price(model, begin, input_, output, cached, server or book.server, reasoning)
            if preview:
                found = book.preview(price, reprice=reprice, any_server=unknown_server)
                lines = [*found.warnings, change_text(found.change, done=False)]
                show_result(preview_document(found), lines, as_json=json_)
                return
            _refuse_slips(book, price, sure=sure)
            done = book.add(price, _AUTHOR, note, reprice=reprice, any_server=unknown_server, on_portion=_show_portion)
            end_progress()
        kept = done.kept
        what = f"{kept.price_id}: {kept.model} on {kept.server}, {amounts_text(kept)}, {span_text(kept.since, None)}"
        show_result(done_document(done), [one_line(what), change_text(done.change, done=True)], as_json=json_)


def _refuse_slips(book: Prices, price: Price, *, sure: bool) -> None:
    slips = book.slips(price)
    if slips and not sure:
        raise InputError(" ".join(slips), subject="input_usd", hint="Give --sure if that is right.")
    for slip in slips:
        complain(slip)


def _add_withdraw(group: typer.Typer, services: Open) -> None:
    @group.command()
    def withdraw(
        price_id: Annotated[str, typer.Argument(metavar="PRICE_ID")], reprice: Reprice = False, json_: Json = False
    ) -> None:
        """Take an own price out of force; it stays in the history, and so do costs unless --reprice is given."""
        with services() as opened:
            done = opened.prices.withdraw(price_id, _AUTHOR, reprice=reprice, on_portion=_show_portion)
            end_progress()
        said = f"Withdrawn: {done.kept.model} on {done.kept.server}. {change_text(done.change, done=True)}"
        show_result(done_document(done), [one_line(said)], as_json=json_)


def _add_fill(group: typer.Typer, services: Open) -> None:
    @group.command()
    def fill(json_: Json = False) -> None:
        """Give every question without a cost the one that it has by today's prices, and finish what was cut off."""
        with services() as opened:
            change = opened.prices.fill(_show_portion)
            end_progress()
        show_result(change_document(change), [change_text(change, done=True)], as_json=json_)


def _show_portion(change: PriceChange) -> None:
    show_progress(f"{change.traces:,} costs written")
