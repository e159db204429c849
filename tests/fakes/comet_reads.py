"""The endpoints of the fake Comet by which experiments are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.comet_artifacts import asset_by_id
from tests.fakes.comet_state import Experiment, Refused, State, Write
from tests.fakes.comet_wire import Answer, Request, json_answer

Endpoint = Callable[[State, Request], Answer]


def as_text(value: Any) -> str:
    """Comet answers every value as a string."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def metadata_of(one: Experiment) -> dict[str, Any]:
    return {
        "archived": False,
        "durationMillis": max(0, one.end_ms - one.start_ms) if one.end_ms else 0,
        "endTimeMillis": one.end_ms or None,
        "experimentKey": one.key,
        "experimentName": one.name,
        "fileName": None,
        "filePath": None,
        "optimizationId": None,
        "projectId": f"{one.workspace}/{one.project}",
        "projectName": one.project,
        "running": one.running,
        "startTimeMillis": one.start_ms,
        "throttle": False,
        "workspaceName": one.workspace,
    }


def metadata(state: State, request: Request) -> Answer:
    return json_answer(metadata_of(state.find(request.query.get("experimentKey"))))


def experiments(state: State, request: Request) -> Answer:
    """All of a project; with ``page`` (from 1) and ``size`` that part of them, sorted by ``sortBy``."""
    asked = request.query
    workspace, project = asked.get("workspaceName", ""), asked.get("projectName", "")
    state.allow(workspace)
    found = state.in_project(workspace, project)
    if not found:
        raise Refused(404, f"No such project: {workspace}/{project}")
    if by := asked.get("sortBy"):
        found.sort(key=lambda one: (one.end_ms if by == "endTime" else one.start_ms, one.key))
        if asked.get("sortOrder") == "desc":
            found.reverse()
    if page := int(asked.get("page", 0)):
        size = int(asked.get("size", 100))
        found = found[(page - 1) * size : page * size]
    return json_answer({"experiments": [metadata_of(one) for one in found if asked.get("archived") != "True"]})


def workspaces(state: State, request: Request) -> Answer:
    names = {one.workspace for one in state.experiments.values()} | {state.workspace}
    return json_answer({"workspaceNames": sorted(names - state.forbidden)})


def account(state: State, request: Request) -> Answer:
    return json_answer({"userName": "tester", "defaultWorkspaceName": state.workspace})


def _project_json(workspace: str, project: str, state: State) -> dict[str, Any]:
    found = state.in_project(workspace, project)
    return {
        "projectId": f"{workspace}/{project}",
        "projectName": project,
        "workspaceName": workspace,
        "numberOfExperiments": len(found),
        "isLLM": bool(found) and found[0].kind == "LLM",
    }


def projects(state: State, request: Request) -> Answer:
    workspace = request.query.get("workspaceName", "")
    state.allow(workspace)
    names = sorted({one.project for one in state.experiments.values() if one.workspace == workspace})
    return json_answer({"projects": [_project_json(workspace, name, state) for name in names]})


def project(state: State, request: Request) -> Answer:
    asked = request.query
    names = (asked.get("projectId") or f"{asked.get('workspaceName')}/{asked.get('projectName')}").partition("/")
    state.allow(names[0])
    if not state.in_project(names[0], names[2]):
        raise Refused(404, f"No such project: {names[0]}/{names[2]}")
    return json_answer(_project_json(names[0], names[2], state))


def parameters(state: State, request: Request) -> Answer:
    one = state.find(request.query.get("experimentKey"))
    return json_answer({"values": [_summary(name, value, one.start_ms) for name, value in one.parameters.items()]})


def others(state: State, request: Request) -> Answer:
    one = state.find(request.query.get("experimentKey"))
    return json_answer({"values": [_summary(name, value, one.start_ms) for name, value in one.others.items()]})


def _summary(name: str, value: Any, time_ms: int) -> dict[str, Any]:
    ends = ("Max", "Min", "Current")
    times = {f"timestamp{end}": time_ms for end in ends}
    return {"name": name, **{f"value{end}": as_text(value) for end in ends}, **times}


def metrics_summary(state: State, request: Request) -> Answer:
    one = state.find(request.query.get("experimentKey"))
    return json_answer({"values": [_metric_summary(name, writes) for name, writes in one.metrics.items()]})


def _metric_summary(name: str, writes: list[Write]) -> dict[str, Any]:
    ranked = sorted(writes, key=lambda write: (isinstance(write.value, str), write.value))
    summary: dict[str, Any] = {"name": name}
    for end, write in (("Max", ranked[-1]), ("Min", ranked[0]), ("Current", writes[-1])):
        summary |= {f"value{end}": as_text(write.value), f"timestamp{end}": write.time_ms, f"step{end}": write.step}
    return summary


