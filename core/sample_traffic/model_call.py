"""What a chat model made of a made-up question, how long that took and what it cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

from core.answering.refusal import refusal_text
from core.models import Answer, AnswerStatus, Span, Trace, Usage
from core.prompts import TEMPLATES, estimate_message_tokens, estimate_tokens, language_name
from core.sample_traffic import answers
from core.sample_traffic.askers import Asked
from core.sample_traffic.talks import talks

CostOf = Callable[[str, Usage, datetime], float | None]
"""US dollars of so many tokens of a model at a time; None where price or count is unknown."""

SERVER = "api.openai.com"
OLD, MAIN, STRONG = "gpt-4.1-mini", "gpt-5.4-mini", "gpt-4.1"
TEMPLATE = "sample-cited-answer"

_TOKENS_PER_S = {OLD: 85.0, MAIN: 110.0, STRONG: 60.0}
_WAITS_MS, _WAITS_SPREAD = 420, 0.35
_PREFIX_TOKENS, _PREFIX_CACHED = 1024, 0.35
_PASSAGE_TOKENS = 25
"""Around each passage."""
_BELOW_ESTIMATE = 0.92
_THOUGHT_TOKENS, _REFUSAL_TOKENS = 90, 18
_SHIPPED = TEMPLATES["cited-answer"]
_FRAME_TOKENS = estimate_message_tokens(_SHIPPED.render(question="", passages="", language="English", history="(none)"))


@dataclass(frozen=True, slots=True)
class Era:
    """What was in use when a question came."""

    model: str
    version: int
    """Of the template; the second one asks for fewer sentences."""
    slow: float
    """How many times as long as usual the model takes."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One question for which a model was called."""

    rng: Random
    asked: Asked
    era: Era
    found: answers.Found

    def trace(self, blank: Trace, cost_of: CostOf) -> Trace:
        """The finished trace: answered, or refused where no talk has an answer."""
        answer = replace(blank.answer, **self._said(), model=self.era.model)
        usage = self._usage(answer.text)
        spans = tuple(self._spans(answer, usage))
        values = {"question": self.asked.text, "language": language_name(self.asked.language), "history": "(none)"}
        cost_usd = cost_of(self.era.model, usage, self.asked.started_at)
        ttft_ms, latency_ms = self._times(spans)
        return replace(
            blank,
            answer=replace(answer, usage=usage, cost_usd=cost_usd, ttft_ms=ttft_ms, latency_ms=latency_ms),
            template=TEMPLATE,
            template_version=self.era.version,
            temperature=0.0,
            prompt=_SHIPPED.render(**values, passages=answers.as_data(self.found.passages)),
            spans=spans,
            server=SERVER,
        )

    def _said(self) -> Mapping[str, Any]:
        if self.asked.topic is None:
            text = refusal_text(self.asked.text, (), len(talks()), self.found.passages)
            return {"status": AnswerStatus.REFUSED, "text": text}
        said = answers.written(self.rng, self.asked, self.found.passages, brief=self.era.version > 1)
        facts = {"text": said.text, "claims": said.claims, "citations": said.citations}
        return {"status": AnswerStatus.ANSWERED, **facts}

    def _usage(self, text: str) -> Usage:
        """By the texts' lengths; part of the prompt from the server's cache where it begins as the one before."""
        around = _FRAME_TOKENS + self.found.tokens + _PASSAGE_TOKENS * len(self.found.passages)
        prompt = round(around * _BELOW_ESTIMATE) + estimate_tokens(self.asked.text)
        thought = round(self._about(_THOUGHT_TOKENS, 0.6)) if self.era.model == MAIN else 0
        written = estimate_tokens(text) if self.asked.topic else _REFUSAL_TOKENS
        cached = _PREFIX_TOKENS if prompt > _PREFIX_TOKENS and self.rng.random() < _PREFIX_CACHED else 0
        return Usage(prompt, written + thought + self.rng.randint(0, 12), cached, thought)

    def _spans(self, answer: Answer, usage: Usage) -> Iterator[Span]:
        at = 0.3
        for name, took_ms, attributes in self._steps(answer, usage):
            yield Span(name, round(at, 2), round(took_ms, 2), attributes)
            at += took_ms + 0.2

    def _steps(self, answer: Answer, usage: Usage) -> Iterator[tuple[str, float, Mapping[str, Any]]]:
        rng, era, passages = self.rng, self.era, len(self.found.passages)
        writes_ms = 1000 * (usage.completion_tokens or 0) / (_TOKENS_PER_S[era.model] * rng.uniform(0.8, 1.2))
        if self.asked.turn:
            yield "condense", self._about(_WAITS_MS, _WAITS_SPREAD) * era.slow, {"model": era.model}
        yield "retrieve", rng.uniform(9, 28), {"passages": passages}
        yield "decide", rng.uniform(0.2, 0.9), {"answerable": True}
        yield "render", rng.uniform(0.3, 0.8), {"template": TEMPLATE, "version": era.version, "passages": passages}
        waits_ms = self._about(_WAITS_MS, _WAITS_SPREAD)
        yield "generate", (waits_ms + writes_ms) * era.slow, {"model": era.model, "chars": len(answer.text)}
        if answer.status is AnswerStatus.REFUSED:
            yield "refuse", rng.uniform(0.5, 2), {}
        else:
            yield "check", rng.uniform(15, 60), {"claims": len(answer.claims), "supported": len(answer.citations)}

    def _times(self, spans: tuple[Span, ...]) -> tuple[float, float]:
        """To the first text, and to the end."""
        writing = next(span for span in spans if span.name == "generate")
        first_ms = min(self._about(_WAITS_MS, _WAITS_SPREAD) * self.era.slow, writing.duration_ms)
        ended_ms = spans[-1].start_ms + spans[-1].duration_ms
        return round(writing.start_ms + first_ms, 1), round(ended_ms + 0.4, 1)

    def _about(self, middle: float, spread: float) -> float:
        """Log-normal around its median."""
        return self.rng.lognormvariate(math.log(middle), spread)
