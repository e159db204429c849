"""The lab over a ledger: what it calls, what it costs, where its templates, cases and passages are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core.cost import PriceOf
from core.cost import cost_usd as by_shipped_prices
from core.cost.budgets import Budgets
from core.lab.book_tasks import TEMPLATES as BOOK_TEMPLATES
from core.lab.chats import LabModels
from core.lab.passages import CasePassages
from core.lab.records import record_of
from core.lab.sandbox import find_sandbox
from core.lab.scorers import Tools
from core.lab.service import Lab
from core.lab.shipped import LedgerCases, LedgerTemplates
from core.ledger import Ledger
from core.mirror.documents import experiment_document
from core.mirror.service import Mirroring
from core.models import ExperimentState, Usage
from core.ports import Embedder, Jail, Sandbox


class LateSandbox:
    """The sandbox, looked for when code is first to be run: that takes seconds. Safe for threads."""

    def __init__(self, jails: Sequence[Callable[[], Jail]]) -> None:
        self._jails = jails
        self._lock = threading.Lock()
        self._found: Sandbox | None = None

    def __call__(self) -> Sandbox:
        """Raises SandboxUnavailable, and looks again when it is next asked."""
        with self._lock:
            if self._found is None:
                self._found = find_sandbox(self._jails)
            return self._found


def lab_of(
    ledger: Ledger,
    models: LabModels,
    embedder: Embedder,
    mirroring: Mirroring,
    jails: Sequence[Callable[[], Jail]] = (),
    *,
    price: PriceOf = by_shipped_prices,
    budgets: Budgets | None = None,
) -> Lab:
    """Calls nothing; the registry gets the templates that the lab ships and it lacks.

    ``jails``: what may hold generated code, the first that does. ``price``: what a call costs. Raises LibraryError.
    """
    ledger.prompts.seed(BOOK_TEMPLATES.values())

    def cost_of(model: str, usage: Usage, when: datetime) -> float | None:
        return price(model, usage, when, models.server)

    def record(experiment_id: str, state: ExperimentState) -> Mapping[str, Any] | None:
        if not mirroring.enabled:
            return None
        experiment = replace(ledger.experiments.get(experiment_id), state=state)
        return experiment_document(record_of(experiment, ledger.experiments.runs(experiment_id)))

    return Lab(
        ledger,
        models,
        templates=LedgerTemplates(ledger.prompts),
        cases=LedgerCases(ledger.test_sets),
        tools=Tools(embedder, LateSandbox(jails), CasePassages(ledger.traces)),
        cost_of=cost_of,
        budgets=budgets,
        mirror=mirroring.enabled,
        record=record,
    )
