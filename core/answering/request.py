"""What is asked, and whether it can be asked."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

from core.errors import QuestionError

MAX_QUESTION_CHARS = 8_000
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class AskRequest:
    """One question of one reader."""

    question: str
    channels: tuple[str, ...] = ()
    """Only these channels; empty means all."""
    conversation_id: str = ""
    """Questions of one conversation share it; earlier ones help to understand a later one."""
    language: str | None = None
    """Code of the language to answer in; None: that of the question."""
    template: str = "cited-answer"
    """``name`` for what is in production, ``name@3`` for a version, ``name@alias``."""
    model: str | None = None
    """Name of a chat model other than the configured one."""
    user: str = ""
    request_id: str = ""
    """Asking again with the same id gives the same answer and asks nothing twice."""
    replay_of: str = ""
    """The trace that is asked again: what was said before it counts as said before."""


def checked(request: AskRequest) -> AskRequest:
    """The request with its question cleaned of invisible characters.

    Raises QuestionError for a question without words or with more than ``MAX_QUESTION_CHARS`` characters.
    """
    length = len(request.question)
    if length > MAX_QUESTION_CHARS:
        raise QuestionError(
            f"The question has {length:,} characters; at most {MAX_QUESTION_CHARS:,} can be asked",
            hint="Shorten it to what you want to know.",
        )
    question = " ".join("".join(map(_visible, request.question)).split())
    if not any(char.isalnum() for char in question):
        raise QuestionError("The question has no words", hint="Type what you want to know.")
    return replace(request, question=question)


def _visible(char: str) -> str:
    if char.isspace():
        return " "
    return "" if char not in _JOINERS and unicodedata.category(char) in _INVISIBLE else char
