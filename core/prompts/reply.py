"""What a model wrote to the template ``cited-answer``, taken apart: the answer, a refusal, follow-up questions. Pure.

The parsing is lenient, because small models decorate the control lines: ``**FOLLOW_UPS:**``, ``## Follow-ups``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_FOLLOW_UPS = 3
_LONGEST_FOLLOW_UP = 200

# No two neighbours in these match the same character, so that no text takes more than linear time.
_LEAD = r"^[ \t*#_`>-]*"
_TITLE = rf"{_LEAD}follow[_ -]?ups?(?: questions?)?"
_FLAGS = re.IGNORECASE | re.MULTILINE
_FOLLOW_UPS = re.compile(rf"{_TITLE}[ \t*#_`:-]*$", _FLAGS)
_FOLLOW_UPS_INLINE = re.compile(rf"{_TITLE}\**:", _FLAGS)
_NO_ANSWER = re.compile(rf"{_LEAD}no_answer\b(.*)$", _FLAGS)
_BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.):])\s*")
_CITATION = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_CONTROL_WORDS = ("follow_ups:", "follow-ups:", "follow ups:", "no_answer:")


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's text in its parts."""

    text: str
    """The answer without control lines; empty for a refusal."""
    follow_ups: tuple[str, ...] = ()
    """At most three, none empty, none twice."""
    looked_for: str | None = None
    """What the model says that it looked for in vain; None where it gave an answer."""

    @property
    def refused(self) -> bool:
        return self.looked_for is not None


def parse_tail(text: str) -> Reply:
    r"""Takes a finished text apart. Any text has a reply; one without control lines is an answer as it stands.

    >>> parse_tail("Cosine compares directions [1].\nFOLLOW_UPS:\n- What is a metric?").follow_ups
    ('What is a metric?',)
    >>> parse_tail("NO_ANSWER: the price of tea").looked_for
    'the price of tea'
    """
    body, tail = _split(text)
    refusal = _NO_ANSWER.search(body)
    rest = _NO_ANSWER.sub("", body).strip() if refusal else body.strip()
    if refusal and not rest:
        return Reply("", (), refusal.group(1).strip(" \t*_`:"))
    return Reply(rest, _questions(tail))


def visible_text(partial: str) -> str:
    """The part of a text still being written that a reader may see: no control line, nor what may become one."""
    body = _NO_ANSWER.sub("", _split(partial)[0])
    begin = body.rfind("\n") + 1
    last = re.sub(_LEAD, "", body[begin:]).lower()
    if any(word.startswith(last) for word in _CONTROL_WORDS):
        return body[:begin].rstrip()
    return body.rstrip()


def _split(text: str) -> tuple[str, str]:
    """Before and after the first follow-ups line."""
    match = _FOLLOW_UPS.search(text) or _FOLLOW_UPS_INLINE.search(text)
    return (text[: match.start()], text[match.end() :]) if match else (text, "")


def _questions(tail: str) -> tuple[str, ...]:
    cleaned = (_CITATION.sub("", _BULLET.sub("", line)).strip(' \t*_`"“”') for line in tail.splitlines())
    kept = (line for line in cleaned if 0 < len(line) <= _LONGEST_FOLLOW_UP and any(map(str.isalpha, line)))
    return tuple(dict.fromkeys(kept))[:MOST_FOLLOW_UPS]
