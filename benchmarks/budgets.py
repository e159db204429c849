"""Is a budget ever overdrawn, by however many threads and processes, and what does holding a call take?"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.budget_calls import CALL_S, MODEL, WORST_USD, held, kept, unheld
from benchmarks.harness import ROOT, Context, Figure, Report, Table, median, ms, p95
from core.cost.budgets import Budgets
from core.ledger import Ledger, open_ledger
from tests.ledger.postgres import cluster, find_binaries

PROCESSES, THREADS = 4, 64
CALLS = 1_500
"""About so many calls of a worst case each would fit; they cost half of it on average."""
ALONE = 200
CONNECTIONS = 150
"""Of the PostgreSQL server: four processes keep up to 20 each, and this one its own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run of all processes."""

    limit_usd: float
    spent_usd: float
    """By the ledger."""
    missing_usd: float
    """Between that and what the callers say they spent."""
    reserved_usd: float
    """At the end."""
    highest_usd: float
    """Spent and held at once, as a reader saw it meanwhile."""
    calls: int
    took_ms: Sequence[float]

    @property
    def over_usd(self) -> float:
        return max(0.0, self.spent_usd - self.limit_usd, self.highest_usd - self.limit_usd)


def run(context: Context) -> Report:
    """Needs no corpus, and PostgreSQL for its half."""
    processes, threads, calls = (2, 4, 60) if context.quick else (PROCESSES, THREADS, CALLS)
    report = Report(
        "Budgets",
        f"{processes} processes with {threads} threads each make calls of a budget until nothing fits any more. A call "
        f"takes {CALL_S * 1000:.0f} ms and costs from a tenth to all of its worst case. *Held*: this library's way. "
        "*Looked at*: the usual way, which asks before each call whether the budget is used up, and adds the cost "
        "after; adding is atomic there too. Both run against the same ledger, one after the other.",
    )
    with TemporaryDirectory() as folder:
        for server, urls in _ledgers(Path(folder)):
            ours, usual = (outcome(way, url, processes, threads, calls) for way, url in zip(_WAYS, urls, strict=False))
            _tell(report, server, ours, usual)
            _alone(report, server, urls[2], 10 if context.quick else ALONE)
            _killed(report, server, urls[3])
    if find_binaries() is None:
        report.notes.append("PostgreSQL is not installed here, so only SQLite was measured.")
    return report


_WAYS = (held.__name__, unheld.__name__)


def _ledgers(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Four empty ledgers for each of the databases."""
    yield "SQLite", [f"sqlite:///{folder / str(n)}/cuepoint.db" for n in range(4)]
    binaries = find_binaries()
    if binaries is None:
        return
    with cluster(binaries, connections=CONNECTIONS) as server:
        yield "PostgreSQL", [server.fresh() for _ in range(4)]


def outcome(way: str, url: str, processes: int, threads: int, calls: int) -> Outcome:
    ledger = open_ledger(url)
    Budgets(ledger.budgets).add(calls * WORST_USD)
    with _callers(way, url, processes, threads) as callers:
        for caller in callers:
            _say_go(caller)
        with ThreadPoolExecutor(1) as aside:
            ended = threading.Event()
            watching = aside.submit(_watch, ledger, ended)
            books = [json.loads(_line(caller)) for caller in callers]
            ended.set()
        highest = watching.result()
    (state,) = ledger.budgets.states()
    ledger.close()
    spent = [cost for book in books for cost in book["spent_usd"]]
    took = [took for book in books for took in book["took_ms"]]
    missing = abs(sum(spent) - state.spent_usd)
    return Outcome(state.budget.limit_usd, state.spent_usd, missing, state.reserved_usd, highest, len(spent), took)


@contextmanager
def _callers(way: str, url: str, processes: int, threads: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Ready to go."""
    command = [sys.executable, "-m", "benchmarks.budget_calls", way, url, str(threads)]
    found = [
        subprocess.Popen([*command, str(seed)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for seed in range(processes)
    ]
    try:
        for caller in found:
            if _line(caller) != "ready":
                raise RuntimeError("a caller did not start")
        yield found
    finally:
        for caller in found:
            caller.kill()
            caller.communicate()


def _line(caller: subprocess.Popen[str]) -> str:
    assert caller.stdout is not None
    return caller.stdout.readline().strip()


def _say_go(caller: subprocess.Popen[str]) -> None:
    assert caller.stdin is not None
    caller.stdin.write("go\n")
    caller.stdin.flush()


def _watch(ledger: Ledger, ended: threading.Event) -> float:
    """The most that was spent and held at once, looked at again and again while anybody calls."""
    highest = 0.0
    while not ended.wait(0.01):
        (state,) = ledger.budgets.states()
        highest = max(highest, state.spent_usd + state.reserved_usd)
    return highest


def _tell(report: Report, server: str, ours: Outcome, usual: Outcome) -> None:
    report.figures += [
        Figure(f"{server}: overdrawn by", ours.over_usd, 0.0, "$"),
        Figure(f"{server}: spent and not in the budget, or the other way round", round(ours.missing_usd, 6), 0.0, "$"),
        Figure(f"{server}: still held at the end", ours.reserved_usd, 0.0, "$"),
        Figure(f"{server}: left unused, share of the limit", 1 - ours.spent_usd / ours.limit_usd, 0.01),
    ]
    rows = [
        [
            name,
            f"{one.calls:,}",
            f"${one.limit_usd:.2f}",
            f"${one.spent_usd:.4f}",
            f"${one.over_usd:.4f}",
            *ms(one.took_ms),
        ]
        for name, one in {"held": ours, "looked at": usual}.items()
    ]
    header = ["way", "calls", "limit", "spent", "overdrawn by", "ms a call, median", "95 %"]
    report.tables.append(
        Table(f"{server}, all threads at once; the time is that of the budget, not of the call:", header, rows)
    )


def _alone(report: Report, server: str, url: str, calls: int) -> None:
    """One thread: what an answer of Ask waits for."""
    ledger = open_ledger(url)
    budgets = Budgets(ledger.budgets)
    none = _each(budgets, calls)
    budgets.add(1000.0)
    one = _each(budgets, calls)
    ledger.close()
    report.figures.append(
        Figure(f"{server}: holding and settling a call, nobody else calls, median", median(one), 10.0, "ms")
    )
    report.notes.append(
        f"{server}, one thread: {median(one):.2f} ms a call (95 %: {p95(one):.2f}); "
        f"{median(none):.2f} ms where there is no budget."
    )


def _each(budgets: Budgets, calls: int) -> list[float]:
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        budgets.reserve(model=MODEL, worst_usd=WORST_USD).settle(WORST_USD / 2)
        took.append((time.perf_counter() - began) * 1000)
    return took


def _killed(report: Report, server: str, url: str) -> None:
    """A process that holds the whole budget is killed; how long until the next call gets it."""
    ledger = open_ledger(url)
    budgets = Budgets(ledger.budgets)
    budgets.add(WORST_USD)
    with _callers(kept.__name__, url, 1, 1) as (caller,):
        _say_go(caller)
        while not ledger.budgets.states()[0].reserved_nano_usd:
            time.sleep(0.001)
        caller.kill()
        caller.wait()
        began = time.perf_counter()
        budgets.reserve(model=MODEL, worst_usd=WORST_USD).release()
        took_ms = (time.perf_counter() - began) * 1000
    ledger.close()
    report.figures.append(Figure(f"{server}: what a killed process held is there again after", took_ms, 1000.0, "ms"))
