"""A spec's names looked up: templates in the registry, cases in a test set or a file; all that is wrong is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from core.errors import InputError, NotFound
from core.lab.braces import stray_braces
from core.lab.case_rows import cases_of, read_cases
from core.lab.plan import INLINE, Plan, version_of
from core.lab.scorers import ModelJudge, Scorer, Tools, check_scorers
from core.lab.spec import Baseline, Spec, TemplateEntry
from core.models import TestCase
from core.phrases import listed
from core.prompts import PromptTemplate

MOST_CELLS = 50_000
_LARGEST_FILE = 200_000_000
_NAMED = 3


class Templates(Protocol):
    """The registry of prompts."""

    def get(self, name: str, ref: int | str = "production") -> PromptTemplate:
        """Raises NotFound."""

    def offered(self) -> Sequence[str]:
        """What a form offers: ``name`` for what runs now, ``name@3`` for one version."""


class CaseSets(Protocol):
    """Test sets by name."""

    def __call__(self, name: str) -> Sequence[TestCase]:
        """The cases. Raises NotFound."""

    def offered(self) -> Sequence[str]:
        """Names of the sets."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes plans of specs."""

    templates: Templates
    cases: CaseSets
    tools: Tools
    default_model: Callable[[], str]
    """Name of the default chat model. Raises where there is none."""

    def plan(self, spec: Spec, *, folder: Path | None = None) -> Plan:
        """Raises InputError that names what is wrong at its place, before anything is spent.

        ``folder``: where a spec's ``file`` is; without one, a spec must not name files.
        """
        templates = self._templates(spec)
        cases = self._cases(spec, folder)
        if not spec.literal_braces:
            _check_braces(spec, templates)
        _check_variables(templates, cases)
        check_scorers(spec.scorers, cases, self.tools)
        models = tuple(spec.models) or (self.default_model(),)
        plan = Plan(
            name=spec.name,
            templates=templates,
            models=models,
            temperatures=tuple(map(float, spec.temperatures)),
            repeats=spec.repeats,
            cases=cases,
            scorers=tuple(map(self._with_model, spec.scorers)),
            concurrency=spec.concurrency,
            max_tokens=spec.max_tokens,
            max_cost_usd=spec.max_cost_usd,
            allow_unknown_price=spec.allow_unknown_price,
            baseline={},
            test_set=spec.test_set or spec.file,
            notices=tuple(_unused(templates, cases)),
        )
        _check_size(plan)
        return _with_baseline(plan, spec.baseline or Baseline(), self._versions(spec.baseline))

    def _with_model(self, scorer: Scorer) -> Scorer:
        """A judge says which model it asks, so that a plan does not change with a setting."""
        if isinstance(scorer, ModelJudge) and scorer.model is None:
            return scorer.model_copy(update={"model": self.default_model()})
        return scorer

    def _templates(self, spec: Spec) -> tuple[PromptTemplate, ...]:
        found: dict[tuple[str, int], PromptTemplate] = {}
        for n, entry in enumerate(spec.templates):
            template = self._template(entry, f"templates[{n}]")
            if (template.name, template.version) in found:
                raise InputError(f"templates[{n}]: {_called(template)} stands twice", subject=template.name)
            found[template.name, template.version] = template
        return tuple(found.values())

    def _template(self, entry: TemplateEntry, place: str) -> PromptTemplate:
        if entry.user is not None:
            return PromptTemplate(entry.name, INLINE, entry.system, entry.user)
        try:
            return self.templates.get(entry.name, entry.version or entry.alias or "production")
        except NotFound as error:
            raise InputError(f"{place}: {error.message}", subject=entry.name, hint=error.hint) from None

    def _versions(self, baseline: Baseline | None) -> int | None:
        """The version that a baseline's alias stands for."""
        if baseline is None or baseline.alias is None or baseline.template is None:
            return None if baseline is None else baseline.version
        entry = TemplateEntry(name=baseline.template, alias=baseline.alias)
        return version_of(self._template(entry, "baseline"))

    def _cases(self, spec: Spec, folder: Path | None) -> tuple[TestCase, ...]:
        if spec.cases is not None:
            return tuple(cases_of(spec.cases, "cases"))
        if spec.file is not None:
            return tuple(read_cases(Path(spec.file).name, _bytes_of(spec.file, folder)))
        try:
            cases = self.cases(spec.test_set or "")
        except NotFound as error:
            raise InputError(f"test_set: {error.message}", subject=spec.test_set or "", hint=error.hint) from None
        if not cases:
            raise InputError(f"test_set: {spec.test_set} has no cases yet", subject=spec.test_set or "")
        return tuple(cases)


