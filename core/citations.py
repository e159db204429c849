"""Checks the citations of an answer against the passages that the model was given. Needs no chat model.

Each sentence is compared with the passages that it cites (core/evidence.py has the score and the hard checks). A number
that names no passage, or one that does not support the sentence, is dropped. A sentence without a number that a passage
clearly supports gets that passage's number; ``CheckedAnswer.added`` says which. What then has no number is unsupported.

An answer in another language than a passage cannot be compared word by word, and an English sentence embedder does not
see its meaning either. There a citation is kept unless a number in the sentence contradicts the passage, its claims
stand in ``CheckedAnswer.unverified``, and a notice says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.evidence import Evidence, Support, Unit
from core.marks import Mark, Sentence, take_apart
from core.models import Citation, Claim, Passage
from core.plain_text import plain
from core.ports import Embedder
from core.words import content_stems, guess_language

KEPT_FROM = 0.6
"""A cited passage with a lower score does not support the sentence (benchmarks/citations.py, cross-validated)."""
ADDED_FROM = 0.8
"""A sentence without citation gets a passage with at least this score."""
LONGEST_ANSWER = 40_000
"""Characters that are checked; a longer answer is cut there."""
_MOST_ADDED = 1
_SHORTEST_SEGMENT = 4
_MOST_CITED = 5

_ABSENCE = re.compile(
    r"\b(?:passages?|sources?|videos?|transcripts?|library|speakers?)\b[^.]{0,60}\b(?:not|n't|never|no)\b[^.]{0,40}"
    r"\b(?:mention|say|contain|cover|answer|discuss|explain|give|specify|state|include|provide|information)",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\s*(?:hello|hi|sure|certainly|of course|great question|hope this helps|let me know)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer whose every number leads to a quote."""

    text: str
    """Without hostile markup; marks are renumbered 1..n in order of appearance."""
    claims: tuple[Claim, ...]
    """The sentences in order; each ``Claim.text`` stands in ``text`` letter for letter."""
    citations: tuple[Citation, ...]
    added: tuple[int, ...] = ()
    """Citation numbers that the model did not write."""
    unverified: tuple[int, ...] = ()
    """Indexes of claims in another language than their passages: kept, but only numbers were compared."""
    dropped: int = 0
    """How many citations of the model were dropped."""
    notices: tuple[str, ...] = ()

    @property
    def all_unsupported(self) -> bool:
        """Whether it claims something and nothing of that is supported."""
        claimed = [claim for claim in self.claims if claim.support is not None]
        return bool(claimed) and not any(claim.supported for claim in claimed)


def check(text: str, passages: Sequence[Passage], *, embedder: Embedder | None) -> CheckedAnswer:
    """Checks an answer whose marks count ``passages`` from 1. Raises EmbeddingError.

    Each citation's quote is a verbatim part of its passage's chunk; one passage may be cited by several quotes.
    """
    clean = plain(text[:LONGEST_ANSWER])
    sentences = take_apart(clean, len(passages))
    cited = {n - 1 for sentence in sentences for mark in sentence.marks for n in mark.numbers if n <= len(passages)}
    evidence = Evidence(passages, embedder, embedded=cited)  # the others are compared by words: it saves half a second
    checker = _Checker(evidence, guess_language(clean) or evidence.main_language)
    rendered = [sentence.before + checker.check(sentence) for sentence in sentences]
    return checker.result("".join(rendered))


