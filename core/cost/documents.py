"""The JSON document of ``cost``, which programs outside rely on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from core.cost.report import Comparison, Report, Row
from core.ledger import Difference, DifferenceExample, Source, Tally

Document = dict[str, Any]
SOURCES = {Source.LEDGER: "ledger", Source.MIRROR: "comet"}


def cost_document(report: Report) -> Document:
    """What ``cost`` prints of one source. core/cost/printing.py puts the forecast in."""
    total = report.total
    return {
        "source": SOURCES[report.source],
        "by": str(report.by),
        "timezone": report.zone,
        "since": report.since and report.since.isoformat(),
        "total_usd": total.cost_usd,
        **tally_document(total),
        "unknown_prices": [
            {"model": row.key, "calls": row.tally.unpriced_calls, "tokens": row.tally.unpriced_tokens}
            for row in report.unpriced
        ],
        "rows": [_row(report, row) for row in report.rows()],
        "forecast": None,
        "budgets": [],
    }


def _row(report: Report, row: Row) -> Document:
    key = row.key.isoformat() if isinstance(row.key, date) else row.key
    return {str(report.by): key, **tally_document(row.tally)}


def tally_document(tally: Tally) -> Document:
    """Sums; ``cost_usd`` is what is known of it, null where nothing is."""
    return {
        "calls": tally.calls,
        "prompt_tokens": tally.prompt_tokens,
        "completion_tokens": tally.completion_tokens,
        "cached_tokens": tally.cached_tokens,
        "reasoning_tokens": tally.reasoning_tokens,
        "tokens": tally.tokens,
        "uncounted_calls": tally.uncounted_calls,
        "cost_usd": tally.cost_usd,
        "unknown_price_calls": tally.unpriced_calls,
        "unknown_price_tokens": tally.unpriced_tokens,
        "thumbs_up": tally.thumbs_up,
        "usd_per_call": tally.usd_per_call,
        "usd_per_thumb_up": tally.usd_per_thumb_up,
    }


def comparison_document(
    ours: Report,
    theirs: Report,
    comparison: Comparison,
    examples: Mapping[Difference, Sequence[DifferenceExample]],
) -> Document:
    """What ``cost --source both`` prints: the ledger's report, Comet's within it, and how they differ."""
    return {
        **cost_document(ours),
        "source": "both",
        "comet": {name: value for name, value in cost_document(theirs).items() if name not in ("forecast", "budgets")},
        "difference_usd": comparison.apart_usd,
        "differences": [
            {
                "kind": str(one.kind),
                "count": one.count,
                "ledger_usd": one.ledger_usd,
                "comet_usd": one.mirror_usd,
                "ledger_tokens": one.ledger_tokens,
                "comet_tokens": one.mirror_tokens,
                "ledger_unknown_price_calls": one.ledger_unpriced,
                "comet_unknown_price_calls": one.mirror_unpriced,
                "examples": [{"trace_id": e.trace_id, "record_id": e.record_id} for e in examples.get(one.kind, ())],
            }
            for one in comparison.differences
        ],
    }
