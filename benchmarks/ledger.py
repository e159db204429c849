"""What writing a trace costs and how quick the sums of Cost are, beside Arize Phoenix and MLflow, and at a million."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from benchmarks.corpus import settings_of
from benchmarks.harness import Context, Figure, Report, Table, ms
from benchmarks.peer_process import BATCH, ROUNDS, Found, Read, Written, rounds_ms, timed_s
from benchmarks.tracing import PEERS, NoPeers, peer
from benchmarks.tracing_traffic import BEGIN, DAYS, END, MODELS, SPANS, Call, calls
from core.cost.report import By
from core.models import Answer, AnswerStatus, Feedback, PassageRecord, Span, Trace, Usage
from core.services import Services, build_services

FASTER_WRITE, FASTER_READ, CHARTS_MS = 5.0, 20.0, 100.0
ZONE = ZoneInfo("Europe/Berlin")
"""Of the million's charts: no day of it is one of UTC."""
THUMBS = 1_000
GB = 1e9


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many traces."""

    ours: int = 100_000
    peers: int = 5_000
    """That they write: they would take hours for all. What they read is copied up to the size of ours."""
    million: int = 1_000_000


QUICK = Sizes(ours=2_000, peers=100, million=10_000)


def run(context: Context) -> Report:
    """Needs no corpus."""
    return measured(context.work, QUICK if context.quick else Sizes())


def measured(work: Path, sizes: Sizes) -> Report:
    """The whole section at other sizes than the page's."""
    report = Report("Ledger and cost", _what(sizes))
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        folder = Path(scratch)
        ours = _ours(folder / "ours", sizes.ours)
        peers = list(_peers(report, folder, sizes))
        _compare(report, ours, peers)
        _million(report, folder / "million", sizes.million)
    return report


def _what(sizes: Sizes) -> str:
    return (
        f"Traces of {SPANS} spans, with a prompt, an answer and 6 passages, 9 KB in all, of {DAYS} days, 50 people and "
        f"{len(MODELS)} models, into SQLite: the ledger beside Arize Phoenix and MLflow Tracing, each in the newest "
        f"release and in an environment of its own. Writing: from the values of a trace until its rows are in the "
        f"database. Ours writes {sizes.ours:,} traces, the peers {sizes.peers:,} of them, which favours them, if "
        f"anything; then their rows are copied up to {sizes.ours:,} traces. Reading: the cost by day and model of all "
        f"{DAYS} days, median of {ROUNDS}; each sum is checked against what was written."
    )


# ------------------------------------------------------------------------------------------------------------- ours


