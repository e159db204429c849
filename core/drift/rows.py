"""The rows of a window as a table: one row a question, one column a thing that may drift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from core.drift.columns import ColumnKind
from core.drift.windows import Period
from core.ledger import Ledger

KINDS: Mapping[str, ColumnKind] = {
    "question": ColumnKind.TEXT,
    "answer": ColumnKind.TEXT,
    "question_chars": ColumnKind.NUMBER,
    "answer_chars": ColumnKind.NUMBER,
    "language": ColumnKind.CATEGORY,
    "latency_ms": ColumnKind.NUMBER,
    "ttft_ms": ColumnKind.NUMBER,
    "prompt_tokens": ColumnKind.NUMBER,
    "completion_tokens": ColumnKind.NUMBER,
    "cost_usd": ColumnKind.NUMBER,
    "top_score": ColumnKind.NUMBER,
    "unsupported": ColumnKind.NUMBER,
    "status": ColumnKind.CATEGORY,
    "feedback": ColumnKind.CATEGORY,
    "model": ColumnKind.CATEGORY,
    "template": ColumnKind.CATEGORY,
}
"""What is compared of traffic, and as what."""
FACTS = ("trace_id", "started_at")
"""They tell which trace a row is, and are not compared."""

_THUMBS = {1: "up", -1: "down"}
_NUMBERS = ("latency_ms", "ttft_ms", "prompt_tokens", "completion_tokens", "cost_usd", "top_score", "unsupported")


def period_rows(ledger: Ledger, period: Period, *, sample: bool = False) -> pd.DataFrame:
    """Shape (traces, FACTS and KINDS); what nobody measured is missing. Raises LibraryError."""
    found = ledger.traffic.rows(period.since, period.until, period.filters, sample=sample)
    table = pd.DataFrame(found, columns=list(ledger.traffic.names), dtype=object)
    table.loc[table["claims"] == len("[]"), "unsupported"] = None  # nothing was checked
    return traffic_table(table)


def traffic_table(raw: pd.DataFrame) -> pd.DataFrame:
    """From columns as the ledger has them: thumbs 1 and -1, template and its version apart."""
    table = pd.DataFrame({name: raw[name] for name in (*FACTS, "question", "answer", "language", "status", "model")})
    for name in _NUMBERS:
        table[name] = pd.to_numeric(raw[name], errors="coerce").astype("float64")
    for name in ("question", "answer"):
        table[f"{name}_chars"] = [len(text) if isinstance(text, str) else None for text in raw[name]]
        table[f"{name}_chars"] = table[f"{name}_chars"].astype("float64")
    table["feedback"] = [_THUMBS.get(value, "none") for value in raw["feedback"]]
    table["template"] = [
        _template(name, version) for name, version in zip(raw["template"], raw["template_version"], strict=True)
    ]
    return table[[*FACTS, *KINDS]]


def document_rows(documents: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The table of traces as a saved data version has them. Fields that are missing were not measured."""
    rows = [_flat(document) for document in documents]
    names = [*FACTS, "question", "answer", "language", "status", "model", *_NUMBERS]
    return traffic_table(pd.DataFrame(rows, columns=[*names, "feedback", "template", "template_version"], dtype=object))


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    usage, passages = document.get("usage") or {}, document.get("passages") or [{}]
    return {
        **{name: document.get(name) for name in (*FACTS, "question", "answer", "language", "status", "model")},
        **{name: document.get(name) for name in ("latency_ms", "ttft_ms", "cost_usd", "template", "template_version")},
        **{name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")},
        "top_score": passages[0].get("score"),
        "feedback": (document.get("feedback") or {}).get("value"),
    }


def _template(name: Any, version: Any) -> str | None:
    """``cited-answer v3``; missing where no template was used."""
    if not isinstance(name, str) or not name:
        return None
    return name if version is None or pd.isna(version) else f"{name} v{int(version)}"
