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
    """A prompt of the most tokens, an answer of the full length. None where the price is unknown."""
    return worst_of_tokens(cost_of, model, most_tokens(messages), max_tokens, when)


def worst_of_tokens(cost_of: CostOf, model: str, prompt: int, written: int, when: datetime) -> float | None:
    """All of the prompt cached or none, all of the answer reasoning or none: what costs more.

    None where the price is unknown.
    """
    ends = [Usage(prompt, written, cached, thought) for cached in (0, prompt) for thought in (0, written)]
    costs = [cost_of(model, usage, when) for usage in ends]
    known = [cost for cost in costs if cost is not None]
    return max(known) if known else None
