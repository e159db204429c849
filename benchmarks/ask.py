"""What does Ask add to the model's own time, does it hold 50 readers at once, and how much memory does the app take?"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode

from benchmarks.corpus import ingest_once, questions, settings_of
from benchmarks.harness import Context, Figure, Report, Table, median, ms, p95
from benchmarks.processes import app_process, model_server, read_page
from core.answering import AskRequest
from core.ledger import TraceFilter
from core.models import Answer, Trace
from core.services import Services, build_services
from tools.running_app import running_app

DELAY_MS = 300
"""Of the model server, to its first token."""
SESSIONS = 50
SETTLED_S = 10.0
"""The app's memory is read when it has not grown for so long."""
MB = 2**20


def run(context: Context) -> Report:
    """Raises Unavailable where the corpus is absent."""
    report = Report(
        "Ask",
        f"The library holds the corpus; a local server answers {DELAY_MS} ms after it is asked. Overhead: the time "
        "from the question to the first text of its answer, less the time that the same prompt takes when it is sent "
        "to the model by itself, one question after the other. Questions in English: another language costs one more "
        "call to the model, which translates them. Memory is that of the whole app with the corpus loaded, after "
        "searches and questions on its pages.",
    )
    source = ingest_once(context)
    asked = [question.text for question in questions(context) if question.english]
    with tempfile.TemporaryDirectory() as folder, model_server(DELAY_MS) as address:
        data_dir = shutil.copytree(source, Path(folder) / "data")
        with _services(data_dir, address) as services:
            _overhead(services, asked, report)
            _crowd(services, asked, report)
        _memory(data_dir, address, asked, report)
    return report


@contextmanager
def _services(data_dir: Path, address: str) -> Iterator[Services]:
    """Warm: index built, models asked once."""
    services = build_services(settings_of(data_dir, openai_base_url=address))
    try:
        services.check()
        services.answering.ask(AskRequest("What is a warm start?"))
        yield services
    finally:
        services.close()


# --------------------------------------------------------------------------------------------------------- overhead


def _overhead(services: Services, asked: Sequence[str], report: Report) -> None:
    traces = [services.traces.get(services.answering.ask(AskRequest(text)).trace_id) for text in asked]
    written = [trace for trace in traces if trace.prompt and trace.answer.ttft_ms is not None]
    alone = [_alone(services, trace) for trace in written]
    with_ask = [trace.answer.ttft_ms or 0.0 for trace in written]
    overhead = [reader - model for reader, model in zip(with_ask, alone, strict=True)]
    rows = [["the model alone", *ms(alone)], ["through Ask", *ms(with_ask)], ["overhead", *ms(overhead)]]
    for name in ("understand", "retrieve", "decide", "render"):
        steps = [span.duration_ms for trace in written for span in trace.spans if span.name == name]
        if steps:
            rows.append([f"of it: {name}", *ms(steps)])
    caption = f"Time to first token of {len(written)} answers ({len(traces) - len(written)} were refused unasked):"
    report.tables.append(Table(caption, ["", "median ms", "95 % under"], rows))
    report.figures.append(Figure("overhead on the time to first token, median", median(overhead), 150.0, "ms"))


def _alone(services: Services, trace: Trace) -> float:
    """Milliseconds until the model's first text for the prompt of a trace."""
    assert services.chat is not None
    began = time.perf_counter()
    stream = services.chat.stream(trace.prompt)
    try:
        next(piece for piece in stream if piece.strip())
        return (time.perf_counter() - began) * 1000
    finally:
        stream.close()


# ------------------------------------------------------------------------------------------------------ many at once


def _crowd(services: Services, asked: Sequence[str], report: Report) -> None:
    """All sessions ask at the same moment, each its own question."""
    before, barrier = services.traces.count(), Barrier(SESSIONS + 1)

    def ask(session: int) -> Answer:
        barrier.wait()
        text = asked[session % len(asked)]
        return services.answering.ask(AskRequest(text, conversation_id=f"session-{session}"))

    with ThreadPoolExecutor(SESSIONS) as pool:
        waiting = [pool.submit(ask, session) for session in range(SESSIONS)]
        barrier.wait()
        began = time.perf_counter()
        answers = [future.result() for future in waiting]
        took_s = time.perf_counter() - began
    failed = sum(answer.status == "failed" or bool(answer.notices) for answer in answers)
    kept = [trace for trace in services.traces.list(TraceFilter(limit=SESSIONS)) if trace.answer.latency_ms is not None]
    lost = SESSIONS - min(services.traces.count() - before, sum(bool(trace.spans) for trace in kept))
    first = [answer.ttft_ms or 0.0 for answer in answers]
    outcomes = Counter(str(answer.status) for answer in answers)
    report.figures += [
        Figure(f"errors of {SESSIONS} sessions asking at once", failed, 0),
        Figure(f"lost traces of {SESSIONS}", lost, 0),
    ]
    report.notes.append(
        f"The {SESSIONS} sessions had their answers ({', '.join(f'{n} {what}' for what, n in outcomes.items())}) after "
        f"{took_s:.1f} s; first text after {median(first):,.0f} ms in the median and {p95(first):,.0f} ms at worst but "
        "5 %."
    )


# ----------------------------------------------------------------------------------------------------------- memory


def _memory(data_dir: Path, address: str, asked: Sequence[str], report: Report) -> None:
    """Of a real app, with pages read as a browser reads them."""
    with running_app(data_dir, {"OPENAI_BASE_URL": address}) as app:
        read_page(app)
        loaded = _settled()
        for text in asked[:10]:
            read_page(app, "search", urlencode({"q": text}))
        for page in ("ask", "library", "traces"):
            read_page(app, page)
        used = _settled()
    report.figures.append(Figure("memory of the app in use, corpus loaded", used / MB, 1200.0, "MB"))
    report.notes.append(f"Memory before the first search, both indexes and the model loaded: {loaded / MB:,.0f} MB.")


def _settled() -> int:
    """Resident bytes of the app and its children, once they have stopped to grow."""
    app, most, since = app_process(), 0, time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        now = sum(process.memory_info().rss for process in (app, *app.children(recursive=True)))
        if now > most * 1.01:
            most, since = now, time.monotonic()
        time.sleep(0.5)
    return most
