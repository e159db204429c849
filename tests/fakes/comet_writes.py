"""The endpoints of the fake Comet by which experiments and LLM records are written."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.comet_artifacts import version_of
from tests.fakes.comet_state import Experiment, Refused, State, now_ms
from tests.fakes.comet_wire import Answer, Request, json_answer

Endpoint = Callable[[State, Request], Answer]
DONE = {"msg": "success", "code": 200}


def write_llm(state: State, request: Request) -> Answer:
    """A batch of records; each has its own sub-status. All in a workspace without rights: 403 for the whole."""
    records = request.json
    if not isinstance(records, list) or not records:
        raise Refused(400, "A list of records is needed")
    keys = [str(record.get("experimentKey")) for record in records]
    unlucky = {random.Random(keys[0]).choice(keys): request.rejects} if request.rejects else {}
    answers = {
        key: _record_answer(state, record, unlucky.get(key) or state.rejected.get(key))
        for key, record in zip(keys, records, strict=True)
    }
    if all(answer["status"] == 403 and answer["content"]["sdk_error_code"] == 7000011 for answer in answers.values()):
        raise Refused(403, "You do not have access to this workspace", 7000011)
    return json_answer(answers)


def _record_answer(state: State, record: Mapping[str, Any], rejection: int | None) -> dict[str, Any]:
    if rejection:
        refused = Refused(rejection, "This record is not taken", 90210)
        return {"status": rejection, "content": refused.content}
    try:
        asked = record.get("createExperimentRequest") or {}
        kind = asked.get("type") or "normal"
        made = state.create(
            str(record.get("experimentKey")), asked.get("workspaceName"), asked.get("projectName"), kind
        )
        _take_record(made, record)
    except Refused as refused:
        return {"status": refused.status, "content": refused.content}
    content = {"experimentKey": made.key, "link": f"https://comet.invalid/{made.workspace}/{made.project}/{made.key}"}
    return {"status": 200, "content": content}


def _take_record(made: Experiment, record: Mapping[str, Any]) -> None:
    for parameter in record.get("parameters") or []:
        made.parameters[parameter["parameterName"]] = parameter["parameterValue"]
    for metric in record.get("metrics") or []:
        if metric["metricValue"] is not None:
            made.write(metric["metricName"], metric["metricValue"])
    for other in record.get("others") or []:
        made.others[other["key"]] = other["value"]
    made.tag(record.get("tags") or [])
    if asset := record.get("jsonAsset"):
        made.store(asset["fileName"], json.dumps(asset["file"]).encode(), kind=asset["type"])
        made.start_ms = int(asset["file"].get("start_timestamp") or made.start_ms)
        made.end_ms = int(asset["file"].get("end_timestamp") or made.start_ms)


def create(state: State, request: Request) -> Answer:
    asked = request.json
    made = state.create(
        asked.get("experimentKey") or uuid.uuid4().hex,
        asked.get("workspaceName"),
        asked.get("projectName"),
        asked.get("type") or "normal",
    )
    if name := asked.get("experimentName"):
        made.others["Name"] = name
    names = {"experimentKey": made.key, "workspaceName": made.workspace, "projectName": made.project}
    return json_answer({**names, "link": f"https://comet.invalid/{made.workspace}/{made.project}/{made.key}"})


def _asked(state: State, request: Request) -> tuple[Experiment, Any]:
    """The experiment that the body names, and the body."""
    asked = request.json
    return state.find_to_write(asked.get("experimentKey") or asked.get("experiment_key")), asked


def write_metric(state: State, request: Request) -> Answer:
    _write_metric(*_asked(state, request))
    return json_answer(DONE)


def write_metrics(state: State, request: Request) -> Answer:
    experiment, asked = _asked(state, request)
    for value in asked["values"]:
        _write_metric(experiment, value)
    return json_answer(DONE)


def _write_metric(experiment: Experiment, asked: Mapping[str, Any]) -> None:
    step, time_ms, epoch = asked.get("step"), asked.get("timestamp"), asked.get("epoch")
    experiment.write(asked["metricName"], asked["metricValue"], step=step, time_ms=time_ms, epoch=epoch)


def write_parameter(state: State, request: Request) -> Answer:
    experiment, asked = _asked(state, request)
    experiment.parameters[asked["parameterName"]] = asked["parameterValue"]
    return json_answer(DONE)


def write_parameters(state: State, request: Request) -> Answer:
    experiment, asked = _asked(state, request)
    experiment.parameters.update({one["parameterName"]: one["parameterValue"] for one in asked["values"]})
    return json_answer(DONE)


def delete_parameters(state: State, request: Request) -> Answer:
    asked = request.json
    for one in asked if isinstance(asked, list) else [asked]:
        state.find_to_write(one.get("experimentKey")).parameters.pop(one["parameterName"], None)
    return json_answer(DONE)


def write_other(state: State, request: Request) -> Answer:
    experiment, asked = _asked(state, request)
    experiment.others[asked["key"]] = asked["value"]
    return json_answer(DONE)


def write_tags(state: State, request: Request) -> Answer:
    experiment, asked = _asked(state, request)
    experiment.tag(asked["addedTags"])
    return json_answer(DONE)


def delete_tags(state: State, request: Request) -> Answer:
    experiment, asked = _asked(state, request)
    experiment.tags = [tag for tag in experiment.tags if tag not in asked["tags"]]
    return json_answer(DONE)


def upload(state: State, request: Request) -> Answer:
    """A file of an experiment, or of an artifact's version; with ``link`` instead of a file a reference."""
    asked, parts = request.query, request.parts
    experiment = state.find_to_write(asked.get("experimentKey") or asked.get("experimentId"))
    link, metadata = parts.get("link"), parts.get("metadata")
    holder = version_of(state, asked["artifactVersionId"]) if asked.get("artifactVersionId") else experiment
    asset = holder.store(
        asked.get("fileName") or asked.get("logicalPath") or "unnamed",
        parts.get("file", b""),
        asset_id=asked.get("assetId", ""),
        kind=asked.get("type") or "asset",
        link=None if link is None else link.decode(),
        metadata=None if metadata is None else metadata.decode(),
    )
    return json_answer({**DONE, "assetId": asset.asset_id})


