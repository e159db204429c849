"""The query of the fake Comet: which experiments of a project fulfil every rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.fakes.comet_reads import Endpoint, values_by_source
from tests.fakes.comet_state import Experiment, Refused, State
from tests.fakes.comet_wire import Answer, Request, json_answer

MISSING = object()
COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "equal": lambda a, b: a == b,
    "not_equal": lambda a, b: a != b,
    "less": lambda a, b: a < b,
    "less_or_equal": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "greater_or_equal": lambda a, b: a >= b,
    "contains": lambda a, b: b in a,
    "begins_with": lambda a, b: a.startswith(b),
    "ends_with": lambda a, b: a.endswith(b),
}


def query(state: State, request: Request) -> Answer:
    asked = request.json
    state.allow(asked["workspaceName"])
    found = state.in_project(asked["workspaceName"], asked["projectName"])
    keys = [one.key for one in found if all(_fulfils(one, part) for part in asked["predicates"])]
    return json_answer({"experimentKeys": keys})


def _fulfils(one: Experiment, predicate: Mapping[str, Any]) -> bool:
    return all(_holds(one, predicate["source"], rule) for rule in predicate["query"]["rules"])


def _holds(one: Experiment, source: str, rule: Mapping[str, Any]) -> bool:
    if source == "tag":
        return rule["field"] in one.tags
    value, operator, wanted = _value(one, source, rule["field"]), rule["operator"], rule["value"]
    if operator in {"is_null", "is_not_null"}:
        return bool((value is MISSING) == (operator == "is_null"))
    if operator not in COMPARE:
        raise Refused(400, f"The fake has no operator {operator}")
    if value is MISSING:
        return False
    if rule["type"] == "double":
        value, wanted = float(value), float(wanted)
    return bool(COMPARE[operator](value, wanted))


def _value(one: Experiment, source: str, name: str) -> Any:
    if source == "metadata" and name == "start_server_timestamp":
        return datetime.fromtimestamp(one.start_ms / 1000, UTC).replace(tzinfo=None).isoformat(" ")
    return values_by_source(one).get(source, {}).get(name, MISSING)


REST: dict[str, Endpoint] = {"project/query": query}
