"""``budgets …``: what may be spent in a day, a week or a month."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from core.commands import Json, Open
from core.console import show_result
from core.cost.budget_documents import budget_document, budget_lines, budgets_document, state_document, state_line
from core.cost.budget_words import title_of
from core.cost.budgets import WARN_AT
from core.ledger import BudgetPeriod, BudgetScope, BudgetState
from core.services import Services

_NEGATIVE = re.compile(r"-[\d.]+")
_WEBHOOK_S = 6.0
"""What a webhook has not taken by then, a later command or the app sends."""
Id = Annotated[str, typer.Argument(metavar="BUDGET_ID", help="As `budgets` lists it.")]
WarnAt = Annotated[float | None, typer.Option(metavar="SHARE", help="Share of the limit at which people are warned.")]
Name = Annotated[str | None, typer.Option(help="What it is called.")]


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts them on the command line; ``services`` opens what each works with."""
    group = typer.Typer(help="What may be spent in a day, a week or a month.", invoke_without_command=True)
    for add in (_add_list, _add_add, _add_change, _add_remove):
        add(group, services)
    app.add_typer(group, name="budgets")


def _add_list(group: typer.Typer, services: Open) -> None:
    def show(*, as_json: bool) -> None:
        with services() as opened:
            states = opened.budgets.states()
        show_result(budgets_document(states), budget_lines(states), as_json=as_json)

    @group.callback()
    def budgets(context: typer.Context, json_: Json = False) -> None:
        """Show what each budget has spent and left; add, change and remove budgets. Times are UTC."""
        if context.invoked_subcommand is None:
            show(as_json=json_)

    @group.command("list")
    def list_(json_: Json = False) -> None:
        """Show what each budget has spent and left in its present period."""
        show(as_json=json_)


class _OfAnAmount(TyperCommand):
    """Takes ``-1`` for an amount, so that it is told what is wrong with it, and not that there is no such option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.ignore_unknown_options = any(map(_NEGATIVE.fullmatch, args))
        return super().parse_args(ctx, args)


def _add_add(group: typer.Typer, services: Open) -> None:
    @group.command(cls=_OfAnAmount)
    def add(
        limit: Annotated[float, typer.Argument(metavar="USD", help="US dollars; 0 keeps back every call that costs.")],
        user: Annotated[str | None, typer.Option(metavar="PERSON", help="Only for this person's calls.")] = None,
        model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only for this model's calls.")] = None,
        period: Annotated[
            BudgetPeriod, typer.Option(help="After which it is whole again, in UTC.")
        ] = BudgetPeriod.MONTH,
        warn_at: WarnAt = WARN_AT,
        name: Name = "",
        json_: Json = False,
    ) -> None:
        """Make a budget for all calls, or those of a person or a model. It begins with what was spent already."""
        if user is not None and model is not None:
            raise typer.BadParameter("give --user or --model, not both: make two budgets", param_hint="--model")
        scope = BudgetScope.USER if user is not None else BudgetScope.MODEL if model is not None else BudgetScope.ALL
        subject = user if user is not None else model or ""
        share = WARN_AT if warn_at is None else warn_at
        with services() as opened:
            made = opened.budgets.add(
                limit, scope=scope, subject=subject, period=period, warn_at=share, name=name or ""
            )
            state = _state(opened, made.budget_id)
        show_result(state_document(state), [state_line(state)], as_json=json_)


def _add_change(group: typer.Typer, services: Open) -> None:
    @group.command()
    def change(
        budget_id: Id,
        limit: Annotated[float | None, typer.Option(metavar="USD", help="The new limit; it holds at once.")] = None,
        warn_at: WarnAt = None,
        name: Name = None,
        json_: Json = False,
    ) -> None:
        """Change a budget's limit, warning or name."""
        if limit is None and warn_at is None and name is None:
            raise typer.BadParameter("nothing to change: give --limit, --warn-at or --name", param_hint="BUDGET_ID")
        with services() as opened:
            opened.budgets.change(budget_id, limit_usd=limit, warn_at=warn_at, name=name)
            state = _state(opened, budget_id)
        show_result(state_document(state), [state_line(state)], as_json=json_)


def _add_remove(group: typer.Typer, services: Open) -> None:
    @group.command()
    def remove(budget_id: Id, json_: Json = False) -> None:
        """Remove a budget with what it remembers of past periods. Traces and costs stay."""
        with services() as opened:
            removed = opened.budgets.remove(budget_id)
        show_result(budget_document(removed), [f"Removed: the budget {title_of(removed)}"], as_json=json_)


def _state(opened: Services, budget_id: str) -> BudgetState:
    """Of a budget that was just changed, once the webhook has heard of it."""
    found = next(state for state in opened.budgets.states() if state.budget.budget_id == budget_id)
    if found.is_low or found.keeps_back:
        opened.notifier.wait(_WEBHOOK_S)
    return found