def set_status(state: State, request: Request) -> Answer:
    experiment, asked = _asked(state, request)
    experiment.running = bool(asked.get("is_alive", asked.get("isAlive")))
    experiment.end_ms = 0 if experiment.running else now_ms()
    beats = ("is_alive_beat_duration_millis", "gpu_monitor_interval_millis", "cpu_monitor_interval_millis")
    return json_answer(
        {**dict.fromkeys(beats, 10_000), "parameter_update_interval_millis": 10_000, "pending_rpcs": False}
    )


def accept(state: State, request: Request) -> Answer:
    """What is taken and not kept: details of the machine, output lines, start and end."""
    _asked(state, request)
    return json_answer(DONE)


def start_run(state: State, request: Request) -> Answer:
    """The handshake of ``comet_ml.Experiment``."""
    asked = request.json
    if asked["experimentKey"] in state.experiments:
        raise Refused(400, "This experiment exists", 90999)
    made = state.create(asked["experimentKey"], asked.get("teamName"), asked.get("projectName"), "normal")
    return _run_answer(made)


def continue_run(state: State, request: Request) -> Answer:
    return _run_answer(state.find_to_write(request.json.get("previousExperiment")))


def _run_answer(made: Experiment) -> Answer:
    focus = f"https://comet.invalid/{made.workspace}/{made.project}/{made.key}"
    return json_answer(
        {
            "runId": f"run-{made.key}",
            "project_id": f"{made.workspace}/{made.project}",
            "githubEnabled": False,
            "focusUrl": f"{focus}/",
            "lastOffset": 0,
            "name": made.name,
            "featureToggles": [],
            "upload_file_size_limit_in_mb": 100,
            "asset_upload_file_size_limit_in_mb": 100,
            "artifactNameMaxLength": 100,
        }
    )


def limits(state: State, request: Request) -> Answer:
    return json_answer({"maxPoints": 0, "maxBoxes": 0})


NOT_KEPT = ("system-details", "file-path", "output", "graph", "html", "code", "dependencies",
            "set-start-end-time", "cloud-details", "git/metadata", "cpu-metrics", "gpu-metrics", "ram-metrics",
            "load-metrics", "installed-packages")  # fmt: skip
REST: dict[str, Endpoint] = {
    **dict.fromkeys([f"write/experiment/{name}" for name in NOT_KEPT], accept),
    "write/experiment/update-status": set_status,
    "write/experiment/llm": write_llm,
    "write/experiment/create": create,
    "write/experiment/metric": write_metric,
    "write/experiment/parameter": write_parameter,
    "write/experiment/parameter/delete": delete_parameters,
    "write/experiments/parameters/delete": delete_parameters,
    "write/experiment/log-other": write_other,
    "write/experiment/tags": write_tags,
    "write/experiment/tags/delete": delete_tags,
    "write/experiment/upload-asset": upload,
}
CLIENT: dict[str, Endpoint] = {
    "logger/add/run": start_run,
    "logger/get/run": continue_run,
    "asset/3d-limits": limits,
    "notification/experiment": accept,
    "asset/upload": upload,
    "visualizations/upload": upload,
    "status-report/update": set_status,
    "tags/add-tags-to-experiment": write_tags,
    "batch/logger/experiment/metric": write_metrics,
    "batch/logger/experiment/parameter": write_parameters,
}
