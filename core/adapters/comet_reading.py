"""Records of a Comet project read back: ours, and those that other programs logged there.

Two kinds of requests: one for what records there are (comet_ml's API of this release knows no pages), and one for the
values of a hundred of them. Values come as strings; what cannot be read was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.adapters.comet_access import Access
from core.adapters.comet_client import is_absent
from core.adapters.comet_failures import explained
from core.adapters.comet_records import FEEDBACK, USER_FEEDBACK
from core.mirror.cleaning import LARGEST_INT, clean_text, milliseconds
from core.mirror.records import CREATED_FROM, record_id
from core.models import MirroredTrace, Usage

PAGE = 100
CLOCKS_DIFFER = timedelta(hours=1)
"""A record is made by Comet's clock, after the trace that it is of by ours."""
MOST_TEXT_CHARS = 200

MODEL = ("model", "output_model", "input.model")
"""Under which names a value may stand, the best first: ours are those of comet_llm's OpenAI logger where it has one,
``input.model`` is from the example of its ``log_prompt``."""
PROMPT, COMPLETION = ("usage.prompt_tokens", "usage.input_tokens"), ("usage.completion_tokens", "usage.output_tokens")
TOTAL = ("usage.total_tokens", "total_tokens")
CACHED = ("usage.prompt_tokens_details.cached_tokens", "usage.input_tokens_details.cached_tokens")
REASONING = ("usage.completion_tokens_details.reasoning_tokens", "usage.output_tokens_details.reasoning_tokens")
COST = ("cost_usd", "total_cost_usd", "usage.cost", "total_cost", "cost")
KIND, TEMPLATE, USER = ("kind", "type", "input.type"), ("template", "prompt_template_name"), ("user", "user_id")
OURS = ("created_from", "trace_id", "started_at", "latency_ms")
PARAMETERS = [name for names in (OURS, MODEL, PROMPT, COMPLETION, TOTAL, CACHED, REASONING, COST, KIND, TEMPLATE, USER)
              for name in names]  # fmt: skip
DURATION = "chain_duration"
"""Milliseconds, as comet_llm's timer takes them."""
METRICS = [DURATION, FEEDBACK, USER_FEEDBACK]


class Reader:
    """Reads one project over comet_ml's API. Methods raise MirrorError."""

    def __init__(self, api: Any, access: Access) -> None:
        self._api = api
        self._access = access

    def read(self, workspace: str, since: datetime | None) -> Iterator[list[MirroredTrace]]:
        """Newest first, a hundred records a request; a project that is not there has none."""
        heads = self._heads(workspace, since)
        for start in range(0, len(heads), PAGE):
            page = heads[start : start + PAGE]
            values = self._values([head.key for head in page])
            found = [trace for head in page if (trace := traced(head, values.get(head.key), since)) is not None]
            if found:
                yield found

    def _heads(self, workspace: str, since: datetime | None) -> list[Head]:
        with explained(self._access):
            try:
                experiments = self._api.get_experiments(workspace, self._access.project)
            except Exception as error:
                if is_absent(getattr(error, "response", None)):
                    return []
                raise
            heads = [head for experiment in experiments if (head := _head(experiment)) is not None]
        earliest = None if since is None else milliseconds(since - CLOCKS_DIFFER)
        wanted = [head for head in heads if earliest is None or head.start_ms is None or head.start_ms >= earliest]
        return sorted(wanted, key=lambda head: (head.start_ms or 0, head.key), reverse=True)

    def _values(self, keys: Sequence[str]) -> Mapping[str, Any]:
        with explained(self._access):
            values = self._api.get_metrics_for_chart(list(keys), METRICS, PARAMETERS)
        return values if isinstance(values, dict) else {}


@dataclass(frozen=True, slots=True)
class Head:
    """What the list of experiments says of one."""

    key: str
    name: str
    start_ms: int | None


