"""The steps of a trace as the nodes of a record's chain. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from core.mirror.cleaning import finite, milliseconds
from core.mirror.variables import variables_of
from core.models import AnswerStatus, PassageRecord, Span, Trace

CATEGORIES = {"retrieve": "context-retrieval", "render": "prompt-template", "generate": "llm-call"}
"""Of comet_llm's categories; what is none of them is a plain step."""
STEP = "step"
MOST_NODES = 300
MOST_PASSAGES = 100
_OF_THE_CALL = ("model", "temperature", "usage", "cost_usd", "ttft_ms", "template", "template_version")


def nodes_of(trace: Trace, template_text: Mapping[str, str], metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One node a span, in their order, and one for the passages or the prompt of a trace without such a step."""
    steps = [*trace.spans[:MOST_NODES], *_missing(trace)]
    return [
        {
            "id": n,
            "category": CATEGORIES.get(step.name, STEP),
            "name": step.name,
            **_times(trace, step),
            "parent_ids": [],
            **_content(trace, step, template_text, metadata),
        }
        for n, step in enumerate(steps, start=1)
    ]


def _missing(trace: Trace) -> Iterator[Span]:
    """Steps that a trace must have had, without times: NaN is left out."""
    names = {step.name for step in trace.spans[:MOST_NODES]}
    for name, content in (("retrieve", trace.passages), ("generate", trace.prompt)):
        if content and name not in names:
            yield Span(name, float("nan"), float("nan"))


def _times(trace: Trace, step: Span) -> dict[str, Any]:
    """Whole milliseconds since 1970; None where a clock went wrong."""
    begin, start, took = milliseconds(trace.started_at), finite(step.start_ms), finite(step.duration_ms)
    took = None if took is None or took < 0 else took
    if begin is None or start is None or abs(start) > timedelta(days=366) / timedelta(milliseconds=1):
        return {"start_timestamp": None, "end_timestamp": None, "duration": took}
    first = begin + round(start)
    return {"start_timestamp": first, "end_timestamp": None if took is None else first + round(took), "duration": took}


def _content(trace: Trace, step: Span, template_text: Mapping[str, str], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs, outputs and metadata of a node."""
    about = {**step.attributes, "error": step.error}
    if step.name == "retrieve":
        inputs: dict[str, Any] = {"query": step.attributes.get("query", trace.question)}
        inputs["channels"] = list(trace.channels)
        passages = [_passage(passage) for passage in trace.passages[:MOST_PASSAGES]]
        return {"inputs": inputs, "outputs": {"passages": passages}, "metadata": about}
    if step.name == "generate":
        call = {name: metadata[name] for name in _OF_THE_CALL if name in metadata}
        outputs = {"output": _written(trace, step)}
        return {"inputs": _call(trace, template_text), "outputs": outputs, "metadata": {**about, **call}}
    outputs = {} if step.error is None else {"error": step.error}
    return {"inputs": dict(step.attributes), "outputs": outputs, "metadata": {"error": step.error}}


def _call(trace: Trace, template_text: Mapping[str, str]) -> dict[str, Any]:
    """What the model was given, under comet_llm's names: the exact messages, the template and its variables."""
    return {
        "final_prompt": [dict(message) for message in trace.prompt],
        "prompt_template": dict(template_text) or None,
        "prompt_template_variables": variables_of(template_text, trace.prompt) or {"question": trace.question},
    }


def _written(trace: Trace, step: Span) -> object:
    """What the model wrote: the answer, or the text that was not shown."""
    if trace.answer.status in (AnswerStatus.ANSWERED, AnswerStatus.ABANDONED):
        return trace.answer.text
    rejected = (other.attributes.get("rejected") for other in trace.spans)
    return step.attributes.get("partial") or next(filter(None, rejected), None)


def _passage(passage: PassageRecord) -> dict[str, Any]:
    return {
        "rank": passage.rank,
        "score": passage.score,
        "parts": dict(passage.parts),
        "chunk_id": passage.chunk_id,
        "video": passage.video_id,
        "title": passage.title,
        "channel": passage.channel,
        "second": passage.start_s,
        "end_second": passage.end_s,
        "text": passage.text,
        "url": passage.url,
    }
