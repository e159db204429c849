"""The most that a call can cost, known before it is made. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from core.models import Usage
from core.ports import Message

CostOf = Callable[[str, Usage, datetime], float | None]
"""US dollars of so many tokens of a model at a time; None where price or count is unknown."""

_FRAME_TOKENS = 16
"""Around each message, at most."""


def most_tokens(messages: Sequence[Message]) -> int:
    """A prompt never has more: no tokenizer makes a token of less than a byte."""
    return sum(len(message["content"].encode("utf-8", "replace")) + _FRAME_TOKENS for message in messages)


def worst_usd(
    cost_of: CostOf, model: str, messages: Sequence[Message], max_tokens: int, when: datetime
) -> float | None:
    """Nothing of the prompt cached, an answer of the full length, all of it reasoning where that costs more.

    None where the price is unknown.
    """
    prompt = most_tokens(messages)
    costs = [cost_of(model, Usage(prompt, max_tokens, 0, thought), when) for thought in (0, max_tokens)]
    known = [cost for cost in costs if cost is not None]
    return max(known) if known else None
