"""Versions of the data: saved, compared, restored, exported. What pages and commands call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from core.config import Settings
from core.datasets.comparing import Comparison, compare_states
from core.datasets.exports import Export, checked_file, to_bytes, write_file
from core.datasets.folder import DATA, DatasetFolder, embedder_of, manifest_bytes, other_embedder
from core.datasets.lines import facts_of, video_document
from core.datasets.saving import Content, Label, Saver, content_version
from core.datasets.values import Exported, Restoring, Saved
from core.datasets.windows import (
    AsDocument,
    Windows,
    asks_for_sample,
    filter_document,
    frozen_at,
    not_empty,
    nothing_of,
)
from core.errors import InputError
from core.ledger import DatasetKind, DatasetUses, DatasetVersion, Ledger, TraceFilter, VideoFacts
from core.ports import Clock, Embedder

_KINDS = {
    Export.DATASET: DatasetKind.LIBRARY,
    Export.TRACES: DatasetKind.TRACES,
    Export.FEEDBACK: DatasetKind.FEEDBACK,
    Export.FINETUNE: DatasetKind.FINETUNE,
}
_OTHER_EMBEDDER = "One was saved with the embedder {}, the other belongs to {}: so they have two versions in any case."


class Restorer(Protocol):
    """Makes the library a version, as a job that survives a kill."""

    def active(self) -> str | None:
        """The job that changes the library now."""

    def restore(self, version: DatasetVersion) -> str:
        """Begins; returns the job's id."""


