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

    def offered(self) -> Sequence[str]:
        """Each name that has something in production, and each of its versions where that is not the only one."""
        kept = self.prompts.names() if self.prompts is not None else []
        return [choice for name in sorted({*self.shipped, *kept}) for choice in self._choices(name, name in kept)]

    def _choices(self, name: str, is_kept: bool) -> list[str]:
        if not is_kept:
            return [name]
        versions = [f"{name}@{found.version}" for found in self.prompts.versions(name)]
        if "production" not in self.prompts.aliases(name):
            return versions
        return [name] if len(versions) == 1 else [name, *versions]


@dataclass(frozen=True, slots=True)
class LedgerCases:
    """A planner's cases over the ledger's test sets."""

    sets: Any

    def __call__(self, name: str) -> Sequence[TestCase]:
        """Raises NotFound that names what there is."""
        known = self._known()
        if name in known:
            return tuple(self.sets.cases(known[name]))
        if name in SETS:
            return SETS[name]
        there = ", ".join(sorted({*known, *SETS}))
        raise NotFound(f"There is no test set {name!r}", subject=name, hint=f"There is {there}.")

    def offered(self) -> Sequence[str]:
        """Names of the ledger's sets, then of those that come with the app."""
        return list(dict.fromkeys([*self._known(), *SETS]))

    def _known(self) -> dict[str, str]:
        """Name -> id."""
        return {found.name: found.set_id for found in self.sets.sets()} if self.sets is not None else {}
