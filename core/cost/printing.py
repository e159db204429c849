"""What ``cost`` prints: a report of one source, or of both with how they differ."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.cost.documents import Document, comparison_document, cost_document
from core.cost.report import By
from core.cost.service import Costs
from core.cost.summary import comparison_lines, report_lines
from core.ledger import Source


class CostSource(StrEnum):
    """Where the numbers come from, in words for people."""

    LEDGER = "ledger"
    COMET = "comet"
    BOTH = "both"


def printed(
    costs: Costs, source: CostSource, by: By, since: datetime | None, zone: ZoneInfo
) -> tuple[Document, list[str]]:
    """The JSON document, and the same in lines for people. Raises LibraryError."""
    if source is CostSource.BOTH:
        return _both(costs, by, since, zone)
    report = costs.report(since=since, by=by, zone=zone, source=_SOURCES[source])
    return cost_document(report), report_lines(report)


_SOURCES = {CostSource.LEDGER: Source.LEDGER, CostSource.COMET: Source.MIRROR}


def _both(costs: Costs, by: By, since: datetime | None, zone: ZoneInfo) -> tuple[Document, list[str]]:
    ours, theirs = (costs.report(since=since, by=by, zone=zone, source=source) for source in Source)
    comparison = costs.compare(since=since)
    examples = {one.kind: costs.examples(one.kind, since=since) for one in comparison.differences}
    lines = ["Ledger", *report_lines(ours), "", "Comet, as it was read back", *report_lines(theirs), ""]
    return comparison_document(ours, theirs, comparison, examples), [*lines, *comparison_lines(comparison)]
