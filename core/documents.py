"""The JSON documents that programs outside rely on: the command line prints them, downloads and the API hold them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.ingestion import IngestedVideo, IngestReport
from core.ledger import OutboxStats
from core.mirror.service import SyncReport
from core.models import (
    Answer,
    Citation,
    LibraryStats,
    Passage,
    PassageRecord,
    SearchMode,
    SearchResult,
    ServiceHealth,
    Span,
    Trace,
)

Document = dict[str, Any]


def ingest_document(report: IngestReport) -> Document:
    """What ``ingest`` prints."""
    return {
        "ingested": [_video_document(video) for video in report.ingested],
        "unchanged": [_video_document(video) for video in report.unchanged],
        "failed": [{"source": f.source, "error": f.error, "reason": f.reason} for f in report.failed],
        "notices": list(report.notices),
    }


def _video_document(video: IngestedVideo) -> Document:
    return {"video_id": video.video_id, "title": video.title, "chunks": video.chunks}


def search_document(result: SearchResult) -> Document:
    """What ``search`` prints."""
    return {
        "query": result.query.text,
        "mode": str(SearchMode(result.query.mode)),
        "took_ms": round(result.took_ms, 2),
        "passages": [passage_document(passage) for passage in result.passages],
        "notices": list(result.notices),
    }


def passage_document(passage: Passage) -> Document:
    """One passage of a search; ``url`` plays from the words that match best."""
    return {
        "rank": passage.rank,
        "score": round(passage.score, 6),
        "chunk_id": passage.chunk.id,
        "video_id": passage.video.video_id,
        "title": passage.video.title,
        "channel": passage.video.channel,
        "start_s": passage.chunk.start_s,
        "end_s": passage.chunk.end_s,
        "text": passage.chunk.text,
        "url": passage.url,
    }


def answer_document(answer: Answer) -> Document:
    """What ``ask`` prints."""
    usage = answer.usage
    return {
        "trace_id": answer.trace_id,
        "answered": answer.answered,
        "answer": answer.text,
        "language": answer.language,
        "citations": [citation_document(citation) for citation in answer.citations],
        "model": answer.model,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cached_tokens": usage.cached_tokens,
        },
        "cost_usd": answer.cost_usd,
        "ttft_ms": answer.ttft_ms,
        "latency_ms": answer.latency_ms,
        "cached": answer.cached,
        "notices": list(answer.notices),
        "follow_ups": list(answer.follow_ups),
    }


def citation_document(citation: Citation) -> Document:
    return {
        "n": citation.n,
        "video_id": citation.video_id,
        "title": citation.title,
        "channel": citation.channel,
        "start_s": citation.start_s,
        "end_s": citation.end_s,
        "quote": citation.quote,
        "url": citation.url,
    }


def trace_document(trace: Trace) -> Document:
    """One entry of ``traces``: the answer as ``ask`` prints it, and what happened on the way."""
    feedback = trace.feedback
    return {
        **answer_document(trace.answer),
        "kind": trace.kind,
        "started_at": _iso(trace.started_at),
        "status": str(trace.answer.status),
        "error": trace.error,
        "question": trace.question,
        "channels": list(trace.channels),
        "conversation_id": trace.conversation_id,
        "template": trace.template,
        "template_version": trace.template_version,
        "temperature": trace.temperature,
        "feedback": None
        if feedback is None
        else {
            "value": feedback.value,
            "reason": feedback.reason,
            "comment": feedback.comment,
            "correction": feedback.correction,
        },
        "library_version": trace.library_version,
        "spans": [span_document(span) for span in trace.spans],
        "passages": [record_document(record) for record in trace.passages],
        "prompt": [dict(message) for message in trace.prompt],
    }


def span_document(span: Span) -> Document:
    return {
        "name": span.name,
        "start_ms": span.start_ms,
        "duration_ms": span.duration_ms,
        "attributes": dict(span.attributes),
        "error": span.error,
    }


def record_document(record: PassageRecord) -> Document:
    return {
        "rank": record.rank,
        "score": record.score,
        "chunk_id": record.chunk_id,
        "video_id": record.video_id,
        "title": record.title,
        "channel": record.channel,
        "start_s": record.start_s,
        "end_s": record.end_s,
        "text": record.text,
        "url": record.url,
    }


def status_document(health: list[ServiceHealth], library: LibraryStats, outbox: OutboxStats) -> Document:
    """What ``status`` prints."""
    return {
        "services": [{"name": item.name, "ok": item.ok, "detail": item.detail} for item in health],
        "library": {"videos": library.videos, "chunks": library.chunks, "channels": library.channels},
        "outbox": outbox_document(outbox),
    }


def outbox_document(outbox: OutboxStats) -> Mapping[str, Any]:
    return {
        "sent": outbox.sent,
        "pending": outbox.pending,
        "dead": outbox.dead,
        "oldest_pending_s": outbox.oldest_pending_s,
    }


def sync_document(report: SyncReport) -> Document:
    """What ``sync`` prints: the outbox as it stands now, and what this run did."""
    read = report.read_back
    return {
        **outbox_document(report.outbox),
        "status": str(report.drained.status),
        "detail": report.drained.detail,
        "delivered_now": report.drained.delivered,
        "back_filled": report.back_filled,
        "resent": report.resent,
        "read_back": None if read is None else {"state": read.state, "records": read.records, "detail": read.detail},
        "refused": [{"kind": row.kind, "id": row.id, "reason": row.error} for row in report.refused],
    }


def _iso(moment: datetime) -> str:
    """UTC, with ``Z`` as RFC 3339 writes it."""
    return moment.isoformat().replace("+00:00", "Z")
