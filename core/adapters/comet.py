"""Comet as the mirror: records of traces, thumbs, experiments, data versions, and what is read back.

Both of Comet's packages are behind it: comet_llm's client for records, comet_ml for experiments, artifacts and reading.
They take seconds to import, so that happens at the first call. Neither's global functions are used: those log in the
caller's thread without a time-out and swallow what fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from core.adapters.comet_access import Access, access_of
from core.adapters.comet_client import CometClient
from core.adapters.comet_datasets import Datasets
from core.adapters.comet_experiments import Experiments
from core.adapters.comet_failures import unreadable
from core.adapters.comet_reading import Reader
from core.adapters.comet_records import Records
from core.adapters.comet_runs import Runs
from core.config import Settings
from core.errors import MirrorError, MirrorRefused
from core.models import ExperimentRecord, MirroredTrace, MirrorRecord, MirrorThumb
from core.ports import DatasetFiles


class CometMirror:
    """``core.ports.Mirror`` over Comet. Not safe for threads."""

    def __init__(self, access: Access, *, upload_mb: float = 100.0) -> None:
        self._access = access
        self._client = CometClient(access)
        self._records = Records(self._client)
        self._runs = Runs(self._client)
        self._experiments = Experiments(self._client, self._runs)
        self._datasets = Datasets(self._client, self._runs, upload_mb=upload_mb)
        self._workspace = access.workspace

    @classmethod
    def from_settings(cls, settings: Settings) -> CometMirror | None:
        """None without a key. Imports nothing of Comet yet. Raises SettingsError for an address that is none."""
        access = access_of(settings)
        return None if access is None else cls(access, upload_mb=settings.dataset_upload_mb)

    @property
    def place(self) -> str:
        """Where the records stand, for people; needs no server."""
        return self._access.place

    def check(self) -> str:
        """Asks who the key belongs to, and whether it may look into the workspace."""
        workspace = self.workspace()
        with contextlib.suppress(MirrorRefused):  # no such list on this server: sending will tell
            self._client.get("projects", workspaceName=workspace)
        return f"{workspace}/{self._access.project} at {self._access.host}"

    def workspace(self) -> str:
        """The workspace of the settings, or the key's own, asked for once."""
        if self._workspace is None:
            account = self._client.get("account-details")
            name = account.get("defaultWorkspaceName") if isinstance(account, dict) else None
            if not isinstance(name, str) or not name:
                raise unreadable(self._access)
            self._workspace = name
        return self._workspace

    def send(self, records: Sequence[MirrorRecord]) -> list[MirrorError | None]:
        return self._records.send(records)

    def replace(self, record: MirrorRecord) -> None:
        self._records.replace(record)

    def holds(self, record_id: str) -> bool:
        return self._client.exists(record_id)

    def send_thumb(self, thumb: MirrorThumb, *, unsure: bool) -> None:
        self._records.send_thumb(thumb, unsure=unsure)

    def send_experiment(self, experiment: ExperimentRecord) -> None:
        self._experiments.send(experiment, self.workspace())

    def send_dataset(self, dataset: DatasetFiles) -> None:
        self._datasets.send(dataset, self.workspace())

    def read_back(self, since: datetime | None) -> Iterator[list[MirroredTrace]]:
        """One request for the list of the project's records, and one for every hundred of them."""
        return Reader(self._runs.api(), self._access).read(self.workspace(), since)

    def close(self) -> None:
        self._client.close()
