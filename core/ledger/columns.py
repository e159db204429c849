"""Column types that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Double, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from core.ledger.codec import dump_json, load_json

Convert = Callable[[Any], Any]

ESCAPE = "\ufdd0"
"""A Unicode noncharacter: no text for people holds it."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff\ufdd0]")
_ESCAPED = re.compile("\ufdd0([0-9a-f]{4})")


def escape_text(text: str) -> str:
    r"""What the database stores for a text.

    PostgreSQL refuses NUL, UTF-8 has no lone surrogates, and SQLite's LIKE stops at a NUL. These characters (and the
    escape itself) become U+FDD0 and four hex digits, so that any text can be stored and reads back exactly.

    >>> escape_text("a\x00b") == "a\ufdd00000b"
    True
    """
    if type(text) is str and text.isascii() and "\x00" not in text:  # most texts
        return text
    return _UNSTORABLE.sub(lambda match: f"{ESCAPE}{ord(match[0]):04x}", text)


def unescape_text(stored: str) -> str:
    """The inverse of escape_text."""
    if ESCAPE not in stored:
        return stored
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), stored)


class AnyText(TypeDecorator[str]):
    """Any Python string, lone surrogates and NUL too; reads back exactly."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Convert:  # noqa: ARG002
        return _maybe(escape_text)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Convert:  # noqa: ARG002
        return _maybe(unescape_text)


class Json(TypeDecorator[Any]):
    """A JSON document as ASCII text: every text in it reads back exactly, and a number that is not finite as None."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Convert:  # noqa: ARG002
        return _maybe(dump_json)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Convert:  # noqa: ARG002
        return _maybe(load_json)


def _maybe(convert: Convert) -> Convert:
    """The conversion, with None left as it is."""
    return lambda value: None if value is None else convert(value)


class UtcTime(TypeDecorator[datetime]):
    """A moment. A datetime without a zone is taken as UTC; what comes back is aware and UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = as_utc(value)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else as_utc(value)


class Number(TypeDecorator[float]):
    """A double. One that is not finite was not measured: it is stored as NULL."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, _dialect: Dialect) -> float | None:
        return finite(value)


class Count(TypeDecorator[int]):
    """A whole number that somebody else counted. One that cannot be true (negative, beyond 2**53) is stored as NULL."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> int | None:
        return value if value is not None and 0 <= value <= LARGEST_COUNT else None


LARGEST_COUNT = 2**53


def as_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def finite(value: float | None) -> float | None:
    """None for NaN and infinities; plain floats for numpy's."""
    if value is None:
        return None
    number = float(value)
    return number if number - number == 0.0 else None


BigKey = BigInteger().with_variant(Integer(), "sqlite")
"""An integer key: SQLite makes a rowid only of a column that is declared INTEGER."""
