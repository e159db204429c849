"""MLflow Tracing with its SQLite, in an environment of its own: what writing costs, and the sums of its costs.

``python -m benchmarks.mlflow_peer FOLDER WRITTEN READ``. It is called in this process, without a server between.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import mlflow
from mlflow.entities import Span
from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricDataPoint, MetricViewType
from mlflow.store.db.trace_rollups import run_sql_trace_rollups
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire

from benchmarks.peer_process import BATCH, Found, Read, Written, answer, copied, rounds_ms, timed_s
from benchmarks.tracing_traffic import BEGIN, END, SPANS, Call, Step, calls, part_s

DAY_S = 86_400


def measure(folder: Path, written: int, read: int) -> Found:
    """Its three ways to write, one after the other into one database; then that is made larger and read."""
    found = Found(f"MLflow {version('mlflow')}")
    folder.mkdir(parents=True)
    file = folder / "mlflow.db"
    mlflow.set_tracking_uri(f"sqlite:///{file}")
    experiment = mlflow.create_experiment("cuepoint", artifact_location=str(folder / "artifacts"))
    mlflow.set_experiment(experiment_id=experiment)
    store = SqlAlchemyStore(f"sqlite:///{file}", str(folder / "artifacts"))
    times = read // written
    sent = list(calls(written, part=times))
    first, second = written // 20, written // 10
    found.writes += [
        _fluent("`start_span`, waiting for each", sent[:first], asynchronous=False),
        _fluent("`start_span`, in the background", sent[first:second], asynchronous=True),
        _in_batches(store, experiment, sent[second:]),
    ]
    with closing(sqlite3.connect(file, timeout=60)) as database:
        _grow(database, times)
    _read(found, store, experiment)
    return found


# ---------------------------------------------------------------------------------------------------------- writing


def _fluent(way: str, sent: Sequence[Call], *, asynchronous: bool) -> Written:
    """As its documents say, but with the times of the call."""
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = str(asynchronous).lower()
    mlflow.tracing.reset()

    def write() -> None:
        for call in sent:
            _log(call)
        if asynchronous:
            mlflow.flush_trace_async_logging()

    return Written(way, len(sent), timed_s(write))


def _log(call: Call) -> None:
    whole = mlflow.start_span_no_context(
        "ask", "CHAIN", inputs=call.question, attributes={"kind": call.kind, "template": call.template},
        metadata={"mlflow.trace.user": call.user}, start_time_ns=call.ns(0.0),
    )  # fmt: skip
    for step in call.steps():
        kind = "LLM" if step.name == "generate" else "CHAIN"
        span = mlflow.start_span_no_context(step.name, kind, whole, start_time_ns=call.ns(step.start_ms))
        if step.name == "retrieve":
            span.set_outputs(list(call.passages))
        if step.name == "generate":
            span.set_inputs(call.prompt)
            span.set_attributes({"mlflow.llm.model": call.model, **_counted(call)})
            span.set_outputs(call.answer)
        span.end(end_time_ns=call.ns(step.end_ms))
    whole.set_outputs(call.answer)
    whole.end(end_time_ns=call.ns(call.latency_ms))


def _counted(call: Call) -> dict[str, dict[str, float]]:
    prompt, completion = call.prompt_tokens, call.completion_tokens
    return {
        "mlflow.chat.tokenUsage": {
            "input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion
        },
        "mlflow.llm.cost": {
            "input_cost": call.prompt_usd, "output_cost": call.completion_usd, "total_cost": call.cost_usd
        },
    }  # fmt: skip


def _in_batches(store: SqlAlchemyStore, experiment: str, sent: Sequence[Call]) -> Written:
    """What its server does with a batch of OTLP, without the server."""

    def write() -> None:
        for first in range(0, len(sent), BATCH):
            wires = [wire for call in sent[first : first + BATCH] for wire in _wires(call)]
            store.log_spans(experiment, [Span.from_otel_proto(wire) for wire in wires])

    return Written("OTLP spans, `store.log_spans`", len(sent), timed_s(write))


def _wires(call: Call) -> Iterator[Wire]:
    root = _span_id(call, 0)
    whole = {
        "mlflow.spanType": "CHAIN", "mlflow.spanInputs": call.question, "mlflow.spanOutputs": call.answer,
        "user.id": call.user, "kind": call.kind, "template": call.template,
    }  # fmt: skip
    yield _wire(call, call.whole, root, b"", whole)
    for position, step in enumerate(call.steps(), start=1):
        yield _wire(call, step, _span_id(call, position), root, _step(step, call))


def _step(step: Step, call: Call) -> dict[str, str]:
    if step.name == "retrieve":
        return {"mlflow.spanType": "CHAIN", "mlflow.spanOutputs": json.dumps(call.passages)}
    if step.name == "render":
        return {"mlflow.spanType": "CHAIN"}
    counted = {key: json.dumps(value) for key, value in _counted(call).items()}
    texts = {"mlflow.spanInputs": call.prompt, "mlflow.spanOutputs": call.answer}
    return {"mlflow.spanType": "LLM", "mlflow.llm.model": call.model, **texts, **counted}


def _wire(call: Call, step: Step, span: bytes, parent: bytes, attributes: Mapping[str, str]) -> Wire:
    return Wire(
        trace_id=bytes.fromhex(call.trace_id), span_id=span, parent_span_id=parent, name=step.name,
        start_time_unix_nano=call.ns(step.start_ms), end_time_unix_nano=call.ns(step.end_ms),
        attributes=[KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in attributes.items()],
    )  # fmt: skip


def _span_id(call: Call, position: int) -> bytes:
    return (SPANS * call.number + position + 1).to_bytes(8, "big")


# ---------------------------------------------------------------------------------------------------------- reading


def _grow(database: sqlite3.Connection, times: int) -> None:
    """Each copy is of later days, so that rows lie in the order of their time, as if they had been written so."""
    later_ms = f"n * {1000 * part_s(times)}"
    request = {"request_id": "t.request_id || '-' || n"}
    span = {"trace_id": "t.trace_id || '-' || n"}
    for name in ("start_time_unix_nano", "end_time_unix_nano"):
        span[name] = f"t.{name} + {later_ms} * 1000000"
    info = {**request, "timestamp_ms": f"t.timestamp_ms + {later_ms}"}
    tables = {"trace_info": info, "trace_tags": request, "trace_request_metadata": request, "spans": span}
    copied(database, times, tables)


def _read(found: Found, store: SqlAlchemyStore, experiment: str) -> None:
    """As its own charts ask; and once more with its daily sums, which are off as it comes and made at night."""
    points = _asked(store, experiment)
    found.cost_usd = sum(point.values["SUM"] for point in points)
    count = [MetricAggregation(AggregationType.COUNT)]
    [counted] = store.query_trace_metrics([experiment], MetricViewType.TRACES, "trace_count", count)
    found.traces = int(counted.values["COUNT"])
    found.reads.append(Read("`query_trace_metrics`", rounds_ms(lambda: _asked(store, experiment))))
    os.environ["MLFLOW_SQL_TRACE_ROLLUPS_ENABLED"] = "true"
    run_sql_trace_rollups(store.engine)
    again = sum(point.values["SUM"] for point in _asked(store, experiment))
    assert abs(again - found.cost_usd) < 1e-6 * found.cost_usd
    summed = rounds_ms(lambda: _asked(store, experiment))
    found.reads.append(Read("the same with its nightly rollups on", summed, documented=False))


def _asked(store: SqlAlchemyStore, experiment: str) -> list[MetricDataPoint]:
    points = store.query_trace_metrics(
        [experiment], MetricViewType.SPANS, "total_cost", [MetricAggregation(AggregationType.SUM)],
        dimensions=["span_model_name"], time_interval_seconds=DAY_S,
        start_time_ms=int(BEGIN.timestamp() * 1000), end_time_ms=int(END.timestamp() * 1000) - 1,
    )  # fmt: skip
    return list(points)


if __name__ == "__main__":
    answer(measure)
