"""Does the citation check tell passages that support an answer from those that do not?

Answers written by hand, with the passage that each was taken from, against the same answers with other passages: of the
same video, of any video, and the hardest, those that search finds for the answer itself (by words and by embedding).
Beside it in the same run: a threshold on the cosine of answer and best sentence, and one on the share of words in
common. All figures are cross-validated: what is said of a question was fitted on the others.

    python -m benchmarks.citations ../shared/data
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.citation_changes import caught, negated, other_number
from core.adapters.local_embedding import LocalEmbedder
from core.chunking import chunk
from core.citations import KEPT_FROM
from core.config import load_settings
from core.evidence import WITH_EMBEDDER, WORDS_ONLY, Evidence, Support
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

Array = NDArray[np.float64]
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


# ----------------------------------------------------------------------------------------------------------- pairs


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


# --------------------------------------------------------------------------------------------------------- figures

Score = Callable[[Pair], float]


def features(pair: Pair, *, words_only: bool) -> list[float]:
    similarity = 0.0 if words_only else pair.support.similarity or 0.0
    return [1.0, pair.support.coverage, pair.support.behind, similarity]


def fit(pairs: Sequence[Pair], *, words_only: bool, ridge: float = 0.3) -> Array:
    """Logistic regression by Newton's method; right and wrong pairs weigh the same in all."""
    x = np.array([features(p, words_only=words_only) for p in pairs])
    y = np.array([p.kind == "right" for p in pairs], float)
    weight = np.where(y == 1, (y == 0).sum() / y.sum(), 1.0)
    w = np.zeros(4)
    penalty = np.diag([1e-6, ridge, ridge, ridge])
    for _ in range(60):
        p = 1 / (1 + np.exp(-x @ w))
        w -= np.linalg.solve(
            (x * (weight * p * (1 - p))[:, None]).T @ x + penalty, x.T @ (weight * (p - y)) + penalty @ w
        )
    return w


def cross_validated(pairs: Sequence[Pair]) -> list[float]:
    """Scores of our check, each with weights fitted on the other questions; contradictions count as the app counts."""
    scores: dict[int, float] = {}
    for question in {p.question for p in pairs}:
        w = fit([p for p in pairs if p.question != question], words_only=False)
        for n, pair in enumerate(pairs):
            if pair.question == question:
                score = 1 / (1 + np.exp(-np.dot(features(pair, words_only=False), w)))
                scores[n] = float(min(score, 0.2) if pair.support.contradictions else score)
    return [scores[n] for n in range(len(pairs))]


def auc(pairs: Sequence[Pair], scores: Sequence[float], kind: str, *, given: bool) -> float:
    right = np.array([s for p, s in zip(pairs, scores, strict=True) if p.kind == "right"])
    wrong = np.array([s for p, s in zip(pairs, scores, strict=True) if p.kind == kind and p.given is given])
    above, equal = right[:, None] > wrong, right[:, None] == wrong
    return float((above + 0.5 * equal).mean())


_WRONG = {"same video", "any video", "hardest"}


def best_threshold(pairs: Sequence[Pair], scores: Sequence[float]) -> float:
    """The one with the best F1, midway between two scores."""
    order = sorted(set(scores))
    middles = [(a + b) / 2 for a, b in pairwise(order)]
    return max(middles, key=lambda t: _f1(*precision_recall(pairs, [s >= t for s in scores])))


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def precision_recall(pairs: Sequence[Pair], accepted: Sequence[bool]) -> tuple[float, float]:
    hits = sum(a for p, a in zip(pairs, accepted, strict=True) if p.kind == "right")
    right = sum(p.kind == "right" for p in pairs)
    return hits / max(1, sum(accepted)), hits / right


def accepted_by_others(pairs: Sequence[Pair], scores: Sequence[float]) -> list[bool]:
    """Each pair judged by the threshold that the other questions chose."""
    verdicts: list[bool] = []
    for question, members in groupby(zip(pairs, scores, strict=True), key=lambda item: item[0].question):
        others = [(p, s) for p, s in zip(pairs, scores, strict=True) if p.question != question]
        limit = best_threshold([p for p, _ in others], [s for _, s in others])
        verdicts.extend(score >= limit for _, score in members)
    return verdicts


