"""Thumbs of made-up people: fewer are pleased where an answer is slow, refused or off their topic. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from core.models import AnswerStatus, Feedback, Trace
from core.sample_traffic.askers import Asked
from core.sample_traffic.wording import HAPPY, SHIFTED, UNHAPPY

_VOTES, _VOTES_UP = 0.14, 0.86
_LESS_UP = {AnswerStatus.REFUSED: 0.6, AnswerStatus.QUOTED: 0.3}
_SLOW_MS, _SLOW_COSTS, _SHIFT_COSTS = 4_000, 0.15, 0.2
_CORRECTS = 0.35


def with_thumb(rng: Random, trace: Trace, asked: Asked) -> Trace:
    """The trace with what the person thought of it; most people say nothing."""
    if rng.random() > _VOTES:
        return trace
    likely = _VOTES_UP - _LESS_UP.get(trace.answer.status, 0.0)
    likely -= _SLOW_COSTS * ((trace.answer.latency_ms or 0) > _SLOW_MS) + _SHIFT_COSTS * (asked.topic == SHIFTED)
    at = asked.started_at + timedelta(milliseconds=trace.answer.latency_ms or 0, seconds=rng.randint(4, 90))
    if rng.random() < likely:
        return replace(trace, feedback=Feedback(trace.trace_id, 1, comment=rng.choice(HAPPY), updated_at=at))
    reason = rng.choice(list(UNHAPPY))
    correction = _correction(rng, trace) if rng.random() < _CORRECTS else ""
    thumb = Feedback(trace.trace_id, -1, reason, rng.choice(UNHAPPY[reason]), at, correction)
    return replace(trace, feedback=thumb)


def _correction(rng: Random, trace: Trace) -> str:
    """Another sentence of what was found."""
    return rng.choice(trace.answer.citations).quote if trace.answer.citations else ""
