"""What ``cost --verify`` says: whether the kept sums equal the traces, and which of them do not. Pure."""

from __future__ import annotations

from typing import Any

from core.ledger import Proof, RollupDifference, Tally
from core.phrases import one_line

Document = dict[str, Any]


def proof_document(proof: Proof, *, repaired: bool) -> Document:
    """The JSON document. ``kept`` and ``counted`` have only what differs."""
    return {
        "traces": proof.traces,
        "sums": proof.rows,
        "different": proof.different,
        "differences": [_difference_document(one) for one in proof.differences],
        "repaired": repaired,
    }


def _difference_document(one: RollupDifference) -> Document:
    apart = _apart(one)
    return {
        "from": one.begin.isoformat(),
        "until": one.until.isoformat(),
        "by": one.dimension or None,
        "name": one.name,
        "sample": one.sample,
        "kept": {field: kept for field, (kept, _) in apart.items()},
        "counted": {field: counted for field, (_, counted) in apart.items()},
    }


def proof_lines(proof: Proof, *, repaired: bool) -> list[str]:
    """The same for people."""
    if not proof.different:
        return [f"All {proof.rows:,} sums equal what the {proof.traces:,} traces add up to."]
    lines = [f"{proof.different:,} of {proof.rows:,} sums differ from the {proof.traces:,} traces:"]
    lines += [_line(one) for one in proof.differences]
    if (more := proof.different - len(proof.differences)) > 0:
        lines.append(f"  and {more:,} more")
    if repaired:
        return [*lines, "They were made anew from the traces."]
    return [*lines, "Add --repair to make them anew from the traces."]


def _line(one: RollupDifference) -> str:
    what = "all" if not one.dimension else f"{one.dimension} {one_line(one.name or '') or '(none)'}"
    sample = ", sample traffic" if one.sample else ""
    apart = "; ".join(f"{field} {kept:,} kept, {counted:,} counted" for field, (kept, counted) in _apart(one).items())
    return f"  {one.begin:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M} UTC, {what}{sample}: {apart}"


def _apart(one: RollupDifference) -> dict[str, tuple[int, int]]:
    """Field -> what is kept and what was counted, where they differ."""
    both = zip(Tally._fields, one.kept, one.counted, strict=True)
    return {field: (kept, counted) for field, kept, counted in both if kept != counted}
