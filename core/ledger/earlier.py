"""Answers that were given before to the same question."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from core.ledger.database import Database
from core.ledger.schema import feedback, traces

LOOKED_AT = 5_000
"""The latest questions that are looked through: a fixed amount of work, however large the ledger."""


class EarlierAnswers:
    """May be called from any thread; raises LibraryError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, question: str, *, channels: Sequence[str], language: str, template: str, version: int, library: str | None
    ) -> str | None:
        """The trace of the latest answer to just this question from just this library; None where there is none.

        One that got a thumb down is no answer to give again, nor is one that was itself an earlier one.
        """
        c = traces.c
        recent = select(c.trace_id).where(c.kind == "ask").order_by(c.started_at.desc()).limit(LOOKED_AT).subquery()
        query = (
            select(c.trace_id)
            .join(recent, recent.c.trace_id == c.trace_id)
            .outerjoin(feedback, feedback.c.trace_id == c.trace_id)
            .where(c.question == question, c.channels == list(channels), c.language == language)
            .where(c.template == template, c.template_version == version, c.library_version == library)
            .where(c.status == "answered", ~c.cached, feedback.c.value.is_distinct_from(-1))
            .order_by(c.started_at.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar()
