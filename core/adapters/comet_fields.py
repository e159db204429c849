"""What Comet holds of one experiment by name: parameters, metrics, tags, details. Written one value a request.

``add_…`` writes; ``set_…`` looks first what is there and writes what differs, so that doing it twice adds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.adapters.comet_client import CometClient


class Fields:
    """One experiment's; ``written`` grows by the name of whatever has arrived. Every method raises MirrorError."""

    def __init__(self, client: CometClient, key: str, written: list[str] | None = None) -> None:
        self._client = client
        self._key = key
        self._written = [] if written is None else written

    def set_parameters(self, wanted: Mapping[str, Any], *, known: Collection[str] = ()) -> None:
        """Those of ``known`` that are not wanted any more are deleted; others that are there stay."""
        there = self._client.values(self._key, "parameters")
        for name, value in _differing(wanted, there).items():
            self._post("parameter", {"parameterName": name, "parameterValue": value}, name)
        for name in (name for name in known if name in there and wanted.get(name) is None):
            self._post("parameter/delete", {"parameterName": name}, name)

    def set_metrics(self, wanted: Mapping[str, float]) -> None:
        """Comet keeps every value of a metric; the last one counts."""
        self.add_metrics(_differing(wanted, self._client.values(self._key, "metrics/summary")))

    def add_metrics(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._post("metric", {"metricName": name, "metricValue": value}, name)

    def set_details(self, wanted: Mapping[str, str]) -> None:
        """An empty one that is not there need not be written."""
        there = self._client.values(self._key, "log-other")
        self.add_details({name: text for name, text in wanted.items() if text != there.get(name, "")})

    def add_details(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self._post("log-other", {"key": name, "value": text}, name)

    def set_tags(self, wanted: Collection[str], *, known: Collection[str] = ()) -> None:
        """Those of ``known`` that are not wanted any more are taken away; others that are there stay."""
        answer = self._client.get("experiment/tags", subject=self._key, experimentKey=self._key)
        tags = answer.get("tags") if isinstance(answer, dict) else None
        there = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
        if added := [tag for tag in wanted if tag not in there]:
            self._post("tags", {"addedTags": added}, "tags")
        if stale := [tag for tag in there if tag in known and tag not in wanted]:
            self._post("tags/delete", {"tags": stale}, "tags")

    def _post(self, what: str, body: Mapping[str, object], name: str) -> None:
        self._client.post(f"experiment/{what}", {"experimentKey": self._key, **body}, subject=self._key)
        self._written.append(name)


def _differing(wanted: Mapping[str, Any], there: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value is not None and not _same(value, there.get(name))}


def _same(value: object, told: str | None) -> bool:
    """Whether Comet's text says this value; numbers by what they are, truth values in whatever case."""
    if told is None:
        return False
    if isinstance(value, bool):
        return told.lower() == str(value).lower()
    try:
        return told == value if isinstance(value, str) else float(told) == value
    except ValueError:
        return False
