"""A JSON output against a schema. No schema is fetched, and patterns in it are bounded like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator

from core.lab.fences import without_fence
from core.lab.scorers.base import Context, Scorer, verdict
from core.lab.scorers.patterns import compiled, search
from core.models import Score, TestCase

_LONGEST_REASON = 300


class JsonSchema(Scorer):
    """Whether the output is JSON that fits the schema; a Markdown fence around it is taken off."""

    type: Literal["json_schema"] = "json_schema"
    schema_: dict[str, Any] | bool = Field(default=True, alias="schema")
    fences: bool = True

    @field_validator("schema_")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any] | bool) -> dict[str, Any] | bool:
        from jsonschema import SchemaError  # noqa: PLC0415  a tenth of a second

        for part in _parts(schema):
            _check_part(part)
        try:
            _validator_class().check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"is no JSON schema: {_sentence(error)}") from None
        return schema

    @cached_property
    def _validator(self) -> Any:
        return _validator_class()(self.schema_)

    def score(self, output: str, case: TestCase, context: Context) -> Score:  # noqa: ARG002
        text = without_fence(output) if self.fences else output
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            return verdict(passed=False, reason=f"The output is not JSON: {error}"[:_LONGEST_REASON])
        fault = next(self._validator.iter_errors(document), None)
        return verdict(fault is None, "fits" if fault is None else _sentence(fault))


def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, ValidationError, validators  # noqa: PLC0415  likewise

    def pattern(_validator: Any, wanted: str, instance: Any, _schema: Any) -> Iterator[Any]:
        if isinstance(instance, str) and not search(wanted, instance):
            yield ValidationError(f"{instance!r} does not match {wanted!r}")

    def pattern_properties(validator: Any, wanted: dict[str, Any], instance: Any, _schema: Any) -> Iterator[Any]:
        for name, schema in wanted.items() if isinstance(instance, dict) else ():
            for key, value in instance.items():
                if search(name, key):
                    yield from validator.descend(value, schema, path=key, schema_path=name)

    return validators.extend(Draft202012Validator, {"pattern": pattern, "patternProperties": pattern_properties})


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema, wherever it stands."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _parts(part)


def _check_part(part: dict[str, Any]) -> None:
    """Raises ValueError for a pattern that is none, and for a reference that would be fetched."""
    names = part.get("patternProperties")
    for pattern in (part.get("pattern"), *(names if isinstance(names, dict) else ())):
        if isinstance(pattern, str):
            compiled(pattern)
    for reference in (part.get("$ref"), part.get("$dynamicRef")):
        if isinstance(reference, str) and not reference.startswith("#"):
            raise ValueError(f"refers to {reference}, and no other schema is fetched")


def _sentence(error: Any) -> str:
    place = "/".join(map(str, error.absolute_path)) or "the document"
    return f"{place}: {error.message}"[:_LONGEST_REASON]