def _bytes_of(file: str, folder: Path | None) -> bytes:
    if folder is None:
        raise InputError("file can be named in a spec file only", subject="file", hint="Add the cases to a test set.")
    path = folder / file
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"file: {file} has more than {_LARGEST_FILE // 1_000_000} MB", subject="file")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"file: {file} cannot be read ({error.strerror})", subject="file") from None


def _check_braces(spec: Spec, templates: Sequence[PromptTemplate]) -> None:
    for n, (entry, template) in enumerate(zip(spec.templates, templates, strict=True)):
        for part in ("system", "user"):
            for line, slip in stray_braces(getattr(template, part)):
                place = f"templates[{n}].{part}" if entry.is_inline else f"templates[{n}] ({entry.name}), {part}"
                raise InputError(
                    f"{place}, line {line}: “{slip}” is no variable",
                    subject=template.name,
                    hint="A variable is {name}, without spaces; literal_braces: true keeps braces as they stand.",
                )


def _check_variables(templates: Sequence[PromptTemplate], cases: Sequence[TestCase]) -> None:
    columns = set().union(*(case.variables for case in cases))
    for n, template in enumerate(templates):
        for name in template.variables:
            lacking = [case.case_id for case in cases if name not in case.variables]
            if not lacking:
                continue
            which = "no case has" if len(lacking) == len(cases) else f"{_some(lacking)} lack{'s' * (len(lacking) == 1)}"
            raise InputError(
                f"templates[{n}] ({template.name}) has a variable {name} that {which}",
                subject=name,
                hint=f"The columns of the cases are {listed(sorted(columns)) or 'none'}.",
            )


def _some(case_ids: Sequence[str]) -> str:
    if len(case_ids) == 1:
        return f"case {case_ids[0]}"
    named = ", ".join(case_ids[:_NAMED])
    return f"{len(case_ids):,} cases ({named}{', …' if len(case_ids) > _NAMED else ''})"


def _unused(templates: Sequence[PromptTemplate], cases: Sequence[TestCase]) -> Iterable[str]:
    """Columns that no template has a variable for; a column of a test set may be there for another template."""
    used = {name for template in templates for name in template.variables}
    for column in sorted(set().union(*(case.variables for case in cases)) - used):
        yield f"The column {column} is in no template."


def _check_size(plan: Plan) -> None:
    if plan.total > MOST_CELLS:
        factors = (
            f"{len(plan.templates)} templates, {len(plan.models)} models, {len(plan.temperatures)} temperatures, "
            f"{len(plan.cases):,} cases, {plan.repeats} repeats"
        )
        raise InputError(f"The grid has {plan.total:,} cells ({factors})", hint=f"The most is {MOST_CELLS:,}.")


def _with_baseline(plan: Plan, wanted: Baseline, version: int | None) -> Plan:
    """The first variant that fits what the spec says of its baseline. Raises InputError where none does."""
    asked = {"template": wanted.template, "version": version, "model": wanted.model, "temperature": wanted.temperature}
    for template, model, temperature in product(plan.templates, plan.models, plan.temperatures):
        variant: Mapping[str, Any] = dict(
            zip(asked, (template.name, version_of(template), model, temperature), strict=True)
        )
        if all(value is None or value == variant[key] for key, value in asked.items()):
            return replace(plan, baseline=variant)
    named = ", ".join(f"{key} {value}" for key, value in asked.items() if value is not None)
    raise InputError(f"baseline: no variant has {named}", subject="baseline")


def _called(template: PromptTemplate) -> str:
    return template.name if template.version == INLINE else f"{template.name}@{template.version}"
