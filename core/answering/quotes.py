"""The answer without a chat model: the best sentences of the best passages, verbatim, with their times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
_GOOD_ENOUGH, _GOOD_ENOUGH_SECOND = 0.7, 0.55
"""A further quote is at least so relevant beside the best one; a second one may be a little less."""
_ALIKE = 0.6
"""Share of stems in common from which two quotes say the same."""
_COVERAGE = 0.5
"""What the share of the question's words counts in relevance, beside the similarity, which counts 1."""
_RANKING = 2.0
"""What the passage's own score counts in choosing: retrieval has seen more than one sentence."""
_SHORT, _TOO_SHORT = 180, 0.2
"""A quote with fewer characters seldom holds question and answer: it counts so much less."""
_QUESTION_MARKS, _ASKS = ("?", "？", "؟"), 0.3
"""A quote that ends with a question is like the question asked, and answers it least: it counts so much less."""
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
    chosen = _choose(evidence, _relevances(question, language or evidence.main_language, evidence))
    citations = tuple(citation_of(n, passages[u.passage], u.span) for n, u in enumerate(chosen, start=1))
    lines = [f"“{_shown(citation.quote)}” [{citation.n}]" for citation in citations]
    claims = (
        Claim(line, (citation.n,), supported=True, support=1.0) for line, citation in zip(lines, citations, strict=True)
    )
    return Quoted("\n\n".join([INTRODUCTION, *(f"> {line}" for line in lines)]), tuple(claims), citations)


def _relevances(question: str, language: str, evidence: Evidence) -> list[float]:
    """How near each unit is to the question."""
    stems = frozenset(content_stems(question, language))
    likeness = evidence.likeness(question)
    near = [0.0] * len(evidence.units) if likeness is None else list(map(float, likeness))
    return [
        like + _COVERAGE * evidence.coverage(stems, unit.stems) for unit, like in zip(evidence.units, near, strict=True)
    ]


def _choose(evidence: Evidence, relevances: Sequence[float]) -> list[Unit]:
    """The best unit of each passage, the best passage first."""

    def value(item: tuple[Unit, float]) -> float:
        unit, relevance = item
        rank = _RANKING * evidence.passages[unit.passage].score
        fault = (_TOO_SHORT if len(unit.text) < _SHORT else 0.0) + (_ASKS if _asks(unit) else 0.0)
        return relevance + rank - fault

    chosen: list[Unit] = []
    best = 0.0
    for unit, relevance in sorted(zip(evidence.units, relevances, strict=True), key=value, reverse=True):
        if len(chosen) == MOST_QUOTES:
            break
        if relevance < best * (_GOOD_ENOUGH_SECOND if len(chosen) == 1 else _GOOD_ENOUGH):
            continue
        if not any(_same(unit, other, evidence) for other in chosen):
            chosen.append(unit)
            best = max(best, relevance)
    return chosen


def _asks(unit: Unit) -> bool:
    return unit.text.rstrip("\"'”’» ").endswith(_QUESTION_MARKS)


def _same(one: Unit, other: Unit, evidence: Evidence) -> bool:
    """Whether two quotes are of one passage, overlap in their video, or say the same in nearly the same words."""
    a, b = evidence.passages[one.passage], evidence.passages[other.passage]
    if one.passage == other.passage:
        return True
    if a.video.video_id == b.video.video_id:
        (a_start, a_end), (b_start, b_end) = a.chunk.times_of(*one.span), b.chunk.times_of(*other.span)
        if a_start < b_end and b_start < a_end:
            return True
    fewest = min(len(one.stems), len(other.stems))
    return fewest > 0 and len(one.stems & other.stems) >= _ALIKE * fewest


def _shown(text: str) -> str:
    """The quote as a page may show it: a transcript's markup and bracketed numbers are not ours."""
    return _FALSE_MARK.sub(r"(\1)", plain(text)).replace("\n", " ")
