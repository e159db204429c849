"""What to search for: a follow-up question made to stand alone, a foreign one translated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.answering.live import LiveAnswer
from core.answering.model_calls import one_line
from core.answering.request import MAX_QUESTION_CHARS
from core.errors import BudgetExhausted, ModelError
from core.ports import ChatModel, Message
from core.prompts import TEMPLATES, format_history, format_question, language_name
from core.stop_words import word_set
from core.words import base_language, content_stems, guess_language, words

LIBRARY_LANGUAGE = "en"
"""What questions are translated into: most videos, and the default embedder, are English."""
_SHORT_QUESTION = 4
_POINTING = word_set("it its he him his she her they them their this that these those there one ones former latter")


@dataclass(frozen=True, slots=True)
class Understanding:
    """A question ready to be searched for and answered."""

    text: str
    """The question, understandable alone."""
    language: str
    """Of the answer."""
    query: str
    """What is searched for."""
    query_language: str
    """Of the query; "" where it cannot be told."""
    asked_in: str
    """Of the question before it was translated; "" where it cannot be told."""


def understand(live: LiveAnswer, chat: ChatModel | None, history: Sequence[tuple[str, str]]) -> Understanding:
    """Raises Cancelled. A model that fails here is passed over with a notice: the question is taken as it stands."""
    question = live.request.question
    asked_in = guess_language(question)
    language = base_language(live.request.language or asked_in or LIBRARY_LANGUAGE)
    if history:
        question = _condensed(live, chat, history) if chat else _joined(question, history)
    if chat is None or asked_in in ("", LIBRARY_LANGUAGE):
        return Understanding(question, language, question, asked_in, asked_in)
    translation = _translated(live, chat, question)
    query_language = asked_in if translation == question else LIBRARY_LANGUAGE
    return Understanding(question, language, translation, query_language, asked_in)


def _condensed(live: LiveAnswer, chat: ChatModel, history: Sequence[tuple[str, str]]) -> str:
    question = live.request.question
    data = {"history": format_history(history), "question": format_question(question, MAX_QUESTION_CHARS)}
    return _rewritten(live, chat, "condense", TEMPLATES["condense-question"].render(**data)) or question


def _translated(live: LiveAnswer, chat: ChatModel, question: str) -> str:
    asked = format_question(question, MAX_QUESTION_CHARS)
    prompt = TEMPLATES["translate-query"].render(question=asked, language=language_name(LIBRARY_LANGUAGE))
    return _rewritten(live, chat, "translate", prompt) or question


def _rewritten(live: LiveAnswer, chat: ChatModel, step: str, prompt: Sequence[Message]) -> str:
    """One line from the model; "" where that fails."""
    try:
        with live.step(step, model=chat.name) as found:
            found["question"] = one_line(live, chat, prompt)
            return str(found["question"])
    except (ModelError, BudgetExhausted) as error:
        live.check_cancelled()
        live.notice(f"{str(error).rstrip('.')}. The question was searched for as it stands.")
        return ""


def _joined(question: str, history: Sequence[tuple[str, str]]) -> str:
    """Without a model: a short or pointing question is searched for together with the one before it."""
    is_short = len(content_stems(question, guess_language(question))) < _SHORT_QUESTION
    if not is_short and _POINTING.isdisjoint(words(question)):
        return question
    return f"{history[-1][0]} {question}"[-MAX_QUESTION_CHARS:]
