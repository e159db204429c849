"""Does a Comet that hangs slow answers down, how many traces a second arrive, and what does reading them back take?"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil

from benchmarks.harness import ROOT, Context, Figure, Report, Table, median, ms, timed
from benchmarks.processes import fake_server
from core.answering import AskRequest
from core.config import Settings
from core.demo import DEMO_QUESTIONS
from core.ledger import TraceFilter, open_ledger
from core.mirror.service import SyncWish
from core.mirror.worker import MirrorWorker
from core.models import Feedback, Trace
from core.ports import Embedder
from core.services import Services, build_services
from tests.fakes.comet_server import KEY, FakeComet, Faults

COMET, WORKSPACE, PROJECT = "comet_server", "team", "traces"
START = datetime(2026, 11, 24, 8, tzinfo=UTC)
ROUNDS, NAIVE_HUNG = 200, 3
GIVEN_UP_S = 10.0
"""After which the hanging server ends the connection, as a balancer would: else the naive way never ends."""
TRACES, READ = 2_000, 5_000
WITHIN = 1.05
MB = 2**20


def run(context: Context) -> Report:
    """Needs no corpus: the demo library is asked."""
    report = Report(
        "Comet",
        "Comet is a fake of this project that speaks Comet's wire format to its real packages, on this machine, in a "
        "process of its own. Answering: the demo library without a chat model, where an answer takes least, so that a "
        "delay shows most; each question goes to each in turn. *Hanging*: Comet takes every request and never answers. "
        "The naive way is `comet_llm.log_prompt` behind each answer; its hanging Comet gives up after "
        f"{GIVEN_UP_S:.0f} s. Delivery: the worker process of the app empties an outbox.",
    )
    with tempfile.TemporaryDirectory() as folder:
        _answering(report, Path(folder), 20 if context.quick else ROUNDS)
        _delivery(report, Path(folder), 200 if context.quick else TRACES)
        _reading(report, Path(folder), 500 if context.quick else READ)
    return report


# -------------------------------------------------------------------------------------------------------- answering


def _answering(report: Report, folder: Path, rounds: int) -> None:
    with ExitStack() as open_, fake_server(COMET) as healthy, fake_server(COMET, "--fault", "hang") as hanging:
        embedder: Embedder | None = None
        asked: dict[str, Services] = {}
        for name, url in {"Comet off": None, "Comet answers": healthy, "Comet hangs": hanging}.items():
            services = _services(folder / name, url, embedder)
            open_.callback(services.close)
            embedder = services.answering._tools.embedder  # noqa: SLF001  one model for all
            asked[name] = services
        times = _interleaved(asked, rounds)
        naive = _naive(folder / "naive", healthy, rounds)
        pending = asked["Comet hangs"].ledger.outbox.stats().pending
    with FakeComet(faults=Faults(rates={"hang": 1.0}, hang_s=GIVEN_UP_S)) as giving_up:
        hung = _naive(folder / "naive", giving_up.url, NAIVE_HUNG)
    off = median(times["Comet off"])
    rows = [[name, *ms(took), f"{median(took) / off:.3f}"] for name, took in times.items()]
    rows.append(["naive, Comet answers", *ms(naive), f"{median(naive) / off:.3f}"])
    rows.append([f"naive, Comet hangs ({NAIVE_HUNG} answers)", *ms(hung), f"{median(hung) / off:,.0f}"])
    report.tables.append(
        Table(f"Milliseconds to an answer, {rounds} each:", ["", "median", "95 % under", "× Comet off"], rows)
    )
    hangs = median(times["Comet hangs"])
    report.figures += [
        Figure("median of an answer with Comet hanging, by that without Comet", hangs / off, WITHIN, "×"),
        Figure("the same, beside peer: the naive way while Comet answers", hangs, median(naive), "ms", strict=True),
    ]
    report.notes.append(f"{pending:,} traces of the hanging Comet wait in the outbox at the end: none is lost.")


def _services(data_dir: Path, url: str | None, embedder: Embedder | None) -> Services:
    """Warm, with the demo library, and with the process that sends where there is a Comet."""
    services = build_services(settings_of(_library(data_dir), url), embedder=embedder)
    services.check()
    services.mirroring.open()
    services.answering.ask(AskRequest("What is a warm start?"))
    return services


def _library(data_dir: Path) -> Path:
    """The folder, with the demo library in it, which is read in once and copied."""
    first = data_dir.parent / "demo"
    if not first.exists():
        services = build_services(settings_of(first, None))
        services.ingestor.ingest(["demo"])
        services.check()
        services.close()
    return data_dir if data_dir.exists() else shutil.copytree(first, data_dir)


def _interleaved(asked: dict[str, Services], rounds: int) -> dict[str, list[float]]:
    """Each question to each, in an order drawn anew, as one may feel what another began; first rounds do not count."""
    times: dict[str, list[float]] = {name: [] for name in asked}
    warm_up = 5
    for number in range(warm_up + rounds):
        request = AskRequest(DEMO_QUESTIONS[number % len(DEMO_QUESTIONS)].text)
        for name in random.Random(number).sample(list(asked), len(asked)):
            times[name].append(timed(partial(asked[name].answering.ask, request))[1])
    return {name: took[warm_up:] for name, took in times.items()}


def _naive(data_dir: Path, url: str, count: int) -> list[float]:
    return json.loads(_naive_way(url, "answers", str(_library(data_dir)), str(count)))  # type: ignore[no-any-return]


def _naive_way(url: str, *arguments: str) -> str:
    variables = {"COMET_URL_OVERRIDE": url, "COMET_API_KEY": KEY, "COMET_DISABLE_AUTO_LOGGING": "1"}
    quiet = {"COMET_LOGGING_CONSOLE": "CRITICAL", "COMET_ERROR_TRACKING_ENABLE": "false"}
    variables |= {"COMET_WORKSPACE": WORKSPACE, "COMET_PROJECT_NAME": PROJECT}
    command = [sys.executable, "-m", "benchmarks.naive_mirror", *arguments]
    environment = {**os.environ, **variables, **quiet}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


# --------------------------------------------------------------------------------------------------------- delivery


def _delivery(report: Report, folder: Path, count: int) -> None:
    """A backlog that the worker process of the app sends."""
    with fake_server(COMET) as url:
        idle = _idle(folder / "idle", url)
        plain, _ = _delivered_in(folder / "plain", url, count, thumbs=0)
        thumbed, used = _delivered_in(folder / "thumbed", url, count, thumbs=count // 2)
    rows = [[f"{count:,} traces", f"{plain:.1f}", f"{count / plain:.0f}"]]
    rows.append([f"{count:,} traces, {count // 2:,} of them with a thumb", f"{thumbed:.1f}", f"{count / thumbed:.0f}"])
    report.tables.append(
        Table("Delivery of a backlog, the start of the process included:", ["", "s", "traces/s"], rows)
    )
    name = "traces delivered a second, every other one with a thumb and a comment"
    report.figures.append(Figure(name, count / thumbed, 30.0, "/s", most=False))
    report.notes.append(
        f"The worker process takes {idle / MB:,.0f} MB before it has something to send, {used / MB:,.0f} MB afterwards."
    )


def _a_trace(data_dir: Path) -> Trace:
    """One of the answers that were measured."""
    ledger = open_ledger(settings_of(data_dir, None).ledger_url)
    [newest] = ledger.traces.list(TraceFilter(limit=1))
    ledger.close()
    return newest


def _idle(data_dir: Path, url: str) -> int:
    """Bytes of the process when there is nothing to send."""
    worker = MirrorWorker(settings_of(data_dir, url))
    worker.start()
    time.sleep(5)
    assert worker.pid is not None
    resident = int(psutil.Process(worker.pid).memory_info().rss)
    worker.close()
    return resident


def _delivered_in(data_dir: Path, url: str, count: int, *, thumbs: int) -> tuple[float, int]:
    """Seconds until all has arrived, and the bytes of the process then."""
    settings = settings_of(data_dir, url)
    ledger = open_ledger(settings.ledger_url)
    worker = MirrorWorker(settings)
    pattern = _a_trace(data_dir.parent / "Comet off")
    names = [f"{data_dir.name}-{number}" for number in range(count)]
    traces = [replace(pattern, trace_id=name, answer=replace(pattern.answer, trace_id=name)) for name in names]
    ledger.traces.finish_all(traces, mirror=True)
    for number in range(thumbs):
        ledger.traces.save_feedback(Feedback(f"{data_dir.name}-{2 * number}", 1, comment="Good"), mirror=True)
    began = time.perf_counter()
    worker.start()
    while ledger.outbox.stats().pending:
        time.sleep(0.05)
    took = time.perf_counter() - began
    used = int(psutil.Process(worker.pid).memory_info().rss)
    worker.close()
    assert ledger.outbox.stats().dead == 0
    ledger.close()
    return took, used


# ---------------------------------------------------------------------------------------------------- reading back


def _reading(report: Report, folder: Path, count: int) -> None:
    with FakeComet() as server:
        fill(server, count)
        services = build_services(settings_of(folder / "reading", server.url))
        services.mirroring.sync(SyncWish())  # imports Comet's packages
        server.requests.clear()
        _, took = timed(lambda: services.mirroring.sync(SyncWish(read_back=True)))
        ours, kept = len(server.requests), services.ledger.mirrored.count()
        services.close()
    assert kept == count, f"{kept} of {count} records were read back"
    few = min(100, count)
    with FakeComet() as server:
        fill(server, few)
        assert int(_naive_way(server.url, "query")) == few
        naive = len(server.requests)
    report.figures.append(Figure(f"requests to read {count:,} traces back", ours, 120.0 * count / READ, strict=True))
    report.notes.append(
        f"Reading {count:,} traces back took {took / 1000:.1f} s. The peer, `comet_llm.API().query` and each trace's "
        f"metadata, makes {naive:,} requests for {few} traces."
    )


def fill(server: FakeComet, count: int) -> None:
    """Records as comet_llm and we write them, a minute apart."""
    for number in range(count):
        begun = START - timedelta(minutes=number)
        parameters = {"model": "gpt-x", "usage.prompt_tokens": 900, "usage.completion_tokens": 120, "cost_usd": 0.00125}
        made = server.put_experiment(
            f"{number:032x}", workspace=WORKSPACE, project=PROJECT, kind="LLM", parameters=parameters,
            metrics={"chain_duration": 905.25, "cost_usd": 0.00125}, start_ms=int(begun.timestamp() * 1000),
        )  # fmt: skip
        made.store("comet_llm_data.json", b'{"metadata": {"model": "gpt-x"}}', kind="llm_data")


# ------------------------------------------------------------------------------------------------------------ around


def settings_of(data_dir: Path, url: str | None) -> Settings:
    """Comet at the address, or none."""
    mirror = {"comet_api_key": KEY, "comet_url_override": url, "comet_workspace": WORKSPACE}
    values = {**mirror, "comet_project_name": PROJECT} if url else {}
    return Settings(_env_file=None, data_dir=data_dir, **values)  # type: ignore[call-arg, arg-type]
