"""Answers with one fact changed: a check that only measures likeness does not see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from core.citations import KEPT_FROM
from core.evidence import Evidence, Support
from core.models import Passage
from core.numbers import numbers_in
from core.ports import Embedder

_VERB = re.compile(
    r"\b(is|are|was|were|can|could|will|would|has|have|had|may|should|does|did|do|makes|means)\b(?! not)"
)


def other_number(answer: str) -> str | None:
    """The answer with its last number changed, or None where it has none in digits."""
    found = [number for number in numbers_in(answer, "en") if number.text[0].isdigit()]
    if not found:
        return None
    digits = re.findall(r"\d+", answer)[-1]
    head, _, tail = answer.rpartition(digits)
    return f"{head}{int(digits) * 2 + 3}{tail}"


def negated(answer: str) -> str | None:
    """The answer with one "not" more or less, or None where none fits."""
    if re.search(r"\bnot\b", answer):
        return re.sub(r"\bnot ", "", answer, count=1)
    return _VERB.sub(r"\1 not", answer, count=1) if _VERB.search(answer) else None


def caught(
    rights: Sequence[tuple[str, Passage]],
    change: Callable[[str], str | None],
    embedder: Embedder,
    thresholds: Mapping[str, float],
) -> dict[str, tuple[int, int]]:
    """Of the changed answers whose original was accepted: how many each method rejects, and of how many."""
    rejected, accepted = dict.fromkeys(_METHODS, 0), dict.fromkeys(_METHODS, 0)
    for answer, passage in rights:
        changed = change(answer)
        if changed is None:
            continue
        evidence = Evidence([passage], embedder)
        (before,), (after,) = (evidence.supports(text, "en") for text in (answer, changed))
        for name, score in _METHODS.items():
            limit = KEPT_FROM if name == "check" else thresholds[name]
            accepted[name] += score(before) >= limit
            rejected[name] += score(before) >= limit > score(after)
    return {name: (rejected[name], accepted[name]) for name in _METHODS}


_METHODS: Mapping[str, Callable[[Support], float]] = {
    "check": lambda support: support.score,
    "cosine": lambda support: support.similarity or 0.0,
    "words": lambda support: support.coverage,
}
