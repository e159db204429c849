"""A report in lines of text, for the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.cost.report import By, Comparison, Report, Row
from core.ledger import Difference, DifferenceTally, Source, Tally
from core.phrases import UNKNOWN, count, money, one_line

_NAMELESS = {By.MODEL: "no model", By.KIND: "no kind", By.TEMPLATE: "no template", By.USER: "nobody named"}
_HEADS = ("calls", "tokens", "cost", "a call", "a thumb up")
DIFFERENCES = {
    Difference.NONE: "in both, and alike",
    Difference.TOKENS: "in both, with different tokens",
    Difference.COST: "in both, with different cost",
    Difference.WAITING: "only in the ledger: on the way to Comet",
    Difference.REFUSED: "only in the ledger: refused by Comet",
    Difference.UNQUEUED: "only in the ledger: from a time without a key",
    Difference.SAMPLE: "only in the ledger: sample traffic, which is never sent",
    Difference.UNREAD: "only in the ledger: delivered, not read back since",
    Difference.MISSING: "only in the ledger: delivered, but not among what was read back",
    Difference.FOREIGN: "only in Comet: another program's",
    Difference.ELSEWHERE: "only in Comet: a trace that is not in this ledger",
}
"""For people, in the order in which they are told."""


def name_of(key: object, by: By) -> str:
    """A row's key on one line; what has none is called so."""
    return one_line(str(key)) if key not in (None, "") else _NAMELESS[by]


def report_lines(report: Report) -> list[str]:
    """A table, the total, and what has no price."""
    rows = [(name_of(row.key, report.by), *_figures(row.tally)) for row in report.rows()]
    if not rows:
        return ["Nothing was asked in this time."]
    table = [(str(report.by), *_HEADS), *rows, ("total", *_figures(report.total))]
    return [*_aligned(table), *unknown_lines(report)]


def unknown_lines(report: Report) -> list[str]:
    """What the sums leave out."""
    return [
        f"Unknown price, left out of the sums: {model_of(row, report.source)}, "
        f"{count(row.tally.unpriced_calls, 'call')}, {count(row.tally.unpriced_tokens, 'token')}"
        for row in report.unpriced
    ]


def model_of(row: Row, source: Source) -> str:
    """Whose price is unknown; a call without a model's name was cut off, or is another program's."""
    if row.key:
        return one_line(str(row.key))
    return "answers that were cut off" if source is Source.LEDGER else "records that name no model"


def comparison_lines(comparison: Comparison) -> list[str]:
    """How the two sides differ, kind by kind."""
    found = {one.kind: one for one in comparison.differences}
    lines = [
        f"{found[kind].count:>9,}  {words}: {sides_of(found[kind])}"
        for kind, words in DIFFERENCES.items()
        if kind in found
    ]
    ours, theirs = money(comparison.ledger_usd), money(comparison.mirror_usd)
    sides = f"Ledger {ours}, Comet {theirs}, difference {money(comparison.apart_usd)}"
    return [sides, *lines]


def sides_of(one: DifferenceTally) -> str:
    """What it cost by the side or the sides that have it."""
    ours = f"{_known(one.ledger_usd, one.ledger_unpriced)} in the ledger"
    theirs = f"{_known(one.mirror_usd, one.mirror_unpriced)} in Comet"
    if one.kind in (Difference.FOREIGN, Difference.ELSEWHERE):
        return theirs
    return f"{ours}, {theirs}" if one.kind in (Difference.NONE, Difference.TOKENS, Difference.COST) else ours


def _known(amount: float | None, unpriced: int) -> str:
    return money(amount) if amount is None or not unpriced else f"over {money(amount)}"


def _figures(tally: Tally) -> tuple[str, ...]:
    return (
        f"{tally.calls:,}",
        tokens(tally),
        _known(tally.cost_usd, tally.unpriced_calls),
        money(tally.usd_per_call),
        "-" if tally.usd_per_thumb_up is None else money(tally.usd_per_thumb_up),
    )


def tokens(tally: Tally) -> str:
    """``unknown`` where a model was called and nothing was counted."""
    if not tally.uncounted_calls:
        return f"{tally.tokens:,}"
    return f"over {tally.tokens:,}" if tally.tokens else UNKNOWN


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in table
    ]