def _ours(folder: Path, count: int) -> Found:
    found = Found("Cuepoint")
    sent = list(calls(count))
    with _opened(folder) as services:
        single, rest = sent[: count // 20], sent[count // 20 :]
        found.writes.append(Written("begin and finish each, as Ask does", len(single), _singly_s(services, single)))
        found.writes.append(Written(f"`finish_all` of {BATCH}", len(rest), _batched_s(services, rest)))
        total = services.costs.report(since=BEGIN, until=END, by=By.MODEL).total
        found.traces, found.cost_usd = total.calls, total.known_usd
        reads = rounds_ms(lambda: services.costs.report(since=BEGIN, until=END, by=By.MODEL))
        found.reads.append(Read("`costs.report(by=model)`", reads))
    assert found.traces == count
    _check(found, sum(call.cost_usd for call in sent))
    return found


@contextmanager
def _opened(folder: Path) -> Iterator[Services]:
    services = build_services(settings_of(folder))
    try:
        yield services
    finally:
        services.close()


def _singly_s(services: Services, sent: Sequence[Call]) -> float:
    def write() -> None:
        for call in sent:
            trace = _trace(call)
            services.traces.begin(trace)
            services.traces.finish(trace, mirror=False)

    return timed_s(write)


def _batched_s(services: Services, sent: Sequence[Call], batch: int = BATCH) -> float:
    def write() -> None:
        for first in range(0, len(sent), batch):
            services.traces.finish_all([_trace(call) for call in sent[first : first + batch]], mirror=False)

    return timed_s(write)


def _trace(call: Call) -> Trace:
    answer = Answer(
        call.trace_id, AnswerStatus.ANSWERED, call.answer, "en", model=call.model,
        usage=Usage(call.prompt_tokens, call.completion_tokens), cost_usd=call.cost_usd, latency_ms=call.latency_ms,
    )  # fmt: skip
    return Trace(
        trace_id=call.trace_id, kind=call.kind, started_at=call.started_at, question=call.question, channels=(),
        answer=answer, user=call.user, template=call.template, template_version=1,
        prompt=({"role": "user", "content": call.prompt},),
        passages=tuple(_passage(n, text) for n, text in enumerate(call.passages)),
        spans=tuple(Span(step.name, step.start_ms, step.duration_ms) for step in (call.whole, *call.steps())),
    )  # fmt: skip


def _passage(rank: int, text: str) -> PassageRecord:
    return PassageRecord(f"chunk-{rank}", "video", "A talk", "A channel", 30.0, 90.0, text, rank, 0.5, {}, None)


def _check(found: Found, wanted_usd: float) -> None:
    assert abs(found.cost_usd - wanted_usd) < 1e-6 * wanted_usd, (
        f"{found.name} says ${found.cost_usd}, not {wanted_usd}"
    )


# ------------------------------------------------------------------------------------------------------------ peers


def _peers(report: Report, folder: Path, sizes: Sizes) -> Iterator[Found]:
    """Those that can be had."""
    times = sizes.ours // sizes.peers
    wanted_usd = times * sum(call.cost_usd for call in calls(sizes.peers))
    for name in PEERS:
        print(f"{name} …", flush=True)
        try:
            found = peer(name, folder / name, written=sizes.peers, read=sizes.ours)
        except NoPeers as reason:
            report.notes.append(f"{name.removesuffix('_peer')} was left out: {reason}")
            continue
        assert found.traces == times * sizes.peers
        _check(found, wanted_usd)
        shutil.rmtree(folder / name)
        yield found


def _compare(report: Report, ours: Found, peers: Sequence[Found]) -> None:
    single, batch = (one.per_trace_ms for one in ours.writes)
    read = median(ours.reads[0].ms)
    for found in peers:
        best = min(one.per_trace_ms for one in found.writes)
        name = f"beside {found.name}: times faster"
        report.figures += [
            Figure(
                f"{name} to write a trace one by one",
                found.writes[0].per_trace_ms / single,
                FASTER_WRITE,
                "×",
                most=False,
            ),
            Figure(f"{name} to write in batches", best / batch, FASTER_WRITE, "×", most=False),
            Figure(
                f"{name} to read cost by day and model", median(found.reads[0].ms) / read, FASTER_READ, "×", most=False
            ),
        ]
    everybody = [ours, *peers]
    writes = [
        [found.name, one.way, f"{one.traces:,}", f"{one.per_trace_ms:.2f}", f"{one.per_trace_ms / batch:.1f} ×"]
        for found in everybody
        for one in found.writes
    ]
    report.tables.append(Table("Writing:", ["", "way", "traces", "ms a trace", "beside ours in batches"], writes))
    reads = [
        [found.name, one.way, f"{found.traces:,}", *ms(one.ms), f"{median(one.ms) / read:.1f} ×"]
        for found in everybody
        for one in found.reads
    ]
    header = ["", "way", "traces", "median ms", "95 % under", "beside ours"]
    report.tables.append(Table("Cost by day and model:", header, reads))


# ------------------------------------------------------------------------------------------------------ the million


def _million(report: Report, folder: Path, count: int) -> None:
    """Without passages, as their texts would fill a disk: no sum of money reads them."""
    with _opened(folder) as services:
        sent, took_s = calls(count, passages=0), 0.0
        while part := list(islice(sent, 10 * BATCH)):
            took_s += _batched_s(services, part, 4 * BATCH)
        _thumbs(services, count)
        charts = {name: rounds_ms(partial(_chart, services, by)) for name, by in _CHARTS.items()}
    together = sum(median(times) for times in charts.values())
    report.figures.append(Figure(f"all charts of Cost, {count:,} traces", together, CHARTS_MS, "ms"))
    rows = [[name, *ms(times)] for name, times in charts.items()]
    caption = f"The charts of the Cost page, {DAYS} days in the time zone {ZONE.key}, {count:,} traces:"
    report.tables.append(Table(caption, ["", "median ms", "95 % under"], rows))
    size_gb = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / GB
    report.notes.append(
        f"The {count:,} traces, without their passages, were written in {took_s / 60:.1f} minutes "
        f"({took_s * 1000 / count:.2f} ms each) and take {size_gb:.1f} GB."
    )


_CHARTS = {
    "by day, and the totals": By.DAY,
    "by model": By.MODEL,
    "by kind": By.KIND,
    "by template": By.TEMPLATE,
    "by person": By.USER,
    "the forecast's days": By.DAY,
}


def _chart(services: Services, by: By) -> int:
    report = services.costs.report(since=BEGIN, until=END, by=by, zone=ZONE)
    return report.total.calls


def _thumbs(services: Services, count: int) -> None:
    for call in islice(calls(count, passages=0), 0, count, max(1, count // THUMBS)):
        services.traces.save_feedback(Feedback(call.trace_id, 1), mirror=False)
