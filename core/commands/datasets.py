"""``export`` and ``dataset …``: the data as files, and versions of the library."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from core.commands import Json, Open
from core.console import end_progress, moment, show_progress, show_result
from core.datasets import Comparison, Export
from core.datasets.documents import comparison_document, dataset_document, export_document
from core.errors import InputError
from core.ledger import DatasetVersion, TraceFilter
from core.phrases import one_line
from core.services import Services

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Name = Annotated[str, typer.Argument(metavar="VERSION", help="Its name, or six of its first digits or more.")]

_POLL_S = 0.2
_SHOWN = 20


def add_commands(app: typer.Typer, services: Open) -> None:
    """Puts them on the command line; ``services`` opens what each works with."""
    _add_export(app, services)
    group = typer.Typer(help="Save, compare and restore versions of the library.", no_args_is_help=True)
    for add in (_add_save, _add_list, _add_compare, _add_verify, _add_restore, _add_delete):
        add(group, services)
    app.add_typer(group, name="dataset")


def _add_export(app: typer.Typer, services: Open) -> None:
    @app.command()
    def export(
        what: Annotated[Export, typer.Argument(metavar="dataset|traces|feedback|finetune")],
        out: Annotated[Path, typer.Option("--out", metavar="FILE", help="What is there already is replaced.")],
        since: Annotated[str | None, typer.Option(metavar="ISO", help="Only traces from this time on.")] = None,
        until: Annotated[str | None, typer.Option(metavar="ISO", help="Only traces before this time.")] = None,
        preferences: Annotated[
            bool, typer.Option("--preferences", help="finetune: pairs of a good and a bad answer.")
        ] = False,
        json_: Json = False,
    ) -> None:
        """Write the library, traces, thumbs or fine-tuning data to a .jsonl file; traces and thumbs also to .csv."""
        if preferences and what is not Export.FINETUNE:
            raise typer.BadParameter("goes with finetune only", param_hint="--preferences")
        where = TraceFilter(since=moment(since, "--since"), until=moment(until, "--until"))
        if where.since and where.until and where.since >= where.until:
            raise typer.BadParameter("the period ends before it begins", param_hint="--until")
        with services() as opened:
            done = opened.datasets.export(what, out, where, preferences=preferences)
        show_result(
            export_document(done), [f"{done.rows:,} rows in {done.file}, version {done.version}"], as_json=json_
        )


def _add_save(group: typer.Typer, services: Open) -> None:
    @group.command()
    def save(
        name: Annotated[str, typer.Option(help="What to call it.")] = "",
        note: Annotated[str, typer.Option(help="Why it is kept.")] = "",
        json_: Json = False,
    ) -> None:
        """Save the library as a version."""
        with services() as opened:
            saved = opened.datasets.save_library(name, note)
            folder = opened.datasets.folder_of(saved.version)
        said = "saved" if saved.new else "This content was saved before:"
        line = f"{said} {one_line(saved.version.title)}, version {saved.version.version}, in {folder}"
        show_result(dataset_document(saved.version) | {"new": saved.new, "folder": str(folder)}, [line], as_json=json_)


def _add_list(group: typer.Typer, services: Open) -> None:
    @group.command(name="list")
    def list_(json_: Json = False) -> None:
        """List the versions of the data, newest first."""
        with services() as opened:
            found, present = opened.datasets.versions(), opened.datasets.present()
        document = {"present": present, "versions": [dataset_document(version) for version in found]}
        show_result(document, [_line(version, present) for version in found] or ["No version is saved."], as_json=json_)


def _line(version: DatasetVersion, present: str) -> str:
    now = "  (the library as it is)" if version.version == present else ""
    return (
        f"{version.created_at:%Y-%m-%d %H:%M}  {version.version[:12]}  {version.kind:<11}  {version.rows:>8,} rows  "
        f"{version.answers:>6,} answers  {one_line(version.alias)}{now}"
    )


def _add_compare(group: typer.Typer, services: Open) -> None:
    @group.command()
    def compare(
        before: Name,
        after: Annotated[
            str | None, typer.Argument(metavar="[VERSION]", help="The library as it is, if left out.")
        ] = None,
        json_: Json = False,
    ) -> None:
        """Show what differs between two versions of the library."""
        with services() as opened:
            found = opened.datasets.compare(before, after)
        show_result(comparison_document(found), _differences(found), as_json=json_)


def _differences(found: Comparison) -> list[str]:
    kinds = (("added", found.added), ("removed", found.removed), ("changed", found.changed))
    chunks = (len(found.chunks_added), len(found.chunks_removed), len(found.chunks_changed))
    head = ", ".join(f"{len(videos):,} {name}" for name, videos in kinds)
    lines = [f"Videos: {head}, {found.same:,} the same"]
    lines.append("Chunks: {:,} added, {:,} removed, {:,} changed".format(*chunks))
    for name, videos in kinds:
        for video in videos[:_SHOWN]:
            what = f" ({', '.join(video.what)})" if hasattr(video, "what") else ""
            lines.append(f"  {name:<8} {one_line(video.title)}{what}")
        if len(videos) > _SHOWN:
            lines.append(f"  and {len(videos) - _SHOWN:,} more {name}")
    return [*found.notices, *lines]


def _add_verify(group: typer.Typer, services: Open) -> None:
    @group.command()
    def verify(version: Name, json_: Json = False) -> None:
        """See whether a version's files are those that were saved."""
        with services() as opened:
            known = opened.datasets.verify(version)
        show_result(dataset_document(known), [f"{one_line(known.title)} is whole"], as_json=json_)


def _add_restore(group: typer.Typer, services: Open) -> None:
    @group.command()
    def restore(version: Name, yes: Yes = False, json_: Json = False) -> None:
        """Make the library that version. What it is now is saved as a version first."""
        with services() as opened:
            known = opened.datasets.verify(version)
            _ask(f"Make the library {one_line(known.title)}?", yes)
            begun = opened.datasets.restore(known.version)
            failed = _wait(opened, begun.job_id) if begun.job_id else ""
            opened.upkeep.catch_up()
            document = dataset_document(known) | {
                "present": opened.datasets.present(),
                "before": begun.before.version if begun.before else None,
                "error": failed or None,
            }
        way_back = f"What it was is kept as {begun.before.version[:12]}" if begun.before else ""
        done = failed or begun.notice or f"The library is {one_line(known.title)}"
        show_result(document, [*filter(None, (done, way_back))], as_json=json_)
        if failed:
            raise typer.Exit(1)


def _wait(opened: Services, job_id: str) -> str:
    """Until the job has ended; why it failed, or "". A process that ends before leaves it to the next one."""
    while not (progress := opened.ingestor.progress(job_id)).finished:
        show_progress(progress.current)
        threading.Event().wait(_POLL_S)
    end_progress()
    errors = [progress.error, *(item.error for item in progress.items)]
    return next((error for error in errors if error), "")


def _add_delete(group: typer.Typer, services: Open) -> None:
    @group.command()
    def delete(version: Name, yes: Yes = False, json_: Json = False) -> None:
        """Delete a version that nothing used."""
        with services() as opened:
            known = opened.datasets.find(version)
            _ask(f"Delete {one_line(known.title)} with its files?", yes)
            opened.datasets.delete(known.version)
        show_result(dataset_document(known), [f"Deleted {one_line(known.title)}"], as_json=json_)


def _ask(question: str, yes: bool) -> None:
    """Raises InputError where nobody can answer, typer.Abort for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"“{question}” needs a yes", subject="--yes", hint="Say --yes where nobody can be asked.")
    typer.confirm(question, abort=True, err=True)
