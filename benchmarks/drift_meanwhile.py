"""How long answers take while a drift report is being made, beside none."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.drift_traffic import traffic
from benchmarks.harness import timed
from benchmarks.mirror import settings_of
from core.answering import AskRequest
from core.demo import DEMO_QUESTIONS
from core.drift.service import COMMAND
from core.services import Services, build_services

QUIET, BUSY = "without a report", "while a report is made"
TURNS = 8
"""Alternating, so that what else happens on the machine falls on both."""


def answers_meanwhile(folder: Path, rows: int, answers: int) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of answers to the demo's questions with and without a report, and how many reports were made.

    Without a chat model an answer takes least, so that a delay shows most.
    """
    windows = [_file(folder / f"{name}.csv", rows, seed) for seed, name in enumerate(("reference", "current"))]
    services = build_services(settings_of(folder / "data", None))
    try:
        services.ingestor.ingest(["demo"])
        services.check()
        _ask(services, range(10))  # what is loaded at the first use counts for neither
        times: dict[str, list[float]] = {QUIET: [], BUSY: []}
        reports = 0
        each = answers // TURNS
        for turn in range(TURNS):
            numbers = range(turn * each, (turn + 1) * each)  # the same questions in both: some take longer than others
            times[QUIET] += _ask(services, numbers)
            took, begun = _ask_meanwhile(services, windows, numbers)
            times[BUSY] += took
            reports += begun
        return times, reports
    finally:
        services.close()


def _file(path: Path, rows: int, seed: int) -> str:
    traffic(rows, np.random.default_rng(seed)).to_csv(path, index=False)
    return f"file:{path}"


def _ask(services: Services, numbers: Iterable[int]) -> list[float]:
    asked = (AskRequest(DEMO_QUESTIONS[number % len(DEMO_QUESTIONS)].text) for number in numbers)
    return [timed(partial(services.answering.ask, request))[1] for request in asked]


def _ask_meanwhile(services: Services, windows: list[str], numbers: Iterable[int]) -> tuple[list[float], int]:
    """The next report begins when one has ended; the last one is not waited for longer than it takes to stop it."""
    times: list[float] = []
    begun = 0
    report_id = ""
    for number in numbers:
        if not services.drift.stage(report_id):
            report_id, begun = services.drift.start(windows[0], windows[1], COMMAND), begun + 1
        times += _ask(services, [number])
    services.drift.stop(report_id)
    services.drift.wait(report_id)
    return times, begun
