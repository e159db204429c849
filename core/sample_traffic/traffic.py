"""A made-up question to its whole trace: which model was asked, what came of it, what the person thought. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from core.answering.quotes import INTRODUCTION
from core.answering.tracing import record_of
from core.models import Answer, AnswerStatus, Span, Trace
from core.sample_traffic import answers
from core.sample_traffic.askers import Asked, questions
from core.sample_traffic.behind import Tell, silent
from core.sample_traffic.model_call import MAIN, OLD, STRONG, CostOf, Era, ModelCall
from core.sample_traffic.thumbs import with_thumb

KIND = "sample-ask"
_CHANGES_MODEL, _CHANGES_TEMPLATE = 0.35, 0.6
"""After so much of the time."""
_STRONG, _STAYS = 0.1, 0.06
_SLOWER = 1.9
"""What the main model takes longer in the last week."""
_QUOTED, _FAILED = 0.02, 0.004
_UNREACHABLE = "The chat model did not answer. So here are quotes instead of an answer."
_NO_INDEX = "The search index cannot be read."


def made_traces(
    rng: Random, number: int, days: int, now: datetime, cost_of: CostOf, *, tell: Tell = silent
) -> list[Trace]:
    """So many traces of the last ``days`` days in order of time, with their thumbs; nothing of them is real."""
    first, made = now - timedelta(days=days), []
    for asked in questions(rng, number, days, now):
        made.append(_trace(rng, asked, _era(rng, asked, (asked.started_at - first) / (now - first)), cost_of))
        tell(len(made) / number)
    return made


def trace_id_of(rng: Random) -> str:
    """As those of questions look."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def _era(rng: Random, asked: Asked, passed: float) -> Era:
    moved = passed > _CHANGES_MODEL
    drawn = rng.random()
    model = STRONG if drawn < _STRONG else OLD if not moved or drawn < _STRONG + _STAYS else MAIN
    slow = _SLOWER if asked.recent and model == MAIN else 1.0
    return Era(model, 2 if passed > _CHANGES_TEMPLATE else 1, slow)


def _trace(rng: Random, asked: Asked, era: Era, cost_of: CostOf) -> Trace:
    trace_id, found = trace_id_of(rng), answers.found(rng, asked)
    blank = Trace(
        trace_id=trace_id,
        kind=KIND,
        started_at=asked.started_at,
        question=asked.text,
        channels=(),
        answer=Answer(trace_id, AnswerStatus.FAILED, "", asked.language),
        conversation_id=asked.conversation_id,
        user=asked.user,
    )
    drawn = rng.random()
    if drawn < _FAILED:
        return _failed(rng, blank)
    blank = replace(blank, passages=tuple(map(record_of, found.passages)))
    if drawn < _FAILED + _QUOTED and asked.topic is not None:
        return with_thumb(rng, _quotes(rng, blank, found), asked)
    return with_thumb(rng, ModelCall(rng, asked, era, found).trace(blank, cost_of), asked)


def _failed(rng: Random, blank: Trace) -> Trace:
    took_ms = rng.uniform(4, 60)
    answer = replace(blank.answer, notices=(_NO_INDEX,), latency_ms=took_ms)
    return replace(blank, answer=answer, error=_NO_INDEX, spans=(Span("retrieve", 0.2, took_ms, {}, _NO_INDEX),))


def _quotes(rng: Random, blank: Trace, found: answers.Found) -> Trace:
    said, took_ms = answers.quoted(found.passages, INTRODUCTION), rng.uniform(12, 40)
    answer = replace(
        blank.answer,
        status=AnswerStatus.QUOTED,
        text=said.text,
        claims=said.claims,
        citations=said.citations,
        notices=(_UNREACHABLE,),
        latency_ms=took_ms + 9,
        ttft_ms=took_ms + 9,
    )
    spans = (Span("retrieve", 0.3, took_ms, {"passages": len(found.passages)}), Span("quote", took_ms + 0.5, 8.0))
    return replace(blank, answer=answer, spans=spans)
