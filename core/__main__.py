"""The command line: the same services as the pages.

``--json`` prints one JSON document on standard output; everything else goes to standard error. Exit codes: 0 all done,
1 some failed (named in the JSON), 2 wrong usage or settings (one line on standard error).
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from core.answering import AskRequest
from core.commands import Json, Sample, budgets, cost, datasets, drift, lab, prices, sample, sync
from core.config import load_settings
from core.console import complain, end_progress, moment, show_progress, show_result
from core.documents import (
    answer_document,
    ingest_document,
    search_document,
    status_document,
    trace_document,
)
from core.errors import CuepointError, InputError, NotFound, SettingsError
from core.ingestion import IngestProgress
from core.ledger import TraceFilter
from core.models import Feedback, SearchMode, SearchQuery
from core.phrases import clock, one_line
from core.services import Services, build_services

app = typer.Typer(
    name="cuepoint",
    help="Answers questions from videos and points to the second where each thing was said.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Thumb(StrEnum):
    UP = "up"
    DOWN = "down"
    CLEAR = "clear"


VALUES = {Thumb.UP: 1, Thumb.DOWN: -1, Thumb.CLEAR: 0}


@app.command()
def ingest(sources: Annotated[list[str], typer.Argument(metavar="SOURCE…")], json_: Json = False) -> None:
    """Bring in videos, playlists, channels, transcript files, folders, or the word "demo"."""
    with _services() as services:
        report = services.ingestor.ingest(sources, on_progress=_show_ingest)
        end_progress()
        services.upkeep.catch_up()
    lines = [f"{len(report.ingested)} ingested, {len(report.unchanged)} unchanged, {len(report.failed)} failed"]
    lines += [f"  {failure.source}: {failure.error}" for failure in report.failed]
    show_result(ingest_document(report), [*report.notices, *lines], as_json=json_)
    if report.failed:
        raise typer.Exit(1)


@app.command()
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY")],
    limit: Annotated[int, typer.Option(min=1, max=200)] = 30,
    channel: Annotated[list[str] | None, typer.Option(help="Only this channel; may be given several times.")] = None,
    mode: SearchMode = SearchMode.HYBRID,
    json_: Json = False,
) -> None:
    """Find the passages in which something is said."""
    with _services() as services:
        services.warm_up()
        result = services.retriever.retrieve(SearchQuery(query, limit, mode, tuple(channel or ())))
    lines = [
        f"{p.rank:>3}. {clock(p.best_start_s)}  {one_line(p.video.title)} ({one_line(p.video.channel)})\n"
        f"     {one_line(p.chunk.text[slice(*p.best_span)])}"
        for p in result.passages
    ]
    show_result(search_document(result), [*result.notices, *(lines or ["Nothing found."])], as_json=json_)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    channel: Annotated[list[str] | None, typer.Option(help="Only this channel; may be given several times.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language code of the answer; the question's by default.")
    ] = None,
    template: Annotated[str, typer.Option(help="Prompt template: NAME, NAME@3 or NAME@alias.")] = "cited-answer",
    model: Annotated[str | None, typer.Option(help="Name of the chat model.")] = None,
    json_: Json = False,
) -> None:
    """Get an answer whose every claim points to the second at which it was said."""
    request = AskRequest(
        question, channels=tuple(channel or ()), language=language, template=template, model=model, user="cli"
    )
    with _services() as services:
        services.warm_up()
        answer = services.answering.ask(request)
    quotes = [f"[{c.n}] {c.title}, {clock(c.start_s)}  {c.url or ''}\n    “{c.quote}”" for c in answer.citations]
    show_result(answer_document(answer), [*answer.notices, answer.text, "", *quotes], as_json=json_)
    if answer.status == "failed":
        raise typer.Exit(1)


@app.command()
def feedback(
    trace_id: Annotated[str, typer.Argument(metavar="TRACE_ID")],
    value: Annotated[Thumb, typer.Argument(metavar="up|down|clear")],
    comment: Annotated[str, typer.Option(help="What was good or bad.")] = "",
    correction: Annotated[str, typer.Option(help="After a thumb down: what would have been right.")] = "",
    json_: Json = False,
) -> None:
    """Say whether an answer was good, or take that back."""
    if correction and value is not Thumb.DOWN:
        raise typer.BadParameter("goes with down only", param_hint="--correction")
    with _services() as services:
        services.answering.save_feedback(Feedback(trace_id, VALUES[value], comment=comment, correction=correction))
    show_result({"trace_id": trace_id, "value": VALUES[value]}, [f"{trace_id}: {value}"], as_json=json_)


@app.command()
def traces(
    since: Annotated[
        str | None, typer.Option(metavar="ISO", help="Only from this time on, for example 2026-11-01.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 100,
    samples: Sample = False,
    json_: Json = False,
) -> None:
    """List what was asked, newest first."""
    where = TraceFilter(since=moment(since, "--since"), limit=limit, sample=samples)
    with _services() as services:
        found = services.traces.list(where)
    lines = [
        f"{t.started_at:%Y-%m-%d %H:%M}  {t.answer.status:<9}  {t.trace_id}  {one_line(t.question)}" for t in found
    ]
    show_result({"traces": [trace_document(trace) for trace in found]}, lines or ["No traces."], as_json=json_)


@app.command()
def status(json_: Json = False) -> None:
    """Show the health of each service and the size of the library."""
    with _services() as services:
        services.check()
        document = status_document(services.health(), services.stats(), services.traces.outbox_counts())
    marks = {True: "ok", False: "FAILED", None: "off"}
    lines = [f"{marks[s['ok']]:<7} {s['name']}: {s['detail']}" for s in document["services"]]
    library = document["library"]
    show_result(
        document,
        [*lines, f"{library['videos']} videos, {library['chunks']} chunks, {library['channels']} channels"],
        as_json=json_,
    )
    if any(service["ok"] is False for service in document["services"]):
        raise typer.Exit(1)


@contextmanager
def _services() -> Iterator[Services]:
    """The services of the settings, ready for one command, closed afterwards."""
    services = build_services(load_settings())
    try:
        yield services
    finally:
        services.close()


def _show_ingest(progress: IngestProgress) -> None:
    left = "" if progress.time_left_s is None else f", about {clock(progress.time_left_s)} left"
    show_progress(f"{progress.done} of {progress.total}{left}  {one_line(progress.current)[:60]}")


for commands in (sync, datasets, lab, drift, cost, sample, prices, budgets):
    commands.add_commands(app, _services)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and exits: 2 for wrong use or settings, 1 for what failed, each with one line that says why."""
    logging.basicConfig(level=logging.ERROR, format="cuepoint: %(message)s")  # retries are no news to a reader
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a lone surrogate must not break a pipe
    try:
        code = app(arguments, standalone_mode=False)
    except typer.TyperException as error:
        complain(error.format_message())
        code = error.exit_code
    except CuepointError as error:
        complain(str(error))
        code = 2 if isinstance(error, SettingsError | InputError | NotFound) else 1
    except (KeyboardInterrupt, typer.Abort):
        complain("stopped")
        code = 130
    except Exception as error:  # noqa: BLE001  the last line before the user, as in core/ui/errors.py
        place = traceback.extract_tb(error.__traceback__)[-1]  # its message may hold a key
        complain(
            f"a fault of Cuepoint ended this ({type(error).__name__} at {Path(place.filename).name}:{place.lineno})"
        )
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
