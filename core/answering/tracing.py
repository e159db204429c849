"""An answer with everything that happened to it, as the ledger keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from core.answering.live import LiveAnswer
from core.config import Settings
from core.cost import PriceOf, server_of
from core.models import Answer, Passage, PassageRecord, Trace, Usage
from core.ports import Message
from core.prompts import PromptTemplate


@dataclass(frozen=True, slots=True)
class Written:
    """What was sent to a model, and from which passages."""

    passages: tuple[Passage, ...] = ()
    prompt: tuple[Message, ...] = ()
    template: PromptTemplate | None = None
    """Only where it was rendered."""


def begun(live: LiveAnswer) -> Trace:
    """A trace whose answer is being written."""
    request = live.request
    return Trace(
        trace_id=live.trace_id,
        kind="ask",
        started_at=live.started_at,
        question=request.question,
        channels=request.channels,
        answer=live.snapshot(),
        conversation_id=request.conversation_id,
        user=request.user,
    )


def finished(
    live: LiveAnswer, answer: Answer, written: Written, settings: Settings, *, error: str | None, cost_of: PriceOf
) -> Trace:
    """The whole trace; the answer gets what was measured and what it cost."""
    template = written.template
    return replace(
        begun(live),
        answer=_measured(live, answer, settings, cost_of),
        template=template.name if template else "",
        template_version=template.version if template else None,
        temperature=settings.chat_temperature if template and "temperature" not in live.left_out else None,
        prompt=written.prompt,
        passages=tuple(map(record_of, written.passages)),
        spans=tuple(live.spans),
        error=error,
        library_version=live.library_version,
        server=server_of(settings.openai_base_url) if live.model else "",
    )


def _measured(live: LiveAnswer, answer: Answer, settings: Settings, cost_of: PriceOf) -> Answer:
    usage = total(live.usages)
    return replace(
        answer,
        notices=tuple(live.notices),
        model=live.model,
        usage=usage,
        cost_usd=_cost(live, usage, settings.openai_base_url, cost_of) if live.usages else None,
        ttft_ms=live.ttft_ms,
        latency_ms=live.elapsed_ms(),
    )


def _cost(live: LiveAnswer, usage: Usage, server: str | None, cost_of: PriceOf) -> float | None:
    """By the model that answered, else by the name that was asked for, as budgets and the lab do it."""
    names = dict.fromkeys((live.model, live.asked_model))
    costs = (cost_of(name, usage, live.started_at, server) for name in names if name)
    return next((cost for cost in costs if cost is not None), None)


def total(usages: Sequence[Usage]) -> Usage:
    """The sum by kind of token. A count that one of them does not know is unknown in the sum; no call, no count."""
    counts = {f.name: [getattr(usage, f.name) for usage in usages] for f in fields(Usage)}
    return Usage(**{name: sum(found) if found and None not in found else None for name, found in counts.items()})


def record_of(passage: Passage) -> PassageRecord:
    """As the ledger keeps it."""
    chunk, video = passage.chunk, passage.video
    return PassageRecord(
        chunk_id=chunk.id,
        video_id=video.video_id,
        title=video.title,
        channel=video.channel,
        start_s=chunk.start_s,
        end_s=chunk.end_s,
        text=chunk.text,
        rank=passage.rank,
        score=passage.score,
        parts=dict(passage.parts),
        url=passage.url,
    )
