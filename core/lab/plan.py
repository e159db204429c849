"""A spec with everything looked up: the exact texts and cases that an experiment runs, so that it can be resumed.

Its document is what the ledger keeps as ``Experiment.spec``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from core.lab.scorers import AnyScorer, Scorer
from core.models import Run, TestCase, digest
from core.ports import Message
from core.prompts import PromptTemplate

_SCORERS: TypeAdapter[Any] = TypeAdapter(list[AnyScorer])
_LIMITS = ("max_cost_usd", "allow_unknown_price", "concurrency")
"""What may change between two starts of one experiment."""

INLINE = 0
"""The version of a template that stands in a spec; runs have None for it."""


@dataclass(frozen=True)
class Plan:
    """An experiment ready to run. Its cells are templates x models x temperatures x cases x repeats."""

    name: str
    templates: tuple[PromptTemplate, ...]
    models: tuple[str, ...]
    temperatures: tuple[float, ...]
    repeats: int
    cases: tuple[TestCase, ...]
    scorers: tuple[Scorer, ...]
    concurrency: int
    max_tokens: int | None
    max_cost_usd: float | None
    allow_unknown_price: bool
    baseline: Mapping[str, Any]
    """``template``, ``version``, ``model``, ``temperature`` of the variant that others are compared with."""
    test_set: str | None = None
    """Name of the set that the cases came from."""
    notices: tuple[str, ...] = ()
    """Plain sentences: what is odd and does no harm."""

    @property
    def total(self) -> int:
        """Its cells."""
        variants = len(self.templates) * len(self.models) * len(self.temperatures)
        return variants * len(self.cases) * self.repeats

    @cached_property
    def _templates(self) -> Mapping[tuple[str, int | None], PromptTemplate]:
        return {(template.name, version_of(template)): template for template in self.templates}

    @cached_property
    def _cases(self) -> Mapping[str, TestCase]:
        return {case.case_id: case for case in self.cases}

    def case(self, run: Run) -> TestCase:
        return self._cases[run.case_id]

    def messages(self, run: Run) -> tuple[Message, ...]:
        """What is sent for a run. Values that a template has no variable for are left out."""
        return rendered(self._templates[run.template, run.version], self.case(run))

    def document(self) -> dict[str, Any]:
        """All of it as JSON; ``key`` is equal where the cells and scorers are."""
        document = {
            "name": self.name,
            "templates": [
                {"name": t.name, "version": version_of(t), "system": t.system, "user": t.user} for t in self.templates
            ],
            "models": list(self.models),
            "temperatures": list(self.temperatures),
            "repeats": self.repeats,
            "cases": [asdict(case) for case in self.cases],
            "scorers": [scorer.model_dump(by_alias=True) for scorer in self.scorers],
            "concurrency": self.concurrency,
            "max_tokens": self.max_tokens,
            "max_cost_usd": self.max_cost_usd,
            "allow_unknown_price": self.allow_unknown_price,
            "baseline": dict(self.baseline),
            "test_set": self.test_set,
        }
        return document | {"key": _key(document)}


def plan_of(document: Mapping[str, Any]) -> Plan:
    """The inverse of Plan.document."""
    templates = (
        PromptTemplate(t["name"], INLINE if t["version"] is None else t["version"], t["system"], t["user"])
        for t in document["templates"]
    )
    return Plan(
        name=document["name"],
        templates=tuple(templates),
        models=tuple(document["models"]),
        temperatures=tuple(map(float, document["temperatures"])),
        repeats=document["repeats"],
        cases=tuple(TestCase(**case) for case in document["cases"]),
        scorers=tuple(_SCORERS.validate_python(document["scorers"])),
        concurrency=document["concurrency"],
        max_tokens=document["max_tokens"],
        max_cost_usd=document["max_cost_usd"],
        allow_unknown_price=document["allow_unknown_price"],
        baseline=document["baseline"],
        test_set=document["test_set"],
    )


def rendered(template: PromptTemplate, case: TestCase) -> tuple[Message, ...]:
    """The messages of a case. Raises TemplateError where it lacks a variable."""
    wanted = set(template.variables)
    return template.render(**{name: value for name, value in case.variables.items() if name in wanted})


def version_of(template: PromptTemplate) -> int | None:
    return None if template.version == INLINE else template.version


def _key(document: Mapping[str, Any]) -> str:
    decisive: Sequence[tuple[str, Any]] = [(key, value) for key, value in document.items() if key not in _LIMITS]
    return digest(json.dumps(decisive, sort_keys=True))
