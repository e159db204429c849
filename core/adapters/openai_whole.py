"""A whole answer of an OpenAI-compatible server, taken from its JSON."""

from __future__ import annotations

from typing import Any

from core.adapters.openai_access import MalformedAnswer
from core.adapters.openai_stream import MOST_CHARS, usage_of
from core.adapters.openai_text import VisibleText
from core.ports import Completion


def completion_of(answer: Any, model: str) -> Completion:
    """The visible text of the first choice, cut where it does not end. Raises MalformedAnswer."""
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices:
        raise MalformedAnswer
    message = getattr(choices[0], "message", None)
    text = getattr(message, "content", None)
    if message is None or not (text is None or isinstance(text, str)):
        raise MalformedAnswer
    answered_by, reason = getattr(answer, "model", None), getattr(choices[0], "finish_reason", None)
    return Completion(
        text=visible(text or "")[:MOST_CHARS],
        usage=usage_of(getattr(answer, "usage", None)),
        model=answered_by if isinstance(answered_by, str) and answered_by else model,
        finish_reason=reason if isinstance(reason, str) else None,
    )


def visible(text: str) -> str:
    """Without the reasoning that local models write into their answers."""
    cleaner = VisibleText()
    return cleaner.feed(text) + cleaner.end()
