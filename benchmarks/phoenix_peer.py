"""Arize Phoenix with its SQLite, in an environment of its own: what writing costs, and the sums of its costs.

``python -m benchmarks.phoenix_peer FOLDER WRITTEN READ``. Phoenix counts the cost itself, from its list of prices. Its
server runs as ``phoenix serve`` starts it, without telemetry.
"""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opentelemetry.trace import set_span_in_context
from phoenix.client import Client
from phoenix.otel import register

from benchmarks.peer_process import BATCH, Found, Read, Written, answer, copied, rounds_ms
from benchmarks.phoenix_server import phoenix_server
from benchmarks.tracing_traffic import BEGIN, END, SPANS, Call, Step, calls, part_s

PROJECT = "cuepoint"
WAIT_S = 0.05

_QUERY = """query ($name: String!, $range: TimeRange!) { project: getProjectByName(name: $name) {
  id
  byDay: traceTokenCostTimeSeries(timeRange: $range, timeBinConfig: {scale: DAY}) { data { timestamp totalCost } }
  byModel: topModelsByCost(timeRange: $range) { id name }
} }"""
_STATEMENT = """SELECT date(span_start_time), model_id, COUNT(*), SUM(total_cost), SUM(prompt_tokens),
  SUM(completion_tokens) FROM span_costs WHERE span_start_time >= ? AND span_start_time < ? GROUP BY 1, 2"""


def measure(folder: Path, written: int, read: int) -> Found:
    """Its three ways to write, one after the other into one database; then that is made larger and read."""
    found = Found(f"Arize Phoenix {version('arize-phoenix')}")
    times = read // written
    sent = list(calls(written, part=times))
    first, second = written // 10, written // 3
    with phoenix_server(folder) as address, closing(_opened(folder)) as database:
        for way, write, part in (
            ("a request for each span (`SimpleSpanProcessor`)", _one_by_one, sent[:first]),
            ("`client.spans.log_spans`", _logged, sent[first:second]),
            ("`register(batch=True)`", _in_batches, sent[second:]),
        ):
            until = SPANS * (part[-1].number + 1)
            began = time.perf_counter()
            write(address, part)
            _wait_until(database, until)
            found.writes.append(Written(way, len(part), time.perf_counter() - began))
        _grow(database, times)
        _read(found, address, database)
    return found


# ---------------------------------------------------------------------------------------------------------- writing


def _one_by_one(address: str, sent: Sequence[Call]) -> None:
    _spans(address, sent, batch=False)


def _in_batches(address: str, sent: Sequence[Call]) -> None:
    _spans(address, sent, batch=True)


def _spans(address: str, sent: Sequence[Call], *, batch: bool) -> None:
    """As its documents say: ``register()``, then spans of OpenTelemetry, each with its own times."""
    provider = register(
        endpoint=f"{address}/v1/traces", project_name=PROJECT, batch=batch, protocol="http/protobuf",
        set_global_tracer_provider=False, verbose=False,
    )  # fmt: skip
    tracer = provider.get_tracer("benchmark")
    for number, call in enumerate(sent, start=1):
        whole = tracer.start_span("ask", attributes=_whole(call), start_time=call.ns(0.0))
        inside = set_span_in_context(whole)
        for step in call.steps():
            span = tracer.start_span(step.name, inside, attributes=_step(step, call), start_time=call.ns(step.start_ms))
            span.end(call.ns(step.end_ms))
        whole.end(call.ns(call.latency_ms))
        if batch and number % BATCH == 0:
            provider.force_flush()  # its queue holds 2,048 spans, and drops what is more
    provider.force_flush()
    provider.shutdown()


def _logged(address: str, sent: Sequence[Call]) -> None:
    client = Client(base_url=address)
    for first in range(0, len(sent), BATCH):
        spans = [span for call in sent[first : first + BATCH] for span in _documents(call)]
        client.spans.log_spans(project_identifier=PROJECT, spans=spans, timeout=120)


def _documents(call: Call) -> Iterator[Any]:
    """The whole comes last, as in OpenTelemetry: Phoenix has less to do then."""
    root = f"{SPANS * call.number + 1:016x}"
    for number, step in enumerate(call.steps(), start=SPANS * call.number + 2):
        yield _document(call, step, f"{number:016x}", _step(step, call)) | {"parent_id": root}
    yield _document(call, call.whole, root, _whole(call))


