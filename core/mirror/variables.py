"""The values that a prompt template was rendered with, found again in the messages that it gave. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.errors import TemplateError
from core.ports import Message
from core.prompts import PromptTemplate

_SENTINEL = re.compile("\ufdd1([0-9]+)\ufdd2")


def variables_of(template_text: Mapping[str, str], messages: Sequence[Message]) -> dict[str, str]:
    """Variable -> value, so that the template renders to exactly these messages; empty where there is no such value.

    A trace keeps its messages and not its variables: they follow from the messages and the template's text.

    >>> variables_of({"user": "Answer {q} in {tongue}."}, [{"role": "user", "content": "Answer why? in Welsh."}])
    {'q': 'why?', 'tongue': 'Welsh'}
    """
    try:
        template = PromptTemplate("", 0, template_text.get("system", ""), template_text.get("user", ""))
        found = _search(template, messages)
        again = template.render(**found) if set(found) == set(template.variables) else ()
    except TemplateError:
        return {}
    return found if [dict(message) for message in again] == [dict(message) for message in messages] else {}


def _search(template: PromptTemplate, messages: Sequence[Message]) -> dict[str, str]:
    names = template.variables
    marked = template.render(**{name: f"\ufdd1{n}\ufdd2" for n, name in enumerate(names)})
    found: dict[str, str] = {}
    for pattern, message in zip(marked, messages, strict=False):
        literals = _SENTINEL.split(pattern["content"])
        values = _between(literals[::2], message.get("content", ""))
        found |= zip((names[int(n)] for n in literals[1::2]), values, strict=False)
    return found


def _between(literals: Sequence[str], text: str) -> list[str]:
    """What stands between the literals, each at its first place after the one before, the last one at the end."""
    at = len(literals[0])
    values = []
    for n, literal in enumerate(literals[1:], start=2):
        end = len(text) - len(literal) if n == len(literals) else text.find(literal, at)
        if end < at:
            return []
        values.append(text[at:end])
        at = end + len(literal)
    return values
