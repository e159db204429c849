"""Answers with their right passage and with wrong ones, for the benchmark of the citation check."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.adapters.local_embedding import LocalEmbedder
from core.chunking import chunk
from core.evidence import Evidence, Support
from core.exact_index import ExactIndex
from core.models import Chunk, IndexRow, Passage, Segment, Transcript, Vectors, Video
from core.ports import IndexFilter
from core.words import content_stems

SAME, OTHER, BY_WORDS, BY_MEANING = 1, 1, 2, 2
"""Wrong passages of each kind for one answer."""
CANDIDATES = 6
"""Found by words for each answer; the nearest of them in meaning are the hardest."""
NEAR_S = 30.0
"""What overlaps the right place within so many seconds may be right too, and is left out."""

Question = dict[str, Any]


class CachedEmbedder:
    """Embeds each text once."""

    def __init__(self, inner: LocalEmbedder) -> None:
        self._inner, self._known = inner, dict[str, Any]()
        self.identity, self.dimensions = inner.identity, inner.dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._inner.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True)
class Corpus:
    chunks: dict[str, Chunk]
    videos: dict[str, Video]
    index: ExactIndex

    @classmethod
    def read(cls, folder: Path) -> Corpus:
        chunks, videos, rows = {}, {}, []
        for file in sorted(folder.glob("*.json")):
            data = json.loads(file.read_text(encoding="utf-8"))
            video = Video(data["video_id"], data["title"], data["channel"], data["language"])
            lines = tuple(Segment(s["text"], s["start"], s["duration"]) for s in data["segments"])
            videos[video.video_id] = video
            for part in chunk(Transcript(video, lines)):
                chunks[part.id] = part
                rows.append(IndexRow(part, video, np.ones(1, np.float32)))
        index = ExactIndex()
        index.upsert(rows)
        return cls(chunks, videos, index)


@dataclass(frozen=True)
class Pair:
    """An answer and a passage."""

    question: str
    kind: str
    """``right``, or which kind of wrong passage."""
    given: bool
    """Whether the right passage is among those given; if not, nothing supports the answer."""
    support: Support
    overlap: float
    """Share of the answer's words that the passage has, all equal: the plain peer."""
    shipped: float
    """The score as the app has it: the embedding is asked only in doubt."""


def pairs_of(question: Question, corpus: Corpus, embedder: CachedEmbedder, rng: random.Random) -> list[Pair]:
    answer, language = question["answer"], question["language"]
    found = _candidates(question, corpus, embedder, rng)
    words = set(content_stems(answer, language))
    pairs = []
    for given in (True, False):
        shown = [(kind, c) for kind, c in found if given or kind != "right"]
        passages = [Passage(c, corpus.videos[c.video_id], n, 0.0) for n, (_, c) in enumerate(shown, start=1)]
        full = Evidence(passages, embedder, always=True).supports(answer, language)
        shipped = Evidence(passages, embedder).supports(answer, language)
        for (kind, c), support, as_app in zip(shown, full, shipped, strict=True):
            share = len(words & set(content_stems(c.text, language))) / len(words)
            pairs.append(Pair(question["id"], kind, given, support, share, as_app.score))
    return pairs


def _candidates(
    question: Question, corpus: Corpus, embedder: CachedEmbedder, rng: random.Random
) -> list[tuple[str, Chunk]]:
    gold: dict[str, Any] = question["gold"][0]
    places = [gold, *question.get("alt_gold", [])]
    wrong = [c for c in corpus.chunks.values() if not any(_overlap(c, place, NEAR_S) for place in places)]
    of_video = [c for c in corpus.chunks.values() if c.video_id == gold["video_id"]]
    right = max(of_video, key=lambda c: _overlap(c, gold))
    hits = corpus.index.search_keyword(question["answer"], CANDIDATES + 4, IndexFilter())
    allowed = {c.id for c in wrong}
    by_words = [corpus.chunks[hit.chunk_id] for hit in hits if hit.chunk_id in allowed][:CANDIDATES]
    by_meaning = sorted(by_words, key=lambda c: -_similarity(question["answer"], c, embedder))[:BY_MEANING]
    same = [c for c in wrong if c.video_id == gold["video_id"]]
    kinds = [
        ("right", [right]),
        ("same video", rng.sample(same, min(SAME, len(same)))),
        ("any video", rng.sample(wrong, OTHER)),
        ("hardest", list(dict.fromkeys([*by_words[:BY_WORDS], *by_meaning]))),
    ]
    return [(kind, c) for kind, members in kinds for c in members]


def _overlap(part: Chunk, place: dict[str, Any], margin: float = 0.0) -> float:
    if part.video_id != place["video_id"]:
        return 0.0
    begin, end = float(place["start_s"]) - margin, float(place["end_s"]) + margin
    return max(0.0, min(part.end_s, end) - max(part.start_s, begin))


def _similarity(answer: str, part: Chunk, embedder: CachedEmbedder) -> float:
    return float(np.max(embedder.embed(part.window_texts()) @ embedder.embed([answer])[0]))


def right_passage(question: Question, corpus: Corpus) -> Passage:
    gold = question["gold"][0]
    of_video = [c for c in corpus.chunks.values() if c.video_id == gold["video_id"]]
    best = max(of_video, key=lambda c: _overlap(c, gold))
    return Passage(best, corpus.videos[best.video_id], 1, 0.0)
