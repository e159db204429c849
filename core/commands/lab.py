"""``lab run``: an experiment without a page."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.commands import Json, Open
from core.console import complain, end_progress, show_progress, show_result
from core.lab.documents import Document
from core.lab.estimate import Estimate
from core.lab.plan import Plan
from core.lab.progress import Progress
from core.lab.service import Lab
from core.lab.spec import read_spec
from core.lab.summary import experiment_document
from core.models import ExperimentState, Run
from core.phrases import count, money, one_line, span_of_time

_POLL_S = 0.2
_INTERRUPTED = 130
"""The shell's exit code for Ctrl-C."""


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts them on the command line; ``services`` opens what each works with."""
    group = typer.Typer(help="Compare prompts, models and temperatures.", no_args_is_help=True)
    _add_run(group, services)
    app.add_typer(group, name="lab")


def _add_run(group: typer.Typer, services: Open) -> None:
    @group.callback()
    def _lab() -> None:
        """Compare prompts, models and temperatures."""

    @group.command()
    def run(
        spec: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="What to compare: docs/lab.md has the keys.")],
        max_cost_usd: Annotated[
            float | None, typer.Option("--max-cost-usd", min=0, help="Stop before this is exceeded.")
        ] = None,
        json_: Json = False,
    ) -> None:
        """Run an experiment, or go on with that of this spec which was stopped. Ctrl-C stops; what is done is kept."""
        wanted = read_spec(spec)
        if max_cost_usd is not None:
            wanted = wanted.model_copy(update={"max_cost_usd": max_cost_usd})
        with services() as opened:
            plan = opened.lab.plan(wanted, folder=spec.parent)
            experiment_id = _begin(opened.lab, plan)
            interrupted = _follow(opened.lab, experiment_id)
            _report(opened.lab, experiment_id, as_json=json_, interrupted=interrupted)


def _begin(lab: Lab, plan: Plan) -> str:
    """Goes on with an unfinished experiment of the same spec, or begins one; says which on standard error."""
    for notice in plan.notices:
        complain(notice)
    earlier = lab.unfinished(plan)
    if earlier is None:
        complain(_expected(plan, lab.estimate(plan)))
        return lab.start(plan, user="cli")
    before = lab.progress(earlier.experiment_id)
    complain(f"going on with {earlier.experiment_id}: {before.done:,} of {before.total:,} are done")
    lab.resume(earlier.experiment_id, max_cost_usd=plan.max_cost_usd, failed_too=True)
    return earlier.experiment_id


def _expected(plan: Plan, expected: Estimate) -> str:
    price = f"about {money(expected.cost_usd)}" if expected.cost_usd is not None else "price unknown"
    cached = f", {expected.cached:,} from earlier runs" if expected.cached else ""
    calls = count(expected.calls + expected.judge_calls, "call")
    return f"{plan.name}: {count(expected.cells, 'cell')}{cached}, {calls}, {price}"


def _follow(lab: Lab, experiment_id: str) -> bool:
    """Waits for the end; True where Ctrl-C brought it about. A second Ctrl-C does not wait for calls under way."""
    with _interrupts() as interrupted:
        while not lab.wait(experiment_id, _POLL_S) and not interrupted.is_set():
            show_progress(_line(lab.progress(experiment_id)))
    end_progress()
    if not interrupted.is_set():
        return False
    lab.stop(experiment_id)
    complain("stopping: the calls under way are finished and kept")
    lab.wait(experiment_id)
    return True


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Set by Ctrl-C. An exception for it could be raised anywhere, and be lost or leave something half done."""
    event = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def _line(progress: Progress) -> str:
    parts = [f"{progress.done + progress.failed:,} of {progress.total:,}", money(progress.spent_usd)]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.waits_s:
        parts.append(f"the server asks to wait {span_of_time(progress.waits_s)}")
    elif progress.time_left_s is not None:
        parts.append(f"about {span_of_time(progress.time_left_s)} left")
    return ", ".join(parts)


def _report(lab: Lab, experiment_id: str, *, as_json: bool, interrupted: bool) -> None:
    """Prints what there is, and exits with 1 where a cell failed or is missing, 130 after Ctrl-C."""
    progress = lab.progress(experiment_id)
    results = lab.results(experiment_id)
    document = experiment_document(progress, results)
    lines = [_headline(progress), *map(_row, results.runs), *_verdict(document["verdict"])]
    show_result(document, lines, as_json=as_json)
    if progress.error:
        complain(progress.error)
    if interrupted:
        complain("run it again to go on")
        raise typer.Exit(_INTERRUPTED)
    if progress.state is not ExperimentState.FINISHED or progress.failed:
        raise typer.Exit(1)


def _headline(progress: Progress) -> str:
    ended = f"{progress.name}: {progress.state}, {progress.done:,} of {progress.total:,} done"
    return f"{one_line(ended)}, {progress.failed:,} failed, {progress.cached:,} cached, {money(progress.spent_usd)}"


def _verdict(document: Document) -> list[str]:
    """Each variant against the baseline, and last the verdict in one sentence."""
    lines = [variant["sentence"] for variant in document["variants"]] if len(document["variants"]) > 1 else []
    return [one_line(line) for line in (*document["notes"], *lines, document["sentence"])]


def _row(run: Run) -> str:
    marks = {True: "passed", False: "failed", None: "-"}
    outcome = run.error or run.output or ""
    where = f"{run.template} {run.model} {run.temperature:g} {run.case_id}"
    return f"{marks[run.passed]:<7} {one_line(where)}: {one_line(outcome)[:100]}"
