"""``sample-traffic``: made-up traffic comes in, or goes out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.commands import Json, Open
from core.console import end_progress, show_progress, show_result
from core.ledger import SampleState
from core.phrases import count, listed
from core.sample_traffic.service import DAYS, MOST_DAYS, MOST_QUESTIONS, QUESTIONS, SEED


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts it on the command line; ``services`` opens what it works with."""

    @app.command("sample-traffic")
    def sample_traffic(
        days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="How far back it goes.")] = DAYS,
        questions: Annotated[int, typer.Option(min=1, max=MOST_QUESTIONS)] = QUESTIONS,
        seed: Annotated[int, typer.Option(help="Another one gives other traffic.")] = SEED,
        remove: Annotated[bool, typer.Option("--remove", help="Take all of it out, and nothing else.")] = False,
        json_: Json = False,
    ) -> None:
        """Make sample traffic, so that Cost, Drift and the Prompt Lab have something to show.

        It is marked as sample everywhere, is told to nobody, and replaces the sample before it.
        """
        with services() as opened:
            if remove:
                state = opened.sample.remove()
            else:
                show_progress(f"Making {count(questions, 'question')} of {count(days, 'day')}")
                state = opened.sample.make(days, questions, seed)
                end_progress()
        show_result(_document(state, removed=remove), _lines(state, removed=remove), as_json=json_)


def _document(state: SampleState, *, removed: bool) -> dict[str, Any]:
    counts = {"traces": state.traces, "experiments": state.experiments, "drift_reports": state.drift_reports}
    return {"removed": removed} | counts | {"test_sets": state.test_sets}


def _lines(state: SampleState, *, removed: bool) -> list[str]:
    if removed and not state:
        return ["There was no sample traffic."]
    parts = [
        count(state.traces, "trace"), count(state.experiments, "experiment"),
        count(state.drift_reports, "drift report"), count(state.test_sets, "test set"),
    ]  # fmt: skip
    if removed:
        return [f"Removed: {listed(parts)} of sample traffic."]
    return [f"Sample traffic: {listed(parts)}. To take it out: python -m core sample-traffic --remove"]
