"""The fake Comet against the real SDKs: what they write arrives, what they read is right, and each fault shows."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.fakes.comet_child import ROOT, CometProcess, Raised
from tests.fakes.comet_server import FAULTS, KEY, FakeComet, Fault, Faults, Request
from tests.fakes.comet_wire import request_of

RECORD, OTHER = "a" * 32, "b" * 32
LLM = "write/experiment/llm"
ASSET = {
    "version": 3,
    "chain_nodes": [],
    "chain_inputs": {"question": "Why cosine?"},
    "chain_outputs": {"answer": "Directions."},
    "start_timestamp": 1_700_000_000_000,
    "end_timestamp": 1_700_000_002_500,
    "chain_duration": 2500,
}
CLIENT = """
from comet_llm.experiment_api.comet_api_client import CometAPIClient
patient = requests.Session()
plain = patient.request
patient.request = lambda *a, **k: plain(*a, timeout=(1, 0.4), **k)
client = CometAPIClient(key, root, patient)
"""
SEND = (
    CLIENT
    + """
result = client.log_chain(record, asset, "team", "traces", {"model": "small", "temperature": 0.3},
                          {"chain_duration": 2500}, ["ask"], {"Name": "Why cosine?"})
"""
)
CHART = "result = comet_ml.API(cache=False).get_metrics_for_chart([record], ['chain_duration'], ['model'])"
EXPERIMENT = "run = comet_ml.Experiment(workspace='team', project_name='lab', **SILENT)\n"
ARTIFACT = (
    EXPERIMENT
    + """
open('data.jsonl', 'w').write('{"id": 1}')
artifact = comet_ml.Artifact('library', 'dataset', version=version, aliases=['current'], metadata={'chunks': 3})
artifact.add('data.jsonl')
artifact.add_remote('https://example.invalid/large', 'large', sync_mode=False)
try:
    run.log_artifact(artifact)
finally:
    run.end()
"""
)


@pytest.fixture(scope="module")
def server() -> Iterator[FakeComet]:
    with FakeComet() as fake:
        yield fake


@pytest.fixture(scope="module")
def sdk(server: FakeComet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CometProcess]:
    limits = {"COMET_TIMEOUT_API": "1", "COMET_TIMEOUT_HTTP": "1"}
    with CometProcess(server.url, KEY, tmp_path_factory.mktemp("comet"), **limits) as process:
        yield process


@pytest.fixture
def fake(server: FakeComet) -> Iterator[FakeComet]:
    server.reset()
    yield server
    assert server.unknown == []


def send(sdk: CometProcess, fake: FakeComet, record: str = RECORD, key: str = KEY) -> Any:
    return sdk.run(SEND, record=record, asset=ASSET, key=key, root=fake.root)


def raised_by(sdk: CometProcess, code: str, **values: Any) -> Raised:
    with pytest.raises(Raised) as caught:
        sdk.run(code, **values)
    return caught.value


def post(fake: FakeComet, path: str, data: bytes | str, key: str = KEY) -> requests.Response:
    return requests.post(f"{fake.root}api/rest/v2/{path}", data, headers={"Authorization": key}, timeout=5)


def record_of(key: str, project: str = "traces", workspace: str = "team") -> dict[str, Any]:
    place = {"workspaceName": workspace, "projectName": project, "type": "LLM"}
    return {"experimentKey": key, "createExperimentRequest": place, "metrics": [], "parameters": []}


# ------------------------------------------------------------------------------------------------------ LLM records


def test_a_record_arrives_with_everything_that_it_holds(fake: FakeComet, sdk: CometProcess) -> None:
    content = send(sdk, fake)
    assert content["experimentKey"] == RECORD
    assert content["link"].endswith(f"/team/traces/{RECORD}")
    one = fake.experiments[RECORD]
    assert (one.workspace, one.project, one.kind, one.created) == ("team", "traces", "LLM", 1)
    assert one.parameters == {"model": "small", "temperature": 0.3}
    assert [write.value for write in one.metrics["chain_duration"]] == [2500]
    assert (one.tags, one.name) == (["ask"], "Why cosine?")
    assert json.loads(one.assets["comet_llm_data.json"].data) == ASSET
    assert (one.start_ms, one.end_ms) == (ASSET["start_timestamp"], ASSET["end_timestamp"])
    assert fake.counts[f"/api/rest/v2/{LLM}"] == 1
    assert fake.requests[-1].status == 200


def test_the_message_of_a_prompt_is_sent_under_our_own_id(fake: FakeComet, sdk: CometProcess) -> None:
    code = """
