"""Search results as a table and as files."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from core.documents import passage_document, search_document
from core.models import SearchResult
from core.phrases import clock
from core.plain_text import spreadsheet_cell


def details_table(result: SearchResult) -> pd.DataFrame:
    """What the details table shows: one row per passage, a column per part of the score."""
    rows = []
    for passage in result.passages:
        row = passage_document(passage)
        parts = {name: round(value, 4) for name, value in passage.parts.items()}
        time = clock(passage.best_start_s)
        rows.append({**row, "time": time, "language": passage.video.language, **parts})
    columns = ["rank", "title", "channel", "time", "score"]
    table = pd.DataFrame(rows)
    rest = [name for name in table.columns if name not in (*columns, "start_s", "end_s", "video_id")]
    return table[columns + rest]


def to_json(result: SearchResult) -> str:
    """The result as ``python -m core search --json`` prints it."""
    return json.dumps(search_document(result), ensure_ascii=False, indent=2)


def to_csv(result: SearchResult) -> str:
    """The passages as CSV; a cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    table = pd.DataFrame([passage_document(passage) for passage in result.passages])
    texts = table.select_dtypes(exclude="number").columns
    table[texts] = table[texts].map(_harmless)
    return str(table.to_csv(index=False))


def _harmless(cell: Any) -> Any:
    return spreadsheet_cell(cell) if isinstance(cell, str) else cell
