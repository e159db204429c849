"""The lab over a ledger: what it calls, what it costs, where its templates, cases and passages are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.cost import cost_usd
from core.lab.chats import LabModels
from core.lab.passages import CasePassages
from core.lab.records import record_of
from core.lab.scorers import Tools
from core.lab.service import Lab
from core.lab.shipped import LedgerCases, LedgerTemplates
from core.ledger import Ledger
from core.mirror.service import Mirroring
from core.models import Usage
from core.ports import Embedder, Sandbox


def lab_of(
    ledger: Ledger,
    models: LabModels,
    embedder: Embedder,
    mirroring: Mirroring,
    sandbox: Callable[[], Sandbox] | None = None,
) -> Lab:
    """Opens nothing and calls nothing. ``sandbox`` raises SandboxUnavailable; None: no code is run."""

    def cost_of(model: str, usage: Usage, when: datetime) -> float | None:
        return cost_usd(model, usage, when, models.server)

    def tell(experiment_id: str) -> None:
        runs = ledger.experiments.runs(experiment_id)
        mirroring.log_experiment(record_of(ledger.experiments.get(experiment_id), runs))

    stores: Any = ledger
    return Lab(
        ledger,
        models,
        templates=LedgerTemplates(getattr(stores, "prompts", None)),
        cases=LedgerCases(getattr(stores, "test_sets", None)),
        tools=Tools(embedder, sandbox, CasePassages(ledger.traces)),
        cost_of=cost_of,
        mirror=mirroring.enabled,
        on_finished=tell,
    )
