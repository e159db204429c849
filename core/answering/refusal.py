"""When the library cannot answer, and what to say then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.facts import missing_names, names_in
from core.models import Passage
from core.words import content_terms, words

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
_SHORTEST_TOPIC_WORD = 5


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
    """Questions that these passages can answer: what a talk says about the word that it uses most."""
    asked = set(words(question))
    found: dict[str, str] = {}
    for passage in passages:
        topic = _topic(passage, passages, asked)
        if topic and passage.video.video_id not in found:
            found[passage.video.video_id] = f"What does “{passage.video.title}” say about {topic}?"
    return tuple(found.values())[:_MOST_TOPICS]


def _topic(passage: Passage, passages: Sequence[Passage], asked: set[str]) -> str:
    """The word of a passage that stands out against the others."""
    here = Counter(_long_words(passage))
    elsewhere = Counter(word for other in passages if other is not passage for word in set(_long_words(other)))
    ranked = sorted(here, key=lambda word: (-here[word] / (1 + elsewhere[word]), word))
    return next((word for word in ranked if word not in asked), "")


def _long_words(passage: Passage) -> list[str]:
    terms = content_terms(passage.chunk.text, passage.video.language)
    return [word for _, word in terms if len(word) >= _SHORTEST_TOPIC_WORD and word.isalpha()]
