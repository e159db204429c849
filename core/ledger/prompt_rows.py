"""How versions, aliases and moves are read from the tables of the registry."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from core.errors import NotFound
from core.ledger.prompt_values import LATEST, AliasMove, PromptVersion
from core.ledger.schema import prompt_aliases, prompt_moves, prompt_versions
from core.phrases import listed

_V, _A = prompt_versions.c, prompt_aliases.c
OF_NAME = select(prompt_versions).where(_V.name == bindparam("of_name"))
_BY_VERSION = OF_NAME.where(_V.version == bindparam("ref"))
NEWEST = OF_NAME.order_by(_V.version.desc()).limit(1)
_BY_ALIAS = OF_NAME.join(prompt_aliases, (_A.name == _V.name) & (_A.version == _V.version)).where(
    _A.alias == bindparam("ref")
)


def version_of(row: Row[Any]) -> PromptVersion:
    return PromptVersion(row.name, row.version, row.system, row.user, row.note, row.author, row.created_at)


def find(connection: Connection, name: str, ref: int | str) -> PromptVersion | None:
    query = NEWEST if ref == LATEST else _BY_VERSION if isinstance(ref, int) else _BY_ALIAS
    values = {"of_name": name} if ref == LATEST else {"of_name": name, "ref": ref}
    row = connection.execute(query, values).one_or_none()
    return None if row is None else version_of(row)


def found(connection: Connection, name: str, ref: int | str) -> PromptVersion:
    version = find(connection, name, ref)
    if version is None:
        raise _missing(connection, name, ref)
    return version


def _missing(connection: Connection, name: str, ref: int | str) -> NotFound:
    newest = connection.execute(select(func.max(_V.version)).where(_V.name == name)).scalar()
    if newest is None:
        there = listed(sorted(connection.execute(select(_V.name).distinct()).scalars()))
        return NotFound(f"There is no template {name!r}", subject=name, hint=f"There is {there}." if there else "")
    if isinstance(ref, int):
        return NotFound(f"{name} has no version {ref}", subject=name, hint=f"Its newest is {newest}.")
    aliases = [f"{alias} (version {version})" for alias, version in aliases_of(connection, name).items()]
    there = f"Its aliases are {listed(aliases)}." if aliases else f"It has none; name a version: {name}@{newest}."
    return NotFound(f"{name} has no alias {ref!r}", subject=name, hint=there)


def aliases_of(connection: Connection, name: str) -> dict[str, int]:
    rows = connection.execute(select(_A.alias, _A.version).where(_A.name == name)).all()
    return {row.alias: row.version for row in sorted(rows, key=lambda row: row.alias)}


def moves_of(connection: Connection, name: str, alias: str | None = None) -> list[AliasMove]:
    m = prompt_moves.c
    query = select(m.name, m.alias, m.version, m.previous, m.author, m.moved_at).where(m.name == name)
    query = query if alias is None else query.where(m.alias == alias)
    return [AliasMove(*row) for row in connection.execute(query.order_by(m.move_id.desc()))]
