"""Scorers: what an output is worth. Each is a pydantic model of its parameters with a method ``score``.

A spec names one by its type, ``rouge_l`` or ``{type: rouge_l, threshold: 0.6}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator

from core.errors import InputError
from core.lab.scorers.base import Context, Judge, NothingToCompare, Scorer, Tools
from core.lab.scorers.judge import JUDGE, ModelJudge
from core.lab.scorers.meaning import Faithfulness, Similarity
from core.lab.scorers.measures import Cost, Latency
from core.lab.scorers.patterns import Regex
from core.lab.scorers.structure import JsonSchema
from core.lab.scorers.texts import Contains, Exact, RougeL
from core.lab.scorers.unit_tests import UnitTests
from core.models import TestCase

__all__ = [
    "JUDGE",
    "SCORERS",
    "AnyScorer",
    "Context",
    "Judge",
    "ModelJudge",
    "NothingToCompare",
    "Scorer",
    "Tools",
    "check_scorers",
]

SCORERS: Mapping[str, type[Scorer]] = {
    kind.model_fields["type"].default: kind
    for kind in (
        Contains, Exact, Regex, JsonSchema, RougeL, Similarity, Faithfulness, Latency, Cost, ModelJudge, UnitTests,
    )
}  # fmt: skip
"""By type, in the order in which forms offer them."""


def _mapping(entry: Any) -> Any:
    """``exact`` is short for ``{type: exact}``."""
    return {"type": entry} if isinstance(entry, str) else entry


AnyScorer = Annotated[
    Annotated[
        Contains
        | Exact
        | Regex
        | JsonSchema
        | RougeL
        | Similarity
        | Faithfulness
        | Latency
        | Cost
        | ModelJudge
        | UnitTests,
        Discriminator("type"),
    ],
    BeforeValidator(_mapping),
]
"""A scorer as a spec gives it."""


def check_scorers(scorers: Sequence[Scorer], cases: Sequence[TestCase], tools: Tools) -> None:
    """Sees whether each can work at all, before anything is spent. Raises InputError that names the scorer."""
    twice = _first_twice(scorer.label for scorer in scorers)
    if twice is not None:
        raise InputError(
            f"scorers: two are called {twice!r}", subject=twice, hint="Give one of them another name: {name: …}."
        )
    for n, scorer in enumerate(scorers):
        if (reason := scorer.check(cases, tools)) is not None:
            raise InputError(f"scorers[{n}] ({scorer.label}) cannot work here: {reason}", subject=scorer.label)


def _first_twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
