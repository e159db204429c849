"""The endpoints of the fake Comet for artifacts: versions, aliases, files and references."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.comet_state import Artifact, Asset, Refused, State, Version
from tests.fakes.comet_wire import Answer, Request, json_answer

Endpoint = Callable[[State, Request], Answer]
NOT_FOUND, NOT_FINAL, EXISTS = 624523, 90403, 90399
DONE = {"msg": "success", "code": 200}


def version_of(state: State, version_id: str) -> Version:
    for _, version in state.versions():
        if version.version_id == version_id:
            return version
    raise Refused(400, f"No such artifact version: {version_id}", NOT_FOUND)


def asset_by_id(state: State, asset_id: str) -> Asset:
    """Of an artifact or an experiment."""
    held = [version.assets for _, version in state.versions()] + [one.assets for one in state.experiments.values()]
    for assets in held:
        for asset in assets.values():
            if asset.asset_id == asset_id:
                return asset
    raise Refused(404, f"No such asset: {asset_id}")


def upsert(state: State, request: Request) -> Answer:
    """A new version; the artifact too where its name is new."""
    asked = request.json
    experiment = state.find_to_write(asked.get("experimentKey"))
    place = (experiment.workspace, asked["artifactName"])
    fresh = Artifact(uuid.uuid4().hex, place[0], experiment.project, place[1], asked["artifactType"])
    artifact = state.artifacts.get(place, fresh)
    before = artifact.versions[-1].version if artifact.versions else None
    number = asked.get("version") or _next(before)
    if any(version.version == number for version in artifact.versions):
        raise Refused(400, f"Version {number} of {artifact.name} exists", EXISTS)
    made = Version(uuid.uuid4().hex, number, experiment.key, set(asked.get("alias") or []))
    made.metadata, made.tags = asked.get("versionMetadata"), set(asked.get("versionTags") or [])
    _move_aliases(artifact, made, made.aliases | {"Latest"})
    artifact.versions.append(made)
    state.artifacts[place] = artifact
    ids = {"artifactId": artifact.artifact_id, "artifactVersionId": made.version_id}
    return json_answer({**ids, "currentVersion": number, "previousVersion": before})


def _next(version: str | None) -> str:
    return f"{int(version.partition('.')[0]) + 1}.0.0" if version else "1.0.0"


def _move_aliases(artifact: Artifact, version: Version, aliases: set[str]) -> None:
    """An alias names one version at a time."""
    for other in artifact.versions:
        other.aliases -= aliases
    version.aliases = aliases


def set_state(state: State, request: Request) -> Answer:
    asked = request.json
    version_of(state, asked["artifactVersionId"]).state = asked["state"]
    return json_answer(DONE)


def set_labels(state: State, request: Request) -> Answer:
    """Aliases and tags of a version; those that are given replace those that were there."""
    asked = request.json
    for artifact, version in state.versions():
        if version.version_id == asked["artifactVersionId"]:
            if asked.get("alias") is not None:
                _move_aliases(artifact, version, set(asked["alias"]))
            version.tags = version.tags if asked.get("versionTags") is None else set(asked["versionTags"])
            version.metadata = asked.get("versionMetadata") or version.metadata
            return json_answer(DONE)
    raise Refused(400, "No such artifact version", NOT_FOUND)


def set_details(state: State, request: Request) -> Answer:
    asked = request.json
    for artifact in state.artifacts.values():
        if artifact.artifact_id == asked["artifactId"]:
            artifact.tags = artifact.tags if asked.get("tags") is None else set(asked["tags"])
            return json_answer(DONE)
    raise Refused(400, "No such artifact", NOT_FOUND)


def add_references(state: State, request: Request) -> Answer:
    """A batch of remote assets."""
    state.find_to_write(request.query.get("experimentKey"))
    for asked in request.json["remoteArtifactAssetRequests"]:
        version_of(state, asked["artifactVersionId"]).store(
            asked.get("fileName") or asked.get("logicalPath") or asked["link"],
            b"",
            asset_id=asked.get("assetId") or "",
            kind=asked.get("type") or "asset",
            link=asked["link"],
            metadata=asked.get("metadata"),
        )
    return json_answer(DONE)


def _find(state: State, asked: Mapping[str, str]) -> Artifact:
    wanted = asked.get("artifactId") or asked.get("artifact_id")
    reader = state.experiments.get(asked.get("experimentKey", ""))
    home = state.workspace if reader is None else reader.workspace
    place = (asked.get("workspace") or home, asked.get("artifactName", ""))
    for artifact in state.artifacts.values():
        if artifact.artifact_id == wanted or (not wanted and place == (artifact.workspace, artifact.name)):
            state.allow(artifact.workspace)
            return artifact
    raise Refused(400, f"No such artifact: {wanted or '/'.join(place)}", NOT_FOUND)


def _find_version(state: State, asked: Mapping[str, str]) -> tuple[Artifact, Version]:
    artifact = _find(state, asked)
    given = [asked.get(name) for name in ("versionId", "version", "alias", "versionOrAlias")]
    wanted = next(filter(None, given), "Latest")
    version = artifact.version(wanted)
    if version is None:
        raise Refused(400, f"No version {wanted} of {artifact.name}", NOT_FOUND)
    return artifact, version


def version_details(state: State, request: Request) -> Answer:
    """By its id a version can be read while its files come; by its name only when it is closed."""
    artifact, version = _find_version(state, request.query)
    if not request.query.get("versionId") and version.state != "CLOSED":
        raise Refused(400, f"{artifact.name}:{version.version} is {version.state}", NOT_FINAL)
    reader = state.experiments.get(request.query.get("consumerExperimentKey", ""))
    if reader is not None and version.version_id not in reader.inputs:
        reader.inputs.append(version.version_id)
    return json_answer(
        {
            "artifact": {
                "artifactId": artifact.artifact_id,
                "artifactName": artifact.name,
                "artifactType": artifact.kind,
                "tags": sorted(artifact.tags),
                "workspaceName": artifact.workspace,
            },
            "artifactVersionId": version.version_id,
            "artifactVersion": version.version,
            "alias": sorted(version.aliases),
            "tags": sorted(version.tags),
            "metadata": version.metadata,
            "sizeInBytes": version.size,
            "experimentKey": version.experiment_key,
            "state": version.state,
        }
    )


def version_files(state: State, request: Request) -> Answer:
    artifact, version = _find_version(state, request.query)
    files = [
        {
            "artifactId": artifact.artifact_id,
            "artifactVersionId": version.version_id,
            "assetId": asset.asset_id,
            "fileName": asset.name,
            "fileSize": len(asset.data),
            "link": asset.link,
            "remote": asset.link is not None,
            "dir": None,
            "type": asset.kind,
            "metadata": asset.metadata,
        }
        for asset in version.assets.values()
    ]
    return json_answer({"files": files})


def _details_of(artifact: Artifact) -> dict[str, Any]:
    versions = [
        {
            "artifactVersionId": one.version_id,
            "version": one.version,
            "owner": "tester",
            "metadata": one.metadata,
            "createdFrom": one.experiment_key,
            "sizeInBytes": one.size,
            "state": one.state,
            "added": one.added_ms,
            "alias": sorted(one.aliases),
            "tags": sorted(one.tags),
        }
        for one in artifact.versions
    ]
    return {
        "artifactId": artifact.artifact_id,
        "project": artifact.project,
        "type": artifact.kind,
        "name": artifact.name,
        "description": None,
        "latestVersion": artifact.versions[-1].version,
        "tags": sorted(artifact.tags),
        "isPublic": False,
        "emoji": None,
        "sizeInBytes": sum(one.size for one in artifact.versions),
        "versions": versions,
    }


def details(state: State, request: Request) -> Answer:
    return json_answer(_details_of(_find(state, request.query)))


def listing(state: State, request: Request) -> Answer:
    workspace, kind = request.query.get("workspace"), request.query.get("type")
    state.allow(workspace or state.workspace)
    found = [one for one in state.artifacts.values() if one.workspace == workspace and kind in {None, one.kind}]
    return json_answer({"artifacts": [{k: v for k, v in _details_of(one).items() if k != "versions"} for one in found]})


REST: dict[str, Endpoint] = {
    "write/artifacts/upsert": upsert,
    "write/artifacts/state": set_state,
    "write/artifacts/version/labels": set_labels,
    "write/artifacts/details": set_details,
    "write/artifact/assets/remote/batch": add_references,
    "artifacts/version": version_details,
    "artifacts/version/files": version_files,
    "artifacts/get": details,
    "artifacts/get-all": listing,
}
