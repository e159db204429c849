"""The registry of prompts: templates in versions that never change, and aliases that point at them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from core.errors import InputError, LibraryError, NotFound, TemplateError
from core.ledger.database import Database
from core.ledger.prompt_rows import NEWEST, OF_NAME, aliases_of, find, found, moves_of, version_of
from core.ledger.prompt_values import (
    PRODUCTION,
    AliasMove,
    PromptVersion,
    check_alias,
    check_name,
    check_text,
    undo_of,
)
from core.ledger.schema import prompt_aliases, prompt_moves, prompt_versions
from core.models import digest
from core.phrases import listed
from core.ports import Clock
from core.prompts import PromptTemplate, not_of_a_question

_V, _A = prompt_versions.c, prompt_aliases.c
SHIPPED_BY = "Cuepoint"
"""Author of the versions that come with the app."""
FRESH_S = 1.0
"""For so long ``current`` may repeat what it said, so that another process's promotion is seen this much later."""

_MOST_CACHED = 256
_ADVISORY_LOCK = 0x50726F6D


class PromptStore:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._cache: OrderedDict[tuple[str, int | str], tuple[float, PromptTemplate]] = OrderedDict()

    # ------------------------------------------------------------------------------------------------------ writing

    def save(self, template: PromptTemplate, note: str = "", author: str = "") -> int:
        """Writes the texts as the name's next version, whatever ``template.version`` says, and returns its number.

        Texts equal to those of the newest version write nothing and return that one. Raises InputError for a name or
        a length that cannot be.
        """
        name = check_name(template.name)
        check_text(template)
        with self._database.write() as connection:
            _lock(connection)
            newest = connection.execute(NEWEST, {"of_name": name}).one_or_none()
            if newest is not None and newest.content_hash == _hash(template):
                return int(newest.version)
            version = 1 if newest is None else newest.version + 1
            self._add(connection, replace(template, name=name), version, note=note, author=author)
        return version

    def point(self, name: str, alias: str, version: int, author: str = "") -> None:
        """Makes an alias mean a version; where it does already, nothing happens.

        Raises NotFound; InputError for a word that is no alias; TemplateError where ``production`` would mean a
        version that Ask cannot fill, unless it already means one: such a template is only for experiments.
        """
        alias = check_alias(alias)
        with self._database.write() as connection:
            _lock(connection)
            self._promote(connection, found(connection, name, version), alias, author)
        self._cache.pop((name, alias), None)

    def roll_back(self, name: str, alias: str = PRODUCTION, author: str = "") -> int:
        """Points an alias at the version before and returns that; again, and it is the one before that.

        Raises NotFound where there is nothing to go back to, TemplateError as ``point``.
        """
        with self._database.write() as connection:
            _lock(connection)
            version = undo_of(moves_of(connection, name, alias)[::-1])
            if version is None:
                raise NotFound(f"{alias} of {name} was nowhere before", subject=name, hint="Promote a version instead.")
            self._promote(connection, found(connection, name, version), alias, author)
        self._cache.pop((name, alias), None)
        return version

    def remove_alias(self, name: str, alias: str, author: str = "") -> None:
        """Makes an alias mean nothing any more; its versions and its history stay.

        Raises NotFound; InputError for ``production``, which Ask and experiments load under the name alone.
        """
        if alias == PRODUCTION:
            hint = "Promote another version instead."
            raise InputError(f"The alias {PRODUCTION} cannot be removed", subject=alias, hint=hint)
        with self._database.write() as connection:
            _lock(connection)
            current = found(connection, name, alias)
            self._move(connection, name, (current.version, None), alias=alias, author=author)
        self._cache.pop((name, alias), None)

    def seed(self, shipped: Iterable[PromptTemplate]) -> None:
        """Adds what the app ships and the registry has not; ``production`` is its first version where it is nothing.

        A text that a newer app ships becomes a new version. ``production`` follows it only from a version that the
        app shipped too: whoever promoted an own version keeps it.
        """
        shipped = list(shipped)
        with self._database.read() as connection:
            missing = [template for template in shipped if not _is_seeded(connection, template)]
        if not missing:
            return
        with self._database.write() as connection:
            _lock(connection)
            for template in missing:
                if not _is_seeded(connection, template):
                    self._seed(connection, template)
        self._cache.clear()

    def _seed(self, connection: Connection, template: PromptTemplate) -> None:
        newest = connection.execute(NEWEST, {"of_name": template.name}).one_or_none()
        version = 1 if newest is None else newest.version + 1
        self._add(connection, template, version, note="Ships with Cuepoint.", author=SHIPPED_BY)
        current = find(connection, template.name, PRODUCTION)
        if current is None or current.author == SHIPPED_BY:
            before = None if current is None else current.version
            self._move(connection, template.name, (before, version), alias=PRODUCTION, author=SHIPPED_BY)

    def _add(self, connection: Connection, template: PromptTemplate, version: int, *, note: str, author: str) -> None:
        row: dict[str, Any] = {"name": template.name, "version": version}
        row |= {"system": template.system, "user": template.user}
        row |= {"note": note.strip(), "author": author, "created_at": self._clock(), "content_hash": _hash(template)}
        connection.execute(insert(prompt_versions), row)

    def _promote(self, connection: Connection, wanted: PromptVersion, alias: str, author: str) -> None:
        current = find(connection, wanted.name, alias)
        if current is not None and current.version == wanted.version:
            return
        if alias == PRODUCTION:
            _check_fillable(wanted, current)
        before = None if current is None else current.version
        self._move(connection, wanted.name, (before, wanted.version), alias=alias, author=author)

    def _move(
        self, connection: Connection, name: str, versions: tuple[int | None, int | None], *, alias: str, author: str
    ) -> None:
        """``versions``: before and after; None: none."""
        previous, version = versions
        row = {"name": name, "alias": alias, "version": version, "moved_at": self._clock()}
        connection.execute(delete(prompt_aliases).where(_A.name == name, _A.alias == alias))
        if version is not None:
            connection.execute(insert(prompt_aliases), row)
        connection.execute(insert(prompt_moves), row | {"previous": previous, "author": author})

    # ------------------------------------------------------------------------------------------------------ reading

    def get(self, name: str, ref: int | str = PRODUCTION) -> PromptTemplate:
        """A version by number or alias, ``latest`` for the newest. Raises NotFound that says what there is."""
        with self._database.read() as connection:
            return found(connection, name, ref).template

    def current(self, name: str, ref: int | str = PRODUCTION) -> PromptTemplate:
        """As ``get``, from memory where it was read within the last second, or where the ledger fails.

        A promotion by this process is seen at once.
        """
        key, now = (name, ref), time.monotonic()
        known = self._cache.get(key)
        if known is not None and (isinstance(ref, int) or now - known[0] < FRESH_S):
            return known[1]
        try:
            found = self.get(name, ref)
        except LibraryError:
            if known is None:
                raise
            return known[1]
        self._cache[key] = (now, found)
        while len(self._cache) > _MOST_CACHED:
            self._cache.popitem(last=False)
        return found

    def version(self, name: str, ref: int | str = PRODUCTION) -> PromptVersion:
        """As ``get``, with note, author and time."""
        with self._database.read() as connection:
            return found(connection, name, ref)

    def versions(self, name: str) -> list[PromptVersion]:
        """Newest first; none for an unknown name."""
        query = OF_NAME.order_by(_V.version.desc())
        with self._database.read() as connection:
            return [version_of(row) for row in connection.execute(query, {"of_name": name})]

    def names(self) -> list[str]:
        """In alphabetical order."""
        with self._database.read() as connection:
            return sorted(connection.execute(select(_V.name).distinct()).scalars())

    def aliases(self, name: str) -> dict[str, int]:
        """Alias -> version, in alphabetical order."""
        with self._database.read() as connection:
            return aliases_of(connection, name)

    def moves(self, name: str) -> list[AliasMove]:
        """Where the aliases pointed, newest first."""
        with self._database.read() as connection:
            return moves_of(connection, name)

    def before(self, name: str, alias: str = PRODUCTION) -> int | None:
        """The version that ``roll_back`` would lead to."""
        return undo_of([move for move in reversed(self.moves(name)) if move.alias == alias])


def _lock(connection: Connection) -> None:
    """One writer at a time: SQLite has no more anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def _hash(template: PromptTemplate) -> str:
    return digest(f"{len(template.system)}\n{template.system}\n{template.user}")


def _is_seeded(connection: Connection, template: PromptTemplate) -> bool:
    is_it = (_V.name == template.name) & (_V.content_hash == _hash(template))
    return connection.execute(select(_V.version).where(is_it).limit(1)).first() is not None


def _check_fillable(wanted: PromptVersion, current: PromptVersion | None) -> None:
    lacking = not_of_a_question(wanted.template.variables)
    if lacking and (current is None or not not_of_a_question(current.template.variables)):
        raise TemplateError(
            f"{wanted.name}, version {wanted.version}, cannot become production: Ask has nothing to put in "
            f"{listed([f'{{{name}}}' for name in lacking])}",
            subject=lacking[0],
            hint=f"Experiments can use it as {wanted.name}@{wanted.version}, or by another alias.",
        )
