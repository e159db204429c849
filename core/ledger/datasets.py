"""Versions of the data: which there are, what they were made of, and what used them. Their files are core/datasets'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select

from core.errors import InputError, NotFound
from core.ledger import outbox_rows as outbox
from core.ledger.columns import escape_text
from core.ledger.database import Database
from core.ledger.dataset_values import DatasetKind, DatasetUse, DatasetUses, DatasetVersion
from core.ledger.library_version import LibrarySnapshot, read_identities
from core.ledger.schema import dataset_uses, dataset_versions, traces
from core.ledger.statements import put
from core.ports import Clock

OUTBOX_KIND = "dataset"
_NEWEST = 10
_LEAST_PREFIX = 6
"""Digits of a version that name it where no other begins with them."""

_ANSWERS = select(func.count()).where(traces.c.library_version == dataset_versions.c.version).scalar_subquery()
_VERSIONS = select(dataset_versions, _ANSWERS.label("answers"))
_BY_AGE = (dataset_versions.c.created_at.desc(), dataset_versions.c.version)


class DatasetStore:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # --------------------------------------------------------------------------------------------------- the library

    @contextmanager
    def library(self, embedder: str) -> Iterator[LibrarySnapshot]:
        """One state of the library to read through, while others may write."""
        with self._database.read() as connection:
            yield LibrarySnapshot(connection, embedder)

    def identity(self, video_id: str) -> str | None:
        """The video's line in the library's version (identity_of), None where there is no such video."""
        with self._database.read() as connection:
            return read_identities(connection, video_id).get(video_id)

    # ------------------------------------------------------------------------------------------------------ versions

    def put(self, version: DatasetVersion, *, document: Mapping[str, Any] | None = None) -> None:
        """Writes a version down, or replaces it. ``document``: what a mirror is told of it, in the same transaction."""
        row = {column.name: getattr(version, column.name) for column in dataset_versions.c}
        with self._database.write() as connection:
            put(connection, dataset_versions, [row | {"kind": str(version.kind)}])
            if document is not None:
                key = version.version
                outbox.enqueue(connection, OUTBOX_KIND, [key], self._clock(), documents={key: document})

    def get(self, version: str) -> DatasetVersion:
        """Raises NotFound."""
        with self._database.read() as connection:
            return _known(connection, version)

    def find(self, name: str) -> DatasetVersion:
        """The version that a person means: its first six digits or more, or its alias, of which the newest counts.

        Raises NotFound, and InputError where several begin with these digits.
        """
        prefix = escape_text(name.lower())
        digits = dataset_versions.c.version.startswith(prefix, autoescape=True)
        meant = dataset_versions.c.alias == name
        query = _VERSIONS.where(or_(meant, digits) if len(name) >= _LEAST_PREFIX else meant).order_by(*_BY_AGE)
        with self._database.read() as connection:
            found = [_version_of(row) for row in connection.execute(query)]
        exact = [item for item in found if name in (item.version, item.alias)] or found
        if not exact:
            raise _no_version(name)
        if len(exact) > 1 and name != exact[0].alias:
            raise InputError(f"{len(exact)} data versions begin with {name}", subject=name, hint="Give more digits.")
        return exact[0]

    def list(self, kind: DatasetKind | None = None) -> list[DatasetVersion]:
        """Newest first, each with how many answers were given from it."""
        query = _VERSIONS if kind is None else _VERSIONS.where(dataset_versions.c.kind == str(kind))
        with self._database.read() as connection:
            return [_version_of(row) for row in connection.execute(query.order_by(*_BY_AGE))]

    def delete(self, version: str) -> None:
        """Forgets a version that nothing used. Raises NotFound, and InputError that says what used it."""
        with self._database.write() as connection:
            known = _known(connection, version)
            uses = _uses(connection, version, 1)
            if uses:
                raise InputError(
                    f"The data version {known.title} stays: {uses_text(uses)}",
                    subject=version,
                    hint="A version that something came from is kept, so that it can be looked up.",
                )
            connection.execute(delete(dataset_versions).where(dataset_versions.c.version == version))

    # ------------------------------------------------------------------------------------------------------- lineage

    def record_use(self, version: str, kind: str, id_: str) -> None:
        """Notes that an experiment, a drift report or another thing used a version, saved or not; once is enough."""
        row = {"version": version, "kind": kind, "id": id_, "used_at": self._clock()}
        with self._database.write() as connection:
            put(connection, dataset_uses, [row])

    def uses(self, version: str, *, limit: int = _NEWEST) -> DatasetUses:
        """What used a version, saved or not; at most ``limit`` of the answers are named."""
        with self._database.read() as connection:
            return _uses(connection, version, limit)


def uses_text(uses: DatasetUses) -> str:
    """``12 answers and 1 experiment came from it``."""
    counts = {"answer": uses.answers} if uses.answers else {}
    for use in uses.others:
        counts[use.kind] = counts.get(use.kind, 0) + 1
    named = [f"{number:,} {kind.replace('_', ' ')}{'' if number == 1 else 's'}" for kind, number in counts.items()]
    return f"{' and '.join(named) or 'nothing'} came from it"


def _uses(connection: Connection, version: str, limit: int) -> DatasetUses:
    from_it = traces.c.library_version == version
    answers = connection.execute(select(func.count()).where(from_it)).scalar_one()
    newest = select(traces.c.trace_id, traces.c.question, traces.c.started_at).where(from_it)
    named = connection.execute(newest.order_by(traces.c.started_at.desc(), traces.c.trace_id).limit(limit))
    others = select(dataset_uses).where(dataset_uses.c.version == version)
    found = connection.execute(others.order_by(dataset_uses.c.used_at.desc(), dataset_uses.c.kind, dataset_uses.c.id))
    return DatasetUses(
        int(answers),
        tuple((row.trace_id, row.question, row.started_at) for row in named),
        tuple(DatasetUse(row.kind, row.id, row.used_at) for row in found),
    )


def _known(connection: Connection, version: str) -> DatasetVersion:
    row = connection.execute(_VERSIONS.where(dataset_versions.c.version == version)).one_or_none()
    if row is None:
        raise _no_version(version)
    return _version_of(row)


def _version_of(row: Any) -> DatasetVersion:
    return DatasetVersion(
        row.version, DatasetKind(row.kind), row.name, row.alias, row.note, row.created_at, row.rows, row.bytes,
        row.manifest, row.answers,
    )  # fmt: skip


def _no_version(name: str) -> NotFound:
    return NotFound(f"There is no data version {name}", subject=name, hint="The Library and Traces pages list them.")
