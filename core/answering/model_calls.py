"""Reads a chat model's stream for an answer that can be stopped, and notes what it cost."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

from core.answering.live import LiveAnswer
from core.answering.request import MAX_QUESTION_CHARS
from core.citations import LONGEST_ANSWER
from core.cost.reservations import costs_nothing
from core.errors import ModelError, ModelUnreachable
from core.models import Usage
from core.plain_text import plain
from core.ports import ChatModel, Message

_NOTHING = Usage(0, 0, 0, 0)
"""Of a call that the server rejected or never got."""


def write_answer(live: LiveAnswer, chat: ChatModel, prompt: Sequence[Message], temperature: float) -> None:
    """Streams the answer into ``live``. Raises ModelError, also after partial text, BudgetExhausted and Cancelled."""
    with closing(_pieces(live, chat, prompt, temperature)) as pieces:
        for piece in pieces:
            live.write(piece)
            if len(live.text) > LONGEST_ANSWER:
                live.notice(f"The model did not stop; its text was cut at {LONGEST_ANSWER:,} characters.")
                break
    if not live.text.strip():
        raise ModelUnreachable("The chat model gave an empty answer", subject=chat.name)


def one_line(live: LiveAnswer, chat: ChatModel, prompt: Sequence[Message]) -> str:
    """The first line with words that the model gives, without quotation marks; "" where there is none.

    Raises ModelError, BudgetExhausted, Cancelled.
    """
    text = ""
    with closing(_pieces(live, chat, prompt, 0.0)) as pieces:
        for piece in pieces:
            text += piece
            if len(text) > MAX_QUESTION_CHARS:
                break
    lines = [line.strip() for line in plain(text).splitlines() if any(map(str.isalnum, line))]
    return lines[0].strip("\"“”'` ")[:MAX_QUESTION_CHARS] if lines else ""


def _pieces(live: LiveAnswer, chat: ChatModel, prompt: Sequence[Message], temperature: float) -> Generator[str]:
    with live.reading(chat.stream(prompt, temperature=temperature)) as stream:
        live.model = live.asked_model = chat.name
        charged = True
        try:
            for piece in stream:
                live.check_cancelled()
                yield piece
        except ModelError as error:
            charged = not costs_nothing(error)
            raise
        finally:
            live.usages.append(stream.usage if charged else _NOTHING)
            live.model = stream.model or chat.name
            live.left_out = stream.left_out
    live.check_cancelled()
