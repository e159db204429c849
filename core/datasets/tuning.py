"""Thumbs and corrections as files to train a model with: chat JSONL, preference pairs, the thumbs themselves."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from core.ledger import TraceFilter, TraceStore
from core.ledger.codec import dump_json
from core.models import AnswerStatus, Feedback, Trace, digest

Row = dict[str, Any]
_Asked = tuple[str, str, int | None]

_AT_ONCE = 200
_SAMPLE = "sample"
"""What the kind of made-up traffic begins with: nobody asked it, so nobody can learn from it."""


def pages(traces: TraceStore, where: TraceFilter, *, light: bool = False) -> Iterator[Trace]:
    """The finished traces that the filter lets through, whatever its limit, newest first, some at a time."""
    offset = 0
    while found := traces.list(replace(where, limit=_AT_ONCE, offset=offset), light=light):
        yield from (trace for trace in found if trace.answer.status is not AnswerStatus.RUNNING)
        offset += len(found)


def finetune_rows(traces: TraceStore, where: TraceFilter) -> Iterator[Row]:
    """``{"messages": [the prompt…, the good answer]}``: a thumb up, or what a correction says; each once."""
    seen = set()
    for trace in _with_thumb(traces, where):
        good = _good_text(trace)
        if not good or not trace.prompt or not _by_model(trace):
            continue
        row = {"messages": [*map(dict, trace.prompt), _said(good)]}
        key = digest(dump_json(row))
        if key not in seen:
            seen.add(key)
            yield row


def preference_rows(traces: TraceStore, where: TraceFilter) -> Iterator[Row]:
    """``{"prompt": [messages], "chosen": [answer], "rejected": [answer]}``, as preference training takes them.

    A thumb down with a correction is a pair; so is a thumb down with the newest thumb up for the same question and
    template.
    """
    good: dict[_Asked, str] = {}
    for trace in pages(traces, replace(where, thumb=1), light=True):
        if _by_model(trace):
            good.setdefault(_asked(trace), trace.trace_id)
    for trace in pages(traces, replace(where, thumb=-1)):
        if not trace.prompt or not _by_model(trace):
            continue
        if correction := _correction(trace):
            yield _pair(trace, correction, trace.answer.text)
        better = traces.get(good[_asked(trace)]) if _asked(trace) in good else None
        if better is not None and better.prompt and better.answer.text != trace.answer.text:
            yield _pair(better, better.answer.text, trace.answer.text)


def feedback_rows(traces: TraceStore, where: TraceFilter) -> Iterator[Row]:
    """One thumb a row with what it was given for; those that were taken back are left out."""
    for trace in _with_thumb(traces, where, light=True):
        assert trace.feedback is not None  # both filters ask for one
        yield _feedback_row(trace, trace.feedback)


FEEDBACK_COLUMNS = (
    "trace_id", "updated_at", "value", "reason", "comment", "correction", "question", "answer", "status", "model",
    "template", "template_version", "library_version",
)  # fmt: skip


def _feedback_row(trace: Trace, thumb: Feedback) -> Row:
    values = (
        trace.trace_id, thumb.updated_at.isoformat() if thumb.updated_at else None, thumb.value, thumb.reason,
        thumb.comment, thumb.correction, trace.question, trace.answer.text, str(trace.answer.status),
        trace.answer.model, trace.template, trace.template_version, trace.library_version,
    )  # fmt: skip
    return dict(zip(FEEDBACK_COLUMNS, values, strict=True))


def _with_thumb(traces: TraceStore, where: TraceFilter, *, light: bool = False) -> Iterator[Trace]:
    """The traces with a thumb of either kind, or of the kind that the filter names, newest first."""
    values = (1, -1) if where.thumb is None else (where.thumb,) if where.thumb else ()
    both = (pages(traces, replace(where, thumb=value), light=light) for value in values)
    return heapq.merge(*both, key=lambda trace: (trace.started_at, trace.trace_id), reverse=True)


def _by_model(trace: Trace) -> bool:
    """Whether a chat model wrote the answer, for somebody who asked."""
    wrote = trace.answer.status is AnswerStatus.ANSWERED and trace.answer.model is not None
    return wrote and not trace.kind.startswith(_SAMPLE)


def _good_text(trace: Trace) -> str | None:
    """What should have been answered, where that is known."""
    if correction := _correction(trace):
        return correction
    return trace.answer.text if trace.feedback is not None and trace.feedback.value > 0 else None


def _correction(trace: Trace) -> str:
    return trace.feedback.correction.strip() if trace.feedback is not None else ""


def _asked(trace: Trace) -> _Asked:
    return " ".join(trace.question.casefold().split()), trace.template, trace.template_version


def _pair(trace: Trace, chosen: str, rejected: str) -> Row:
    return {"prompt": [*map(dict, trace.prompt)], "chosen": [_said(chosen)], "rejected": [_said(rejected)]}


def _said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
