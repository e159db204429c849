"""comet_llm's HTTP client on our own bounded session, opened when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import requests

from core.adapters.comet_access import CONNECT_S, Access
from core.adapters.comet_failures import KEY_CODES, OTHER_KIND_CODE, RIGHTS_CODES, explained, importing, unreadable
from core.adapters.comet_session import BoundedAdapter, bound
from core.config import quiet_comet
from core.errors import MirrorError, MirrorUnreachable

OLDEST_SERVER = "3.25.80"
"""From this version on a server takes records in batches (comet_llm's ``online_senders.constants``)."""

_ABSENT = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
"""Older servers answer 400 for an experiment that is not there (comet_ml's ``API.get_experiment_by_key``)."""

_OTHER_REASONS = KEY_CODES | RIGHTS_CODES | {OTHER_KIND_CODE}
"""For which Comet answers with the same status, and which say nothing of whether the thing is there."""

Values = Mapping[str, str]
"""Names and current values, which Comet tells as strings."""


class CometClient:
    """Requests to Comet. Every method raises MirrorError; not safe for threads."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.adapter = BoundedAdapter(connect_s=CONNECT_S, read_s=access.timeout_s, call_s=access.call_s)
        self._client: Any = None
        self._payloads: Any = None

    def close(self) -> None:
        self.adapter.close()

    @property
    def payloads(self) -> Any:
        """comet_llm's functions that lay out parameters, metrics and details."""
        if self._payloads is None:
            quiet_comet(self.access.url, self.access.timeout_s)
            with importing():
                from comet_llm.experiment_api import payload_constructor  # noqa: PLC0415 - after quiet_comet

            self._payloads = payload_constructor
        return self._payloads

    def get(self, path: str, *, subject: str = "", **params: str) -> Any:
        with explained(self.access, subject):
            return self._opened()._request("GET", f"/api/rest/v2/{path}", params=params)  # noqa: SLF001 - the SDK's own way

    def post(self, path: str, body: Any, *, subject: str = "") -> Any:
        with explained(self.access, subject):
            return self._opened()._request("POST", f"/api/rest/v2/write/{path}", json=body)  # noqa: SLF001

    def upload(self, key: str, name: str, data: bytes, *, kind: str) -> Any:
        """Adds or replaces a file of an experiment."""
        extension = name.rpartition(".")[2]
        params = {"experimentKey": key, "fileName": name, "extension": extension, "type": kind, "overwrite": "true"}
        path = "/api/rest/v2/write/experiment/upload-asset"
        with explained(self.access, key):
            return self._opened()._request("POST", path, params=params, files={"file": data})  # noqa: SLF001

    def get_or_none(self, path: str, *, subject: str = "", **params: str) -> Any:
        """None where Comet says that there is no such thing."""
        try:
            return self.get(path, subject=subject, **params)
        except MirrorError as error:
            if is_absent(getattr(error.__cause__, "response", None)):
                return None
            raise

    def exists(self, key: str) -> bool:
        """Whether there is an experiment of that key."""
        found = self.get_or_none("experiment/metadata", subject=key, experimentKey=key)
        if found is not None and (not isinstance(found, dict) or found.get("experimentKey", key) != key):
            raise unreadable(self.access, key)
        return found is not None

    def values(self, key: str, what: str) -> Values:
        """Current values by name: ``parameters``, ``metrics/summary`` or ``log-other`` of an experiment."""
        answer = self.get(f"experiment/{what}", subject=key, experimentKey=key)
        rows = answer.get("values") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise unreadable(self.access, key)
        named = [row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]
        return {row["name"]: str(row.get("valueCurrent")) for row in named}

    def _opened(self) -> Any:
        """The SDK's client; its constructor asks the server for its version."""
        if self._client is None:
            try:
                with explained(self.access):
                    self._client = self._open()
            except MirrorUnreachable as error:
                error.unsure = False  # nothing was sent yet
                raise
        return self._client

    def _open(self) -> Any:
        quiet_comet(self.access.url, self.access.timeout_s)
        with importing():
            from comet_llm.experiment_api import comet_api_client  # noqa: PLC0415 - seconds, and after quiet_comet

        session = bound(comet_api_client._get_session(), self.adapter)  # noqa: SLF001 - with its setting for TLS
        client = comet_api_client.CometAPIClient(self.access.key, self.access.root, session)
        if client.backend_version < OLDEST_SERVER:
            said = f"The Comet server {self.access.host} has version {client.backend_version}"
            raise MirrorUnreachable(said, unsure=False, hint=f"It takes records from {OLDEST_SERVER} on.")
        return client


def is_absent(response: object) -> bool:
    """Whether Comet itself says that there is no such thing, and not something else at its address."""
    if not isinstance(response, requests.Response) or response.status_code not in _ABSENT:
        return False
    try:
        content = response.json()
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("sdk_error_code") not in _OTHER_REASONS
