"""Versions of the data as artifacts of Comet: their files, or references to them where they are large."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.adapters.comet_client import CometClient
from core.adapters.comet_fields import Fields
from core.adapters.comet_runs import Runs
from core.errors import MirrorRefused, MirrorUnreachable
from core.mirror.cleaning import clean, clean_text
from core.mirror.records import CREATED_FROM
from core.models import digest
from core.ports import DatasetFiles

KIND = "dataset"
CLOSED = "CLOSED"
"""Of a version whose files have all arrived."""
MOST_NAME_CHARS = 100
SLOWEST_BYTES_S = 100_000
"""An upload may take as long as it takes at this rate, and no longer."""

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


class Datasets:
    """Adds versions, each once. Methods raise MirrorError."""

    def __init__(self, client: CometClient, runs: Runs, *, upload_mb: float) -> None:
        self._client = client
        self._runs = runs
        self._most_bytes = upload_mb * 1_000_000

    def send(self, dataset: DatasetFiles, workspace: str) -> None:
        """A version that Comet holds completely is left alone; one that it holds in part is added once more.

        Its alias is our own name of the version, by which it is found again; Comet counts its versions by itself.
        """
        if self._is_there(dataset, workspace):
            return
        key = digest(f"dataset\n{dataset.name}\n{dataset.version}")[:32]
        size = sum(_size_of(name, file) for name, file in dataset.files.items())
        remote = size > self._most_bytes

        def log(run: Any) -> None:
            run.log_artifact(_artifact(dataset, size, remote=remote))

        self._runs.use(key, workspace, log, within_s=0 if remote else size / SLOWEST_BYTES_S)
        self._name(key, dataset)
        if not self._is_there(dataset, workspace):
            said = f"Comet did not take every file of {dataset.name} {dataset.version}"
            raise MirrorUnreachable(said, unsure=True, subject=dataset.version)

    def _name(self, key: str, dataset: DatasetFiles) -> None:
        """Artifacts come from an experiment; its name says what it is."""
        fields = Fields(self._client, key)
        fields.set_details({"Name": clean_text(f"{dataset.name} {dataset.version}", MOST_NAME_CHARS)})
        fields.set_tags([CREATED_FROM, KIND])

    def _is_there(self, dataset: DatasetFiles, workspace: str) -> bool:
        answer = self._client.get_or_none(
            "artifacts/get", subject=dataset.version, workspace=workspace, artifactName=name_of(dataset)
        )
        versions = answer.get("versions") if isinstance(answer, dict) else None
        return any(_is_same(version, dataset) for version in versions or ())


def name_of(dataset: DatasetFiles) -> str:
    """The artifact's name in Comet."""
    return _NOT_IN_NAMES.sub("-", clean_text(dataset.name, MOST_NAME_CHARS)).strip("-.")[:MOST_NAME_CHARS] or KIND


def sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _is_same(version: object, dataset: DatasetFiles) -> bool:
    if not isinstance(version, Mapping) or version.get("state") not in (None, CLOSED):
        return False
    aliases = version.get("alias")
    return isinstance(aliases, list) and dataset.version in aliases


def _artifact(dataset: DatasetFiles, size: int, *, remote: bool) -> Any:
    from comet_ml import Artifact  # noqa: PLC0415 - its experiment is open already

    metadata = clean({**dataset.metadata, "version": dataset.version, "bytes": size, "created_from": CREATED_FROM})
    aliases = [*(clean_text(alias, MOST_NAME_CHARS) for alias in dataset.aliases), dataset.version]
    artifact = Artifact(name_of(dataset), KIND, aliases=aliases, metadata=metadata)
    for name, file in dataset.files.items():
        about = {"sha256": sha256_of(file), "bytes": file.stat().st_size}
        if remote:
            artifact.add_remote(file.resolve().as_uri(), logical_path=name, metadata=about, sync_mode=False)
        else:
            artifact.add(str(file.resolve()), logical_path=name, metadata=about)
    return artifact


def _size_of(name: str, file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        hint = "Save the version again."
        raise MirrorRefused(f"The file {name} of the version is gone", subject=name, hint=hint) from None
