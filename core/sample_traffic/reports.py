"""Drift reports of made-up traffic, computed as those of real traffic are: nothing of them is made up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pandas as pd

from core.drift.report import compare
from core.drift.rows import traffic_table
from core.models import DriftReport, Trace

CURRENT, REFERENCE = "7d?kind=sample-ask", "14d..7d?kind=sample-ask"
_WEEK = timedelta(days=7)
_MOST = 6
_FINISHED, _ORIGIN = "finished", "command"


def reports(rng: Random, traces: Sequence[Trace], days: int, now: datetime) -> list[DriftReport]:
    """A report for each of the last weeks that have a week before them, of the last one in any case."""
    number = max(1, min(_MOST, days // 7 - 1))
    return [_report(rng, traces, now - week * _WEEK) for week in reversed(range(number))]


def _report(rng: Random, traces: Sequence[Trace], now: datetime) -> DriftReport:
    before, after = (rows(traces, until - _WEEK, until) for until in (now - _WEEK, now))
    outcome = compare(before, after)
    return DriftReport(
        report_id=f"{rng.getrandbits(128):032x}",
        created_at=now,
        state=_FINISHED,
        reference=REFERENCE,
        current=CURRENT,
        origin=_ORIGIN,
        n_reference=len(before),
        n_current=len(after),
        verdict=outcome.verdict,
        sentence=outcome.sentence,
        columns=outcome.columns,
        left_out=outcome.left_out,
        details={**outcome.details, "sample": True, "evidently": None},
        sample=True,
    )


def rows(traces: Sequence[Trace], since: datetime, until: datetime) -> pd.DataFrame:
    """The traces of a time as the ledger's traffic gives them (core/drift/rows.py)."""
    found = [_row(trace) for trace in traces if since <= trace.started_at < until]
    return traffic_table(pd.DataFrame(found, columns=list(_NAMES), dtype=object))


_NAMES = (
    "trace_id", "started_at", "question", "answer", "language", "status", "model", "latency_ms", "ttft_ms",
    "prompt_tokens", "completion_tokens", "cost_usd", "top_score", "unsupported", "feedback", "template",
    "template_version",
)  # fmt: skip


def _row(trace: Trace) -> tuple[Any, ...]:
    answer, usage = trace.answer, trace.answer.usage
    unsupported = sum(not claim.supported for claim in answer.claims) if answer.claims else None
    return (
        trace.trace_id, trace.started_at, trace.question, answer.text, answer.language, str(answer.status),
        answer.model, answer.latency_ms, answer.ttft_ms, usage.prompt_tokens, usage.completion_tokens,
        answer.cost_usd, trace.passages[0].score if trace.passages else None, unsupported,
        trace.feedback.value if trace.feedback else None, trace.template, trace.template_version,
    )  # fmt: skip
