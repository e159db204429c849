"""What the fake Comet remembers: experiments, every write to them, and artifacts."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KEY_FORM = re.compile(r"[0-9A-Za-z]{32,50}")
"""What Comet takes as an experiment's key."""


class Refused(Exception):
    """The server says no: an HTTP status and Comet's own code of the reason."""

    def __init__(self, status: int, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code

    @property
    def content(self) -> dict[str, Any]:
        return {"msg": self.message, "code": self.status, "data": None, "sdk_error_code": self.code}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Write:
    """One write of a metric."""

    value: Any
    step: int | None = None
    time_ms: int = 0
    epoch: int | None = None


@dataclass
class Asset:
    name: str
    asset_id: str
    kind: str = "asset"
    data: bytes = b""
    uploads: int = 1
    """How often a file of this name came."""
    link: str | None = None
    """Of a remote asset, which has no data."""
    metadata: str | None = None
    time_ms: int = field(default_factory=now_ms)


class Holder:
    """What files are put into."""

    assets: dict[str, Asset]

    def store(self, name: str, data: bytes, *, asset_id: str = "", kind: str = "asset", **more: Any) -> Asset:
        """A second file of the same name replaces the first and is counted."""
        before = self.assets.get(name)
        uploads = 1 if before is None else before.uploads + 1
        asset = Asset(name, asset_id or uuid.uuid4().hex, kind, data, uploads, **more)
        self.assets[name] = asset
        return asset


@dataclass
class Experiment(Holder):
    """One experiment or LLM record."""

    key: str
    workspace: str
    project: str
    kind: str = "LLM"
    """"LLM" or "normal"."""
    created: int = 1
    """How often its creation was asked for and answered with success, or would have been."""
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, list[Write]] = field(default_factory=dict)
    """Name -> every write, in the order of arrival."""
    others: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    assets: dict[str, Asset] = field(default_factory=dict)
    start_ms: int = field(default_factory=now_ms)
    end_ms: int = 0
    running: bool = False
    inputs: list[str] = field(default_factory=list)
    """Ids of the artifact versions that it used."""

    @property
    def name(self) -> str | None:
        return self.others.get("Name")

    def last(self, metric: str) -> Any:
        """The last value of a metric; None where it has none."""
        writes = self.metrics.get(metric)
        return writes[-1].value if writes else None

    def write(self, metric: str, value: Any, *, step: Any = None, time_ms: Any = None, epoch: Any = None) -> None:
        self.metrics.setdefault(metric, []).append(Write(value, step, time_ms or now_ms(), epoch))

    def tag(self, tags: list[str]) -> None:
        self.tags.extend(tag for tag in tags if tag not in self.tags)


@dataclass
class Version(Holder):
    """One version of an artifact."""

    version_id: str
    version: str
    experiment_key: str
    aliases: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    metadata: str | None = None
    """JSON, as the SDK sent it."""
    state: str = "OPEN"
    """Then "CLOSED" when every file has come, or "ERROR"."""
    assets: dict[str, Asset] = field(default_factory=dict)
    added_ms: int = field(default_factory=now_ms)

    @property
    def size(self) -> int:
        return sum(len(asset.data) for asset in self.assets.values())


@dataclass
class Artifact:
    artifact_id: str
    workspace: str
    project: str
    name: str
    kind: str
    tags: set[str] = field(default_factory=set)
    versions: list[Version] = field(default_factory=list)
    """In the order of arrival."""

    def version(self, wanted: str) -> Version | None:
        """By number, id or alias."""
        for version in reversed(self.versions):
            if wanted in {version.version, version.version_id} | version.aliases:
                return version
        return None


@dataclass
class State:
    """Everything; hold ``lock`` while reading or writing more than one thing."""

    forbidden: set[str] = field(default_factory=set)
    """Workspaces in which the keys have no rights."""
    rejected: dict[str, int] = field(default_factory=dict)
    """Keys of records that are answered with this sub-status in a batch, until a test takes them out."""
    experiments: dict[str, Experiment] = field(default_factory=dict)
    artifacts: dict[tuple[str, str], Artifact] = field(default_factory=dict)
    """(workspace, name) -> artifact."""
    workspace: str = "team"
    """Where things go that name no workspace."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def allow(self, workspace: str) -> None:
        if workspace in self.forbidden:
            raise Refused(403, f"You do not have access to the workspace {workspace}", 7000011)

    def find(self, key: Any) -> Experiment:
        """For reading."""
        experiment = self.experiments.get(key)
        if experiment is None:
            raise Refused(404, f"No such experiment: {key}", 90210)
        self.allow(experiment.workspace)
        return experiment

    def find_to_write(self, key: Any) -> Experiment:
        if key not in self.experiments:
            raise Refused(400, f"No such experiment: {key}", 90210)
        return self.find(key)

    def in_project(self, workspace: str, project: str) -> list[Experiment]:
        return [one for one in self.experiments.values() if (one.workspace, one.project) == (workspace, project)]

    def kind_of(self, workspace: str, project: str) -> str | None:
        """Of the project's first experiment; a project holds one kind only."""
        for one in self.experiments.values():
            if (one.workspace, one.project) == (workspace, project):
                return one.kind
        return None

    def create(self, key: str, workspace: str | None, project: str | None, kind: str) -> Experiment:
        """A new experiment, or the one that is there, with its counter one higher."""
        workspace, project = workspace or self.workspace, project or "general"
        self.allow(workspace)
        if not KEY_FORM.fullmatch(str(key)):
            raise Refused(400, f"Invalid experiment key: {key}", 90214)
        if (self.kind_of(workspace, project) or kind) != kind:
            raise Refused(400, f"The project {project} holds experiments of another kind", 34323)
        if known := self.experiments.get(key):
            known.created += 1
            return known
        made = self.experiments[key] = Experiment(key, workspace, project, kind)
        return made

    def versions(self) -> Iterator[tuple[Artifact, Version]]:
        for artifact in self.artifacts.values():
            for version in artifact.versions:
                yield artifact, version

    def put(self, key: str, *, workspace: str, project: str, metrics: Mapping[str, Any], **more: Any) -> Experiment:
        """An experiment that another program logged; a metric's value may be a list of several writes."""
        made = Experiment(key, workspace, project, **more)
        for name, values in metrics.items():
            for value in values if isinstance(values, list) else [values]:
                made.write(name, value, time_ms=made.start_ms)
        with self.lock:
            self.experiments[key] = made
        return made
