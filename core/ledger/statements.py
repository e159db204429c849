"""Statements that are built once: SQLAlchemy takes longer to build one than SQLite to run it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


@cache
def upsert(table: Table, *, for_sqlite: bool) -> Insert:
    """Inserts a row, or replaces every other column of the row with the same key.

    A column named ``version`` counts how often that happened.
    """
    statement = sqlite.insert(table) if for_sqlite else postgresql.insert(table)
    changed: dict[str, ColumnElement[Any]] = {
        column.name: statement.excluded[column.name] for column in table.c if not column.primary_key
    }
    if "version" in changed:
        changed["version"] = table.c.version + 1
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)


@cache
def _insert_new(table: Table, *, for_sqlite: bool) -> Insert:
    return (sqlite.insert(table) if for_sqlite else postgresql.insert(table)).on_conflict_do_nothing()


def add(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Writes the rows whose key is new; the others stay as they are."""
    if rows:
        connection.execute(_insert_new(table, for_sqlite=connection.dialect.name == "sqlite"), rows)


def add_found(connection: Connection, table: Table, columns: Sequence[str], query: Select[Any]) -> int:
    """Like add, for the rows that a query finds, in one statement; returns how many were new."""
    statement = _insert_new(table, for_sqlite=connection.dialect.name == "sqlite").from_select(columns, query)
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows, each with every column, whether or not there is one with its key."""
    if rows:
        connection.execute(upsert(table, for_sqlite=connection.dialect.name == "sqlite"), rows)
