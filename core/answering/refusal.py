"""When the library cannot answer, and what to say then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from core.facts import missing_names, names_in
from core.models import Passage
from core.words import content_terms, word_spans, words

WEAKEST_WINDOW = {"all-MiniLM-L6-v2": 0.39}
"""Cosine of question and best window below which the library has no answer, by embedder.

Over the development questions it refuses four of six without an answer and none of 48 English ones with an answer;
cosines of other embedders lie elsewhere, so there only ``WEAKEST_OF_ANY`` counts.
"""
WEAKEST_OF_ANY = 0.1
MODEL_DECIDES_FROM = 0.1
"""So much below the limit a chat model still gets the passages: it can refuse by itself."""
NAMES_WEIGH = 0.25
"""A passage without the names of the question counts as so much less similar."""
LOOKED_AT = 8
_MOST_TOPICS = 3
_SHORTEST_TOPIC_WORD, _TELLING = 5, 8
_OFTEN = 2


def too_weak(question: str, language: str, passages: Sequence[Passage], embedder: str, *, has_model: bool) -> bool:
    """Whether even the best passages have nothing to do with the question.

    Without window similarities (keyword search) only the absence of passages counts, and so it is for questions in
    other languages than English under an English embedder: its cosines mean nothing there.
    """
    strengths = [strength for p in passages[:LOOKED_AT] if (strength := _strength(question, language, p)) is not None]
    if not passages or not strengths:
        return not passages
    limit = next((limit for name, limit in WEAKEST_WINDOW.items() if embedder.startswith(name)), WEAKEST_OF_ANY)
    if language not in ("", "en"):
        limit = WEAKEST_OF_ANY
    return max(strengths) < limit - (MODEL_DECIDES_FROM if has_model else 0.0)


def _strength(question: str, language: str, passage: Passage) -> float | None:
    similarity = passage.parts.get("window")
    names = names_in(question, language)
    if similarity is None or not names:
        return similarity
    known = set(words(f"{passage.chunk.text} {passage.video.title} {passage.video.channel}"))
    return similarity * (1 - NAMES_WEIGH * len(missing_names(question, known, language)) / len(names))


def refusal_text(looked_for: str, channels: Sequence[str], videos: int, passages: Sequence[Passage]) -> str:
    """What was looked for, where, and what is nearest."""
    if videos == 0:
        return "The library is empty, so there is nothing to answer from. Add videos on the Library page."
    where = f"the channels {_listed(channels)}" if channels else f"all {videos:,} videos of the library"
    if channels and len(channels) == 1:
        where = f"the channel {channels[0]}"
    if videos == 1 and not channels:
        where = "the one video of the library"
    lines = [f"The library has no answer to this. I looked for “{looked_for}” in {where}."]
    topics = list(dict.fromkeys(f"“{p.video.title}” ({p.video.channel})" for p in passages))[:_MOST_TOPICS]
    if topics:
        lines.append(f"The nearest that it has: {_listed(topics)}.")
    return "\n\n".join(lines)


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def follow_ups(question: str, passages: Sequence[Passage]) -> tuple[str, ...]:
    """Questions that these passages can answer: what a talk says about the thing that it names most."""
    asked = set(words(question))
    found: dict[str, str] = {}
    for passage in passages:
        title, topic = passage.video.title, _topic(passage, passages, asked)
        asks = f"What does “{title}” say about {topic}?" if topic else f"What is “{title}” about?"
        found.setdefault(passage.video.video_id, asks)
    return tuple(found.values())[:_MOST_TOPICS]


def _topic(passage: Passage, passages: Sequence[Passage], asked: set[str]) -> str:
    """The pair of words, else the word, that a passage uses more than the others and the question does not."""
    for names in (_word_pairs, _telling_words):
        here = Counter(names(passage))
        elsewhere = Counter(name for other in passages if other is not passage for name in set(names(other)))
        ranked = sorted(here, key=lambda name: -here[name] / (1 + elsewhere[name]))
        new = [name for name in ranked if asked.isdisjoint(name.split())]
        if new:
            return new[0]
    return ""


def _long_words(passage: Passage) -> list[str]:
    terms = content_terms(passage.chunk.text, passage.video.language)
    return [word for _, word in terms if len(word) >= _SHORTEST_TOPIC_WORD and word.isalpha()]


def _telling_words(passage: Passage) -> list[str]:
    """Longer ones, said more than once."""
    counts = Counter(word for word in _long_words(passage) if len(word) >= _TELLING)
    return [word for word, count in counts.items() if count >= _OFTEN for _ in range(count)]


def _word_pairs(passage: Passage) -> list[str]:
    """Long words that stand side by side, as "vector index" does, and do so more than once."""
    text = passage.chunk.text
    long = set(_long_words(passage))
    spans = word_spans(text)
    pairs = Counter(
        f"{text[a:b]} {text[c:d]}".lower()
        for (a, b), (c, d) in pairwise(spans)
        if c - b == 1 and text[a:b].lower() in long and text[c:d].lower() in long
    )
    return [pair for pair, count in pairs.items() if count >= _OFTEN for _ in range(count)]
