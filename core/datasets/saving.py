"""From rows to a version: files first, then the ledger, so that what the ledger names is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from core.config import Settings
from core.datasets.delivery import outbox_document
from core.datasets.folder import DatasetFolder, Draft
from core.datasets.lines import Document, video_document
from core.datasets.values import Saved
from core.errors import InputError, NotFound
from core.ledger import DatasetKind, DatasetVersion, Ledger
from core.ledger.datasets import OUTBOX_KIND
from core.models import digest
from core.phrases import one_line
from core.ports import Clock

FORMAT = 1
"""Of data.jsonl and manifest.json; moves when an older program could not read them."""
LONGEST_ALIAS = 80
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Label:
    """What a person calls a version."""

    alias: str = ""
    note: str = ""

    def checked(self) -> Label:
        """On one line each, as they are shown. Raises InputError where one is too long."""
        label = Label(one_line(self.alias), one_line(self.note))
        for name, text, limit in (("name", label.alias, LONGEST_ALIAS), ("note", label.note, LONGEST_NOTE)):
            if len(text) > limit:
                message = f"The {name} of a data version has {len(text):,} characters; it may have {limit:,}"
                raise InputError(message, subject=name, hint="Shorten it.")
        return label


@dataclass(frozen=True, slots=True)
class Content:
    """What a version is made of, besides its rows."""

    kind: DatasetKind
    facts: Mapping[str, Any]
    """Goes into the manifest."""
    empty: InputError
    """Is raised where there is no row."""


def content_version(kind: DatasetKind, sha256: str) -> str:
    """The version of rows that are no library: the same rows of a kind have the same."""
    return digest(f"{kind}\n{sha256}")


class Saver:
    """Writes versions. Methods raise LibraryError and InputError."""

    def __init__(self, ledger: Ledger, folder: DatasetFolder, settings: Settings, clock: Clock) -> None:
        self._ledger = ledger
        self._folder = folder
        self._settings = settings
        self._clock = clock

    def save_library(self, embedder: str, label: Label) -> Saved:
        """The library as it is at this moment."""
        label = label.checked()
        known = self._whole(self._ledger.library.version(embedder))
        if known is not None:
            return self._labelled(known, label)
        with self._library(embedder) as (version, content, rows):
            return self._save(content, rows, label, version=version)

    def save_rows(self, content: Content, rows: Iterable[Document], label: Label) -> Saved:
        """Rows of another kind; their own hash is their version."""
        return self._save(content, rows, label.checked())

    @contextmanager
    def _library(self, embedder: str) -> Iterator[tuple[str, Content, Iterator[Document]]]:
        settings = self._settings
        facts: dict[str, Any] = {
            "embedder": embedder,
            "chunking": {"chunk_chars": settings.chunk_chars, "chunk_overlap_chars": settings.chunk_overlap_chars},
            "counts": {"videos": 0, "chunks": 0},
        }
        with self._ledger.datasets.library(embedder) as snapshot:
            rows = _counted(map(video_document, snapshot.videos()), facts["counts"])
            yield snapshot.version, Content(DatasetKind.LIBRARY, facts, _empty_library()), rows

    def _save(self, content: Content, rows: Iterable[Document], label: Label, *, version: str | None = None) -> Saved:
        with self._folder.draft() as draft:
            for row in rows:
                draft.add(row)
            if not draft.rows:
                raise content.empty
            version = version or content_version(content.kind, draft.sha256)
            known = self._whole(version)
            if known is not None:
                return self._labelled(known, label)
            return Saved(self._keep(content, draft, version, label), new=True)

    def _keep(self, content: Content, draft: Draft, version: str, label: Label) -> DatasetVersion:
        now = self._clock()
        manifest = {
            "format": FORMAT, "version": version, "kind": str(content.kind), "name": str(content.kind),
            "created_at": now.isoformat(), "rows": draft.rows, "bytes": draft.bytes, "sha256": draft.sha256,
            **content.facts,
        }  # fmt: skip
        self._folder.keep(draft, content.kind, version, manifest)
        before = self._known(version)  # its files are damaged
        row = DatasetVersion(
            version, content.kind, str(content.kind), label.alias or (before.alias if before else ""),
            label.note or (before.note if before else ""), now, draft.rows, draft.bytes, manifest,
        )  # fmt: skip
        self._put(row)
        return row

    def _labelled(self, known: DatasetVersion, label: Label) -> Saved:
        """A version that has no name yet gets the one that is given now, and the mirror hears of it if it did not."""
        named = bool(label.alias) and not known.alias
        if named:
            known = replace(known, alias=label.alias, note=label.note or known.note)
        if named or self._is_news(known):
            self._put(known)
        return Saved(known, new=False)

    def _is_news(self, version: DatasetVersion) -> bool:
        """Whether the mirror was never told of it: it was saved before there was a key."""
        if self._settings.comet_api_key is None:
            return False
        try:
            self._ledger.outbox.row(OUTBOX_KIND, version.version)
        except NotFound:
            return True
        return False

    def _put(self, version: DatasetVersion) -> None:
        mirrored = self._settings.comet_api_key is not None
        document = outbox_document(version, self._folder.of(version)) if mirrored else None
        self._ledger.datasets.put(version, document=document)

    def _known(self, version: str) -> DatasetVersion | None:
        try:
            return self._ledger.datasets.get(version)
        except NotFound:
            return None

    def _whole(self, version: str) -> DatasetVersion | None:
        """The version where it is saved already and its files are what they were."""
        known = self._known(version)
        return known if known is not None and self._folder.is_whole(known) else None


def _empty_library() -> InputError:
    return InputError("The library is empty, so there is nothing to save", hint="Add a video or a file first.")


def _counted(documents: Iterator[dict[str, Any]], counts: dict[str, int]) -> Iterator[Document]:
    for document in documents:
        counts["videos"] += 1
        counts["chunks"] += len(document["chunks"])
        yield document
