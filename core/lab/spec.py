"""What an experiment is to do, as a user writes it: YAML, JSON or a dictionary.

::

    name: Shorter answers
    templates: [cited-answer@production, {name: brief, user: "Answer briefly: {question}"}]
    models: [gpt-5.4-mini]
    temperatures: [0, 0.7]
    repeats: 3
    cases: [{question: "What is a vector?", expected: A list of numbers.}]
    scorers: [rouge_l, {type: judge, rubric: Is it right and short?}]
    max_cost_usd: 0.50

docs/lab.md has every key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from core.errors import InputError
from core.lab.faults import as_input_error
from core.lab.scorers import AnyScorer
from core.lab.yaml_text import read_yaml

MOST_TOKENS = 2048
"""Of an answer where a spec says nothing: a bound makes the worst case of a call known."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _template(entry: Any) -> Any:
    """``name``, ``name@3`` and ``name@alias`` are short for a mapping."""
    if not isinstance(entry, str):
        return entry
    name, _, ref = entry.partition("@")
    return {"name": name} | ({"version": int(ref)} if ref.isdecimal() else {"alias": ref} if ref else {})


class TemplateEntry(_Part):
    """A template of the registry by version or alias, or a text of its own."""

    name: str = Field(min_length=1, max_length=100)
    version: int | None = Field(default=None, ge=1)
    alias: str | None = Field(default=None, min_length=1)
    system: str = ""
    user: str | None = None

    @property
    def is_inline(self) -> bool:
        return self.user is not None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.version is not None and self.alias is not None:
            raise ValueError("has a version and an alias; one is enough")
        if self.is_inline and (self.version is not None or self.alias is not None):
            raise ValueError("has a text of its own, so it takes no version and no alias")
        if self.system and not self.is_inline:
            raise ValueError("has a system text but no user text")
        if self.user is not None and not self.user.strip():
            raise ValueError("has an empty user text")
        return self


def _baseline(entry: Any) -> Any:
    """A template alone is short for a variant."""
    entry = _template(entry) if isinstance(entry, str) else entry
    return {"template": entry.pop("name"), **entry} if isinstance(entry, dict) and "name" in entry else entry


class Baseline(_Part):
    """The variant that others are compared with; what is not said is that of the first variant that fits."""

    template: str | None = None
    version: int | None = None
    alias: str | None = None
    model: str | None = None
    temperature: float | None = None


class Spec(_Part):
    """An experiment before its templates, cases and models are looked up."""

    name: str = Field(default="Experiment", min_length=1, max_length=200)
    templates: list[Annotated[TemplateEntry, BeforeValidator(_template)]] = Field(min_length=1, max_length=50)
    models: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default=[], max_length=50)
    """Empty: the default chat model."""
    temperatures: list[Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]] = Field(
        default=[0.0], min_length=1, max_length=50
    )
    repeats: int = Field(default=1, ge=1, le=100)
    test_set: str | None = Field(default=None, min_length=1)
    cases: list[dict[str, Any]] | None = None
    file: str | None = Field(default=None, min_length=1)
    """A CSV, JSONL or JSON file beside the spec."""
    scorers: list[AnyScorer] = Field(default=[], max_length=50)
    concurrency: int = Field(default=8, ge=1, le=64)
    """Calls at the same time."""
    max_tokens: int | None = Field(default=MOST_TOKENS, ge=1, le=1_000_000)
    literal_braces: bool = False
    """Braces that look like a variable and are none are meant as they stand."""
    max_cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    allow_unknown_price: bool = False
    """With a cap: calls to models without a known price are made, and do not count."""
    baseline: Annotated[Baseline | None, BeforeValidator(_baseline)] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [key for key in ("test_set", "cases", "file") if getattr(self, key) is not None]
        if not given:
            raise ValueError("the spec names no cases: give test_set, cases or file")
        if len(given) > 1:
            raise ValueError(f"the spec has {' and '.join(given)}; one of them is enough")
        for key in ("models", "temperatures"):
            values = getattr(self, key)
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"{key}: {twice} stands twice")
        if self.max_cost_usd is not None and self.max_tokens is None:
            raise ValueError("max_tokens must be a number where max_cost_usd is one: else no call has a worst case")
        return self


def spec_of(document: Any, name: str = "The spec") -> Spec:
    """Checks a document. Raises InputError that names each wrong key at its place."""
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        raise as_input_error(error, Spec, name) from None


def read_spec(path: Path) -> Spec:
    """Reads a YAML or JSON file. Raises InputError that names the file and the place."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is no UTF-8 text", subject=path.name) from None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror})", subject=str(path)) from None
    return spec_of(read_yaml(text, path.name), path.name)
