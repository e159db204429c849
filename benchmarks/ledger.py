"""What writing a trace costs and how quick the sums of Cost are, beside Arize Phoenix and MLflow."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.corpus import settings_of
from benchmarks.harness import Context, Figure, Report, Table, ms
from benchmarks.peer_process import BATCH, ROUNDS, Found, Read, Written, rounds_ms, timed_s
from benchmarks.tracing import PEERS, NoPeers, peer
from benchmarks.tracing_traffic import BEGIN, DAYS, END, MODELS, SPANS, Call, calls
from core.cost.report import By
from core.models import Answer, AnswerStatus, PassageRecord, Span, Trace, Usage
from core.services import Services, build_services

FASTER_WRITE, FASTER_READ = 5.0, 20.0
FEW = 2_000
"""Written one by one, as each waits for the disk."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many traces."""

    ours: int = 100_000
    peers: int = 5_000
    """That they write: they would take hours for all. What they read is copied up to the size of ours."""


QUICK = Sizes(ours=2_000, peers=100)


def run(context: Context) -> Report:
    """Needs no corpus."""
    return measured(context.work, QUICK if context.quick else Sizes())


def measured(work: Path, sizes: Sizes, *, peers: Sequence[str] = PEERS) -> Report:
    """The section, at any sizes: those of ours are a multiple of those of the peers."""
    report = Report("Ledger and cost", _what(sizes))
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        folder = Path(scratch)
        ours = _ours(folder / "ours", sizes.ours)
        _compare(report, ours, list(_peers(report, folder, sizes, peers)))
    return report


def _what(sizes: Sizes) -> str:
    return f"""\
Traces of {SPANS} spans, with a prompt, an answer and 6 passages, of {DAYS} days, 50 people and {len(MODELS)} models, \
into SQLite: the ledger beside Arize Phoenix and MLflow Tracing, both in an environment of their own. Writing: from \
the values of a trace until its rows are in the database. Ours writes {sizes.ours:,} traces and the peers \
{sizes.peers:,}, the rows of which are then copied up to {sizes.ours:,} traces, as writing them would take hours. \
A trace of ours is on the disk when `finish` returns (SQLite's `synchronous=FULL`), and so is one of MLflow; Phoenix \
turns that off. Reading: the cost by day and model of all {DAYS} days, median of {ROUNDS} after one that does not \
count. Each sum is checked against what was written."""


# ------------------------------------------------------------------------------------------------------------- ours


def _ours(folder: Path, count: int) -> Found:
    found = Found("Cuepoint")
    sent = list(calls(count))
    with opened(folder) as services:
        few = min(count // 20, FEW)
        single, rest = sent[:few], sent[few:]
        found.writes.append(Written("begin and finish each, as Ask does", len(single), _singly_s(services, single)))
        found.writes.append(Written(f"`finish_all` of {BATCH}", len(rest), batched_s(services, rest)))
        total = services.costs.report(since=BEGIN, until=END, by=By.MODEL).total
        found.traces, found.cost_usd = total.calls, total.known_usd
        reads = rounds_ms(lambda: services.costs.report(since=BEGIN, until=END, by=By.MODEL))
        found.reads.append(Read("`costs.report(by=model)`", reads))
    assert found.traces == count
    _check(found, sum(call.cost_usd for call in sent))
    return found


@contextmanager
def opened(folder: Path) -> Iterator[Services]:
    services = build_services(settings_of(folder))
    try:
        yield services
    finally:
        services.close()


def _singly_s(services: Services, sent: Sequence[Call]) -> float:
    def write() -> None:
        for call in sent:
            trace = trace_of(call)
            services.traces.begin(trace)
            services.traces.finish(trace, mirror=False)

    return timed_s(write)


def batched_s(services: Services, sent: Sequence[Call], batch: int = BATCH) -> float:
    def write() -> None:
        for first in range(0, len(sent), batch):
            services.traces.finish_all([trace_of(call) for call in sent[first : first + batch]], mirror=False)

    return timed_s(write)


def trace_of(call: Call) -> Trace:
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


def _peers(report: Report, folder: Path, sizes: Sizes, names: Sequence[str]) -> Iterator[Found]:
    """Those that can be had."""
    times = sizes.ours // sizes.peers
    wanted_usd = times * sum(call.cost_usd for call in calls(sizes.peers, part=times))
    for name in names:
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
        report.figures += [
            _times_faster(f"to write a trace one by one than {found.name}", found.writes[0].per_trace_ms / single),
            _times_faster(f"to write in batches than {found.name} in its best way", best / batch),
            _times_faster(f"to read than {found.name}", median(found.reads[0].ms) / read, FASTER_READ),
        ]
    report.tables += [_writes([ours, *peers], batch), _reads([ours, *peers], read)]


def _times_faster(what: str, value: float, target: float = FASTER_WRITE) -> Figure:
    return Figure(f"times faster {what}", value, target, "×", most=False)


def _writes(everybody: Sequence[Found], ours_ms: float) -> Table:
    rows = [
        [found.name, one.way, f"{one.traces:,}", f"{one.per_trace_ms:.2f}", f"{one.per_trace_ms / ours_ms:.1f} ×"]
        for found in everybody
        for one in found.writes
    ]
    return Table("Writing:", ["", "way", "traces", "ms a trace", "beside ours in batches"], rows)


def _reads(everybody: Sequence[Found], ours_ms: float) -> Table:
    rows = [
        [found.name, one.way, f"{found.traces:,}", *ms(one.ms), f"{median(one.ms) / ours_ms:.1f} ×"]
        for found in everybody
        for one in found.reads
    ]
    header = ["", "way", "traces", "median ms", "95 % under", "beside ours"]
    return Table("Cost by day and model:", header, rows)
