"""When the library cannot answer, and what to say then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from core.facts import missing_names, names_in
from core.models import Passage
from core.phrases import listed
from core.words import base_language, content_terms, guess_language, word_spans, words

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
    where = f"the channels {listed(channels)}" if channels else f"all {videos:,} videos of the library"
    if channels and len(channels) == 1:
        where = f"the channel {channels[0]}"
    if videos == 1 and not channels:
        where = "the one video of the library"
    lines = [f"The library has no answer to this. I looked for “{looked_for}” in {where}."]
    topics = list(dict.fromkeys(f"“{p.video.title}” ({p.video.channel})" for p in passages))[:_MOST_TOPICS]
    if topics:
        lines.append(f"The nearest that it has: {listed(topics)}.")
    return "\n\n".join(lines)


def follow_ups(question: str, passages: Sequence[Passage]) -> tuple[str, ...]:
    """Questions that these passages can answer: what a talk says about the thing that it names most."""
    first: dict[str, Passage] = {}
    for passage in passages:
        first.setdefault(passage.video.video_id, passage)
    language = guess_language(question)
    talks = [p for p in first.values() if base_language(p.video.language) == language] or list(first.values())
    pairs, single = [_word_pairs(p) for p in talks], [_telling_words(p) for p in talks]
    asked = set(words(question))
    found = []
    for place, talk in enumerate(talks[:_MOST_TOPICS]):
        topic = _standing_out(place, pairs, asked) or _standing_out(place, single, asked)
        title = talk.video.title
        found.append(f"What does “{title}” say about {topic}?" if topic else f"What is “{title}” about?")
    return tuple(found)


def _standing_out(place: int, names: Sequence[Counter[str]], asked: set[str]) -> str:
    """The name that one talk uses more than the others, and the question does not; "" where there is none."""

    def value(name: str) -> float:
        return names[place][name] / (1 + sum(name in others for n, others in enumerate(names) if n != place))

    new = [name for name in names[place] if asked.isdisjoint(name.split())]
    return max(new, key=value, default="")


def _long_words(passage: Passage) -> list[str]:
    terms = content_terms(passage.chunk.text, passage.video.language)
    return [word for _, word in terms if len(word) >= _SHORTEST_TOPIC_WORD and word.isalpha()]


def _telling_words(passage: Passage) -> Counter[str]:
    """Longer ones, said more than once."""
    counts = Counter(word for word in _long_words(passage) if len(word) >= _TELLING)
    return Counter({word: count for word, count in counts.items() if count >= _OFTEN})


def _word_pairs(passage: Passage) -> Counter[str]:
    """Long words that stand side by side, as "vector index" does, and do so more than once."""
    text = passage.chunk.text
    long = set(_long_words(passage))
    spans = word_spans(text)
    pairs = Counter(
        f"{text[a:b]} {text[c:d]}".lower()
        for (a, b), (c, d) in pairwise(spans)
        if c - b == 1 and text[a:b].lower() in long and text[c:d].lower() in long
    )
    return Counter({pair: count for pair, count in pairs.items() if count >= _OFTEN})