from comet_llm import experiment_info
from comet_llm.message_processing import messages
from comet_llm.message_processing.online_senders import prompt
info = experiment_info.ExperimentInfo(api_key=key, workspace="team", project_name="traces")
message = messages.PromptMessage(experiment_info_=info, id=record, prompt_asset_data=asset, duration=2500,
                                 metadata={"usage": {"prompt_tokens": 12}}, tags=["ask"])
result = prompt.send(message).id
"""
    assert sdk.run(code, record=RECORD, asset=ASSET, key=KEY) == RECORD
    assert fake.experiments[RECORD].parameters == {"usage.prompt_tokens": 12}


def test_a_second_creation_is_counted_and_writes_its_metrics_again(fake: FakeComet, sdk: CometProcess) -> None:
    send(sdk, fake)
    send(sdk, fake)
    one = fake.experiments[RECORD]
    assert (one.created, len(one.metrics["chain_duration"])) == (2, 2)
    assert one.assets["comet_llm_data.json"].uploads == 2


def test_later_writes_are_added_to_the_record(fake: FakeComet, sdk: CometProcess) -> None:
    send(sdk, fake)
    code = """
import io
client.log_experiment_metric(record, "feedback_raw", -1)
client.log_experiment_parameter(record, "comment", "too short")
client.log_experiment_other(record, "Name", "Another")
client.log_experiment_tags(record, ["thumb"])
client.log_experiment_asset_with_io(record, "note.txt", io.BytesIO(b"\\x00text\\r\\n"), "note")
comet_llm.log_user_feedback(record, 1, api_key=key)
comet_llm.log_user_feedback(record, 0, api_key=key)
result = client.get_experiment_metadata(record)
"""
    metadata = sdk.run(code, record=RECORD, key=KEY)
    one = fake.experiments[RECORD]
    assert [write.value for write in one.metrics["user_feedback"]] == [1, 0]
    assert (one.last("feedback_raw"), one.last("user_feedback"), one.last("none")) == (-1, 0, None)
    assert (one.parameters["comment"], one.name, one.tags) == ("too short", "Another", ["ask", "thumb"])
    assert one.assets["note.txt"].data == b"\x00text\r\n"
    assert (metadata["workspaceName"], metadata["experimentName"]) == ("team", "Another")
    assert metadata["durationMillis"] == 2500


def test_the_metadata_of_a_record_that_is_not_there_is_a_404(fake: FakeComet, sdk: CometProcess) -> None:
    code = CLIENT + "client.get_experiment_metadata(record)"
    raised = raised_by(sdk, code, record=RECORD, key=KEY, root=fake.root)
    assert (raised.kinds[0], raised.status) == ("requests.exceptions.HTTPError", 404)


def test_feedback_for_a_record_that_is_not_there_is_a_400(fake: FakeComet, sdk: CometProcess) -> None:
    code = CLIENT + "client.log_experiment_metric(record, 'user_feedback', 1)"
    assert raised_by(sdk, code, record=RECORD, key=KEY, root=fake.root).status == 400


def test_each_record_of_a_batch_has_its_own_answer(fake: FakeComet) -> None:
    fake.put_experiment("c" * 32, project="lab", kind="normal")
    fake.rejected["d" * 32] = 403
    batch = [record_of(RECORD), record_of(OTHER, "lab"), record_of("short"), record_of("d" * 32)]
    answer = post(fake, LLM, json.dumps(batch)).json()
    assert {key: one["status"] for key, one in answer.items()} == {
        RECORD: 200,
        OTHER: 400,
        "short": 400,
        "d" * 32: 403,
    }
    assert answer[OTHER]["content"]["sdk_error_code"] == 34323
    assert set(fake.experiments) == {"c" * 32, RECORD}


def test_what_is_no_json_or_too_large_is_refused_whole(fake: FakeComet) -> None:
    assert post(fake, LLM, '[{"experimentKey": NaN}]').status_code == 400
    assert post(fake, LLM, "{").status_code == 400
    assert post(fake, LLM, '[{"experimentKey": 1, "parameters": 7}]').json()["1"]["status"] == 400
    fake.largest = 1000
    assert post(fake, LLM, json.dumps([record_of(RECORD)]) + " " * 1000).status_code == 413
    assert fake.experiments == {}


# ------------------------------------------------------------------------------------------------------------ reads


def test_five_thousand_records_are_read_in_pages_with_few_requests(fake: FakeComet, sdk: CometProcess) -> None:
    begun = time.monotonic()
    for n in range(5000):
        one = {
            "metrics": {"tokens": n, "user_feedback": [0, 1]},
            "parameters": {"model": "small"},
            "start_ms": 1000 + n,
        }
        fake.put_experiment(f"{n:032d}", **one)
    assert time.monotonic() - begun < 2
    code = """
