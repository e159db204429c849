"""What ``cost`` prints, in parts: a report of one source or of both with how they differ, the forecast, a what-if."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.cost.budget_documents import budget_lines, budgets_document
from core.cost.documents import Document, comparison_document, cost_document
from core.cost.outlook import outlook
from core.cost.outlook_documents import forecast_document, what_if_document, what_if_lines
from core.cost.prices import Price
from core.cost.report import By
from core.cost.repricing import reprice
from core.cost.service import Costs
from core.cost.summary import comparison_lines, report_lines
from core.errors import InputError
from core.ledger import BudgetState, Source


class CostSource(StrEnum):
    """Where the numbers come from, in words for people."""

    LEDGER = "ledger"
    COMET = "comet"
    BOTH = "both"


Part = tuple[Document, list[str]]
"""Of the JSON document, and the same in lines for people."""


def together(parts: Iterable[Part]) -> Part:
    """One document, and its lines with an empty one between two parts."""
    documents, lines = zip(*parts, strict=True)
    whole = {name: value for document in documents for name, value in document.items()}
    return whole, [line for n, some in enumerate(filter(None, lines)) for line in ([""] if n else []) + some]


def spending_part(
    costs: Costs, source: CostSource, by: By, since: datetime | None, zone: ZoneInfo, *, sample: bool = False
) -> Part:
    """The report, or both of them. ``sample``: of sample traffic, of which only the ledger has any.

    Raises InputError, LibraryError.
    """
    if sample and source is not CostSource.LEDGER:
        raise InputError("Comet has no sample traffic", subject="--sample", hint="Leave --source out.")
    if source is CostSource.BOTH:
        return _both(costs, by, since, zone)
    report = costs.report(since=since, by=by, zone=zone, source=_SOURCES[source], sample=sample)
    document, lines = cost_document(report), report_lines(report)
    return document | {"sample": sample}, ["Sample traffic, not yours", *lines] if sample else lines


_SOURCES = {CostSource.LEDGER: Source.LEDGER, CostSource.COMET: Source.MIRROR}


def forecast_part(costs: Costs, zone: ZoneInfo, now: datetime, *, sample: bool = False) -> Part:
    """What this month will have cost by the ledger. Raises LibraryError."""
    made = outlook(costs, zone, now, sample=sample)
    return {"forecast": forecast_document(made)}, [made.in_words()]


def budgets_part(states: Sequence[BudgetState]) -> Part:
    """The budgets in their present periods."""
    return budgets_document(states), budget_lines(states) if states else []


def what_if_part(costs: Costs, since: datetime | None, zone: ZoneInfo, price: Price, *, sample: bool = False) -> Part:
    """What the ledger's calls would have cost at the price. Raises LibraryError."""
    made = reprice(costs.report(since=since, by=By.MODEL, zone=zone, sample=sample), price)
    return {"what_if": what_if_document(made)}, what_if_lines(made)


def _both(costs: Costs, by: By, since: datetime | None, zone: ZoneInfo) -> Part:
    ours, theirs = (costs.report(since=since, by=by, zone=zone, source=source) for source in Source)
    comparison = costs.compare(since=since)
    examples = {one.kind: costs.examples(one.kind, since=since) for one in comparison.differences}
    lines = ["Ledger", *report_lines(ours), "", "Comet, as it was read back", *report_lines(theirs), ""]
    return comparison_document(ours, theirs, comparison, examples), [*lines, *comparison_lines(comparison)]
