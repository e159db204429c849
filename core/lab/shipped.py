"""Templates and test sets by name: those of the ledger first, then those that come with the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import NotFound
from core.lab.book_tasks import CASES, TEMPLATES, TEST_SET
from core.models import TestCase
from core.phrases import listed
from core.prompts import TEMPLATES as OF_ASK
from core.prompts import PromptTemplate

SETS: Mapping[str, Sequence[TestCase]] = {TEST_SET: CASES}


@dataclass(frozen=True, slots=True)
class LedgerTemplates:
    """A planner's templates over the ledger's prompts."""

    prompts: Any
    shipped: Mapping[str, PromptTemplate] = field(default_factory=lambda: {**OF_ASK, **TEMPLATES})

    def get(self, name: str, ref: int | str = "production") -> PromptTemplate:
        """Raises NotFound."""
        shipped = self.shipped.get(name)
        ships = shipped is not None and ref in {"production", shipped.version}
        if self.prompts is not None:
            try:
                found: PromptTemplate = self.prompts.get(name, ref)
            except NotFound:
                if not ships:
                    raise
            else:
                return found
        if shipped is None or not ships:
            raise NotFound(
                f"There is no template {name!r}", subject=name, hint=f"There is {listed(sorted(self.shipped))}."
            )
        return shipped


@dataclass(frozen=True, slots=True)
class LedgerCases:
    """A planner's cases over the ledger's test sets."""

    sets: Any

    def __call__(self, name: str) -> Sequence[TestCase]:
        """Raises NotFound that names what there is."""
        known = {found.name: found.set_id for found in self.sets.sets()} if self.sets is not None else {}
        if name in known:
            return tuple(self.sets.cases(known[name]))
        if name in SETS:
            return SETS[name]
        there = ", ".join(sorted({*known, *SETS}))
        raise NotFound(f"There is no test set {name!r}", subject=name, hint=f"There is {there}.")
