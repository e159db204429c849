"""The ledger: the source of truth for the library, the traces and the jobs, on SQLite or PostgreSQL.

>>> ledger = open_ledger("sqlite:///data/cuepoint.db")     # doctest: +SKIP
>>> ledger.library.stats().videos                          # doctest: +SKIP
12
"""

from __future__ import annotations

from datetime import UTC, datetime

from core.ledger.budget_values import Budget, BudgetPeriod, BudgetScope, BudgetState, Full, Held
from core.ledger.budgets import BudgetStore
from core.ledger.comparing import ComparisonStore
from core.ledger.database import Database, parse_url
from core.ledger.dataset_values import DatasetKind, DatasetUse, DatasetUses, DatasetVersion, KeptVideo, VideoFacts
from core.ledger.datasets import DatasetStore
from core.ledger.drift import DriftStore
from core.ledger.earlier import EarlierAnswers
from core.ledger.experiment_rows import RunResult, Spending
from core.ledger.experiments import ExperimentStore
from core.ledger.jobs import JobStore
from core.ledger.library import LibraryStore
from core.ledger.migrate import prepare
from core.ledger.mirrored import MirroredStore
from core.ledger.notices import Notice, NoticeStore
from core.ledger.outbox import OutboxStore
from core.ledger.price_filling import PriceFilling
from core.ledger.price_values import KeptPrice, NewPrice, PriceChange, PriceScope, Unpriced
from core.ledger.prices import PriceStore
from core.ledger.processes import Processes
from core.ledger.prompt_values import AliasMove, PromptVersion
from core.ledger.prompts import PromptStore
from core.ledger.rollup_proof import Proof, RollupDifference
from core.ledger.samples import Removed, SampleBatch, SampleState, SampleStore
from core.ledger.spending import SpendingStore
from core.ledger.tallies import Breakdown, Difference, DifferenceExample, DifferenceTally, Source, StretchTally, Tally
from core.ledger.terms import TermStore
from core.ledger.test_sets import TestSet, TestSetStore
from core.ledger.traces import TraceStore
from core.ledger.traffic import TrafficStore
from core.ledger.values import (
    ItemState,
    Job,
    JobItem,
    JobState,
    LibraryVideo,
    MirrorState,
    OutboxRow,
    OutboxState,
    OutboxStats,
    SenderStatus,
    Settled,
    StoredChunk,
    TraceFilter,
)
from core.ports import Clock

__all__ = [
    "AliasMove",
    "Breakdown",
    "Budget",
    "BudgetPeriod",
    "BudgetScope",
    "BudgetState",
    "BudgetStore",
    "ComparisonStore",
    "DatasetKind",
    "DatasetStore",
    "DatasetUse",
    "DatasetUses",
    "DatasetVersion",
    "Difference",
    "DifferenceExample",
    "DifferenceTally",
    "DriftStore",
    "EarlierAnswers",
    "ExperimentStore",
    "Full",
    "Held",
    "ItemState",
    "Job",
    "JobItem",
    "JobState",
    "JobStore",
    "KeptPrice",
    "KeptVideo",
    "Ledger",
    "LibraryStore",
    "LibraryVideo",
    "MirrorState",
    "MirroredStore",
    "NewPrice",
    "Notice",
    "NoticeStore",
    "OutboxRow",
    "OutboxState",
    "OutboxStats",
    "OutboxStore",
    "PriceChange",
    "PriceFilling",
    "PriceScope",
    "PriceStore",
    "PromptStore",
    "PromptVersion",
    "Proof",
    "Removed",
    "RollupDifference",
    "RunResult",
    "SampleBatch",
    "SampleState",
    "SampleStore",
    "SenderStatus",
    "Settled",
    "Source",
    "Spending",
    "SpendingStore",
    "StoredChunk",
    "StretchTally",
    "Tally",
    "TermStore",
    "TestSet",
    "TestSetStore",
    "TraceFilter",
    "TraceStore",
    "TrafficStore",
    "Unpriced",
    "VideoFacts",
    "open_ledger",
]


class Ledger:
    """An open ledger. One per process; its stores may be used from any thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._processes = Processes(database, clock)
        self.library = LibraryStore(database, clock)
        self.terms = TermStore(database)
        self.traces = TraceStore(database, self._processes, clock)
        self.jobs = JobStore(database, self._processes, clock)
        self.outbox = OutboxStore(database, self._processes, clock)
        self.mirrored = MirroredStore(database, clock)
        self.datasets = DatasetStore(database, clock)
        self.experiments = ExperimentStore(database, self._processes, self.traces, clock)
        self.prompts = PromptStore(database, clock)
        self.test_sets = TestSetStore(database, clock)
        self.drift = DriftStore(database, self._processes, clock)
        self.traffic = TrafficStore(database)
        self.notices = NoticeStore(database, clock)
        self.budgets = BudgetStore(database, self._processes, clock)
        self.earlier = EarlierAnswers(database)
        self.samples = SampleStore(database, self.traces)
        self.spending = SpendingStore(database)
        self.comparison = ComparisonStore(database)
        self.prices = PriceStore(database, clock)
        self.price_filling = PriceFilling(database, clock)

    @property
    def url(self) -> str:
        """The address without its password."""
        return self._database.url.render_as_string(hide_password=True)

    @property
    def owner(self) -> str:
        """The name of this process in the ledger."""
        return self._processes.owner

    def close(self) -> None:
        """Waits for nobody: what this process left running is free for others. Safe to call twice."""
        self._processes.close()
        self._database.close()


def open_ledger(url: str, *, clock: Clock = lambda: datetime.now(UTC), lock_timeout_s: float = 30.0) -> Ledger:
    """Opens the ledger at ``sqlite:///path`` or ``postgresql://…``; makes what is missing and migrates what is old.

    ``lock_timeout_s``: how long a write waits for other processes before LibraryLocked; one that migrates is waited for
    ten minutes. Raises SettingsError for an
    address that cannot be used, LibraryError or one of its kinds for a ledger that cannot.
    """
    database = Database(parse_url(url), lock_timeout_s=lock_timeout_s)
    try:
        prepare(database)
    except BaseException:
        database.close()
        raise
    return Ledger(database, clock)
