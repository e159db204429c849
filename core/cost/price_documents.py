"""The JSON documents of ``prices``, and the same in lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from core.cost.price_list import EVER, ListedPrice
from core.cost.prices import PRICES_AS_OF, Price
from core.cost.pricing import Backfilled, Preview
from core.ledger import KeptPrice, PriceChange
from core.phrases import count, money, one_line

Document = dict[str, Any]


def prices_document(table: Iterable[ListedPrice], history: Iterable[KeptPrice]) -> Document:
    """What ``prices`` prints: what is in force, and the own prices there were."""
    return {
        "as_of": PRICES_AS_OF.date().isoformat(),
        "prices": [_listed_document(row) for row in table],
        "history": [kept_document(kept) for kept in history],
    }


def _listed_document(row: ListedPrice) -> Document:
    price = row.price
    return {
        "model": price.model,
        "server": price.server,
        **_amounts(price),
        "origin": str(row.origin),
        "since": None if price.since == EVER else price.since.isoformat(),
        "until": row.until and row.until.isoformat(),
        "used": row.is_used,
        "price_id": row.kept and row.kept.price_id,
    }


def _amounts(price: Price | KeptPrice) -> Document:
    return {
        "input_usd": price.input_usd,
        "output_usd": price.output_usd,
        "cached_usd": price.cached_usd,
        "reasoning_usd": price.reasoning_usd,
    }


def kept_document(kept: KeptPrice) -> Document:
    """An own price with its history."""
    return {
        "price_id": kept.price_id,
        "model": kept.model,
        "server": kept.server,
        **_amounts(kept),
        "since": None if kept.since == EVER else kept.since.isoformat(),
        "author": kept.author,
        "note": kept.note,
        "added_at": kept.added_at.isoformat(),
        "withdrawn_at": kept.withdrawn_at and kept.withdrawn_at.isoformat(),
        "withdrawn_by": kept.withdrawn_by,
        "filled": kept.filled_at is not None,
    }


def change_document(change: PriceChange) -> Document:
    """What happened, or would happen, to the costs of traces."""
    return {
        "traces": change.traces,
        "runs": change.runs,
        "usd": change.usd,
        "before_usd": change.before_usd,
        "after_usd": change.after_usd,
        "without_cost_before": change.unpriced,
        "without_cost_after": change.lost,
    }


def preview_document(preview: Preview) -> Document:
    return {"warnings": list(preview.warnings), "would_fill": change_document(preview.change)}


def done_document(done: Backfilled) -> Document:
    return {"price": kept_document(done.kept), "filled": change_document(done.change)}


# ------------------------------------------------------------------------------------------------------- for people


def table_lines(table: Sequence[ListedPrice]) -> list[str]:
    """One line a price; what is not used is left out."""
    head = f"US dollars for a million tokens; what ships is as of {PRICES_AS_OF:%B %Y}"
    return [head, *(_line(row) for row in table if row.is_used)]


def _line(row: ListedPrice) -> str:
    price = row.price
    cells = [f"{one_line(price.model):<28}", f"{price.server:<22}", f"{amounts_text(price):<44}"]
    own = f"own {row.kept.price_id}" if row.kept else "shipped"
    return "  ".join([*cells, f"{span_text(price.since, row.until):<24}", own])


def amounts_text(price: Price | KeptPrice) -> str:
    """``$2.50 in, $10.00 out, $1.25 cached``."""
    parts = [f"{money(price.input_usd)} in", f"{money(price.output_usd)} out"]
    if price.cached_usd is not None:
        parts.append(f"{money(price.cached_usd)} cached")
    if price.reasoning_usd is not None:
        parts.append(f"{money(price.reasoning_usd)} reasoning")
    return ", ".join(parts)


def span_text(since: datetime, until: datetime | None) -> str:
    """``2025-04-14 to 2026-01-01``, in UTC."""
    begin = "" if since == EVER else moment_text(since)
    if until is None:
        return f"from {begin}" if begin else "always"
    return f"{begin} to {moment_text(until)}" if begin else f"until {moment_text(until)}"


def moment_text(moment: datetime) -> str:
    """The day, and the time where it is not the day's begin; in UTC."""
    return f"{moment:%Y-%m-%d}" if moment.time() == moment.min.time() else f"{moment:%Y-%m-%d %H:%M}"


def change_text(change: PriceChange, *, done: bool) -> str:
    """``12 questions got a cost, $1.20 in all; …``; what would happen where it is not done."""
    if not change.traces:
        return "No question's cost changed" if done else "No question's cost would change"
    parts = []
    if change.unpriced:
        verb = "got a cost" if done else "would get a cost"
        parts.append(f"{count(change.unpriced, 'question')} {verb}")
    if changed := change.traces - change.unpriced - change.lost:
        parts.append(f"{count(changed, 'question')} {'got' if done else 'would get'} another one")
    if change.lost:
        parts.append(f"the cost of {count(change.lost, 'question')} {'is' if done else 'would be'} unknown then")
    sign = "+" if change.usd >= 0 else ""
    runs = f", {count(change.runs, 'run')} of experiments among them" if change.runs else ""
    said = ", ".join(parts)
    return f"{said[0].upper()}{said[1:]}{runs}: {sign}{money(change.usd)} in all"
