"""Search results as a table and as files."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from core.models import SearchResult
from core.ui.text import clock

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def passage_rows(result: SearchResult) -> list[dict[str, Any]]:
    """One flat dict per passage, with the names that ``python -m core search --json`` uses."""
    return [
        {
            "rank": passage.rank,
            "score": round(passage.score, 6),
            "chunk_id": passage.chunk.id,
            "video_id": passage.video.video_id,
            "title": passage.video.title,
            "channel": passage.video.channel,
            "start_s": passage.chunk.start_s,
            "end_s": passage.chunk.end_s,
            "text": passage.chunk.text,
            "url": passage.url,
        }
        for passage in result.passages
    ]


def details_table(result: SearchResult) -> pd.DataFrame:
    """What the details table shows: one row per passage, a column per part of the score."""
    rows = []
    for passage, row in zip(result.passages, passage_rows(result), strict=True):
        parts = {name: round(value, 4) for name, value in passage.parts.items()}
        time = clock(passage.best_start_s)
        rows.append({**row, "time": time, "language": passage.video.language, **parts})
    columns = ["rank", "title", "channel", "time", "score"]
    table = pd.DataFrame(rows)
    rest = [name for name in table.columns if name not in (*columns, "start_s", "end_s", "video_id")]
    return table[columns + rest]


def to_json(result: SearchResult) -> str:
    """The result as ``python -m core search --json`` prints it."""
    query = result.query
    document = {
        "query": query.text,
        "mode": str(query.mode),
        "took_ms": round(result.took_ms, 2),
        "passages": passage_rows(result),
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def to_csv(result: SearchResult) -> str:
    """The passages as CSV; a cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    table = pd.DataFrame(passage_rows(result))
    texts = table.select_dtypes(exclude="number").columns
    table[texts] = table[texts].map(_harmless)
    return str(table.to_csv(index=False))


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
