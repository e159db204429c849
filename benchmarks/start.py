"""How long from `streamlit run` to the first page, and what is imported for it?"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.corpus import ingest_once
from benchmarks.harness import Context, Figure, Report, Table, Unavailable, median
from benchmarks.processes import read_page
from tools.running_app import running_app

STARTS = 5
HEAVY = ("evidently", "comet_llm", "comet_ml", "pymilvus", "onnxruntime", "openai", "nltk", "sklearn", "scipy")
"""Imports of half a second and more; the first three must not be made for the landing page, nor the others."""
FORBIDDEN = ("evidently", "comet_llm", "comet_ml")


def run(context: Context) -> Report:
    """The corpus is taken where it is there; the demo library always."""
    report = Report(
        "Start",
        "From the start of the process to the end of the landing page's script, with everything that the page shows "
        "received over its websocket, as a browser would: without the browser's own time to load Streamlit's scripts, "
        f"which no app can change. Warm: one start before, then {STARTS}.",
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, data_dir in _libraries(context, Path(folder)):
            times = [_start(data_dir) for _ in range(STARTS + 1)][1:]
            rows.append([name, f"{median(times):.2f}", f"{min(times):.2f}", f"{max(times):.2f}"])
            report.figures.append(Figure(f"first page, {name}", median(times), 4.0, "s"))
        imported = _imports(data_dir)
    report.tables.append(Table("Seconds:", ["library", "median", "least", "most"], rows))
    forbidden = [name for name in FORBIDDEN if name in imported]
    report.figures.append(Figure("imports of evidently or comet", len(forbidden), 0))
    heavy = [f"{name} ({imported[name]:.1f} s)" for name in HEAVY if name in imported]
    report.notes.append(f"Heavy packages imported by the process when the page is there: {', '.join(heavy) or 'none'}.")
    return report


def _libraries(context: Context, folder: Path) -> list[tuple[str, Path]]:
    found = [("demo library", folder / "demo")]
    try:
        found.append(("the corpus", shutil.copytree(ingest_once(context), folder / "corpus")))
    except Unavailable as reason:
        print(reason)
    return found


def _start(data_dir: Path) -> float:
    """Seconds."""
    began = time.perf_counter()
    with running_app(data_dir) as address:
        if not read_page(address):
            raise RuntimeError("the landing page is empty")
        took = time.perf_counter() - began
        time.sleep(3)  # what is done in the background after a start is done before the next
    return took


def _imports(data_dir: Path) -> dict[str, float]:
    """Package -> seconds of its import, of all that the process imported until the page was there."""
    with running_app(data_dir, {"PYTHONPROFILEIMPORTTIME": "1"}) as address:
        read_page(address)
        log = (data_dir.parent / f"{data_dir.name}.log").read_text(encoding="utf-8", errors="replace")
    lines = re.findall(r"^import time:\s*\d+ \|\s*(\d+) \|\s+(\w+)\s*$", log, re.MULTILINE)
    return {name: int(microseconds) / 1e6 for microseconds, name in lines}
