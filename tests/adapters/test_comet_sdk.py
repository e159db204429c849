"""Experiments, data versions and reading back: the real comet_ml over HTTP to a fake server."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.adapters.comet import CometMirror
from core.adapters.comet_experiments import table_of
from core.adapters.comet_reading import Head, traced
from core.errors import MirrorError, MirrorKeyRejected, MirrorRefused, MirrorUnreachable
from core.mirror.records import record_id, trace_record
from core.models import ExperimentRecord, MirroredTrace, MirrorThumb, Usage
from core.ports import DatasetFiles
from tests.adapters.comet_bench import failure, opened, timeout_for
from tests.fakes.comet_child import CometProcess
from tests.fakes.comet_server import KEY, FakeComet, Fault, Faults
from tests.fakes.comet_state import Version
from tests.fakes.comet_wire import json_answer
from tests.ledger.samples import START, trace

pytestmark = pytest.mark.usefixtures("comet_imported")


# ------------------------------------------------------------------------------------------------------ experiments


EXPERIMENT = ExperimentRecord(
    "exp-1",
    "Shorter answers",
    {"template": "cited-answer:v2", "temperature": 0.0, "cases": 12, "seed": None, "odd": float("nan")},
    {"passed": 0.75, "cost_usd": 0.0125, "unmeasured": None, "endless": float("inf")},
    ("case", "output", "score"),
    (("1", "=HYPERLINK(1)", 0.5), ("2", "a\ud800\nb", None), ("3", 'say "hi", you', True)),
    ("lab", "nightly"),
)
EXPERIMENT_KEY = record_id("exp-1")


def values_of(fake: FakeComet, key: str) -> dict[str, list[Any]]:
    return {name: [write.value for write in writes] for name, writes in fake.experiments[key].metrics.items()}


def test_an_experiment_has_parameters_metrics_tags_table_and_a_key_of_our_own(
    fake: FakeComet, mirror: CometMirror
) -> None:
    mirror.send_experiment(EXPERIMENT)
    made = fake.experiments[EXPERIMENT_KEY]
    assert (made.workspace, made.project, made.kind) == ("team", "traces-experiments", "normal")
    assert made.name == "Shorter answers"
    assert made.parameters == {
        "template": "cited-answer:v2",
        "temperature": 0.0,
        "cases": 12,
        "experiment_id": "exp-1",
    }
    assert values_of(fake, EXPERIMENT_KEY) == {"passed": [0.75], "cost_usd": [0.0125]}
    assert set(made.tags) == {"cuepoint", "lab", "nightly"}
    assert made.assets["runs.csv"].data == table_of(EXPERIMENT.columns, EXPERIMENT.rows)
    assert not made.running
    assert mirror.holds(EXPERIMENT_KEY)


def test_a_table_is_csv_without_formulas_and_with_empty_cells_for_the_unknown() -> None:
    lines = table_of(EXPERIMENT.columns, EXPERIMENT.rows).decode().splitlines()
    assert lines == ["case,output,score", "1,'=HYPERLINK(1),0.5", '2,"a\ufffd', 'b",', '3,"say ""hi"", you",True']


def test_an_experiment_that_is_sent_again_is_brought_up_to_date_and_not_doubled(
    fake: FakeComet, mirror: CometMirror
) -> None:
    mirror.send_experiment(EXPERIMENT)
    mirror.send_experiment(EXPERIMENT)
    assert values_of(fake, EXPERIMENT_KEY) == {"passed": [0.75], "cost_usd": [0.0125]}
    more = ExperimentRecord(
        "exp-1", "Shorter answers", {"cases": 13}, {"passed": 0.8, "cost_usd": 0.0125}, tags=("lab",)
    )
    mirror.send_experiment(more)
    assert values_of(fake, EXPERIMENT_KEY) == {"passed": [0.75, 0.8], "cost_usd": [0.0125]}
    assert fake.experiments[EXPERIMENT_KEY].parameters["cases"] == 13
    assert fake.experiments[EXPERIMENT_KEY].created == 1
    assert len(fake.experiments) == 1


@pytest.mark.parametrize(
    ("path", "fault", "kind"),
    [
        ("experiment/metadata", "401", MirrorKeyRejected),
        ("experiment/metadata", "500", MirrorUnreachable),
        ("experiment/metadata", "hang", MirrorUnreachable),
        ("logger/add/run", "401", MirrorKeyRejected),
        ("logger/add/run", "403", MirrorKeyRejected),
        ("logger/add/run", "429", MirrorUnreachable),
        ("logger/add/run", "500", MirrorUnreachable),
        ("logger/add/run", "hang", MirrorUnreachable),
        ("logger/add/run", "commit-500", MirrorUnreachable),
        ("logger/add/run", "html", MirrorUnreachable),
        ("write/experiment/parameter", "400", MirrorRefused),
        ("write/experiment/metric", "commit-refuse", MirrorUnreachable),
        ("write/experiment/upload-asset", "cut", MirrorUnreachable),
    ],
)
def test_an_experiment_that_failed_anywhere_is_completed_by_the_next_attempt(
    fake: FakeComet, mirror: CometMirror, path: str, fault: str, kind: type[MirrorError]
) -> None:
    with opened(fake.url, comet_timeout_s=timeout_for(fault)) as first:
        fake.faults = Faults().script(path, fault)
        begin = time.perf_counter()
        error = failure(lambda: first.send_experiment(EXPERIMENT))
        assert time.perf_counter() - begin < 10
    assert type(error) is kind
    assert KEY not in str(error)
    mirror.send_experiment(EXPERIMENT)
    assert values_of(fake, EXPERIMENT_KEY) == {"passed": [0.75], "cost_usd": [0.0125]}
    assert len(fake.experiments) == 1


def test_a_server_that_refuses_is_seen_before_comet_ml_would_wait_for_it(fake: FakeComet, mirror: CometMirror) -> None:
    fake.pause_listening()
    begin = time.perf_counter()
    try:
        error = failure(lambda: mirror.send_experiment(EXPERIMENT))
    finally:
        fake.resume_listening()
    assert time.perf_counter() - begin < 10
    assert isinstance(error, MirrorUnreachable)
    assert not error.unsure


def test_a_project_of_llm_records_is_named_where_experiments_are_refused(fake: FakeComet, mirror: CometMirror) -> None:
    fake.put_experiment("e" * 32, project="traces-experiments", kind="LLM")
    error = failure(lambda: mirror.send_experiment(EXPERIMENT))
    assert type(error) is MirrorRefused
    assert "traces-experiments" in str(error)
    assert "COMET_PROJECT_NAME" in str(error)


def test_records_and_experiments_do_not_share_a_project(fake: FakeComet, mirror: CometMirror) -> None:
    one = trace_record(trace("t1"))
    mirror.send_experiment(EXPERIMENT)
    assert mirror.send([one]) == [None]
    assert fake.experiments[one.id].project != fake.experiments[EXPERIMENT_KEY].project


def test_every_endpoint_that_comet_ml_calls_is_known_to_the_fake(fake: FakeComet, mirror: CometMirror) -> None:
    mirror.send_experiment(EXPERIMENT)
    assert fake.unknown == []


# ---------------------------------------------------------------------------------------------------- data versions


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetFiles:
    data, manifest = tmp_path / "some data.jsonl", tmp_path / "manifest.json"
    data.write_text('{"text": "Größe"}\n' * 500, encoding="utf-8")
    manifest.write_text("{}")
    about = {"videos": 3, "note": None, "odd": float("nan")}
    return DatasetFiles("4f2a9c", "library", ("latest",), about, {"data.jsonl": data, "manifest.json": manifest})


def closed(fake: FakeComet, name: str = "library") -> list[Version]:
    return [version for version in fake.artifacts["team", name].versions if version.state == "CLOSED"]


def test_a_version_is_an_artifact_with_its_files_aliases_and_metadata(
    fake: FakeComet, mirror: CometMirror, dataset: DatasetFiles
) -> None:
    mirror.send_dataset(dataset)
    [version] = closed(fake)
    assert {"latest", "4f2a9c"} <= version.aliases
    assert {name: asset.data for name, asset in version.assets.items()} == {
        name: file.read_bytes() for name, file in dataset.files.items()
    }
    told = json.loads(version.metadata or "")
    size = sum(file.stat().st_size for file in dataset.files.values())
    assert told == {"videos": 3, "note": None, "version": "4f2a9c", "bytes": size, "created_from": "cuepoint"}
    about = json.loads(version.assets["data.jsonl"].metadata or "")
    assert about["sha256"] == hashlib.sha256(dataset.files["data.jsonl"].read_bytes()).hexdigest()
    assert fake.artifacts["team", "library"].kind == "dataset"
    assert fake.experiments[version.experiment_key].name == "library 4f2a9c"
    assert fake.unknown == []


def test_a_version_that_is_there_is_left_alone(fake: FakeComet, mirror: CometMirror, dataset: DatasetFiles) -> None:
    mirror.send_dataset(dataset)
    fake.counts.clear()
    mirror.send_dataset(dataset)
    assert len(closed(fake)) == 1
    assert dict(fake.counts) == {"/api/rest/v2/artifacts/get": 1}


def test_a_large_version_is_references_with_sizes_and_hashes(fake: FakeComet, dataset: DatasetFiles) -> None:
    with opened(fake.url, dataset_upload_mb=0.001) as mirror:
        mirror.send_dataset(dataset)
        mirror.send_dataset(dataset)
    [version] = closed(fake)
    asset, file = version.assets["data.jsonl"], dataset.files["data.jsonl"]
    assert asset.data == b""
    assert asset.link == file.as_uri()
    content = file.read_bytes()
    assert json.loads(asset.metadata or "") == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("artifacts/get", "500"),
        ("logger/add/run", "500"),
        ("artifacts/upsert", "500"),
        ("artifacts/upsert", "commit-500"),
        ("artifacts/upsert", "429"),
        ("artifacts/upsert", "hang"),
        ("artifacts/state", "400"),
        ("artifacts/state", "500"),
    ],
)
def test_a_version_that_failed_anywhere_is_whole_once_after_the_next_attempt(
    fake: FakeComet, mirror: CometMirror, dataset: DatasetFiles, path: str, fault: str
) -> None:
    with opened(fake.url, comet_timeout_s=timeout_for(fault)) as first:
        fake.faults = Faults().script(path, fault)
        error = failure(lambda: first.send_dataset(dataset))
    assert isinstance(error, MirrorUnreachable)
    mirror.send_dataset(dataset)
    [version] = closed(fake)
    assert len(version.assets) == 2


def test_a_file_that_is_gone_is_named(fake: FakeComet, mirror: CometMirror, dataset: DatasetFiles) -> None:
    dataset.files["data.jsonl"].unlink()
    error = failure(lambda: mirror.send_dataset(dataset))
    assert type(error) is MirrorRefused
    assert error.subject == "data.jsonl"
    assert fake.artifacts == {}


def test_two_versions_of_one_kind_are_versions_of_one_artifact(
    fake: FakeComet, mirror: CometMirror, dataset: DatasetFiles
) -> None:
    mirror.send_dataset(dataset)
    mirror.send_dataset(DatasetFiles("77", "library", ("latest",), {}, dataset.files))
    first, second = closed(fake)
    assert "latest" not in first.aliases
    assert {"latest", "77"} <= second.aliases


# ------------------------------------------------------------------------------------------------------ reading back


def read(mirror: CometMirror, since: datetime | None = None) -> list[MirroredTrace]:
    return [one for page in mirror.read_back(since) for one in page]


def test_what_we_sent_comes_back_as_it_was(fake: FakeComet, mirror: CometMirror) -> None:
    sent = trace("01890a5d-ac96-774b-bcce-b302099a8057")
    mirror.send([trace_record(sent)])
    mirror.send_thumb(MirrorThumb(record_id(sent.trace_id), -1, {}), unsure=False)
    assert read(mirror) == [
        MirroredTrace(
            record_id=record_id(sent.trace_id),
            trace_id=sent.trace_id,
            name="What is a vector?",
            kind="ask",
            started_at=sent.started_at,
            user="ada@example.org",
            template="answer",
            model="gpt-x",
            usage=Usage(101, 102, 103, 104),
            total_tokens=203,
            cost_usd=0.00125,
            latency_ms=905.25,
            feedback=-1,
        )
    ]


def test_what_nobody_measured_comes_back_unknown(fake: FakeComet, mirror: CometMirror) -> None:
    unknown = {"usage": Usage(), "cost_usd": None, "latency_ms": None, "model": None}
    mirror.send([trace_record(trace("t1", answer_changes=unknown))])
    [back] = read(mirror)
    assert (back.usage, back.total_tokens, back.cost_usd, back.latency_ms) == (Usage(), None, None, None)
    assert (back.model, back.feedback) == (None, None)


def test_what_other_programs_log_with_comet_llm_is_read_too(
    fake: FakeComet, mirror: CometMirror, tmp_path: Path
) -> None:
    program = """
