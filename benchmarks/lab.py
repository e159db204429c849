"""How long does an experiment take? Beside promptfoo, beside the bare calls, and beside what the server allows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.corpus import settings_of
from benchmarks.harness import Context, Figure, Report, Table, median, timed
from benchmarks.processes import model_server
from core.lab.plan import Plan
from core.models import ExperimentState
from core.services import Services, build_services

PROMPTFOO = "0.121.20"
LATENCY_MS = 100
CASES = 50
TEMPLATES = {"answer": "Answer: {question}", "brief": "Be brief: {question}"}
TEMPERATURES = (0.0, 0.5, 1.0, 1.5)
CELLS = CASES * len(TEMPLATES) * len(TEMPERATURES)
CONCURRENCY = (8, 32)
ROUNDS = 5
"""Of each in turn, so that what else runs on the machine meets all; the median counts."""
MODEL = "small"


def run(context: Context) -> Report:
    report = Report(
        "Prompt Lab",
        f"{len(TEMPLATES)} templates at {len(TEMPERATURES)} temperatures on {CASES} cases, {CELLS} cells, each checked "
        f"for a word. A local server in a process of its own answers {LATENCY_MS} ms after it is asked. Ideal is cells "
        "x latency / concurrency. Ours, in a process that has run a small experiment before, is the time from the "
        "start of the experiment to its end, with every run, trace and score in the ledger (SQLite, on the disk); "
        "promptfoo's is the duration that it reports, without the start "
        "of its process and without its cache. The bare calls are the same requests by as many threads through our "
        "client, with nothing kept.",
    )
    promptfoo = _promptfoo(context, report)
    rows = []
    for concurrency in CONCURRENCY:
        ideal_s = CELLS * LATENCY_MS / 1000 / concurrency
        took = _measured(concurrency, promptfoo, rounds=1 if context.quick else ROUNDS)
        ours, again = median(took["ours"]), median(took["again"])
        report.figures.append(Figure(f"{CELLS} cells, {concurrency} at once", ours, 1.15 * ideal_s, "s"))
        if promptfoo is not None:
            peer = median(took["promptfoo"])
            report.figures.append(Figure(f"{concurrency} at once, beside promptfoo", ours, peer, "s", strict=True))
        report.figures.append(Figure(f"again, from the cache, {concurrency} at once", again, 1.0, "s"))
        row = [ideal_s, median(took["bare"]), ours, again]
        rows.append([str(concurrency), *(f"{value:.2f}" for value in row), _shown(took["promptfoo"])])
    header = ["at once", "ideal s", "bare calls", "ours", "ours, cached", "promptfoo"]
    report.tables.append(Table(f"Medians of {ROUNDS} rounds, in seconds:", header, rows))
    return report


def _measured(concurrency: int, promptfoo: Path | None, *, rounds: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {"ours": [], "again": [], "bare": [], "promptfoo": []}
    for _ in range(rounds):
        with model_server(LATENCY_MS) as address, tempfile.TemporaryDirectory() as folder:
            took["bare"].append(_bare_s(address, concurrency))
            first_s, again_s = _ours_s(address, Path(folder), concurrency)
            took["ours"].append(first_s)
            took["again"].append(again_s)
            if promptfoo is not None:
                took["promptfoo"].append(_promptfoo_s(promptfoo, address, Path(folder), concurrency))
    return took


# ------------------------------------------------------------------------------------------------------------- ours


def _ours_s(address: str, folder: Path, concurrency: int) -> tuple[float, float]:
    """Seconds of the experiment, and of the same once more."""
    with _services(address, folder) as services:
        one = services.lab.start(services.lab.plan(_spec(1) | {"cases": [{"question": "Warm?"}], "temperatures": [0]}))
        services.lab.wait(one)
        plan = services.lab.plan(_spec(concurrency))
        return _experiment_s(services, plan, cached=0), _experiment_s(services, plan, cached=CELLS)


def _experiment_s(services: Services, plan: Plan, *, cached: int) -> float:
    began = time.perf_counter()
    experiment_id = services.lab.start(plan)
    services.lab.wait(experiment_id)
    took_s = time.perf_counter() - began
    progress = services.lab.progress(experiment_id)
    assert (progress.state, progress.done, progress.cached) == (ExperimentState.FINISHED, CELLS, cached)
    return took_s


def _spec(concurrency: int) -> dict[str, Any]:
    return {
        "name": "Benchmark",
        "templates": [{"name": name, "user": text} for name, text in TEMPLATES.items()],
        "models": [MODEL],
        "temperatures": list(TEMPERATURES),
        "concurrency": concurrency,
        "scorers": [{"type": "contains", "values": ["library"]}],
        "cases": [{"question": question} for question in _questions()],
    }


def _questions() -> list[str]:
    return [f"What is said about topic {n}?" for n in range(CASES)]


@contextmanager
def _services(address: str, folder: Path) -> Iterator[Services]:
    """Warm: the SDK is loaded and the server was asked once."""
    services = build_services(settings_of(folder / "data", openai_base_url=address, chat_model=MODEL))
    try:
        assert services.chat is not None
        "".join(services.chat.stream([{"role": "user", "content": "Hello"}]))
        yield services
    finally:
        services.close()


def _bare_s(address: str, concurrency: int) -> float:
    """The same calls, and nothing else."""
    with tempfile.TemporaryDirectory() as folder, _services(address, Path(folder)) as services:
        chat: Any = services.chat
        prompts = iter([text for text in _questions() for _ in range(CELLS // CASES)])
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    text = next(prompts, None)
                if text is None:
                    return
                chat.complete([{"role": "user", "content": f"Answer: {text}"}], max_tokens=2048)

        threads = [threading.Thread(target=work) for _ in range(concurrency)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - began


# -------------------------------------------------------------------------------------------------------- promptfoo


def _promptfoo(context: Context, report: Report) -> Path | None:
    """Its program, installed into the work folder where it is not there yet; None where there is no npm."""
    folder = context.work / "promptfoo"
    program = folder / "node_modules" / ".bin" / "promptfoo"
    if not program.exists():
        if shutil.which("npm") is None:
            report.notes.append("promptfoo was left out: npm is not installed.")
            return None
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", f"promptfoo@{PROMPTFOO}"]
        if subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode != 0:
            report.notes.append("promptfoo was left out: npm could not install it.")
            return None
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    report.notes.append(f"promptfoo {PROMPTFOO} on Node {node}.")
    return program


def _promptfoo_s(program: Path, address: str, folder: Path, concurrency: int) -> float:
    providers = [
        {
            "id": f"openai:chat:{MODEL}",
            "label": f"t{t}",
            "config": {"apiBaseUrl": address, "apiKey": "x", "temperature": t},
        }
        for t in TEMPERATURES
    ]
    config = {
        "prompts": [text.replace("{question}", "{{question}}") for text in TEMPLATES.values()],
        "providers": providers,
        "defaultTest": {"assert": [{"type": "contains", "value": "library"}]},
        "tests": [{"vars": {"question": question}} for question in _questions()],
    }
    file, out = folder / "promptfoo.json", folder / "results.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    command = [str(program), "eval", "-c", str(file), "--no-cache", "--no-table", "--no-progress-bar", "--no-share"]
    command += ["-j", str(concurrency), "-o", str(out)]
    quiet = {f"PROMPTFOO_DISABLE_{name}": "1" for name in ("TELEMETRY", "UPDATE", "REDTEAM_REMOTE_GENERATION")}
    environment = {**os.environ, **quiet, "PROMPTFOO_CONFIG_DIR": str(folder / "config")}
    _, took_ms = timed(lambda: subprocess.run(command, env=environment, check=False, capture_output=True))
    stats = json.loads(out.read_text(encoding="utf-8"))["results"]["stats"]
    assert stats["errors"] == 0
    assert stats["successes"] + stats["failures"] == CELLS
    assert stats["durationMs"] <= took_ms
    return float(stats["durationMs"]) / 1000


def _shown(values: list[float]) -> str:
    return f"{median(values):.2f}" if values else "-"