# ------------------------------------------------------------------------------------------------------------ main


def main(data: Path) -> None:
    began = time.perf_counter()
    embedder = CachedEmbedder(LocalEmbedder(load_settings().data_dir / "models"))
    corpus = Corpus.read(data / "videos")
    everything = json.loads((data / "questions_dev.json").read_text(encoding="utf-8"))
    questions = [q for q in everything if len(q["gold"]) == 1 and q["language"] == "en"]
    rng = random.Random(7)
    pairs = [pair for question in questions for pair in pairs_of(question, corpus, embedder, rng)]
    print(f"{len(questions)} answers, {len(pairs)} pairs, {time.perf_counter() - began:.0f} s to make them\n")
    thresholds = report(pairs)
    rights = [(question["answer"], _right(question, corpus)) for question in questions]
    for name, change in (("a changed number", other_number), ("one 'not' more or less", negated)):
        found = caught(rights, change, embedder, thresholds)
        print(f"caught with {name}: " + ", ".join(f"{m} {a} of {b}" for m, (a, b) in found.items()))
    print(f"\nin all {time.perf_counter() - began:.0f} s")


def report(pairs: Sequence[Pair]) -> dict[str, float]:
    """Prints the tables; the thresholds of the peers."""
    methods: dict[str, list[float]] = {
        "check (cross-validated weights)": cross_validated(pairs),
        "check (as shipped)": [p.shipped for p in pairs],
        "peer: cosine of best sentence": [p.support.similarity or 0.0 for p in pairs],
        "peer: share of words": [p.overlap for p in pairs],
    }
    print("AUC where the right passage is also given (a wrong number) and where it is not (an invented sentence):")
    print("| method | number, same video | any video | hardest | invented, hardest | precision | recall | threshold |")
    print("|---|---|---|---|---|---|---|---|")
    for name, scores in methods.items():
        aucs = [auc(pairs, scores, kind, given=True) for kind in ("same video", "any video", "hardest")]
        aucs.append(auc(pairs, scores, "hardest", given=False))
        precision, recall = precision_recall(pairs, accepted_by_others(pairs, scores))
        limit = best_threshold(pairs, scores)
        print(f"| {name} | " + " | ".join(f"{v:.3f}" for v in (*aucs, precision, recall)) + f" | {limit:.2f} |")
    print("\n| threshold | right kept | wrong kept where the right one is given | where none is right |")
    print("|---|---|---|---|")
    for limit in sorted({0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, KEPT_FROM}):
        kept = [_kept(pairs, limit, right=True, given=True)]
        kept += [_kept(pairs, limit, right=False, given=given) for given in (True, False)]
        print(f"| {limit}{' (shipped)' if limit == KEPT_FROM else ''} | " + " | ".join(kept) + " |")
    for name, words_only, present in (("with embedder", False, WITH_EMBEDDER), ("words only", True, WORDS_ONLY)):
        print(f"weights {name}: fitted {np.round(fit(pairs, words_only=words_only), 2)}, shipped {present}")
    return {
        "cosine": best_threshold(pairs, methods["peer: cosine of best sentence"]),
        "words": best_threshold(pairs, [p.support.coverage for p in pairs]),
    }


def _kept(pairs: Sequence[Pair], limit: float, *, right: bool, given: bool) -> str:
    found = [p.shipped >= limit for p in pairs if (p.kind == "right") is right and p.given is given]
    return f"{sum(found)} of {len(found)}"


def _right(question: Question, corpus: Corpus) -> Passage:
    (gold,) = question["gold"]
    of_video = [c for c in corpus.chunks.values() if c.video_id == gold["video_id"]]
    best = max(of_video, key=lambda c: _overlap(c, gold))
    return Passage(best, corpus.videos[best.video_id], 1, 0.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/data"))
