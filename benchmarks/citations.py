"""Does the citation check tell passages that support an answer from those that do not?

Answers written by hand, with the passage that each was taken from, against the same answers with other passages: of the
same video, of any video, and the hardest, those that search finds for the answer itself (by words and by embedding).
Beside it in the same run: a threshold on the cosine of answer and best sentence, and one on the share of words in
common. All figures are cross-validated: what is said of a question was fitted on the others.

    python -m benchmarks citations
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.citation_changes import caught, negated, other_number
from benchmarks.citation_pairs import CachedEmbedder, Corpus, Pair, Question, pairs_of, right_passage
from benchmarks.harness import Context, Figure, Report, Table
from core.adapters.local_embedding import LocalEmbedder
from core.citations import KEPT_FROM
from core.evidence import WITH_EMBEDDER, WORDS_ONLY

CHECK = "check (weights cross-validated)"

Array = NDArray[np.float64]


# --------------------------------------------------------------------------------------------------------- figures


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


# ---------------------------------------------------------------------------------------------------------- report


def run(context: Context) -> Report:
    """About two minutes, nearly all of it embedding. Raises Unavailable."""
    corpus = Corpus.read(context.videos)
    embedder = CachedEmbedder(LocalEmbedder(context.work / "models"))
    everything = json.loads((context.data / "questions_dev.json").read_text(encoding="utf-8"))
    questions = [q for q in everything if len(q["gold"]) == 1 and q["language"] == "en"][: 6 if context.quick else None]
    rng = random.Random(7)
    pairs = [pair for question in questions for pair in pairs_of(question, corpus, embedder, rng)]
    methods = scores_of(pairs)
    report = Report(
        "Checking citations",
        f"{len(questions)} answers written by hand, each with the passage that it was taken from, against the same "
        "answers with other passages: of the same video, of any video, and the hardest that search finds for the "
        "answer itself. Once the right passage is given too (the model wrote a wrong number), once it is not (the "
        "model invented the sentence). Everything about a question was fitted on the other questions.",
        notes=_notes(pairs),
    )
    report.figures = _figures(pairs, methods)
    report.tables = [
        _peers_table(pairs, methods),
        _threshold_table(pairs),
        _changes_table(questions, corpus, embedder, pairs),
    ]
    return report


def scores_of(pairs: Sequence[Pair]) -> dict[str, list[float]]:
    return {
        CHECK: cross_validated(pairs),
        "check (as shipped)": [p.shipped for p in pairs],
        "peer: cosine of best sentence": [p.support.similarity or 0.0 for p in pairs],
        "peer: share of words": [p.overlap for p in pairs],
    }


def _figures(pairs: Sequence[Pair], methods: dict[str, list[float]]) -> list[Figure]:
    """The check beside the better of its peers."""
    peers = [scores for name, scores in methods.items() if name.startswith("peer")]
    figures = []
    for name, given in (("wrong number", True), ("invented sentence", False)):
        best = max(auc(pairs, scores, "hardest", given=given) for scores in peers)
        value = auc(pairs, methods[CHECK], "hardest", given=given)
        figures.append(Figure(f"AUC, {name}, hardest passages", value, best, most=False))
    precision, recall = precision_recall(pairs, accepted_by_others(pairs, methods[CHECK]))
    best_precision = max(precision_recall(pairs, accepted_by_others(pairs, scores))[0] for scores in peers)
    figures.append(Figure("precision at the threshold with the best F1", precision, best_precision, most=False))
    figures.append(Figure("recall there", recall))
    return figures


def _peers_table(pairs: Sequence[Pair], methods: dict[str, list[float]]) -> Table:
    rows = []
    for name, scores in methods.items():
        cells = [auc(pairs, scores, kind, given=True) for kind in ("same video", "any video", "hardest")]
        cells += [
            auc(pairs, scores, "hardest", given=False),
            *precision_recall(pairs, accepted_by_others(pairs, scores)),
        ]
        rows.append([name, *(f"{value:.3f}" for value in cells), f"{best_threshold(pairs, scores):.2f}"])
    head = ["method", "wrong number: same video", "any video", "hardest", "invented: hardest", "precision", "recall"]
    return Table(
        "Area under the curve, and precision and recall at the threshold with the best F1:", [*head, "threshold"], rows
    )


def _threshold_table(pairs: Sequence[Pair]) -> Table:
    rows = []
    for limit in sorted({0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, KEPT_FROM}):
        name = f"{limit}{' (shipped)' if limit == KEPT_FROM else ''}"
        kept = [_kept(pairs, limit, right=False, given=given) for given in (True, False)]
        rows.append([name, _kept(pairs, limit, right=True, given=True), *kept])
    return Table(
        "Citations kept:", ["threshold", "right", "wrong, right one given", "wrong, right one not given"], rows
    )


def _changes_table(
    questions: Sequence[Question], corpus: Corpus, embedder: CachedEmbedder, pairs: Sequence[Pair]
) -> Table:
    thresholds = {
        "cosine": best_threshold(pairs, [p.support.similarity or 0.0 for p in pairs]),
        "words": best_threshold(pairs, [p.support.coverage for p in pairs]),
    }
    rights = [(question["answer"], right_passage(question, corpus)) for question in questions]
    rows = []
    for name, change in (("another number", other_number), ("one “not” more or less", negated)):
        found = caught(rights, change, embedder, thresholds)
        rows.append([name, *(f"{rejected} of {accepted}" for rejected, accepted in found.values())])
    return Table(
        "Rejected when one fact was changed, of the answers accepted before:",
        ["change", "check", "cosine", "words"],
        rows,
    )


def _notes(pairs: Sequence[Pair]) -> list[str]:
    fitted = {
        f"fitted {np.round(fit(pairs, words_only=words_only), 2)}, shipped {shipped}"
        for words_only, shipped in ((False, WITH_EMBEDDER), (True, WORDS_ONLY))
    }
    return [f"Weights (bias, coverage, behind, similarity): {text}." for text in sorted(fitted)]


def _kept(pairs: Sequence[Pair], limit: float, *, right: bool, given: bool) -> str:
    found = [p.shipped >= limit for p in pairs if (p.kind == "right") is right and p.given is given]
    return f"{sum(found)} of {len(found)}"
