"""The command line: the same services as the pages.

``--json`` prints one JSON document on standard output; everything else goes to standard error. Exit codes: 0 all done,
1 some failed (named in the JSON), 2 wrong usage or settings (one line on standard error).
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from core.answering import AskRequest
from core.config import load_settings
from core.documents import (
    Document,
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

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


class Thumb(StrEnum):
    UP = "up"
    DOWN = "down"
    CLEAR = "clear"


VALUES = {Thumb.UP: 1, Thumb.DOWN: -1, Thumb.CLEAR: 0}


@app.command()
def ingest(sources: Annotated[list[str], typer.Argument(metavar="SOURCE…")], json_: Json = False) -> None:
    """Bring in videos, playlists, channels, transcript files, folders, or the word "demo"."""
    with _services() as services:
        report = services.ingestor.ingest(sources, on_progress=_show_progress)
        _say_done()
        services.upkeep.catch_up()
    lines = [f"{len(report.ingested)} ingested, {len(report.unchanged)} unchanged, {len(report.failed)} failed"]
    lines += [f"  {failure.source}: {failure.error}" for failure in report.failed]
    _print(ingest_document(report), json_, [*report.notices, *lines])
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
    _print(search_document(result), json_, [*result.notices, *(lines or ["Nothing found."])])


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    channel: Annotated[list[str] | None, typer.Option(help="Only this channel; may be given several times.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language code of the answer; the question's by default.")
    ] = None,
    template: Annotated[str, typer.Option(help="Name of the prompt template.")] = "cited-answer",
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
    _print(answer_document(answer), json_, [*answer.notices, answer.text, "", *quotes])
    if answer.status == "failed":
        raise typer.Exit(1)


@app.command()
def feedback(
    trace_id: Annotated[str, typer.Argument(metavar="TRACE_ID")],
    value: Annotated[Thumb, typer.Argument(metavar="up|down|clear")],
    comment: Annotated[str, typer.Option(help="What was good or bad.")] = "",
    json_: Json = False,
) -> None:
    """Say whether an answer was good, or take that back."""
    with _services() as services:
        services.answering.save_feedback(Feedback(trace_id, VALUES[value], comment=comment))
    _print({"trace_id": trace_id, "value": VALUES[value]}, json_, [f"{trace_id}: {value}"])


@app.command()
def traces(
    since: Annotated[
        str | None, typer.Option(metavar="ISO", help="Only from this time on, for example 2026-11-01.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 100,
    json_: Json = False,
) -> None:
    """List what was asked, newest first."""
    where = TraceFilter(since=_moment(since), limit=limit)
    with _services() as services:
        found = services.traces.list(where)
    lines = [
        f"{t.started_at:%Y-%m-%d %H:%M}  {t.answer.status:<9}  {t.trace_id}  {one_line(t.question)}" for t in found
    ]
    _print({"traces": [trace_document(trace) for trace in found]}, json_, lines or ["No traces."])


@app.command()
def status(json_: Json = False) -> None:
    """Show the health of each service and the size of the library."""
    with _services() as services:
        services.check()
        document = status_document(services.health(), services.stats(), services.traces.outbox_counts())
    marks = {True: "ok", False: "FAILED", None: "off"}
    lines = [f"{marks[s['ok']]:<7} {s['name']}: {s['detail']}" for s in document["services"]]
    library = document["library"]
    _print(
        document,
        json_,
        [*lines, f"{library['videos']} videos, {library['chunks']} chunks, {library['channels']} channels"],
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


def _print(document: Document, as_json: bool, lines: list[str]) -> None:
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines) + "\n")


def _show_progress(progress: IngestProgress) -> None:
    """One line on standard error that is written over; nothing where that is no terminal."""
    if sys.stderr.isatty():
        left = "" if progress.time_left_s is None else f", about {clock(progress.time_left_s)} left"
        sys.stderr.write(f"\r\033[K{progress.done} of {progress.total}{left}  {one_line(progress.current)[:60]}")
        sys.stderr.flush()


def _say_done() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def _moment(text: str | None) -> datetime | None:
    """Raises typer.BadParameter. A time without a zone is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no ISO 8601 time, such as 2026-11-01T09:30", param_hint="--since"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and exits: 2 for wrong use or settings, 1 for what failed, each with one line that says why."""
    logging.basicConfig(level=logging.ERROR, format="cuepoint: %(message)s")  # retries are no news to a reader
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a lone surrogate must not break a pipe
    try:
        code = app(arguments, standalone_mode=False)
    except typer.TyperException as error:
        _complain(error.format_message())
        code = error.exit_code
    except CuepointError as error:
        _complain(str(error))
        code = 2 if isinstance(error, SettingsError | InputError | NotFound) else 1
    except (KeyboardInterrupt, typer.Abort):
        _complain("stopped")
        code = 130
    except Exception as error:  # noqa: BLE001  the last line before the user, as in core/ui/errors.py
        place = traceback.extract_tb(error.__traceback__)[-1]  # its message may hold a key
        _complain(
            f"a fault of Cuepoint ended this ({type(error).__name__} at {Path(place.filename).name}:{place.lineno})"
        )
        code = 1
    sys.exit(code)


def _complain(sentence: str) -> None:
    sys.stderr.write(f"cuepoint: {one_line(sentence)}\n")


if __name__ == "__main__":
    main()
