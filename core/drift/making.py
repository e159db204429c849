"""A report from its windows to its files and its row in the ledger: the work of the worker process."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from core.datasets.folder import DatasetFolder
from core.drift.beside import beside
from core.drift.columns import ColumnPair
from core.drift.decide import method_of
from core.drift.paths import reports_folder, write_whole
from core.drift.report import Paired, judge, pair
from core.drift.tables import read_tables
from core.ledger import Ledger
from core.models import DriftReport

_LEVEL = 2
"""Six takes three times as long for a fifth less."""

Tell = Callable[[str], None]


class Evidence(Protocol):
    """What the other library says; core/adapters/evidently.py has the words for it."""

    @property
    def scores(self) -> Sequence[Any]: ...
    @property
    def failed(self) -> Sequence[tuple[str, str]]: ...
    @property
    def html(self) -> bytes: ...
    @property
    def snapshot(self) -> bytes: ...


Evidently = Callable[[Sequence[ColumnPair], Mapping[str, str], str], Evidence]


def make_report(ledger: Ledger, data_dir: Path, report_id: str, evidently: Evidently, tell: Tell) -> DriftReport:
    """Makes a running report and finishes it. Raises NotFound, InputError, LibraryError.

    ``tell`` hears in a word or two what is being done. The files are there before the ledger says so.
    """
    report = ledger.drift.get(report_id)
    tell("reading the rows")
    folder = DatasetFolder(data_dir)
    tables = read_tables(ledger, folder, report.reference, report.current, report.created_at)
    tell("comparing the columns")
    paired = pair(tables.reference, tables.current)
    judged = beside(lambda: judge(paired))
    tell("making Evidently's report")
    evidence = _evidence(paired, f"{report.current} against {report.reference}", evidently)
    outcome = judged()
    said = None if evidence is None else _keep(evidence, reports_folder(data_dir), report_id)
    details = {**outcome.details, "sample": tables.sample, "evidently": said}
    done = replace(
        report,
        n_reference=len(tables.reference),
        n_current=len(tables.current),
        verdict=outcome.verdict,
        sentence=outcome.sentence,
        columns=outcome.columns,
        left_out=outcome.left_out,
        details=details,
        sample=tables.sample,
    )
    ledger.drift.finish(done)
    return ledger.drift.get(report_id)


def _evidence(paired: Paired, title: str, evidently: Evidently) -> Evidence | None:
    if not paired.pairs:
        return None
    return evidently(paired.pairs, {item.name: method_of(item) for item in paired.pairs}, title)


def _keep(found: Evidence, folder: Path, report_id: str) -> dict[str, Any]:
    """Writes the files; returns what the report's details say of them."""
    if found.html:
        write_whole(folder / f"{report_id}.html.gz", gzip.compress(found.html, _LEVEL))
        write_whole(folder / f"{report_id}.json.gz", gzip.compress(found.snapshot, _LEVEL))
    return {
        "scores": [asdict(score) for score in found.scores],
        "failed": [list(pair) for pair in found.failed],
        "html": bool(found.html),
    }