api = comet_ml.API(cache=False)
keys, charts, page = [], {}, 1
while True:
    place = {"workspaceName": "team", "projectName": "traces", "archived": False}
    paging = {"page": page, "size": 100, "sortBy": "startTime", "sortOrder": "desc"}
    found = api._client.get_from_endpoint("experiments", place | paging)["experiments"]
    if not found:
        break
    keys += [one["experimentKey"] for one in found]
    charts |= api.get_metrics_for_chart(keys[-len(found):], ["tokens", "user_feedback"], ["model"])
    page += 1
result = [len(set(keys)), keys[0], charts[keys[0]]]
"""
    count, newest, chart = sdk.run(code)
    assert (count, newest) == (5000, f"{4999:032d}")
    assert [(series["metricName"], series["values"]) for series in chart["metrics"]] == [
        ("tokens", ["4999"]),
        ("user_feedback", ["0", "1"]),
    ]
    assert chart["params"] == {"model": "small"}
    assert len(fake.requests) < 120


def test_a_single_experiment_is_read_in_every_part(fake: FakeComet, sdk: CometProcess) -> None:
    send(sdk, fake)
    code = """
api = comet_ml.API(cache=False)
[one] = api.get_experiments("team", "traces")
asset = one.get_asset_list()[0]
result = {
    "metrics": [(m["name"], m["valueCurrent"]) for m in one.get_metrics_summary()],
    "writes": [m["metricValue"] for m in one.get_metrics("chain_duration") + one.get_metrics()],
    "parameters": {p["name"]: p["valueCurrent"] for p in one.get_parameters_summary()},
    "others": one.get_others_summary("Name"),
    "tags": one.get_tags(),
    "asset": json.loads(one.get_asset(asset["assetId"])),
    "places": [api.get_workspaces(), api.get_projects("team"), api.get_default_workspace()],
    "project": api.get_project("team", "traces")["numberOfExperiments"],
    "none": api.get_project("team", "nothing"),
}
"""
    assert sdk.run(code) == {
        "metrics": [["chain_duration", "2500"]],
        "writes": ["2500", "2500"],
        "parameters": {"model": "small", "temperature": "0.3"},
        "others": ["Why cosine?"],
        "tags": ["ask"],
        "asset": ASSET,
        "places": [["team"], ["traces"], "team"],
        "project": 1,
        "none": None,
    }


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("query.Metric('tokens') > 5", [OTHER]),
        ("query.Parameter('model') == 'small'", [RECORD]),
        ("query.Parameter('model').startswith('s') & (query.Metric('tokens') == 9)", []),
        ("query.Other('Name').contains('?')", [RECORD]),
        ("query.Tag('ask')", [RECORD]),
        ("query.Parameter('model') == None", [OTHER]),
    ],
)
def test_a_query_finds_what_fulfils_every_rule(fake: FakeComet, sdk: CometProcess, rule: str, found: list[str]) -> None:
    what = {"parameters": {"model": "small"}, "others": {"Name": "Why?"}, "tags": ["ask"]}
    fake.put_experiment(RECORD, metrics={"tokens": 4}, **what)
    fake.put_experiment(OTHER, metrics={"tokens": 9})
    code = f"from comet_ml import query\nfound = comet_ml.API(cache=False).query('team', 'traces', {rule})"
    assert sdk.run(code + "\nresult = [one.key for one in found]") == found


# ------------------------------------------------------------------------------------------ experiments and artifacts


def test_an_experiment_arrives_with_its_parameters_metrics_and_table(fake: FakeComet, sdk: CometProcess) -> None:
    code = """
