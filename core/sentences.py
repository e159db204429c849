"""Sentences, words and stems of any text: punctuated or not, in any script. Pure.

Spans are pairs of character offsets [begin, end) into the text that was given.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from core.stop_words import ABBREVIATIONS, GERMAN_MONTHS, NUMBERED, TITLES, word_set
from core.words import (
    Span,
    base_language,
    content_stems,
    guess_language,
    highlight,
    stems,
    word_spans,
    words,
)

__all__ = [
    "Span",
    "base_language",
    "content_stems",
    "guess_language",
    "highlight",
    "split_sentences",
    "stems",
    "word_spans",
    "words",
]

LONGEST_SENTENCE = 320
"""Characters. What is longer is cut, because nobody finds the place in a longer quote."""
IDEAL_PART = 200
"""Characters that a part of a cut sentence aims at."""
SHORTEST_PART, LONGEST_PART = 150, 250

_END = re.compile(r"""(?:[.!?…]+|[。！？｡．।॥؟۔‼⁇⁈⁉]+)["'”’»)\]」』）】]*""")
_ANYWHERE = frozenset("。！？｡．।॥؟۔‼⁇⁈⁉")
"""These end a sentence without a space behind them."""
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«]+$")
_NEXT_WORD = re.compile(r"\s*[\"'“‘«(\[¿¡]*(\w*)")
_CLAUSE = re.compile(r"[,;:，；：、—–]\s*")
_LOOK_BACK = 60
_OPENERS = word_set(
    "the a an it he she we they you this that these those there but and so in on at for if when what why how el la los "
    "las un una es pero y der die das ein eine er sie wir und aber le les il elle nous mais et"
)


def split_sentences(text: str, boundaries: Sequence[int] = (), *, longest: int = LONGEST_SENTENCE) -> list[Span]:
    """Spans of the sentences in order, without the white space between them; none is empty.

    A sentence longer than ``longest`` (speech recognition without punctuation, a lecture) is cut into parts
    of about ``IDEAL_PART`` characters: at the nearest of the ``boundaries`` (offsets where caption lines begin, in
    ascending order), else at a comma, else between words.

    >>> text = "Dr. Smith paid 3.5 dollars. ¿Por qué? 你好。再见。"
    >>> [text[begin:end] for begin, end in split_sentences(text)]
    ['Dr. Smith paid 3.5 dollars.', '¿Por qué?', '你好。', '再见。']
    """
    spans: list[Span] = []
    for begin, end in _pieces(text):
        spans.extend(_cut(text, begin, end, boundaries) if end - begin > longest else [(begin, end)])
    return spans


def _pieces(text: str) -> list[Span]:
    """Between the ends that punctuation marks, trimmed."""
    candidates = [match for match in _END.finditer(text) if _may_end(text, match)]
    cased = _is_cased(text, candidates)
    pieces: list[Span] = []
    begin = 0
    for match in candidates:
        if _ends(text, begin, match, cased=cased):
            pieces.append((begin, match.end()))
            begin = match.end()
    pieces.append((begin, len(text)))
    return [span for span in (_trim(text, *piece) for piece in pieces) if span[0] < span[1]]


def _may_end(text: str, match: re.Match[str]) -> bool:
    return match[0][0] in _ANYWHERE or match.end() == len(text) or text[match.end()].isspace()


def _is_cased(text: str, candidates: Sequence[re.Match[str]]) -> bool:
    """Whether sentences of this text begin in upper case: captions are often all lower case."""
    following = [_next_word(text, match.end()) for match in candidates]
    known = [word for word in following if word[:1].isalpha() and word[:1].upper() != word[:1].lower()]
    return not known or sum(word[0].isupper() for word in known) >= len(known) / 5


def _ends(text: str, begin: int, match: re.Match[str], *, cased: bool) -> bool:
    mark = match[0][0]
    if mark in _ANYWHERE:
        return True
    following = _next_word(text, match.end())
    if cased and following[:1].islower():
        return False
    return (
        mark != "."
        or match[0].startswith("..")
        or _dot_ends(text[max(begin, match.start() - _LOOK_BACK) : match.start()], following)
    )


def _dot_ends(before: str, following: str) -> bool:
    """Whether a single dot after ``before`` ends the sentence: not after titles, initials and list numbers."""
    last = _LAST_WORD.search(before)
    if last is None:
        return True
    word = last[0]
    folded, folded_next = word.casefold(), following.casefold()
    if folded in TITLES or (folded in NUMBERED and following[:1].isdigit()):
        return False
    if word.isdigit() and (before.strip() == word or folded_next in GERMAN_MONTHS):
        return False
    if "." in word or folded in ABBREVIATIONS:
        return not following or folded_next in _OPENERS
    is_initial = len(word) == 1 and word.isupper() and word != "I" and following[:1].isupper()
    return not is_initial or folded_next in _OPENERS


def _next_word(text: str, offset: int) -> str:
    match = _NEXT_WORD.match(text, offset)
    return match[1] if match else ""


def _trim(text: str, begin: int, end: int) -> Span:
    while begin < end and text[begin].isspace():
        begin += 1
    while end > begin and text[end - 1].isspace():
        end -= 1
    return begin, end


def _cut(text: str, begin: int, end: int, boundaries: Sequence[int]) -> list[Span]:
    """[begin, end) in parts of SHORTEST_PART to LONGEST_PART characters where the text allows it."""
    parts: list[Span] = []
    while end - begin > LONGEST_PART:
        at = _cut_place(text, begin, min(end, begin + LONGEST_PART), boundaries)
        if end - at < SHORTEST_PART // 2:
            break
        parts.append(_trim(text, begin, at))
        begin = at
    parts.append(_trim(text, begin, end))
    return [span for span in parts if span[0] < span[1]]


def _cut_place(text: str, begin: int, latest: int, boundaries: Sequence[int]) -> int:
    earliest, ideal = begin + SHORTEST_PART, begin + IDEAL_PART
    at_lines = boundaries[bisect_left(boundaries, earliest) : bisect_left(boundaries, latest + 1)]
    commas = [match.end() for match in _CLAUSE.finditer(text, earliest, latest)]
    for places in (at_lines, commas):
        if places:
            return min(places, key=lambda place: abs(place - ideal))
    space = text.rfind(" ", earliest, latest)
    return space + 1 if space >= 0 else latest
