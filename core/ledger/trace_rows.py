"""Traces to rows of the ledger and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from core.ledger.codec import Document, measured
from core.ledger.columns import as_utc
from core.models import Answer, AnswerStatus, Citation, Claim, Feedback, PassageRecord, Span, Trace, Usage

HEAVY = ("prompt", "passages")
"""Columns that a light list leaves out."""


_CITATION = Document(Citation)
_CLAIM = Document(Claim)
_PASSAGE = Document(PassageRecord)


def trace_values(trace: Trace, owner: str | None) -> dict[str, Any]:
    """The row of a trace. ``answer.trace_id`` is the trace's own id, and feedback has a table of its own."""
    answer = trace.answer
    return {
        "trace_id": trace.trace_id,
        "kind": trace.kind,
        "started_at": trace.started_at,
        "day": as_utc(trace.started_at).date(),
        "conversation_id": trace.conversation_id,
        "user": trace.user,
        "template": trace.template,
        "template_version": trace.template_version,
        "temperature": trace.temperature,
        "error": trace.error,
        "owner": owner,
        "question": trace.question,
        "channels": list(trace.channels),
        "prompt": [dict(message) for message in trace.prompt],
        "passages": [_PASSAGE.dump(passage) for passage in trace.passages],
        "library_version": trace.library_version,
        "server": trace.server,
        **_answer_values(answer),
    }


def _answer_values(answer: Answer) -> dict[str, Any]:
    return {
        "status": str(answer.status),
        "answer": answer.text,
        "language": answer.language,
        "model": answer.model,
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
        "cached_tokens": answer.usage.cached_tokens,
        "reasoning_tokens": answer.usage.reasoning_tokens,
        "cost_usd": answer.cost_usd,
        "ttft_ms": answer.ttft_ms,
        "latency_ms": answer.latency_ms,
        "cached": answer.cached,
        "citations": [_CITATION.dump(citation) for citation in answer.citations],
        "claims": [_CLAIM.dump(claim) for claim in answer.claims],
        "follow_ups": list(answer.follow_ups),
        "notices": list(answer.notices),
    }


def span_values(trace: Trace) -> list[dict[str, Any]]:
    return [
        {
            "trace_id": trace.trace_id,
            "position": position,
            "name": span.name,
            "start_ms": span.start_ms,
            "duration_ms": span.duration_ms,
            "attributes": dict(span.attributes),
            "error": span.error,
        }
        for position, span in enumerate(trace.spans)
    ]


def thumb_values(thumb: Feedback, at: datetime | None) -> dict[str, Any]:
    """The row of a thumb that was given at that time."""
    return {
        "trace_id": thumb.trace_id,
        "value": thumb.value,
        "reason": thumb.reason,
        "comment": thumb.comment,
        "correction": thumb.correction,
        "updated_at": at,
    }


def span_of(row: Any) -> Span:
    return Span(row.name, measured(row.start_ms), measured(row.duration_ms), row.attributes, row.error)


def trace_of(row: RowMapping, spans: Sequence[Span]) -> Trace:
    """From a row of traces joined with feedback. Columns that were not selected (``HEAVY``) read as empty."""
    return Trace(
        trace_id=row["trace_id"],
        kind=row["kind"],
        started_at=row["started_at"],
        question=row["question"],
        channels=tuple(row["channels"]),
        answer=_answer_of(row),
        conversation_id=row["conversation_id"],
        user=row["user"],
        template=row["template"],
        template_version=row["template_version"],
        temperature=row["temperature"],
        prompt=tuple(row.get("prompt", ())),
        passages=tuple(_PASSAGE.load(item) for item in row.get("passages", ())),
        spans=tuple(spans),
        error=row["error"],
        feedback=_feedback_of(row),
        library_version=row["library_version"],
        server=row["server"],
    )


def _answer_of(row: RowMapping) -> Answer:
    return Answer(
        trace_id=row["trace_id"],
        status=AnswerStatus(row["status"]),
        text=row["answer"],
        language=row["language"],
        citations=tuple(_CITATION.load(item) for item in row["citations"]),
        claims=tuple(_claim_of(item) for item in row["claims"]),
        follow_ups=tuple(row["follow_ups"]),
        notices=tuple(row["notices"]),
        model=row["model"],
        usage=Usage(row["prompt_tokens"], row["completion_tokens"], row["cached_tokens"], row["reasoning_tokens"]),
        cost_usd=row["cost_usd"],
        ttft_ms=row["ttft_ms"],
        latency_ms=row["latency_ms"],
        cached=row["cached"],
    )


def _claim_of(document: dict[str, Any]) -> Claim:
    return _CLAIM.load(document | {"citations": tuple(document["citations"])})


def _feedback_of(row: RowMapping) -> Feedback | None:
    if row["feedback_value"] is None:
        return None
    return Feedback(
        row["trace_id"],
        row["feedback_value"],
        row["feedback_reason"],
        row["feedback_comment"],
        row["feedback_at"],
        row["feedback_correction"],
    )
