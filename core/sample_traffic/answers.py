"""What a made-up question finds, and the answer that is made of it: real sentences of the demo talks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from core.citations import citation_of
from core.models import Citation, Claim, Passage
from core.prompts import format_passages
from core.sample_traffic.askers import Asked
from core.sample_traffic.talks import Material, talks
from core.sample_traffic.wording import SHIFTED

_OWN, _OTHERS = (3, 5), (1, 2)
"""How many passages are of the talk that answers, and of others."""
_LEAST_SCORE, _MOST_SCORE = 0.05, 0.97
_BY_CHANCE = 3.0
"""Words in common that chance is worth in the choice of a sentence."""
_DROPPED = 0.05
"""Of the sentences whose citation does not hold."""
_HEADINGS = {"en": "In short:", "de": "Kurz gesagt:", "es": "En resumen:"}


@dataclass(frozen=True, slots=True)
class Found:
    """What was retrieved."""

    passages: tuple[Passage, ...]
    tokens: int
    """Of their texts."""


@dataclass(frozen=True, slots=True)
class Text:
    """A checked answer."""

    text: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]


def found(rng: Random, asked: Asked) -> Found:
    """Passages in rank order; of other talks only, and weak ones, where no talk answers."""
    topic, all_talks = asked.topic, talks()
    elsewhere = [talk for talk in all_talks if talk != topic]
    own = rng.sample(all_talks[topic], min(rng.randint(*_OWN), len(all_talks[topic]))) if topic else []
    others = [rng.choice(all_talks[talk]) for talk in rng.sample(elsewhere, rng.randint(*_OTHERS) + (not own))]
    material = [*own, *others]
    return Found(_ranked(rng, material, asked), sum(part.tokens for part in material))


def _ranked(rng: Random, material: Sequence[Material], asked: Asked) -> tuple[Passage, ...]:
    score = rng.gauss(0.36 if asked.topic is None else 0.62 if asked.topic == SHIFTED else 0.7, 0.07)
    passages = []
    for rank, part in enumerate(material, start=1):
        score = min(_MOST_SCORE, max(_LEAST_SCORE, score))
        parts = {"dense": score * rng.uniform(0.8, 1.05), "keyword": score * rng.uniform(0.3, 1.0), "window": score}
        span = rng.choice(part.sentences)
        passages.append(Passage(part.chunk, part.video, rank, round(score, 4), parts, span))
        score *= rng.uniform(0.82, 0.97)
    return tuple(passages)


def as_data(passages: Sequence[Passage]) -> str:
    """What format_passages makes of them, each chunk once: of thousands of prompts it is most of the work."""
    blocks = (_block(passage.video.video_id, passage.chunk.part_id) for passage in passages)
    return "\n".join(block.replace('n="1"', f'n="{n}"', 1) for n, block in enumerate(blocks, start=1))


@cache
def _block(video_id: str, part_id: int) -> str:
    part = next(part for part in talks()[video_id] if part.chunk.part_id == part_id)
    return format_passages([Passage(part.chunk, part.video, 1, 1.0)])


def written(rng: Random, asked: Asked, passages: Sequence[Passage], *, brief: bool) -> Text:
    """Sentences of the best passages with their citations; a few whose citation does not hold."""
    chosen = _chosen(rng, asked, passages, rng.randint(2, 3) if brief else rng.randint(3, 5))
    claims: list[Claim] = [] if brief else [Claim(_HEADINGS[asked.language], (), supported=False)]
    citations: list[Citation] = []
    for passage, span in chosen:
        sentence = passage.chunk.text[slice(*span)]
        if claims and rng.random() < _DROPPED:
            claims.append(Claim(sentence, (), supported=False, support=round(rng.uniform(0.1, 0.4), 3)))
            continue
        citations.append(citation_of(len(citations) + 1, passage, span))
        text, n = f"{sentence} [{len(citations)}]", len(citations)
        claims.append(Claim(text, (n,), supported=True, support=round(rng.uniform(0.72, 1.0), 3)))
    return Text(" ".join(claim.text for claim in claims), tuple(claims), tuple(citations))


def quoted(passages: Sequence[Passage], introduction: str) -> Text:
    """The best sentence of each of the best passages."""
    best = list(enumerate(passages[:3], start=1))
    citations = tuple(citation_of(n, passage, passage.best_span) for n, passage in best)
    lines = [f"“{citation.quote}” [{citation.n}]" for citation in citations]
    claims = tuple(Claim(line, (n,), supported=True, support=1.0) for n, line in enumerate(lines, start=1))
    return Text("\n\n".join([introduction, *(f"> {line}" for line in lines)]), claims, citations)


def _chosen(
    rng: Random, asked: Asked, passages: Sequence[Passage], number: int
) -> list[tuple[Passage, tuple[int, int]]]:
    """So many different sentences, those of the talk that answers first."""
    own = [passage for passage in passages if passage.video.video_id == asked.topic] or list(passages)
    sentences = {part.chunk.id: part.sentences for part in talks()[own[0].video.video_id]}
    all_of = [(passage, span) for passage in own for span in sentences.get(passage.chunk.id, (passage.best_span,))]
    named = set(asked.text.lower().split())

    def nearness(item: tuple[Passage, tuple[int, int]]) -> float:
        said = item[0].chunk.text[slice(*item[1])].lower().split()
        return len(named.intersection(said)) + rng.random() * _BY_CHANCE

    return sorted(all_of, key=nearness, reverse=True)[:number]
