"""The traffic of a period as columns: one SELECT that reads no trace as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Text, cast, func, literal, select, type_coerce

from core.ledger.database import Database
from core.ledger.outbox_rows import SAMPLE
from core.ledger.schema import feedback, traces
from core.models import AnswerStatus

Row = tuple[Any, ...]

_LAB = "lab"
_UNSUPPORTED = '"supported":false'
"""As a claim's JSON says it; in a text of the claim its quotes would be escaped."""
_TOP_SCORE = r'"rank":1,"score":(-?[0-9][0-9.eE+-]*)'

FILTERS = ("kind", "model", "template", "user")


class TrafficStore:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._columns = _columns(_top_score(sqlite=database.is_sqlite))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of a row, in order."""
        return tuple(self._columns)

    def rows(
        self, since: datetime, until: datetime, filters: Mapping[str, str] | None = None, *, sample: bool = False
    ) -> Sequence[Row]:
        """The finished traces that started from ``since`` on and before ``until``, oldest first.

        ``filters``: values of FILTERS. Without one for ``kind``: what people asked, so neither calls of the Prompt Lab
        nor sample traffic; with ``sample`` nothing but sample traffic.
        """
        query = select(*(column.label(name) for name, column in self._columns.items()))
        query = query.select_from(traces.outerjoin(feedback, feedback.c.trace_id == traces.c.trace_id))
        query = query.where(*_conditions(since, until, filters, sample=sample))
        with self._database.read() as connection:
            found = connection.execute(query.order_by(traces.c.started_at, traces.c.trace_id))
            return [tuple(row) for row in found]

    def count(
        self, since: datetime, until: datetime, filters: Mapping[str, str] | None = None, *, sample: bool = False
    ) -> int:
        """How many rows there are."""
        query = select(func.count()).select_from(traces).where(*_conditions(since, until, filters, sample=sample))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())


def _conditions(
    since: datetime, until: datetime, filters: Mapping[str, str] | None, *, sample: bool
) -> list[ColumnElement[bool]]:
    finished = traces.c.status != str(AnswerStatus.RUNNING)
    narrowed = _narrowed(filters or {}, sample=sample)
    return [traces.c.started_at >= since, traces.c.started_at < until, finished, *narrowed]


def _narrowed(filters: Mapping[str, str], *, sample: bool) -> list[ColumnElement[bool]]:
    found = [func.coalesce(traces.c[name], "") == value for name, value in filters.items() if name in FILTERS]
    if "kind" in filters:
        return found
    lab, made_up = (traces.c.kind.startswith(prefix, autoescape=True) for prefix in (_LAB, SAMPLE))
    if not sample:
        return [*found, ~lab, ~made_up]
    return [*found, made_up, ~traces.c.kind.startswith(f"{SAMPLE}-{_LAB}", autoescape=True)]


def _columns(top_score: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """Column name -> what is selected for it."""
    plain = ("question", "answer", "language", "latency_ms", "ttft_ms", "prompt_tokens", "completion_tokens")
    claims = type_coerce(traces.c.claims, Text)
    without = func.length(func.replace(claims, _UNSUPPORTED, ""))
    return {
        "trace_id": traces.c.trace_id,
        "started_at": traces.c.started_at,
        **{name: traces.c[name] for name in plain},
        "cost_usd": traces.c.cost_usd,
        "top_score": top_score,
        "claims": func.length(claims),
        "unsupported": (func.length(claims) - without) / literal(len(_UNSUPPORTED)),
        "status": traces.c.status,
        "feedback": feedback.c.value,
        "model": traces.c.model,
        "template": traces.c.template,
        "template_version": traces.c.template_version,
    }


def _top_score(*, sqlite: bool) -> ColumnElement[Any]:
    """The score of the first passage; NULL where there is none. PostgreSQL's JSON refuses texts that we can store."""
    passages = type_coerce(traces.c.passages, Text)
    if sqlite:
        return func.json_extract(passages, "$[0].score")
    return cast(func.substring(passages, _TOP_SCORE), Float)
