"""The answers of the fake OpenAI server as values, and how they look on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.grounded import pieces_of

USAGE: Mapping[str, Any] = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 8},
}
HTML = b"<!doctype html><title>Welcome</title><h1>It works!</h1>"


@dataclass(frozen=True)
class Reply:
    """One answer. Without a fault: ``text`` streamed in pieces, or whole where no stream was asked for."""

    text: str | Sequence[str] = "Cosine similarity compares directions [1]."
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=dict)
    """The ``error`` object of a status that is not 200."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent instead of anything else, as ``content_type``."""
    content_type: str = "application/json"
    latency_s: float = 0.0
    """Before the first byte."""
    token_s: float = 0.0
    """Before each further piece."""
    usage: Mapping[str, Any] | None = field(default_factory=lambda: USAGE)
    finish_reason: str | None = "stop"
    fault: str = ""
    """After two pieces: "cut" closes the connection, "stall" says nothing more, "comments" sends only comment lines,
    "malformed" sends broken JSON, "foreign" JSON of another format, "error" an error object. Before any:
    "no-stream-options" rejects that option with 400."""


def status_reply(status: int, message: str = "", *, code: str | None = None, retry_after: str | None = None) -> Reply:
    """An error as OpenAI words it."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Reply(
        status=status, error={"message": message or f"status {status}", "code": code, "type": code}, headers=headers
    )


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    headers: Mapping[str, str]
    """By name in lower case."""
    body: Mapping[str, Any]


def vectors_reply(
    rows: Sequence[Sequence[float]], *, indices: Sequence[int] | None = None, latency_s: float = 0.0
) -> Reply:
    """Embeddings as OpenAI sends them; ``indices`` names their texts where they are not in order."""
    places = range(len(rows)) if indices is None else indices
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in zip(places, rows, strict=True)]
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    body = json.dumps({"object": "list", "data": data, "model": "fake-embedding", "usage": usage})
    return Reply(body=body.encode(), latency_s=latency_s)


def whole(reply: Reply, request: Request) -> Reply:
    """The answer in one JSON document."""
    if reply.status != 200 or reply.body is not None:
        return reply
    choice = {
        "index": 0,
        "finish_reason": reply.finish_reason,
        "message": {"role": "assistant", "content": _text(reply)},
    }
    frame = {"id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": _model(request)}
    return replace(reply, body=json.dumps({**frame, "choices": [choice], "usage": reply.usage}).encode())


def events(reply: Reply, request: Request) -> Iterator[str]:
    frame = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": _model(request),
    }
    pieces = pieces_of(reply.text) if isinstance(reply.text, str) else reply.text
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
    for delta in deltas:
        yield _event({**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    if reply.finish_reason is not None:
        yield _event({**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]})
    wants_usage = (request.body.get("stream_options") or {}).get("include_usage")
    if wants_usage and reply.usage is not None:
        yield _event({**frame, "choices": [], "usage": reply.usage})


def _event(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


def _text(reply: Reply) -> str:
    return reply.text if isinstance(reply.text, str) else "".join(reply.text)


def _model(request: Request) -> str:
    return f"{request.body.get('model', 'fake-model')}-2026-01-01"


FAULTS: Mapping[str, Reply] = {
    "401": status_reply(401, "Incorrect API key provided", code="invalid_api_key"),
    "403": status_reply(403, "not allowed"),
    "404": status_reply(404, "no such model", code="model_not_found"),
    "429": status_reply(429, "slow down", code="rate_limit_exceeded", retry_after="2"),
    "quota": status_reply(429, "You exceeded your current quota", code="insufficient_quota"),
    "500": status_reply(500, "internal error"),
    "html": Reply(body=HTML, content_type="text/html"),
    "malformed": Reply(fault="malformed"),
    "cut": Reply(fault="cut"),
    "stall": Reply(fault="stall"),
}