def metric_writes(state: State, request: Request) -> Answer:
    """Every write of one metric, or of all."""
    one, wanted = state.find(request.query.get("experimentKey")), request.query.get("metricName")
    rows = [
        {
            "metricName": name,
            "metricValue": as_text(write.value),
            "timestamp": write.time_ms,
            "step": write.step,
            "epoch": write.epoch,
            "runContext": None,
        }
        for name, writes in one.metrics.items()
        if wanted in {None, name}
        for write in writes
    ]
    return json_answer({"metrics": rows})


def chart(state: State, request: Request) -> Answer:
    """Metrics and parameters of many experiments; unknown keys are left out."""
    asked = request.json
    found = [state.experiments[key] for key in asked["targetedExperiments"] if key in state.experiments]
    for workspace in {one.workspace for one in found}:
        state.allow(workspace)
    shown = {one.key: _charted(one, asked.get("metrics") or [], asked.get("params")) for one in found}
    return json_answer({"empty": not shown, "experiments": shown})


def _charted(one: Experiment, metrics: list[str], names: list[str] | None) -> dict[str, Any]:
    values = None if names is None else {n: as_text(one.parameters[n]) for n in names if n in one.parameters}
    return {
        "experimentKey": one.key,
        "experimentName": one.name,
        "steps": None,
        "epochs": None,
        "metrics": [_series(name, one.metrics[name]) for name in metrics if name in one.metrics],
        "params": values,
    }


def _series(name: str, writes: list[Write]) -> dict[str, Any]:
    return {
        "metricName": name,
        "values": [as_text(write.value) for write in writes],
        "steps": [write.step for write in writes],
        "epochs": [write.epoch for write in writes],
        "timestamps": [write.time_ms for write in writes],
        "durations": [write.time_ms - writes[0].time_ms for write in writes],
    }


def tags(state: State, request: Request) -> Answer:
    return json_answer({"tags": state.find(request.query.get("experimentKey")).tags})


def assets(state: State, request: Request) -> Answer:
    one, kind = state.find(request.query.get("experimentKey")), request.query.get("type", "all")
    rows = [
        {
            "assetId": asset.asset_id,
            "fileName": asset.name,
            "fileSize": len(asset.data),
            "type": asset.kind,
            "step": None,
            "runContext": None,
            "createdAt": asset.time_ms,
            "dir": "others",
            "link": asset.link,
            "remote": asset.link is not None,
            "metadata": asset.metadata,
            "experimentKey": one.key,
        }
        for asset in one.assets.values()
        if kind in {"all", asset.kind}
    ]
    return json_answer({"assets": rows})


def asset_content(state: State, request: Request) -> Answer:
    asset = asset_by_id(state, request.query.get("assetId", ""))
    return Answer(asset.data, content_type="application/octet-stream")


def columns(state: State, request: Request) -> Answer:
    asked = request.query
    state.allow(asked.get("workspaceName", ""))
    found = state.in_project(asked.get("workspaceName", ""), asked.get("projectName", ""))
    kinds: dict[tuple[str, str], str] = {("metadata", "start_server_timestamp"): "datetime"}
    for one in found:
        for source, values in values_by_source(one).items():
            for name, value in values.items():
                kinds[source, name] = "double" if isinstance(value, int | float) else "string"
    return json_answer({"columns": [{"source": s, "name": n, "type": kind} for (s, n), kind in kinds.items()]})


def values_by_source(one: Experiment) -> Mapping[str, Mapping[str, Any]]:
    metrics = {name: writes[-1].value for name, writes in one.metrics.items()}
    return {"metrics": metrics, "params": one.parameters, "log_other": one.others, "tag": dict.fromkeys(one.tags, "")}


REST: dict[str, Endpoint] = {
    "account-details": account,
    "workspaces": workspaces,
    "projects": projects,
    "project": project,
    "project/column-names": columns,
    "experiments": experiments,
    "experiments/multi-metric-chart": chart,
    "experiment/metadata": metadata,
    "experiment/parameters": parameters,
    "experiment/log-other": others,
    "experiment/metrics/summary": metrics_summary,
    "experiment/metrics/get-metric": metric_writes,
    "experiment/metrics/get-all": metric_writes,
    "experiment/tags": tags,
    "experiment/asset/list": assets,
    "experiment/asset/get-asset": asset_content,
}