@dataclass(slots=True)
class _Checker:
    """Goes through the sentences once and numbers the quotes as they come."""

    evidence: Evidence
    language: str
    claims: list[Claim] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    _quotes: list[Unit] = field(default_factory=list)
    _added: list[int] = field(default_factory=list)
    _unverified: list[int] = field(default_factory=list)
    _dropped: int = 0

    def result(self, text: str) -> CheckedAnswer:
        notices = []
        if self._unverified:
            notices.append(
                "The answer is in another language than the videos that it cites: only its numbers could be "
                "checked, not its words."
            )
        return CheckedAnswer(
            text.strip(),
            tuple(self.claims),
            tuple(self.citations),
            tuple(self._added),
            tuple(self._unverified),
            self._dropped,
            tuple(notices),
        )

    def check(self, sentence: Sentence) -> str:
        """The sentence with the marks that hold; its claim is noted."""
        if not sentence.text:
            return ""
        kept = [(mark.at, self._kept(sentence, mark)) for mark in sentence.marks]
        supports = [support for _, found in kept for support in found]
        claims_nothing = _claims_nothing(sentence, self.language)
        best = max((s.score for s in supports), default=None)
        if not supports and not claims_nothing:
            found, best = self._uncited(sentence)
            kept, supports = [(len(sentence.text), found)], found
        return self._note(sentence, kept, support=None if claims_nothing and not supports else best)

    def _note(self, sentence: Sentence, kept: Sequence[tuple[int, Sequence[Support]]], support: float | None) -> str:
        shown, cited = [], []
        for at, supports in kept:
            numbers = list(dict.fromkeys(self._number(s.unit) for s in supports))
            shown.append((at, "".join(f"[{n}]" for n in numbers)))
            cited.extend(numbers)
        text = sentence.with_marks(shown)
        foreign = any(self._is_foreign(s.passage) for _, supports in kept for s in supports)
        if foreign:
            self._unverified.append(len(self.claims))
        self.claims.append(Claim(text, tuple(dict.fromkeys(cited)), supported=bool(cited), support=support))
        return text

    def _kept(self, sentence: Sentence, mark: Mark) -> list[Support]:
        """The passages of one mark that support what stands before it."""
        wanted = {n - 1 for n in mark.numbers}
        supports = self.evidence.supports(_segment(sentence, mark, self.language), self.language)
        fitting = [s for s in supports if s.passage in wanted and (s.fit >= KEPT_FROM or self._is_foreign(s.passage))]
        # Of several passages cited together each may have one of the numbers.
        missed_by_all = set.intersection(*({*s.contradictions} for s in fitting)) if fitting else set()
        kept = [s for s in fitting if not missed_by_all and not s.is_denied]
        self._dropped += len(mark.numbers) - len(kept)
        return sorted(kept, key=lambda s: mark.numbers.index(s.passage + 1))[:_MOST_CITED]

    def _uncited(self, sentence: Sentence) -> tuple[list[Support], float]:
        """The passage that clearly supports a sentence left without citation, and the best score of any."""
        supports = self.evidence.supports(sentence.text, self.language)
        ranked = sorted(supports, key=lambda s: s.score, reverse=True)
        found = [s for s in ranked[:_MOST_ADDED] if s.score >= ADDED_FROM]
        self._added.extend(self._number(s.unit) for s in found)
        return found, ranked[0].score if ranked else 0.0

    def _is_foreign(self, passage: int) -> bool:
        theirs = self.evidence.languages[passage]
        return bool(self.language and theirs and self.language != theirs)

    def _number(self, quote: Unit) -> int:
        """The citation of this quote: one that has it already, else a new one."""
        for n, known in enumerate(self._quotes, start=1):
            if known.passage == quote.passage and known.span[0] <= quote.span[0] and quote.span[1] <= known.span[1]:
                return n
        self._quotes.append(quote)
        self.citations.append(citation_of(len(self._quotes), self.evidence.passages[quote.passage], quote.span))
        return len(self._quotes)


def citation_of(n: int, passage: Passage, span: tuple[int, int]) -> Citation:
    """The citation with number ``n`` that quotes these characters of a passage's chunk."""
    chunk, video = passage.chunk, passage.video
    start_s, end_s = chunk.times_of(*span)
    return Citation(
        n=n,
        video_id=video.video_id,
        title=video.title,
        channel=video.channel,
        start_s=start_s,
        end_s=end_s,
        quote=chunk.text[span[0] : span[1]],
        url=video.url_at(start_s),
        chunk_id=chunk.id,
    )


def _segment(sentence: Sentence, mark: Mark, language: str) -> str:
    """What a mark stands for: the words since the mark before it, or the sentence where these are few."""
    begin = max((other.at for other in sentence.marks if other.at < mark.at), default=0)
    end = mark.at if mark is not sentence.marks[-1] else len(sentence.text)
    part = sentence.text[begin:end]
    return part if len(set(content_stems(part, language))) >= _SHORTEST_SEGMENT else sentence.text


def _claims_nothing(sentence: Sentence, language: str) -> bool:
    """Headings, questions, greetings, "According to the video:", and that the sources do not say something."""
    text = sentence.text.strip("*_ ")
    if sentence.is_heading or text.endswith((":", "?", "：", "？")) or _GREETING.match(text) or _ABSENCE.search(text):
        return True
    return len(_distinct(content_stems(text, language))) <= 1 and not any(map(str.isdigit, text))


def _distinct(stems: Iterable[str]) -> set[str]:
    return {stem for stem in stems if stem.isalnum()}
