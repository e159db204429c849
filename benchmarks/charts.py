"""How quick the charts of Cost are over a million traces."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from benchmarks.harness import Context, Figure, Report, Table, ms
from benchmarks.ledger import batched_s, opened
from benchmarks.peer_process import BATCH, rounds_ms
from benchmarks.tracing_traffic import BEGIN, DAYS, END, calls, trace_id
from core.cost.report import By
from core.models import Feedback
from core.services import Services

TRACES, QUICK_TRACES = 1_000_000, 10_000
CHARTS_MS = 100.0
ZONE = ZoneInfo("Europe/Berlin")
"""No day of it is one of UTC."""
THUMBS = 1_000
GB = 1e9
_FILLED = "filled.json"

CHARTS = {
    "by day, and the totals": By.DAY,
    "by model": By.MODEL,
    "by kind": By.KIND,
    "by template": By.TEMPLATE,
    "by person": By.USER,
    "the forecast's days": By.DAY,
}


def run(context: Context) -> Report:
    """Needs no corpus. A ledger that an earlier run filled in the same ``--work`` is used again."""
    return measured(context.work / "charts", QUICK_TRACES if context.quick else TRACES)


def measured(folder: Path, count: int) -> Report:
    """The section, at any size."""
    report = Report("Charts of Cost", _what(count))
    with opened(folder) as services:
        took_s = _filled_s(services, folder / _FILLED, count)
        charts = {name: rounds_ms(partial(chart, services, by)) for name, by in CHARTS.items()}
        together = rounds_ms(lambda: [chart(services, by) for by in CHARTS.values()])
        charts["all of these together"] = together
        charts["by model, without a period"] = rounds_ms(lambda: services.costs.report(by=By.MODEL, zone=ZONE))
    charts["the usual way: one statement over the traces, by day of UTC and model"] = _plainly(folder)
    report.figures.append(Figure(f"all charts of Cost, {count:,} traces", median(together), CHARTS_MS, "ms"))
    rows = [[name, *ms(times)] for name, times in charts.items()]
    report.tables.append(Table("", ["", "median ms", "95 % under"], rows))
    report.notes.append(_note(folder, count, took_s))
    return report


def _what(count: int) -> str:
    return f"""\
The sums behind the charts of the Cost page from the database, {count:,} traces of {DAYS} days, 50 people and 5 models \
in SQLite, days of the time zone {ZONE.key}; median of five after one that does not count. The traces have no \
passages: no chart reads those."""


def _filled_s(services: Services, marker: Path, count: int) -> float:
    """Seconds that writing takes, or took. Some traces have a thumb."""
    if marker.exists():
        kept = json.loads(marker.read_text())
        if kept["count"] == count:
            return float(kept["seconds"])
    sent, took_s = calls(count, passages=0), 0.0
    while part := list(islice(sent, 4 * BATCH)):
        took_s += batched_s(services, part, len(part))
    for number in range(0, count, max(1, count // THUMBS)):
        services.traces.save_feedback(Feedback(trace_id(number), 1), mirror=False)
    marker.write_text(json.dumps({"count": count, "seconds": took_s}))
    return took_s


def chart(services: Services, by: By) -> int:
    """The number of its traces."""
    return services.costs.report(since=BEGIN, until=END, by=by, zone=ZONE).total.calls


def _plainly(folder: Path) -> list[float]:
    """Milliseconds of what a dashboard asks a table of traces."""
    with closing(sqlite3.connect(folder / "cuepoint.db")) as database:
        query = "SELECT day, model, count(*), sum(cost_usd), sum(prompt_tokens) FROM traces GROUP BY day, model"
        return rounds_ms(lambda: database.execute(query).fetchall())


def _note(folder: Path, count: int, took_s: float) -> str:
    size_gb = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / GB
    return (
        f"The {count:,} traces were written in {took_s / 60:.1f} minutes ({took_s * 1000 / count:.2f} ms each) and "
        f"take {size_gb:.1f} GB."
    )
