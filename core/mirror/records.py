"""A trace and its thumb as the mirror is told of them: one record a trace, one node a step. Pure.

The names are those under which programs that read the mirror already look: comet_llm's chain format, version 3 (its
``chains/chain.py``, ``chains/span.py``, ``prompts/convert.py``), and the flattened parameters of its OpenAI logger
(``model``, ``temperature``, ``usage.prompt_tokens``, …), so that our records and theirs line up in one table.
What nobody measured is left out, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import InputError
from core.mirror.cleaning import clean, clean_text, finite, iso, milliseconds
from core.mirror.nodes import nodes_of
from core.models import Citation, Feedback, MirrorRecord, MirrorThumb, Scalar, Trace, Usage, digest

CHAIN_VERSION = 3
CREATED_FROM = "cuepoint"
"""By this value of ``created_from`` a reader knows our records from other programs'."""
MOST_PARAMETER_CHARS = 1_000
MOST_TAG_CHARS = 100

_RECORD_ID = re.compile(r"[0-9a-f]{32}")
_PARTS = ("id", "tags", "parameters", "metrics", "chain")
_RECORD: TypeAdapter[MirrorRecord] = TypeAdapter(MirrorRecord)


def record_id(trace_id: str) -> str:
    """By which the mirror knows the trace: 32 hex digits.

    >>> record_id("01890A5D-AC96-774B-BCCE-B302099A8057")
    '01890a5dac96774bbcceb302099a8057'
    >>> len(record_id("tonight's"))
    32
    """
    plain = trace_id.replace("-", "").lower()
    return plain if _RECORD_ID.fullmatch(plain) else digest(trace_id)[:32]


def trace_record(trace: Trace, *, template_text: Mapping[str, str] | None = None) -> MirrorRecord:
    """The record of a finished trace; any trace has one that is valid JSON of bounded size.

    ``template_text`` is the prompt template's text by role (``{"system": …, "user": …}``), where it is known.
    """
    metadata = metadata_of(trace)
    return MirrorRecord(
        id=record_id(trace.trace_id),
        tags=_tags(trace),
        parameters=flattened(metadata),
        metrics=_metrics(trace),
        chain=_chain(trace, metadata, template_text or {}),
    )


def to_document(record: MirrorRecord) -> dict[str, Any]:
    """The record as JSON, for a person to read and mend."""
    return {
        "id": record.id,
        "tags": list(record.tags),
        "parameters": dict(record.parameters),
        "metrics": dict(record.metrics),
        "chain": dict(record.chain),
    }


