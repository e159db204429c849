"""Who asks what: people with their language, conversations, topics and what changes in the last week. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from core.demo import DEMO_QUESTIONS
from core.sample_traffic.moments import moments
from core.sample_traffic.wording import ELSEWHERE, FRAMES, PEOPLE, SHIFTED, TERMS

RECENT = timedelta(days=7)
"""Before now: the topic shifts, and the main model is slower."""
_SHIFT = 0.3
"""Of the recent English questions."""
_IN_ENGLISH = 0.15
"""What people ask in English whose first language is another one."""
_ELSEWHERE, _AS_SUGGESTED, _GOES_ON = 0.06, 0.05, 0.24
_LONGEST = 5
"""Questions of a conversation."""
_OTHER_LANGUAGES = {"demo-data-versions": "de", "demo-feedback": "es"}
_POPULARITY = (9, 6, 7, 8, 7, 5, 6, 4, 6, 2)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question."""

    text: str
    language: str
    topic: str | None
    """The demo talk that answers it; None: none does."""
    user: str
    started_at: datetime
    conversation_id: str
    turn: int
    """From 0."""
    recent: bool


def questions(rng: Random, number: int, days: int, now: datetime) -> list[Asked]:
    """So many questions of the last ``days`` days, in order of time."""
    found: list[Asked] = []
    starts = moments(rng, number, days, now)
    rng.shuffle(starts)
    while len(found) < number:
        found += list(_conversation(rng, starts.pop(), now))
    return sorted(found[:number], key=lambda asked: asked.started_at)


def _conversation(rng: Random, started_at: datetime, now: datetime) -> Iterator[Asked]:
    """A person's questions of one topic."""
    name, first = rng.choices(PEOPLE, weights=[1 / (place + 3) for place in range(len(PEOPLE))])[0]
    language = "en" if rng.random() < _IN_ENGLISH else first
    recent = now - started_at < RECENT
    topic = _topic(rng, language, recent=recent)
    conversation_id = f"sample-{rng.getrandbits(64):016x}"
    for turn in range(_LONGEST):
        about = None if rng.random() < _ELSEWHERE * (1.6 if recent else 1.0) else topic
        text = _text(rng, language, about)
        yield Asked(text, language, about, f"sample-{name}", started_at, conversation_id, turn, recent)
        started_at += timedelta(seconds=rng.uniform(25, 240))
        if rng.random() > _GOES_ON or started_at >= now:
            return


def _topic(rng: Random, language: str, *, recent: bool) -> str:
    if language != "en":
        return next(topic for topic, of in _OTHER_LANGUAGES.items() if of == language)
    if recent and rng.random() < _SHIFT:
        return SHIFTED
    return rng.choices([topic for topic in TERMS if topic not in _OTHER_LANGUAGES], weights=_POPULARITY)[0]


def _text(rng: Random, language: str, topic: str | None) -> str:
    if topic is None:
        return rng.choice(ELSEWHERE[language])
    if rng.random() < _AS_SUGGESTED:
        return rng.choice(_suggested(topic))
    one, other = rng.sample(TERMS[topic], 2)
    text = rng.choice(FRAMES[language]).format(t=one, u=other)
    return text[:1].upper() + text[1:]


def _suggested(topic: str) -> Sequence[str]:
    return [question.text for question in DEMO_QUESTIONS if question.video_id == topic]