def _head(experiment: Any) -> Head | None:
    """``_name``, because ``name`` asks the server where there is none."""
    key, name = experiment.id, experiment._name  # noqa: SLF001
    start_ms = _count(experiment.start_server_timestamp)
    return Head(key, name if isinstance(name, str) else "", start_ms) if isinstance(key, str) and key else None


def traced(head: Head, values: object, since: datetime | None = None) -> MirroredTrace | None:
    """The record as a trace. None where nobody knows when it began, or it began before ``since``."""
    values = values if isinstance(values, Mapping) else {}
    found = _Values(_texts(values.get("params")), _last_values(values.get("metrics")))
    trace_id = _our_trace(head.key, found.parameters)
    started_at = (_moment(found.parameters.get("started_at")) if trace_id else None) or _moment_of(head.start_ms)
    if started_at is None or (since is not None and started_at < since):
        return None
    return MirroredTrace(
        record_id=head.key,
        trace_id=trace_id,
        name=clean_text(head.name, MOST_TEXT_CHARS),
        kind=found.text(KIND) or "llm",
        started_at=started_at,
        user=found.text(USER) or "",
        template=found.text(TEMPLATE) or "",
        model=found.text(MODEL),
        usage=Usage(found.count(PROMPT), found.count(COMPLETION), found.count(CACHED), found.count(REASONING)),
        total_tokens=found.count(TOTAL),
        cost_usd=found.number(COST),
        latency_ms=found.number(("latency_ms",)) if trace_id else _measured(found.metrics.get(DURATION)),
        feedback=found.feedback(),
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """Of one record, as texts by name."""

    parameters: Mapping[str, str]
    metrics: Mapping[str, str]

    def text(self, names: Sequence[str]) -> str | None:
        told = next((self.parameters[name] for name in names if self.parameters.get(name, "").strip()), None)
        return None if told is None else clean_text(told.strip(), MOST_TEXT_CHARS)

    def number(self, names: Sequence[str]) -> float | None:
        return next((n for name in names if (n := _measured(self.parameters.get(name))) is not None), None)

    def count(self, names: Sequence[str]) -> int | None:
        return _count(self.number(names))

    def feedback(self) -> int | None:
        """Ours as it is; of Comet's own 0 is a thumb down."""
        raw, theirs = _number(self.metrics.get(FEEDBACK)), _number(self.metrics.get(USER_FEEDBACK))
        if raw is not None and raw in (-1, 0, 1):
            return int(raw)
        return None if theirs is None else {1.0: 1, 0.0: -1}.get(theirs)


def _our_trace(key: str, parameters: Mapping[str, str]) -> str | None:
    """Our trace's id, where the record says so and its key agrees: others can write any parameter."""
    trace_id = parameters.get("trace_id", "")
    ours = parameters.get("created_from") == CREATED_FROM and trace_id and record_id(trace_id) == key
    return trace_id if ours else None


def _texts(values: object) -> dict[str, str]:
    if not isinstance(values, Mapping):
        return {}
    return {str(name): str(value) for name, value in values.items() if isinstance(value, str | int | float)}


def _last_values(series: object) -> dict[str, str]:
    """Metric -> its last value."""
    rows = [row for row in series if isinstance(row, Mapping)] if isinstance(series, list) else []
    written = [(str(row.get("metricName")), row.get("values")) for row in rows]
    return _texts({name: values[-1] for name, values in written if isinstance(values, list) and values})


def _number(told: object) -> float | None:
    try:
        number = float(told) if isinstance(told, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _measured(told: object) -> float | None:
    number = _number(told)
    return None if number is None or number < 0 else number


def _count(told: object) -> int | None:
    number = _measured(told)
    return int(number) if number is not None and number <= LARGEST_INT and number == int(number) else None


def _moment(told: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(told or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment_of(start_ms: int | None) -> datetime | None:
    try:
        return None if not start_ms else datetime.fromtimestamp(start_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
