"""The answer without a chat model: the best sentences of the best passages, verbatim, with their times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.citations import citation_of
from core.evidence import Evidence, Unit
from core.models import Citation, Claim, Passage
from core.plain_text import plain
from core.ports import Embedder
from core.words import content_stems

PASSAGES = 6
"""So many passages are looked through."""
AROUND = 120
"""Characters before and after a passage's best window whose sentences may be quoted: it bounds the embedding work."""
MOST_QUOTES = 4
FEWEST_QUOTES = 2
_GOOD_ENOUGH = 0.8
"""A further quote has at least this share of the best one's value."""
_MOST_OF_ONE_PASSAGE = 2
_ALIKE = 0.6
"""Share of stems in common from which two quotes say the same."""
_COVERAGE, _RANKING = 0.5, 0.5
"""What the words of the question and the passage's own score count beside the similarity, which counts 1."""
_SHORT, _TOO_SHORT = 60, 0.15
_FALSE_MARK = re.compile(r"\[(\d[\d\s,;–-]*)\]")

INTRODUCTION = "Quotes from the library that come nearest to the question:"


@dataclass(frozen=True, slots=True)
class Quoted:
    """An answer of quotes."""

    text: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]


def quote(question: str, language: str, passages: Sequence[Passage], embedder: Embedder | None) -> Quoted:
    """The best quotes for the question, best first, none saying the same twice. Raises EmbeddingError."""
    evidence = Evidence(passages[:PASSAGES], embedder, around=AROUND)
    values = _values(question, language, evidence)
    chosen = _choose(evidence, values)
    citations = tuple(citation_of(n, passages[u.passage], u.span) for n, (u, _) in enumerate(chosen, start=1))
    lines = [f"“{_shown(citation.quote)}” [{citation.n}]" for citation in citations]
    claims = (
        Claim(line, (citation.n,), supported=True, support=1.0) for line, citation in zip(lines, citations, strict=True)
    )
    return Quoted("\n\n".join([INTRODUCTION, *(f"> {line}" for line in lines)]), tuple(claims), citations)


def _values(question: str, language: str, evidence: Evidence) -> list[float]:
    """How well each unit answers."""
    stems = frozenset(content_stems(question, language))
    likeness = evidence.likeness(question)
    if likeness is None:
        likeness = np.zeros(len(evidence.units), np.float32)
    return [
        float(like)
        + _COVERAGE * evidence.coverage(stems, unit.stems)
        + _RANKING * evidence.passages[unit.passage].score
        - (_TOO_SHORT if len(unit.text) < _SHORT else 0.0)
        for unit, like in zip(evidence.units, likeness, strict=True)
    ]


def _choose(evidence: Evidence, values: Sequence[float]) -> list[tuple[Unit, float]]:
    ranked = sorted(zip(evidence.units, values, strict=True), key=lambda item: -item[1])
    chosen: list[tuple[Unit, float]] = []
    for unit, value in ranked:
        if len(chosen) >= MOST_QUOTES or (len(chosen) >= FEWEST_QUOTES and value < _GOOD_ENOUGH * chosen[0][1]):
            break
        of_this = sum(other.passage == unit.passage for other, _ in chosen)
        if of_this < _MOST_OF_ONE_PASSAGE and not any(_same(unit, other, evidence) for other, _ in chosen):
            chosen.append((unit, value))
    return chosen


def _same(one: Unit, other: Unit, evidence: Evidence) -> bool:
    """Whether two quotes overlap in their video or say the same in nearly the same words."""
    a, b = evidence.passages[one.passage], evidence.passages[other.passage]
    if a.video.video_id == b.video.video_id:
        (a_start, a_end), (b_start, b_end) = a.chunk.times_of(*one.span), b.chunk.times_of(*other.span)
        if one.passage == other.passage and one.span[0] < other.span[1] and other.span[0] < one.span[1]:
            return True
        if one.passage != other.passage and a_start < b_end and b_start < a_end:
            return True
    fewest = min(len(one.stems), len(other.stems))
    return fewest > 0 and len(one.stems & other.stems) >= _ALIKE * fewest


def _shown(text: str) -> str:
    """The quote as a page may show it: a transcript's markup and bracketed numbers are not ours."""
    return _FALSE_MARK.sub(r"(\1)", plain(text)).replace("\n", " ")
