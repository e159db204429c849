"""comet_ml at work: its experiments, which bring threads of their own, and its API for reading.

An experiment of comet_ml swallows what fails and knows no end of a call. So each is opened, used and ended within a
time, and afterwards Comet is asked whether what was sent is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.adapters.comet_access import Access
from core.adapters.comet_client import CometClient
from core.adapters.comet_failures import explained, importing, unreadable
from core.adapters.comet_session import bound
from core.config import quiet_comet
from core.errors import MirrorUnreachable

NOTHING_BY_ITSELF: dict[str, Any] = {
    "log_code": False,
    "log_graph": False,
    "log_git_metadata": False,
    "log_git_patch": False,
    "log_env_details": False,
    "auto_param_logging": False,
    "auto_metric_logging": False,
    "auto_output_logging": False,
    "auto_log_co2": False,
    "parse_args": False,
    "display_summary_level": 0,
}
"""An experiment logs what it is told to, and nothing of this machine."""


class Runs:
    """Experiments of one workspace. Methods raise MirrorError."""

    def __init__(self, client: CometClient) -> None:
        self._client = client
        self._access: Access = client.access

    def ensure(self, key: str, workspace: str) -> None:
        """There is an experiment of that key afterwards."""
        if not self._client.exists(key):
            self.use(key, workspace, lambda _: None, within_s=self._access.call_s)

    def use(self, key: str, workspace: str, work: Callable[[Any], Any], *, within_s: float) -> None:
        """Opens the experiment, a new one where it is not there, lets ``work`` use it and ends it."""
        there = self._client.exists(key)  # also: a server that refuses would hold comet_ml for half a minute
        place = {"previous_experiment": key} if there else self._new(key, workspace)

        def whole() -> None:
            run = self._opened(place, existing=there)
            try:
                work(run)
            finally:
                run.end()

        self._in_time(whole, within_s + 2 * self._access.call_s)

    def api(self) -> Any:
        """comet_ml's API over our bounded session, without its question for the server's version."""
        with explained(self._access):
            comet_ml, key = _comet_ml(self._access), self._access.key
            from comet_ml.connection import get_rest_api_client  # noqa: PLC0415 - see _comet_ml

            rest = get_rest_api_client("v2", api_key=key, use_cache=False, check_version=False)
            for session in (rest.low_level_api_client.session, rest.low_level_api_client.retry_session):
                bound(session, self._client.adapter)
            api = object.__new__(comet_ml.API)
            api.config, api.api_key, api._client = comet_ml.get_config(), key, rest
            return api

    def _new(self, key: str, workspace: str) -> dict[str, str]:
        return {"experiment_key": key, "workspace": workspace, "project_name": self._access.experiments}

    def _opened(self, place: dict[str, str], *, existing: bool) -> Any:
        comet_ml = _comet_ml(self._access)
        kind = comet_ml.ExistingExperiment if existing else comet_ml.Experiment
        run = type(kind.__name__, (_Telling, kind), {})(api_key=self._access.key, **place, **NOTHING_BY_ITSELF)
        if not run.alive:
            raise run.failure or unreadable(self._access)
        return run

    def _in_time(self, work: Callable[[], None], limit_s: float) -> None:
        """Does the work in a thread of its own and leaves it there where it does not end."""
        raised: list[Exception] = []

        def caught() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - raised again below
                raised.append(error)

        thread = threading.Thread(target=caught, name="comet experiment", daemon=True)
        thread.start()
        thread.join(limit_s)
        if thread.is_alive():
            raise MirrorUnreachable(f"Comet ({self._access.host}) did not take the files in time", unsure=True)
        with explained(replace(self._access, project=self._access.experiments)):
            if raised:
                raise raised[0]


class _Telling:
    """In front of comet_ml's experiments: keeps why the handshake failed, which they only log."""

    failure: Exception | None = None

    def _authenticate(self) -> Any:
        try:
            return super()._authenticate()  # type: ignore[misc]
        except Exception as error:
            self.failure = error
            raise


def _comet_ml(access: Access) -> Any:
    """The package, quiet and with our address: it reads its settings again at every step, from the environment."""
    quiet_comet(access.url, access.timeout_s)
    with importing():
        import comet_ml  # noqa: PLC0415 - seconds, and after quiet_comet
        from comet_ml.config import CONFIG_MAP  # noqa: PLC0415

    CONFIG_MAP["comet.url_override"]["default"] = access.url
    return comet_ml
