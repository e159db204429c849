"""Records of traces and their thumbs on the way to Comet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from core.adapters.comet_access import Access
from core.adapters.comet_client import CometClient
from core.adapters.comet_failures import OTHER_KIND_CODE, doubted, of_status, other_kind, unreadable
from core.adapters.comet_fields import Fields
from core.errors import MirrorError, MirrorKeyRejected, MirrorRefused
from core.mirror.records import CREATED_FROM
from core.models import AnswerStatus, MirrorRecord, MirrorThumb

ASSET = "comet_llm_data.json"
ASSET_KIND = "llm_data"
MOST_REQUEST_BYTES = 4 * 2**20
"""Of several records in one request; a single one may be larger."""
MOST_NAME_CHARS = 100
FEEDBACK, USER_FEEDBACK = "feedback", "user_feedback"
"""The thumb as it is (-1, 0, 1), and as Comet's own page shows it (1 up, 0 down)."""
TEXTS = {name: f"feedback_{name}" for name in ("reason", "comment", "correction")}
"""The words of a thumb -> the name of the detail that Comet shows."""
OURS = ("error", "model", "temperature", "template", "template_version", "cost_usd", "latency_ms", "ttft_ms")
"""Parameters that a later version of a record may lack."""

Outcomes = list[MirrorError | None]


class Records:
    """What ``CometMirror`` does with records and thumbs; see ``core.ports.Mirror``."""

    def __init__(self, client: CometClient) -> None:
        self._client = client

    # ------------------------------------------------------------------------------------------------------ adding

    def send(self, records: Sequence[MirrorRecord]) -> Outcomes:
        """One request, or several where one would be too large.

        A request that is refused as a whole is halved, so that one record does not hold up its neighbours. After the
        first request that was taken, a failure of a later one stands at its records; before, it is raised.
        """
        outcomes: Outcomes = []
        for group in _groups([self._payload(record) for record in records]):
            try:
                outcomes += self._send_group(group)
            except MirrorError as error:
                if not outcomes:
                    raise
                outcomes += [error] * (len(records) - len(outcomes))
                break
        return outcomes

    def _send_group(self, payloads: Sequence[Mapping[str, Any]]) -> Outcomes:
        try:
            answer = self._client.post("experiment/llm", list(payloads), subject=_only(payloads))
        except MirrorRefused as error:
            return [error] if len(payloads) == 1 else self._send_halves(payloads)
        if not isinstance(answer, dict):
            raise unreadable(self._client.access, _only(payloads))
        if all(_has_other_kind(answer.get(one["experimentKey"])) for one in payloads):
            refused = other_kind(self._client.access)
            raise MirrorKeyRejected(refused.message, subject="COMET_PROJECT_NAME", hint=refused.hint)
        keys = [str(payload["experimentKey"]) for payload in payloads]
        return [_outcome(answer.get(key), key, self._client.access) for key in keys]

    def _send_halves(self, payloads: Sequence[Mapping[str, Any]]) -> Outcomes:
        middle = len(payloads) // 2
        first = self._send_group(payloads[:middle])
        try:
            return first + self._send_group(payloads[middle:])
        except MirrorError as error:
            if all(isinstance(outcome, MirrorRefused) for outcome in first):
                raise
            return first + [error] * (len(payloads) - middle)

    def _payload(self, record: MirrorRecord) -> dict[str, Any]:
        """As comet_llm's ``CometAPIClient.log_chain`` writes it, which takes one record a request."""
        access, sdk = self._client.access, self._client.payloads
        return {
            "experimentKey": record.id,
            "createExperimentRequest": {
                "workspaceName": access.workspace,
                "projectName": access.project,
                "type": "LLM",
            },
            "parameters": sdk.chain_parameters_payload(dict(record.parameters)),
            "metrics": sdk.chain_metrics_payload(dict(record.metrics)),
            "others": sdk.chain_others_payload(_others(record)),
            "tags": list(record.tags),
            "jsonAsset": {"extension": "json", "type": ASSET_KIND, "fileName": ASSET, "file": dict(record.chain)},
        }

    # --------------------------------------------------------------------------------------------------- replacing

    def replace(self, record: MirrorRecord) -> None:
        """Writes what differs: parameters, metrics, tags; and the asset. Doing it twice changes nothing more."""
        fields = Fields(self._client, record.id)
        fields.set_parameters(record.parameters, known=OURS)
        fields.set_metrics(record.metrics)
        fields.set_tags(record.tags, known=frozenset(map(str, AnswerStatus)))
        chain = json.dumps(record.chain, allow_nan=False).encode()
        self._client.upload(record.id, ASSET, chain, kind=ASSET_KIND)

    # ---------------------------------------------------------------------------------------------------- feedback

    def send_thumb(self, thumb: MirrorThumb, *, unsure: bool) -> None:
        """The raw metric ``feedback``, Comet's own ``user_feedback``, and the words as details.

        Comet's own knows 1 and 0 only and forgets nothing, so a thumb that was taken back is told by the raw metric
        alone. With ``unsure`` only what differs is written, and words that are no longer there are blanked.
        """
        sent: list[str] = []
        try:
            self._send_thumb(thumb, sent, unsure=unsure)
        except MirrorError as error:
            raise doubted(error, unsure=unsure, partly=bool(sent)) from error.__cause__

    def _send_thumb(self, thumb: MirrorThumb, sent: list[str], *, unsure: bool) -> None:
        values: dict[str, float] = {FEEDBACK: thumb.value}
        if thumb.value:
            values[USER_FEEDBACK] = 1 if thumb.value > 0 else 0
        texts = {name: thumb.texts.get(word, "") for word, name in TEXTS.items()}
        fields = Fields(self._client, thumb.id, sent)
        if unsure:
            fields.set_metrics(values)
            fields.set_details(texts)
        else:
            fields.add_metrics(values)
            fields.add_details({name: text for name, text in texts.items() if text})


def _groups(payloads: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The payloads in their order, as many together as one request may hold."""
    group: list[dict[str, Any]] = []
    size = 0
    for payload in payloads:
        bytes_of = len(json.dumps(payload, allow_nan=False))
        if group and size + bytes_of > MOST_REQUEST_BYTES:
            yield group
            group, size = [], 0
        group.append(payload)
        size += bytes_of
    if group:
        yield group


def _outcome(answer: object, key: str, access: Access) -> MirrorError | None:
    """What became of one record of a batch."""
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(status, int):
        return unreadable(access, key)
    if status == HTTPStatus.OK:
        return None
    error = of_status(status, answer.get("content"), access, key)
    if isinstance(error, MirrorKeyRejected):  # of this record only: the request itself was let in
        return MirrorRefused(error.message, subject=key, hint=error.hint)
    return error


def _has_other_kind(answer: object) -> bool:
    content = answer.get("content") if isinstance(answer, dict) else None
    return isinstance(content, dict) and content.get("sdk_error_code") == OTHER_KIND_CODE


def _only(payloads: Sequence[Mapping[str, Any]]) -> str:
    """The record that a failure concerns, where it is one."""
    return str(payloads[0]["experimentKey"]) if len(payloads) == 1 else ""


def _others(record: MirrorRecord) -> dict[str, str]:
    """Details of Comet's page: the question as the record's name, and where it comes from."""
    inputs = record.chain.get("chain_inputs")
    question = inputs.get("question") if isinstance(inputs, Mapping) else None
    others = {"Created from": CREATED_FROM}
    if isinstance(question, str) and question.strip():
        others["Name"] = " ".join(question[: 2 * MOST_NAME_CHARS].split())[:MOST_NAME_CHARS]
    return others
