"""Citation marks in a model's text: ``[1]``, ``[1, 2]``, ``[1][3]``, ``[1-3]``, ``【1】``, ``[source 2]``, ``(1)``.

A text is taken apart into sentences without marks, and put together again with other marks at the same places. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.sentences import split_sentences

_NUMBERS = r"\d{1,3}(?:\s*(?:,|;|&|-|–|\band\b)\s*(?:passages?|sources?)?\s*\d{1,3})*"
_LABEL = r"(?:(?:passages?|sources?|quellen?|fuentes?|refs?)\.?\s*)?"
_MARK = re.compile(rf"\s*(?:\[\^?\s*{_LABEL}#?({_NUMBERS})\s*\]|【\s*({_NUMBERS})[^】\n]{{0,60}}】)", re.IGNORECASE)
_ROUND_MARK = re.compile(r"\s*\((\d{1,2}(?:\s*,\s*\d{1,2})*)\)(?=\s*(?:[.!?,;。]|$))")
_RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")
_FULL_WIDTH = str.maketrans("［］", "[]")
_PREFIX = re.compile(r"\s*(?:(?:[-*+•>]|\d{1,2}[.)]|#{1,6})\s+)*")
_CLOSING = re.compile(r"[\s.!?…。！？\"'”’»)*_]*$")
_WIDEST_RANGE = 10
_MOST_NUMBERS = 12
NEVER_CUT = 1_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a sentence and the passages that it names, numbered from 1 as the model was told."""

    at: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer without its marks, and what stands before it."""

    before: str
    text: str
    marks: tuple[Mark, ...] = ()
    is_heading: bool = False

    def with_marks(self, shown: Sequence[tuple[int, str]]) -> str:
        """The sentence with the given texts put in at offsets; those at its end stand before the last full stop."""
        closing = _CLOSING.search(self.text)
        last = closing.start() if closing else len(self.text)
        pieces, position = [], 0
        for at, text in shown:
            place = min(at, last)
            pieces += [self.text[position:place].rstrip(), f" {text}" if text else ""]
            position = place
        return "".join([*pieces, self.text[position:]])


def take_apart(text: str, passages: int) -> list[Sentence]:
    """The sentences of a text in order; ``before`` and sentences together give the text without its marks."""
    text = text.translate(_FULL_WIDTH)
    mark = _MARK if _MARK.search(text) or not _round_marks_fit(text, passages) else _ROUND_MARK
    sentences: list[Sentence] = []
    for number, line in enumerate(text.split("\n")):
        sentences.extend(_line(line, mark, "\n" if number else ""))
    return sentences


def _round_marks_fit(text: str, passages: int) -> bool:
    found = [int(n) for match in _ROUND_MARK.finditer(text) for n in re.findall(r"\d+", match[1])]
    return bool(found) and all(1 <= n <= passages for n in found)


def _line(line: str, mark: re.Pattern[str], before: str) -> Iterator[Sentence]:
    prefix = _PREFIX.match(line)
    lead = prefix[0] if prefix else ""
    body, marks = _without_marks(line[len(lead) :], mark)
    spans = split_sentences(body, longest=NEVER_CUT)
    before += lead
    if not spans:
        yield Sentence(before, "")
        return
    position = 0
    for place, (begin, end) in enumerate(spans):
        until = spans[place + 1][0] if place + 1 < len(spans) else len(body) + 1
        own = [Mark(_place(m.at, begin, end), m.numbers) for m in marks if position <= m.at < until]
        position = until
        gap = body[spans[place - 1][1] : begin] if place else ""
        yield Sentence(before + gap, body[begin:end], _merged(own), is_heading="#" in lead)
        before = ""


def _place(at: int, begin: int, end: int) -> int:
    """A mark's offset in its sentence; one that stands before it goes to its end."""
    return min(at, end) - begin if at > begin else end - begin


def _merged(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Marks at one place as one."""
    by_place: dict[int, list[int]] = {}
    for mark in marks:
        by_place.setdefault(mark.at, []).extend(mark.numbers)
    return tuple(Mark(at, tuple(dict.fromkeys(numbers))) for at, numbers in by_place.items())


def _without_marks(body: str, mark: re.Pattern[str]) -> tuple[str, list[Mark]]:
    """The line without marks, and where they stood in what is left."""
    pieces: list[str] = []
    marks: list[Mark] = []
    position = length = 0
    for match in mark.finditer(body):
        piece = body[position : match.start()]
        pieces.append(piece)
        length += len(piece)
        marks.append(Mark(length, _numbers(next(group for group in match.groups() if group))))
        position = match.end()
    pieces.append(body[position:])
    return "".join(pieces), marks


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers of "1, 3-5", each once."""
    found: list[int] = []
    for part in re.split(r"[,;&]|\band\b", text, flags=re.IGNORECASE):
        span = _RANGE.search(part)
        if span:
            first, last = int(span[1]), int(span[2])
            found.extend(range(first, min(last, first + _WIDEST_RANGE) + 1))
        else:
            found.extend(int(n) for n in re.findall(r"\d+", part))
    return tuple(dict.fromkeys(found))[:_MOST_NUMBERS]