def from_document(document: object) -> MirrorRecord:
    """The record of a mended document, clean again. Raises InputError that names what is wrong."""
    if not isinstance(document, Mapping):
        raise InputError("The record is not a JSON object", hint=f"It has the parts {', '.join(_PARTS)}.")
    if unknown := [str(name) for name in document if name not in _PARTS]:
        raise _unfit(clean_text(unknown[0], MOST_TAG_CHARS), "is no part of a record")
    try:
        record = _RECORD.validate_python(dict(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _unfit(".".join(map(str, first["loc"][:2])), first["msg"].lower()) from None
    if not _RECORD_ID.fullmatch(record.id):
        raise _unfit("id", "must stay as it was shown: 32 hex digits")
    return MirrorRecord(
        record.id,
        tuple(clean_text(tag, MOST_TAG_CHARS) for tag in record.tags),
        flattened(clean(record.parameters, most_chars=MOST_PARAMETER_CHARS)),
        {name: number for name, value in clean(record.metrics).items() if (number := finite(value)) is not None},
        clean(record.chain),
    )


def _unfit(part: str, why: str) -> InputError:
    return InputError(f"The record's {part}: {why}", subject=part, hint="Mend it, or put back what was shown.")


def thumb_of(feedback: Feedback) -> MirrorThumb:
    """What the mirror is told of a thumb."""
    said = {"reason": feedback.reason, "comment": feedback.comment, "correction": feedback.correction}
    texts = {name: clean_text(text) for name, text in said.items() if text}
    return MirrorThumb(record_id(feedback.trace_id), max(-1, min(1, feedback.value)), texts)


def metadata_of(trace: Trace) -> dict[str, Any]:
    """What a team filters and groups by, nested as comet_llm nests it."""
    answer = trace.answer
    known: dict[str, Any] = {
        "created_from": CREATED_FROM,
        "trace_id": trace.trace_id,
        "kind": trace.kind,
        "status": str(answer.status),
        "started_at": iso(trace.started_at),
        "model": answer.model,
        "temperature": finite(trace.temperature),
        "template": trace.template or None,
        "template_version": finite(trace.template_version),
        "usage": usage_of(answer.usage),
        "cost_usd": _measured(answer.cost_usd),
        "latency_ms": _measured(answer.latency_ms),
        "ttft_ms": _measured(answer.ttft_ms),
        "language": answer.language or None,
        "conversation_id": trace.conversation_id or None,
        "user": trace.user or None,
        "library_version": trace.library_version,
        "cached": answer.cached,
        "error": trace.error or None,
    }
    kept: dict[str, Any] = clean(_known(known), most_chars=MOST_PARAMETER_CHARS)
    return kept


def usage_of(usage: Usage) -> dict[str, Any] | None:
    """Token counts under the names of OpenAI's API; None where nothing was counted."""
    prompt, completion = _measured(usage.prompt_tokens), _measured(usage.completion_tokens)
    counted = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": None if prompt is None or completion is None else prompt + completion,
        "prompt_tokens_details": _known({"cached_tokens": _measured(usage.cached_tokens)}) or None,
        "completion_tokens_details": _known({"reasoning_tokens": _measured(usage.reasoning_tokens)}) or None,
    }
    return _known(counted) or None


def flattened(metadata: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """Nested names joined by dots, as comet_llm does it; what is None is left out.

    >>> flattened({"usage": {"total_tokens": 3}, "error": None})
    {'usage.total_tokens': 3}
    """
    flat: dict[str, Scalar] = {}
    for name, value in metadata.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{name}.")
        elif value is not None:
            flat[prefix + name] = value
    return flat


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _measured(value: object) -> float | int | None:
    """A count, duration or cost; a negative one was not measured (a clock that was set back)."""
    number = finite(value)
    return None if number is None or number < 0 else number


def _tags(trace: Trace) -> tuple[str, ...]:
    template = trace.template and trace.template_version is not None and f"{trace.template}:v{trace.template_version}"
    answer = trace.answer
    found = (CREATED_FROM, trace.kind, str(answer.status), template or trace.template, answer.model, answer.language)
    return tuple(dict.fromkeys(clean_text(tag, MOST_TAG_CHARS) for tag in found if tag))


def _metrics(trace: Trace) -> dict[str, float]:
    """Numbers worth a chart. ``chain_duration`` is what comet_llm writes, in milliseconds."""
    answer = trace.answer
    judged = [claim.supported for claim in answer.claims if claim.support is not None]
    scores = [score for passage in trace.passages if (score := finite(passage.score)) is not None]
    measured = {
        "chain_duration": _measured(answer.latency_ms),
        "ttft_ms": _measured(answer.ttft_ms),
        "cost_usd": _measured(answer.cost_usd),
        **{f"usage.{name}": n for name, n in (usage_of(answer.usage) or {}).items() if not isinstance(n, dict)},
        "passages": len(trace.passages),
        "best_score": max(scores, default=None),
        "citations": len(answer.citations),
        "supported_share": sum(judged) / len(judged) if judged else None,
    }
    return _known(measured)


def _chain(trace: Trace, metadata: Mapping[str, Any], template_text: Mapping[str, str]) -> dict[str, Any]:
    begin, took = milliseconds(trace.started_at), _measured(trace.answer.latency_ms)
    chain: dict[str, Any] = clean({
        "version": CHAIN_VERSION,
        "category": "chain",
        "start_timestamp": begin,
        "end_timestamp": None if begin is None else begin + round(took or 0),
        "chain_duration": took,
        "metadata": metadata,
        "chain_inputs": _inputs(trace),
        "chain_outputs": _outputs(trace),
        "chain_nodes": nodes_of(trace, template_text, _known({**metadata, "error": None})),
    })  # fmt: skip
    return chain


def _inputs(trace: Trace) -> dict[str, Any]:
    return {"question": trace.question, "channels": list(trace.channels), "language": trace.answer.language}


def _outputs(trace: Trace) -> dict[str, Any]:
    answer = trace.answer
    return {
        "answer": answer.text,
        "citations": list(map(_citation, answer.citations)),
        "follow_ups": list(answer.follow_ups),
        "notices": list(answer.notices),
        "error": trace.error,
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "n": citation.n,
        "video": citation.video_id,
        "title": citation.title,
        "channel": citation.channel,
        "second": citation.start_s,
        "end_second": citation.end_s,
        "quote": citation.quote,
        "url": citation.url,
    }
