"""A whole answer of an OpenAI-compatible server, taken from its JSON."""

from __future__ import annotations

from typing import Any

from core.adapters.openai_access import MalformedAnswer
from core.adapters.openai_stream import MOST_CHARS
from core.adapters.openai_text import VisibleText
from core.models import Usage
from core.ports import Completion


def completion_of(answer: Any, model: str) -> Completion:
    """The visible text of the first choice, cut where it does not end. Raises MalformedAnswer."""
    choice = _first(_part(answer, "choices"))
    message = _part(choice, "message")
    text = _part(message, "content")
    if not isinstance(message, dict) or not (text is None or isinstance(text, str)):
        raise MalformedAnswer
    answered_by, reason = _part(answer, "model"), _part(choice, "finish_reason")
    return Completion(
        text=visible(text or "")[:MOST_CHARS],
        usage=_usage(_part(answer, "usage")),
        model=answered_by if isinstance(answered_by, str) and answered_by else model,
        finish_reason=reason if isinstance(reason, str) else None,
    )


def visible(text: str) -> str:
    """Without the reasoning that local models write into their answers."""
    cleaner = VisibleText()
    return cleaner.feed(text) + cleaner.end()


def _usage(usage: Any) -> Usage:
    """Tokens as the server counted them; what is missing or no number is None."""
    prompt, completion = _part(usage, "prompt_tokens_details"), _part(usage, "completion_tokens_details")
    return Usage(
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_count(prompt, "cached_tokens"),
        reasoning_tokens=_count(completion, "reasoning_tokens"),
    )


def _count(holder: Any, name: str) -> int | None:
    value = _part(holder, name)
    return value if type(value) is int and value >= 0 else None


def _part(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else None


def _first(items: Any) -> Any:
    if not isinstance(items, list) or not items:
        raise MalformedAnswer
    return items[0]
