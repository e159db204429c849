"""What the registry of prompts returns, and what a name in it may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from core.errors import InputError
from core.prompts import PromptTemplate

PRODUCTION = "production"
"""The alias that Ask loads."""
LATEST = "latest"
"""No alias, but a word for the newest version."""
LONGEST_TEXT = 200_000
"""Characters of a template."""

_NAME = re.compile(r"\w[\w .\-]{0,98}\w|\w")
_ALIAS = re.compile(r"[^\W\d][\w.\-]{0,49}")


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A version of a template: its texts never change."""

    name: str
    version: int
    """From 1."""
    system: str
    user: str
    note: str
    author: str
    created_at: datetime

    @property
    def template(self) -> PromptTemplate:
        return PromptTemplate(self.name, self.version, self.system, self.user)


@dataclass(frozen=True, slots=True)
class AliasMove:
    """An alias was pointed at a version, or removed."""

    name: str
    alias: str
    version: int | None
    """None: it was removed."""
    previous: int | None
    """Where it pointed before; None: it was new."""
    author: str
    moved_at: datetime


def check_name(name: str) -> str:
    """The name without spaces around it. Raises InputError for one that ``name@3`` could not hold."""
    name = name.strip()
    if not _NAME.fullmatch(name):
        hint = "Letters, digits, spaces, dots, hyphens and underscores are fine, up to 100 in all."
        raise InputError(
            f"{name[:100]!r} cannot be a template's name" if name else "The template has no name", hint=hint
        )
    return name


def check_alias(alias: str) -> str:
    """Likewise. A number would be a version, and ``latest`` is taken."""
    alias = alias.strip()
    if not _ALIAS.fullmatch(alias) or alias == LATEST:
        hint = "It begins with a letter; letters, digits, dots, hyphens and underscores are fine, up to 50 in all."
        raise InputError(f"{alias[:50]!r} cannot be an alias" if alias else "The alias has no name", hint=hint)
    return alias


def check_text(template: PromptTemplate) -> None:
    """Raises InputError for a text that no model takes."""
    length = len(template.system) + len(template.user)
    if length > LONGEST_TEXT:
        raise InputError(
            f"The template {template.name} has {length:,} characters", hint=f"The most is {LONGEST_TEXT:,}."
        )


def parse_reference(text: str) -> tuple[str, int | str]:
    """``name`` is ``(name, "production")``, ``name@3`` is ``(name, 3)``, ``name@alias`` is ``(name, "alias")``."""
    name, _, ref = text.partition("@")
    name, ref = name.strip(), ref.strip()
    return name, int(ref) if ref.isdecimal() and len(ref) < 10 else ref or PRODUCTION  # noqa: PLR2004  fits a column


def undo_of(moves: list[AliasMove]) -> int | None:
    """The version that a roll-back of an alias leads to, from its moves, oldest first; None where there is none.

    Rolling back twice goes back two versions: a move to the version before the last is a step back itself. After a
    removal it leads to where the alias pointed last.
    """
    path: list[int | None] = []
    for move in moves:
        path = path[:-1] if path[-1:] == [None] else path
        if path[-2:-1] == [move.version]:
            path.pop()
        elif path[-1:] != [move.version]:
            path.append(move.version)
    return path[-2] if len(path) > 1 else None