class Datasets:
    """One per process, safe for all threads. ``as_document`` is the form of a trace for other programs.

    Methods raise LibraryError; where a version is named, NotFound, and LibraryCorrupt where its files are not those
    that were saved.
    """

    def __init__(
        self,
        ledger: Ledger,
        embedder: Embedder,
        settings: Settings,
        restorer: Restorer,
        *,
        as_document: AsDocument,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._embedder = embedder
        self._restorer = restorer
        self._windows = Windows(ledger.traces, as_document)
        self._clock = clock
        self._folder = DatasetFolder(settings.data_dir)
        self._saver = Saver(ledger, self._folder, settings, clock)

    # -------------------------------------------------------------------------------------------------------- saving

    def save_library(self, alias: str = "", note: str = "") -> Saved:
        """The library as it is. Raises InputError for an empty one, or a name that is too long."""
        return self._saver.save_library(self._embedder.identity, Label(alias, note))

    def save_traces(self, kind: DatasetKind, where: TraceFilter, alias: str = "", note: str = "") -> Saved:
        """The traces of a window, or what can be made of them: any kind but the library.

        Raises InputError that says what is missing where there is nothing to save, and for sample traffic: a version
        is told to Comet.
        """
        if asks_for_sample(where):
            raise InputError("Sample traffic is not kept as a data version", hint="Download it instead.")
        where = frozen_at(where, self._clock())
        content = Content(kind, {"filter": filter_document(where)}, nothing_of(kind))
        return self._saver.save_rows(content, self._windows.rows(kind, where), Label(alias, note))

    def missing(self, kind: DatasetKind, where: TraceFilter) -> str:
        """Says what is missing where a window gives no row of this kind; "" where it gives one."""
        rows = self._windows.rows(kind, frozen_at(where, self._clock()))
        return "" if next(rows, None) is not None else str(nothing_of(kind))

    # ------------------------------------------------------------------------------------------------------- looking

    def present(self) -> str:
        """The version that the library has now, saved or not."""
        return self._ledger.library.version(self._embedder.identity)

    def versions(self, kind: DatasetKind | None = None) -> list[DatasetVersion]:
        """Newest first, each with how many answers came from it."""
        return self._ledger.datasets.list(kind)

    def find(self, name: str) -> DatasetVersion:
        """By its first six digits or more, or its name. Raises InputError where several are meant."""
        return self._ledger.datasets.find(name)

    def verify(self, name: str) -> DatasetVersion:
        """Compares the files with their manifest."""
        version = self.find(name)
        self._folder.verify(version)
        return version

    def data_file(self, version: DatasetVersion) -> Path:
        """The rows, verified."""
        return self._folder.verify(version) / DATA

    def manifest(self, version: DatasetVersion) -> bytes:
        """manifest.json as it was written."""
        return manifest_bytes(version.manifest)

    def folder_of(self, version: DatasetVersion) -> Path:
        """Where the files are or should be."""
        return self._folder.of(version)

    def uses(self, version: str) -> DatasetUses:
        """What came from a version, saved or not."""
        return self._ledger.datasets.uses(version)

    def record_use(self, version: str, kind: str, id_: str) -> None:
        """Notes that an experiment or a drift report used a version."""
        self._ledger.datasets.record_use(version, kind, id_)

    def delete(self, name: str) -> DatasetVersion:
        """Takes a version away that nothing used. Raises InputError that says what used it."""
        version = self.find(name)
        self._ledger.datasets.delete(version.version)
        self._folder.drop(version)
        return version

    # ----------------------------------------------------------------------------------------------------- comparing

    def compare(self, before: str, after: str | None = None) -> Comparison:
        """What differs between two versions of the library; None is the library as it is now."""
        old = self._library_version(before)
        new = None if after is None else self._library_version(after)
        with ExitStack() as stack:
            if new is None:
                snapshot = stack.enter_context(self._ledger.datasets.library(self._embedder.identity))
                version, facts, made_for = snapshot.version, snapshot.facts(), self._embedder.identity
            else:
                version, facts, made_for = new.version, self._facts(new), embedder_of(new)
            found = compare_states(self._facts(old), facts)
        return Comparison(
            old.version, version, tuple(found.added), tuple(found.removed), tuple(found.changed), found.same,
            () if embedder_of(old) == made_for else (_OTHER_EMBEDDER.format(embedder_of(old), made_for),),
        )  # fmt: skip

    def _facts(self, version: DatasetVersion) -> Iterator[VideoFacts]:
        return map(facts_of, self._folder.documents(version))

    def _library_version(self, name: str) -> DatasetVersion:
        version = self.find(name)
        if version.kind is not DatasetKind.LIBRARY:
            raise InputError(f"{version.title} holds {version.kind} and not a library", subject=name)
        return version

    # ----------------------------------------------------------------------------------------------------- restoring

    def restore(self, name: str) -> Restoring:
        """Begins to make the library that version; what it is now is saved first.

        Raises InputError while something is being added to the library: that would be lost.
        """
        version = self._library_version(name)
        self._folder.verify(version)
        if self._restorer.active() is not None:
            raise InputError("Something is being added to the library", hint="Restore when that is done.")
        embedder = self._embedder.identity
        if self.present() == version.version and not self._ledger.library.unembedded(embedder):
            return Restoring(None, None, f"The library is {version.title} already.")
        before = None
        if self._ledger.library.stats().videos:
            before = self.save_library(note=f"Saved by itself before {version.title} was restored").version
        job_id = self._restorer.restore(version)
        same = embedder_of(version) == embedder
        return Restoring(job_id, before, "" if same else other_embedder(embedder_of(version), embedder))

    # ----------------------------------------------------------------------------------------------------- exporting

    def export(self, what: Export, file: Path, where: TraceFilter, *, preferences: bool = False) -> Exported:
        """Writes one file, whose ending names its form, in place of what is there.

        Raises InputError where it cannot be written, and where there is nothing to train with.
        """
        kind = DatasetKind.PREFERENCES if preferences and what is Export.FINETUNE else _KINDS[what]
        path = checked_file(file, kind)
        if kind is DatasetKind.LIBRARY:
            if where.since or where.until:
                raise InputError("The library has no period", subject="--since", hint="Leave --since and --until out.")
            with self._ledger.datasets.library(self._embedder.identity) as snapshot:
                count, _ = write_file(path, kind, map(video_document, snapshot.videos()))
                return Exported(path, count, snapshot.version)
        rows = self._windows.rows(kind, frozen_at(where, self._clock()))
        if what is Export.FINETUNE:
            rows = not_empty(rows, kind)
        count, sha256 = write_file(path, kind, rows)
        return Exported(path, count, content_version(kind, sha256))

    def download(self, kind: DatasetKind, where: TraceFilter, *, as_csv: bool = False) -> bytes:
        """The rows of a window in memory, for a browser."""
        return to_bytes(kind, self._windows.rows(kind, frozen_at(where, self._clock())), as_csv=as_csv)
