"""Test sets in memory, as the ledger keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

from core.ledger import TestSet
from core.models import TestCase


class FakeTestSets:
    """Ids are names."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, TestCase]] = {}

    def create(self, name: str, description: str = "") -> str:
        self.rows[name] = {}
        return name

    def add(self, set_id: str, case: TestCase) -> None:
        self.rows[set_id][case.case_id] = case

    def sets(self) -> list[TestSet]:
        now = datetime(2026, 11, 24, tzinfo=UTC)
        return [TestSet(name, name, "", len(cases), now) for name, cases in self.rows.items()]

    def with_trace(self, trace_id: str) -> list[str]:
        return [name for name, cases in self.rows.items() if any(c.trace_id == trace_id for c in cases.values())]


def small_ledger() -> SimpleNamespace:
    """What pages besides the Prompt Lab see of a ledger."""
    return SimpleNamespace(test_sets=FakeTestSets())