import comet_llm
place = {"workspace": "team", "project": "traces"}
comet_llm.log_prompt("p", "o", metadata={"model": "small", "usage.total_tokens": 12}, duration=250, **place)
counted = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
counted["prompt_tokens_details"] = {"cached_tokens": 3}
comet_llm.start_chain({"messages": []}, metadata={"type": "openai_chat", "model": "large", "user": "bo"}, **place)
done = comet_llm.end_chain({"choices": []}, metadata={"usage": counted, "output_model": "large-2026"})
import comet_llm.api
comet_llm.log_user_feedback(done.id, 0)
result = done.id
"""
    with CometProcess(fake.url, KEY, tmp_path) as others:
        rated = others.run(program)
    found = {one.model: one for one in read(mirror)}
    assert found["small"].total_tokens == 12
    assert found["small"].usage == Usage()
    assert found["small"].latency_ms == 250
    large = found["large"]
    assert (large.record_id, large.trace_id, large.kind, large.user) == (rated, None, "openai_chat", "bo")
    assert large.usage == Usage(7, 5, 3, None)
    assert large.feedback == -1
    assert abs(large.started_at - datetime.now(UTC)) < timedelta(hours=1)


def key_of(n: int) -> str:
    return f"{n:032x}"


def many(fake: FakeComet, count: int) -> datetime:
    """Records of another program, one a minute; the time of the oldest."""
    begin_ms = round(START.timestamp() * 1000)
    for n in range(count):
        fake.put_experiment(
            key_of(n),
            start_ms=begin_ms + 60_000 * n,
            parameters={"usage.prompt_tokens": n, "cost_usd": 0.001},
            metrics={"chain_duration": [5.0, n]},
        )
    return START


def test_5000_records_are_read_in_under_120_requests_newest_first(fake: FakeComet, mirror: CometMirror) -> None:
    many(fake, 5000)
    fake.requests.clear()
    pages = list(mirror.read_back(None))
    assert len(fake.requests) < 120
    assert len(fake.requests) == 51
    assert [len(page) for page in pages] == [100] * 50
    found = [one for page in pages for one in page]
    assert [one.record_id for one in found] == [key_of(n) for n in reversed(range(5000))]
    assert all(one.usage.prompt_tokens == one.latency_ms for one in found)


def test_reading_stops_at_the_time_that_was_asked_for(fake: FakeComet, mirror: CometMirror) -> None:
    begin = many(fake, 1000)
    fake.requests.clear()
    found = read(mirror, begin + timedelta(minutes=899.5))
    assert [one.record_id for one in found] == [key_of(n) for n in range(999, 899, -1)]
    assert len(fake.requests) <= 4


def test_pages_are_read_as_they_are_asked_for(fake: FakeComet, mirror: CometMirror) -> None:
    many(fake, 500)
    pages = mirror.read_back(None)
    next(pages)
    assert fake.counts["/api/rest/v2/experiments/multi-metric-chart"] == 1


def test_a_project_that_is_not_there_yet_has_no_records(mirror: CometMirror) -> None:
    assert read(mirror) == []


NONSENSE: dict[str, Any] = {
    "created_from": "cuepoint",
    "trace_id": "not this record's",
    "started_at": "yesterday",
    "model": "\ud800" * 5000,
    "kind": "",
    "usage.prompt_tokens": "many",
    "usage.completion_tokens": "-3",
    "usage.total_tokens": "1e400",
    "usage.prompt_tokens_details.cached_tokens": "2.5",
    "cost_usd": "NaN",
    "total_cost": "0.25",
}


def test_a_record_with_nonsense_is_read_as_far_as_it_goes_and_stops_no_other(
    fake: FakeComet, mirror: CometMirror
) -> None:
    many(fake, 3)
    fake.put_experiment("f" * 32, parameters=NONSENSE, metrics={"feedback": "x", "chain_duration": "slow"})
    fake.put_experiment("e" * 32, parameters={}, metrics={})
    found = {one.record_id: one for one in read(mirror)}
    assert len(found) == 5
    odd = found["f" * 32]
    assert (odd.trace_id, odd.kind, odd.usage, odd.total_tokens, odd.feedback) == (None, "llm", Usage(), None, None)
    assert (odd.cost_usd, odd.latency_ms) == (0.25, None)
    assert odd.model is not None
    assert len(odd.model) < 300


@pytest.mark.parametrize(
    "values",
    [None, [], "x", {"params": [], "metrics": {}}, {"params": None, "metrics": [None, 3, {"metricName": "feedback"}]},
     {"metrics": [{"metricName": "feedback", "values": []}, {"metricName": None, "values": "x"}]}],
)  # fmt: skip
def test_values_of_any_form_leave_a_record_without_them(values: Any) -> None:
    assert traced(Head("a", "", 1_700_000_000_000), values) == MirroredTrace(
        "a", None, "", "llm", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    )


@pytest.mark.parametrize("start_ms", [None, 0, 10**18])
def test_a_record_of_which_nobody_knows_when_it_began_is_left_out(start_ms: int | None) -> None:
    assert traced(Head("a", "", start_ms), {}) is None


@pytest.mark.parametrize(
    ("raw", "shown", "thumb"),
    [
        ([1, -1], [1, 0], -1),
        ([0], [1], 0),
        ([], [1], 1),
        ([], [0], -1),
        ([], [0.5], None),
        ([7], [1], 1),
        ([], [], None),
    ],
)
def test_feedback_is_our_raw_metric_or_else_comets_own(
    fake: FakeComet, mirror: CometMirror, raw: list[Any], shown: list[Any], thumb: int | None
) -> None:
    metrics = {name: values for name, values in (("feedback", raw), ("user_feedback", shown)) if values}
    fake.put_experiment("a" * 32, metrics=metrics)
    [back] = read(mirror)
    assert back.feedback == thumb


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("401", MirrorKeyRejected), ("403", MirrorKeyRejected), ("500", MirrorUnreachable), ("html", MirrorUnreachable),
     ("hang", MirrorUnreachable), ("cut", MirrorUnreachable), ("429", MirrorUnreachable),
     ("trickle", MirrorUnreachable)],
)  # fmt: skip
@pytest.mark.parametrize("path", ["v2/experiments", "multi-metric-chart"])
def test_reading_that_fails_is_told_apart(fake: FakeComet, path: str, fault: str, kind: type[MirrorError]) -> None:
    many(fake, 3)
    with opened(fake.url, comet_timeout_s=timeout_for(fault)) as mirror:
        fake.faults = Faults().script(path, fault)
        begin = time.perf_counter()
        error = failure(lambda: read(mirror))
    assert time.perf_counter() - begin < 10
    assert type(error) is kind
    assert KEY not in str(error)


@pytest.mark.parametrize("content", [{"experiments": None}, {}, [], {"experiments": [None]}, {"experiments": "x"}])
def test_a_list_of_another_form_is_no_answer_of_comet(fake: FakeComet, mirror: CometMirror, content: Any) -> None:
    fake.faults = Faults().script("v2/experiments", Fault("odd", json_answer(content)))
    error = failure(lambda: read(mirror))
    assert type(error) is MirrorUnreachable
    assert "no answer of Comet" in str(error)


def test_an_experiment_without_a_key_is_left_out_of_the_list(fake: FakeComet, mirror: CometMirror) -> None:
    listed = {"experiments": [{"experimentKey": None}, {"experimentKey": "a", "startTimeMillis": "soon"}]}
    fake.faults = Faults().script("v2/experiments", Fault("odd", json_answer(listed)))
    assert read(mirror) == []