run.log_parameters({"model": "small", "k": 8})
run.log_metrics({"score": 0.5}, step=1)
run.log_metrics({"score": 0.75}, step=2)
run.log_table("cases.csv", [["one", 1]], headers=["case", "passed"])
run.add_tags(["lab"])
run.set_name("Templates compared")
run.log_other("verdict", "better")
run.end()
result = run.id
"""
    one = fake.experiments[sdk.run(EXPERIMENT + code)]
    assert (one.kind, one.project, one.running, one.name) == ("normal", "lab", False, "Templates compared")
    assert (one.parameters["model"], one.parameters["k"]) == ("small", 8)
    assert [(write.value, write.step) for write in one.metrics["score"]] == [(0.5, 1), (0.75, 2)]
    assert one.assets["cases.csv"].data == b"case,passed\r\none,1\r\n"
    assert (one.tags, one.others["verdict"]) == (["lab"], "better")


def test_an_artifact_keeps_its_files_references_metadata_and_aliases(fake: FakeComet, sdk: CometProcess) -> None:
    sdk.run(ARTIFACT, version="1.0.0")
    sdk.run(ARTIFACT, version=None)
    artifact = fake.artifacts["team", "library"]
    first, second = artifact.versions
    assert (first.version, first.state, first.aliases) == ("1.0.0", "CLOSED", set())
    assert (second.version, second.state, second.aliases) == ("2.0.0", "CLOSED", {"current", "Latest"})
    assert json.loads(first.metadata or "") == {"chunks": 3}
    assert first.assets["data.jsonl"].data == b'{"id": 1}'
    assert first.assets["large"].link == "https://example.invalid/large"
    assert artifact.version("current") is second
    assert fake.experiments[first.experiment_key].project == "lab"


def test_an_artifact_is_read_back_and_its_reader_remembered(fake: FakeComet, sdk: CometProcess) -> None:
    sdk.run(ARTIFACT, version="1.0.0")
    code = (
        EXPERIMENT
        + """
logged = run.get_artifact("library", version_or_alias="current")
logged.download("copy", overwrite_strategy=True)
logged.update_aliases(["kept"])
run.end()
api = comet_ml.API(cache=False)
files = api.get_artifact_files("team", "library", version="1.0.0")["files"]
details = api.get_artifact_details("team", "library")
names = [one["name"] for one in api.get_artifact_list("team")["artifacts"]]
result = [open("copy/data.jsonl").read(), dict(logged.metadata), len(files), details["versions"][0]["alias"], names,
          run.id]
