"""Drift over a real ledger: traffic that is made up, reports made in this process, and a worker without Evidently."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.config import Settings, load_settings
from core.datasets.folder import DatasetFolder
from core.drift.paths import reports_folder, write_whole
from core.drift.report import compare
from core.drift.service import CURRENT, REFERENCE, Drift
from core.drift.tables import read_tables
from core.drift.worker import DriftWorker
from core.ledger import Ledger, open_ledger
from core.models import AnswerStatus, DriftReport, Feedback
from core.sample_traffic.service import SampleTraffic
from tests.drift.tables import table
from tests.fakes.services import FakeServices
from tests.ledger.samples import trace

NOW = datetime.now(UTC)
_STATUS = {"answered": AnswerStatus.ANSWERED, "refused": AnswerStatus.REFUSED}
_THUMBS = {"up": 1, "down": -1}


def worker(settings: Settings, behaviour: str = "say") -> DriftWorker:
    """``behaviour``: see tests/drift/child.py."""
    return DriftWorker(settings, command=[sys.executable, "-m", "tests.drift.child", behaviour], most_s=60.0)


@dataclass
class DriftDesk:
    """A ledger with traffic, and drift over it."""

    settings: Settings
    ledger: Ledger
    drift: Drift

    def equip(self, services: FakeServices) -> None:
        """Gives the pages this ledger."""
        services.settings, services.ledger, services.drift = self.settings, self.ledger, self.drift
        services.traces = self.ledger.traces
        services.sample = SampleTraffic(self.ledger, lambda *_: None, self.settings.data_dir)
        services.daily = None

    def fill(self, days_ago: float, n: int = 150, *, new: float = 0.0, slower: float = 0.0, kind: str = "ask") -> None:
        """Traces of that moment; ``new``: the share of them that is about something else."""
        rows = table(n, int(days_ago * 10), new=new, slower=slower).to_dict("records")
        began = NOW - timedelta(days=days_ago)
        self.ledger.traces.finish_all(
            [
                trace(f"{kind}-{days_ago}-{at}", kind=kind, started_at=began, question=row["question"],
                      answer_changes={"latency_ms": row["latency_ms"], "status": _STATUS[row["status"]],
                                      "model": row["model"], "cost_usd": row["cost_usd"]})
                for at, row in enumerate(rows)
            ],
            mirror=False,
        )  # fmt: skip
        for at, row in enumerate(rows[:40]):
            if row["feedback"] in _THUMBS:
                self.ledger.traces.save_feedback(
                    Feedback(f"{kind}-{days_ago}-{at}", _THUMBS[row["feedback"]]), mirror=False
                )

    def report(
        self,
        report_id: str,
        windows: Sequence[str] = (REFERENCE, CURRENT),
        *,
        origin: str = "page",
        html: bytes = b"",
        hours_ago: float = 0.0,
    ) -> DriftReport:
        """A finished one, made here; ``html`` is what Evidently would have said."""
        made = NOW - timedelta(hours=hours_ago)
        begun = DriftReport(report_id, made, "running", *windows, origin)
        self.ledger.drift.begin(begun)
        tables = read_tables(self.ledger, DatasetFolder(self.settings.data_dir), *windows, made)
        found = compare(tables.reference, tables.current)
        said = {"scores": [], "failed": [], "html": bool(html)}
        done = replace(
            begun,
            n_reference=len(tables.reference),
            n_current=len(tables.current),
            verdict=found.verdict,
            sentence=found.sentence,
            columns=found.columns,
            left_out=found.left_out,
            details={**found.details, "sample": tables.sample, "evidently": said},
            sample=tables.sample,
        )
        if html:
            write_whole(reports_folder(self.settings.data_dir) / f"{report_id}.html.gz", gzip.compress(html))
        self.ledger.drift.finish(done)
        return self.ledger.drift.get(report_id)

    def close(self) -> None:
        self.drift.close()
        self.ledger.close()


def open_desk(folder: Path, behaviour: str = "say") -> DriftDesk:
    """An empty one in that folder."""
    settings = load_settings(_env_file=None, data_dir=folder)
    ledger = open_ledger(settings.ledger_url)
    return DriftDesk(settings, ledger, Drift(ledger, settings, worker(settings, behaviour)))
