"""Questions of a team over 90 days, the same for each tracer: plain values, so that any environment can make them.

Nothing here is more than the standard library: the peers' processes have other packages than the app.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

END = datetime(2026, 11, 24, tzinfo=UTC)
DAYS = 90
BEGIN = END - timedelta(days=DAYS)
STEPS = ("retrieve", "render", "generate")
SPANS = 1 + len(STEPS)
"""Of a trace: the whole, and its steps."""

MODELS = {
    "gpt-4o": (2.5, 10.0),
    "gpt-4o-mini": (0.15, 0.6),
    "gpt-4.1": (2.0, 8.0),
    "gpt-4.1-mini": (0.4, 1.6),
    "o3-mini": (1.1, 4.4),
}
"""US dollars a million tokens of the prompt, and of the answer: what Phoenix's own list says of these models."""

_MODEL_WEIGHTS = (20, 45, 10, 20, 5)
_TEMPLATES = ("answer", "answer-short", "answer-strict", "judge")
_PEOPLE = 50
_PASSAGE_WORDS = 80
_HOURS = (1, 1, 1, 1, 1, 2, 3, 5, 8, 10, 10, 9, 7, 9, 10, 9, 8, 6, 4, 3, 3, 2, 2, 1)
"""How many ask in each hour of the day, in UTC."""
_WEEKEND = 0.3
_TALK = """video model learns from many examples and then we measure the loss on data it never saw before while training
goes on because the gradient points uphill so a step the other way makes the answer a little better each time"""
_WORDS = _TALK.split()


@dataclass(frozen=True, slots=True)
class Step:
    """One span, in milliseconds from the start of its trace."""

    name: str
    start_ms: float
    duration_ms: float

    @property
    def end_ms(self) -> float:
        return self.start_ms + self.duration_ms


@dataclass(frozen=True, slots=True)
class Call:
    """One question with its answer."""

    number: int
    started_at: datetime
    kind: str
    user: str
    template: str
    model: str
    question: str
    passages: tuple[str, ...]
    answer: str
    prompt_tokens: int
    completion_tokens: int
    steps_ms: tuple[float, float, float]
    """How long each of the three steps took."""

    @property
    def trace_id(self) -> str:
        return trace_id(self.number)

    @property
    def prompt(self) -> str:
        return "Answer from these passages.\n\n" + "\n\n".join(self.passages) + f"\n\nQuestion: {self.question}"

    @property
    def prompt_usd(self) -> float:
        return self.prompt_tokens * MODELS[self.model][0] / 1e6

    @property
    def completion_usd(self) -> float:
        return self.completion_tokens * MODELS[self.model][1] / 1e6

    @property
    def cost_usd(self) -> float:
        return self.prompt_usd + self.completion_usd

    @property
    def latency_ms(self) -> float:
        return sum(self.steps_ms)

    @property
    def whole(self) -> Step:
        return Step("ask", 0.0, self.latency_ms)

    def steps(self) -> Iterator[Step]:
        """What it consists of, in order."""
        starts = accumulate(self.steps_ms, initial=0.0)
        for name, start_ms, duration_ms in zip(STEPS, starts, self.steps_ms, strict=False):
            yield Step(name, start_ms, duration_ms)

    def ns(self, after_ms: float) -> int:
        """Nanoseconds since 1970 of a moment after the start."""
        return int((self.started_at + timedelta(milliseconds=after_ms)).timestamp() * 1e9)


def trace_id(number: int) -> str:
    """32 hex digits without an order, as every tracer makes them."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def calls(count: int, *, passages: int = 6, part: int = 1) -> Iterator[Call]:
    """In the order of their time, more of them where people work. The same in every run.

    ``part``: all of them within the first part of the days, of as many; ``part_s()`` later another part begins.
    """
    chance = random.Random(count)
    texts = [" ".join(chance.choices(_WORDS, k=_PASSAGE_WORDS)) for _ in range(400)]
    for number, when in enumerate(_times(count)):
        yield _call(number, BEGIN + (when - BEGIN) / part, chance, texts, passages)


def part_s(part: int) -> int:
    """Seconds of one of so many parts of the days."""
    return 86_400 * DAYS // part


def _times(count: int) -> Iterator[datetime]:
    hours = [BEGIN + timedelta(hours=n) for n in range(24 * DAYS)]
    weights = [_HOURS[hour.hour] * (_WEEKEND if hour.weekday() > 4 else 1.0) for hour in hours]
    upto, total, place = list(accumulate(weights)), sum(weights), 0
    for n in range(count):
        wanted = (n + 0.5) / count * total
        while upto[place] < wanted:
            place += 1
        share = 1 - (upto[place] - wanted) / weights[place]
        yield hours[place] + timedelta(seconds=3600 * share)


def _call(number: int, when: datetime, chance: random.Random, texts: Sequence[str], passages: int) -> Call:
    [model] = chance.choices(tuple(MODELS), _MODEL_WEIGHTS)
    person = min(int(chance.paretovariate(1.0)), _PEOPLE)
    lab = chance.random() < 0.1
    return Call(
        number=number,
        started_at=when,
        kind="lab" if lab else "ask",
        user=f"person-{person}",
        template=chance.choice(_TEMPLATES),
        model=model,
        question=f"What is said about topic {number % 977}, and by whom?",
        passages=tuple(chance.choices(texts, k=passages)),
        answer=chance.choice(texts),
        prompt_tokens=chance.randint(300, 3000),
        completion_tokens=chance.randint(20, 400),
        steps_ms=(chance.uniform(10, 60), chance.uniform(1, 5), chance.uniform(300, 4000)),
    )