"""
    )
    *read, reader = sdk.run(code)
    assert read == ['{"id": 1}', {"chunks": 3}, 2, ["kept"], ["library"]]
    assert fake.experiments[reader].inputs == [fake.artifacts["team", "library"].versions[0].version_id]


def test_a_version_exists_once_and_is_read_only_when_it_is_closed(fake: FakeComet, sdk: CometProcess) -> None:
    sdk.run(ARTIFACT, version="1.0.0")
    raised = raised_by(sdk, ARTIFACT, version="1.0.0")
    assert raised.kinds[0] == "comet_ml.exceptions.LogArtifactException"
    assert "90399" in raised.text
    fake.artifacts["team", "library"].versions[0].state = "OPEN"
    read = EXPERIMENT + "try:\n    run.get_artifact(name)\nfinally:\n    run.end()"
    assert raised_by(sdk, read, name="library").kinds[0] == "comet_ml.exceptions.ArtifactNotFinalException"
    assert raised_by(sdk, read, name="nothing").kinds[0] == "comet_ml.exceptions.ArtifactNotFound"


# ----------------------------------------------------------------------------------------------- rights and projects


def test_a_wrong_key_is_told_in_the_way_of_each_endpoint(fake: FakeComet, sdk: CometProcess) -> None:
    fake.put_experiment(RECORD)
    fake.keys = {"another"}
    assert raised_by(sdk, SEND, record=RECORD, asset=ASSET, key=KEY, root=fake.root).status == 401
    assert raised_by(sdk, CHART, record=RECORD).kinds[0] == "comet_ml.exceptions.CometRestApiException"
    reading = "comet_ml.API(cache=False).get_experiments('team', 'traces')"
    assert raised_by(sdk, reading).kinds[0] == "comet_ml.exceptions.Unauthorized"
    assert sdk.run(EXPERIMENT + "result = run.alive") is False


def test_a_workspace_without_rights_is_refused_for_writes_and_reads(fake: FakeComet, sdk: CometProcess) -> None:
    fake.put_experiment(OTHER)
    fake.forbidden.add("team")
    assert raised_by(sdk, SEND, record=RECORD, asset=ASSET, key=KEY, root=fake.root).status == 403
    assert raised_by(sdk, CHART, record=OTHER).status == 403
    assert raised_by(sdk, CLIENT + "client.get_experiment_metadata(record)", record=OTHER).status == 403
    assert set(fake.experiments) == {OTHER}
    mixed = post(fake, LLM, json.dumps([record_of(RECORD), record_of("e" * 32, workspace="mine")])).json()
    assert {key: one["status"] for key, one in mixed.items()} == {RECORD: 403, "e" * 32: 200}


def test_a_project_holds_records_or_experiments_and_not_both(fake: FakeComet, sdk: CometProcess) -> None:
    fake.put_experiment(OTHER, project="lab")
    assert sdk.run(EXPERIMENT + "result = run.alive") is False
    fake.put_experiment("c" * 32, project="traces", kind="normal")
    raised = raised_by(sdk, SEND, record=RECORD, asset=ASSET, key=KEY, root=fake.root)
    assert raised.kinds[0] == "comet_llm.exceptions.exceptions.CometLLMException"
    assert "not an LLM project" in raised.text


# ----------------------------------------------------------------------------------------------------------- faults

HTTP_ERROR = "requests.exceptions.HTTPError"
BROKEN = "requests.exceptions.ConnectionError"
LLM_FAULTS = {
    "refuse": (BROKEN, None, 0),
    "400": (HTTP_ERROR, 400, 0),
    "401": (HTTP_ERROR, 401, 0),
    "403": (HTTP_ERROR, 403, 0),
    "429": (HTTP_ERROR, 429, 0),
    "500": (HTTP_ERROR, 500, 0),
    "503": (HTTP_ERROR, 503, 0),
    "hang": ("requests.exceptions.ReadTimeout", None, 0),
    "cut": ("requests.exceptions.ChunkedEncodingError", None, 1),
    "commit-hang": ("requests.exceptions.ReadTimeout", None, 1),
    "commit-refuse": (BROKEN, None, 1),
    "commit-500": (HTTP_ERROR, 500, 1),
    "html": ("requests.exceptions.JSONDecodeError", None, 0),
    "empty": ("requests.exceptions.JSONDecodeError", None, 0),
    "reject": ("comet_llm.exceptions.exceptions.CometLLMException", None, 0),
    "reject-403": ("comet_llm.exceptions.exceptions.CometLLMException", None, 0),
}


def test_every_fault_but_the_slow_one_is_in_the_table() -> None:
    assert set(FAULTS) - {"trickle"} == set(LLM_FAULTS)


@pytest.mark.parametrize("name", LLM_FAULTS)
def test_a_fault_of_a_record_shows_and_changes_the_state_only_where_it_says(
    fake: FakeComet, sdk: CometProcess, name: str
) -> None:
    kind, status, records = LLM_FAULTS[name]
    fake.faults = Faults().script(LLM, name)
    raised = raised_by(sdk, SEND, record=RECORD, asset=ASSET, key=KEY, root=fake.root)
    assert (raised.kinds[0], raised.status, len(fake.experiments)) == (kind, status, records)
    assert fake.requests[-1].fault == name
    send(sdk, fake)
    assert fake.experiments[RECORD].created == records + 1


READ_FAULTS = {
    "refuse": (BROKEN, None, "RemoteDisconnected"),
    "hang": (BROKEN, None, "ReadTimeoutError"),  # no ReadTimeout: comet_ml's session has retries
    "cut": ("requests.exceptions.ChunkedEncodingError", None, "IncompleteRead"),
    "500": ("comet_ml.exceptions.CometRestApiException", 500, None),
    "429": ("comet_ml.exceptions.CometRestApiException", 429, None),
    "html": ("requests.exceptions.JSONDecodeError", None, "JSONDecodeError"),
}


@pytest.mark.parametrize("name", READ_FAULTS)
def test_a_fault_of_a_read_shows(fake: FakeComet, sdk: CometProcess, name: str) -> None:
    fake.put_experiment(RECORD, metrics={"chain_duration": 1})
    fake.faults = Faults().script("multi-metric-chart", name)
    raised = raised_by(sdk, CHART, record=RECORD)
    kind, status, cause = READ_FAULTS[name]
    assert (raised.kinds[0], raised.status) == (kind, status)
    assert cause is None or cause in raised.causes


def test_a_trickle_outlasts_the_time_limit_between_two_bytes(fake: FakeComet, sdk: CometProcess) -> None:
    fake.faults = Faults().script(LLM, Fault("trickle", commits=True, ends="trickle", byte_s=0.005))
    begun = time.monotonic()
    assert send(sdk, fake)["experimentKey"] == RECORD
    assert time.monotonic() - begun > 0.5, "longer than the client's 0.4 s"


def test_too_many_requests_come_with_the_time_to_wait(fake: FakeComet) -> None:
    fake.faults = Faults("429")
    answer = post(fake, LLM, "[]")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.headers["Content-Type"] == "application/json"


def test_a_closed_port_refuses_and_opens_again_on_the_same_number(fake: FakeComet, sdk: CometProcess) -> None:
    send(sdk, fake)
    fake.pause_listening()
    try:
        again = "result = client.log_experiment_metric(record, 'user_feedback', 1)"
        raised = raised_by(sdk, again, record=RECORD)
    finally:
        fake.resume_listening()
    assert raised.kinds[0] == BROKEN
    assert "NewConnectionError" in raised.causes
    sdk.run(again, record=RECORD)
    assert fake.experiments[RECORD].last("user_feedback") == 1


def test_one_record_of_a_batch_is_rejected_and_the_others_are_taken(fake: FakeComet) -> None:
    fake.faults = Faults("reject-403")
    keys = [f"{n:032d}" for n in range(5)]
    answer = post(fake, LLM, json.dumps([record_of(key) for key in keys])).json()
    statuses = [answer[key]["status"] for key in keys]
    assert sorted(statuses) == [200, 200, 200, 200, 403]
    assert len(fake.experiments) == 4
    assert fake.rejected == {}


def asked(path: str = "/api/rest/v2/experiments") -> Request:
    return request_of("GET", path, {}, b"")


def test_random_faults_are_the_same_for_the_same_seed_and_end_when_told() -> None:
    rates = {"500": 0.3, "hang": 0.2}
    runs = [
        [faults(asked()) for _ in range(200)] for faults in (Faults(seed=4, rates=rates), Faults(seed=4, rates=rates))
    ]
    assert runs[0] == runs[1]
    names = [None if fault is None else fault.name for fault in runs[0]]
    assert 40 < names.count("500") < 80
    assert 20 < names.count("hang") < 60
    few = Faults(seed=4, rates={"500": 1.0}, most=3)
    assert sum(few(asked()) is not None for _ in range(10)) == 3
    elsewhere = Faults(rates={"500": 1.0}, paths=["write/"])
    assert elsewhere(asked()) is None
    assert elsewhere(asked("/api/rest/v2/write/experiment/llm")) is FAULTS["500"]


def test_a_script_for_a_path_comes_before_one_for_all() -> None:
    faults = Faults("503").script("metadata", "500", None)
    assert faults(asked("/experiment/metadata")) is FAULTS["500"]
    assert faults(asked("/experiment/metadata")) is None
    assert faults(asked("/experiment/metadata")) is FAULTS["503"]
    assert faults(asked("/experiment/metadata")) is None
    limited = Faults("commit-hang", hang_s=0.1)(asked())
    assert limited == Fault("commit-hang", commits=True, ends="hang", hang_s=0.1)


def test_a_client_that_dies_in_the_middle_of_a_request_sent_nothing(fake: FakeComet) -> None:
    body = json.dumps([record_of(RECORD)]).encode()
    head = f"POST /api/rest/v2/{LLM} HTTP/1.1\r\nAuthorization: {KEY}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for sent in (body[:-1], body):
        with socket.create_connection(("127.0.0.1", int(fake.root.split(":")[2].strip("/")))) as client:
            client.sendall(head + sent)
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile("rb").read()
        assert (answer == b"") == (sent != body)
        assert (RECORD in fake.experiments) == (sent == body)
    assert fake.wait_for(LLM)
    assert not fake.wait_for(LLM, 2, timeout_s=0.05)


def test_a_failed_experiment_says_nothing_unless_it_is_asked(fake: FakeComet, sdk: CometProcess) -> None:
    """What an adapter has to look for itself: none of these raises."""
    fake.faults = Faults().script("logger/add/run", "500")
    assert sdk.run(EXPERIMENT + "result = run.alive") is False
    fake.faults = Faults().script("batch/logger/experiment/metric", "500")
    key = sdk.run(EXPERIMENT + "run.log_metrics({'score': 1})\nrun.end()\nresult = run.id")
    assert fake.experiments[key].metrics == {}
    fake.faults = Faults().script("write/artifacts/state", "500")
    sdk.run(ARTIFACT, version="1.0.0")
    assert fake.artifacts["team", "library"].versions[0].state == "OPEN"


def test_an_unknown_path_is_a_404_and_is_remembered(server: FakeComet) -> None:
    server.reset()
    answer = post(server, "write/experiment/nothing", "{}")
    assert (answer.status_code, answer.json()["code"]) == (404, 404)
    assert server.unknown == ["POST /api/rest/v2/write/experiment/nothing"]


def test_it_runs_by_hand_and_prints_the_two_variables_to_set() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.fakes.comet_server", "--port", str(port), "--fault", "503"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2)]
        answer = requests.get(f"http://127.0.0.1:{port}/api/isAlive/ver", timeout=5)
        process.kill()
    assert lines == [f"COMET_URL_OVERRIDE=http://127.0.0.1:{port}/clientlib/", f"COMET_API_KEY={KEY}"]
    assert answer.status_code == 503