def _document(call: Call, step: Step, span: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": step.name,
        "context": {"trace_id": call.trace_id, "span_id": span},
        "span_kind": attributes["openinference.span.kind"],
        "start_time": (call.started_at + timedelta(milliseconds=step.start_ms)).isoformat(),
        "end_time": (call.started_at + timedelta(milliseconds=step.end_ms)).isoformat(),
        "status_code": "OK",
        "attributes": attributes,
    }


def _whole(call: Call) -> dict[str, Any]:
    return {
        "openinference.span.kind": "CHAIN",
        "input.value": call.question,
        "output.value": call.answer,
        "user.id": call.user,
        "metadata": json.dumps({"kind": call.kind, "template": call.template}),
    }


def _step(step: Step, call: Call) -> dict[str, Any]:
    if step.name == "retrieve":
        documents = {f"retrieval.documents.{n}.document.content": text for n, text in enumerate(call.passages)}
        return {"openinference.span.kind": "RETRIEVER", "input.value": call.question, **documents}
    if step.name == "render":
        return {"openinference.span.kind": "CHAIN"}
    return {
        "openinference.span.kind": "LLM",
        "llm.model_name": call.model,
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": call.prompt,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": call.answer,
        "llm.token_count.prompt": call.prompt_tokens,
        "llm.token_count.completion": call.completion_tokens,
        "llm.token_count.total": call.prompt_tokens + call.completion_tokens,
    }


def _opened(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "phoenix.db", timeout=60)


def _wait_until(database: sqlite3.Connection, spans: int) -> None:
    """All of these are in the database: the server answers before that."""
    while database.execute("SELECT COUNT(*) FROM spans").fetchone()[0] < spans:
        time.sleep(WAIT_S)


# ---------------------------------------------------------------------------------------------------------- reading


def _grow(database: sqlite3.Connection, times: int) -> None:
    """Each copy is of later days, so that rows lie in the order of their time, as if they had been written so."""
    tables = ("traces", "spans", "span_costs", "span_cost_details")
    trace, span, cost, detail = (
        f"n * {database.execute(f'SELECT MAX(id) FROM {table}').fetchone()[0]} + t." for table in tables
    )
    later = f"strftime('%Y-%m-%d %H:%M:%f', t.{{}}, (n * {part_s(times)}) || ' seconds') || '000'"
    period = {name: later.format(name) for name in ("start_time", "end_time")}
    copied(database, times, {
        "traces": {"id": f"{trace}id", "trace_id": "t.trace_id || '-' || n", **period},
        "spans": {
            "id": f"{span}id", "trace_rowid": f"{trace}trace_rowid", "span_id": "t.span_id || '-' || n",
            "parent_id": "t.parent_id || '-' || n", **period,
        },
        "span_costs": {
            "id": f"{cost}id", "span_rowid": f"{span}span_rowid", "trace_rowid": f"{trace}trace_rowid",
            "span_start_time": later.format("span_start_time"),
        },
        "span_cost_details": {"id": f"{detail}id", "span_cost_id": f"{cost}span_cost_id"},
    })  # fmt: skip


def _read(found: Found, address: str, database: sqlite3.Connection) -> None:
    """Its API has the cost by day, and by model, not both at once; a statement over its tables has."""
    api = f"{address}/graphql"
    project = _asked(api)
    by_day = [day["totalCost"] for day in project["byDay"]["data"] if day["totalCost"]]
    period = tuple(moment.strftime("%Y-%m-%d %H:%M:%S.%f") for moment in (BEGIN, END))
    rows = database.execute(_STATEMENT, period).fetchall()
    found.traces, found.cost_usd = sum(row[2] for row in rows), sum(by_day)
    assert abs(sum(row[3] for row in rows) - found.cost_usd) < 1e-6 * found.cost_usd
    assert len(project["byModel"]) == len({row[1] for row in rows})
    found.reads.append(Read("GraphQL: by day, and by model", rounds_ms(lambda: _asked(api))))
    statement = rounds_ms(lambda: database.execute(_STATEMENT, period).fetchall())
    found.reads.append(Read("a statement of ours over its `span_costs`", statement, documented=False))


def _asked(api: str) -> dict[str, Any]:
    period = {"start": BEGIN.isoformat(), "end": END.isoformat()}
    body = json.dumps({"query": _QUERY, "variables": {"name": PROJECT, "range": period}}).encode()
    request = urllib.request.Request(api, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as response:
        document = json.load(response)
    assert "errors" not in document, document["errors"]
    return dict(document["data"]["project"])


if __name__ == "__main__":
    answer(measure)
