"""What an experiment found: means with intervals, heat map, flips against a baseline. Pure.

Repeats of a case are one observation: a mean is taken over the repeats first, then over the cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.lab.metrics import Metric, metrics_of
from core.lab.scorers import AnyScorer, Scorer
from core.lab.statistics import Interval, mean_interval
from core.lab.variants import Variant, chosen, names_of, variant_of, variants_of
from core.models import Run, RunState

_SCORERS: TypeAdapter[Any] = TypeAdapter(list[AnyScorer])

ByCase = Mapping[str, float]
"""Case -> mean over its repeats."""


@dataclass(frozen=True, slots=True)
class Mean:
    """One variant by one metric."""

    variant: Variant
    name: str
    interval: Interval
    """Over cases; NaN with n = 0 where no case has a number."""
    runs: int
    failed: int
    pending: int

    @property
    def value(self) -> float | None:
        return self.interval.mean if self.interval.n else None


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A field of the heat map."""

    row: str
    """Template and version."""
    temperature: float | None
    value: float | None
    """None: no case has a number, or, over all models, one of them has none."""
    n: int
    """Cases; over all models the fewest that one of them has."""
    variant: Variant
    """The one that it shows; the first of them over all models."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A case on which a variant's outcome is not the baseline's."""

    case_id: str
    variant: Variant
    name: str
    fixed: bool
    """Passes now; else it passed with the baseline."""
    before: Run
    """A run with the baseline's outcome."""
    after: Run


class Results:
    """An experiment's runs, as tables. Cheap to make; each table is computed when it is asked for."""

    def __init__(
        self,
        runs: Sequence[Run],
        scorers: Sequence[Scorer] = (),
        baseline: Mapping[str, Any] | None = None,
        untempered: Collection[str] = (),
    ) -> None:
        """``untempered``: models whose server takes no temperature."""
        self.runs = tuple(runs)
        self.scorers = tuple(scorers)
        self.variants = variants_of(runs)
        self.names = names_of(self.variants)
        self.baseline = chosen(self.variants, baseline or {})
        """None only where there are no runs."""
        self.untempered = frozenset(untempered)
        self.cases = list(dict.fromkeys(run.case_id for run in runs))
        self._by_case: dict[tuple[str, Variant], ByCase] = {}

    @cached_property
    def metrics(self) -> list[Metric]:
        """Those that some run has a number for."""
        return metrics_of(self.runs, self.scorers)

    @cached_property
    def quality(self) -> list[Metric]:
        """Those of them that say how good an output is; the pass rate first."""
        return [metric for metric in self.metrics if metric.is_quality]

    @cached_property
    def of_variant(self) -> Mapping[Variant, Sequence[Run]]:
        groups: dict[Variant, list[Run]] = {variant: [] for variant in self.variants}
        for run in self.runs:
            groups[variant_of(run)].append(run)
        return groups

    def by_case(self, metric: Metric, variant: Variant) -> ByCase:
        """Only cases with a number."""
        found = self._by_case.get((metric.key, variant))
        if found is None:
            values: dict[str, list[float]] = defaultdict(list)
            for run in self.of_variant[variant]:
                if (value := metric.of(run)) is not None:
                    values[run.case_id].append(value)
            found = self._by_case[metric.key, variant] = {case: fmean(each) for case, each in values.items()}
        return found

    def means(self, metric: Metric) -> list[Mean]:
        """Best first; those without a number last."""
        rows = [self._mean(metric, variant) for variant in self.variants]
        sign = 1 if metric.lower_is_better else -1
        return sorted(rows, key=lambda row: (row.value is None, sign * (row.value or 0.0)))

    def _mean(self, metric: Metric, variant: Variant) -> Mean:
        states = [run.state for run in self.of_variant[variant]]
        return Mean(
            variant,
            self.names[variant],
            _within(mean_interval(list(self.by_case(metric, variant).values())), metric),
            len(states),
            states.count(RunState.FAILED),
            states.count(RunState.PENDING),
        )

    def heat_map(self, metric: Metric, model: str | None = None) -> list[HeatCell]:
        """Of one model, or the mean over all models with the same weight each."""
        fields: dict[tuple[str, float | None], list[Mean]] = defaultdict(list)
        for variant in self.variants:
            if model in (None, variant.model):
                fields[variant.versioned, variant.temperature].append(self._mean(metric, variant))
        return [_heat_cell(row, temperature, members) for (row, temperature), members in fields.items()]

    def flips(self, metric: Metric, baseline: Variant) -> list[Flip]:
        """In the order of cases, then variants. With repeats an outcome is that of most of them; a tie is none."""
        judge = metric if any(metric.passed(run) is not None for run in self.runs) else self._pass_rate
        if judge is None:
            return []
        outcomes = {variant: self._outcomes(judge, variant) for variant in self.variants}
        found = []
        for case in self.cases:
            for variant in self.variants:
                before, after = outcomes[baseline].get(case), outcomes[variant].get(case)
                if before is not None and after is not None and before[0] != after[0]:
                    found.append(Flip(case, variant, self.names[variant], after[0], before[1], after[1]))
        return found

    @property
    def passes(self) -> bool:
        """Whether any output passes or fails, so that there can be flips."""
        return self._pass_rate is not None

    @property
    def _pass_rate(self) -> Metric | None:
        return next((metric for metric in self.metrics if metric.key == "passed"), None)

    def _outcomes(self, metric: Metric, variant: Variant) -> dict[str, tuple[bool, Run]]:
        """Case -> whether most repeats pass, with the first that does or does not."""
        judged: dict[str, list[tuple[bool, Run]]] = defaultdict(list)
        for run in self.of_variant[variant]:
            if (passed := metric.passed(run)) is not None:
                judged[run.case_id].append((passed, run))
        clear = {case: _most(each) for case, each in judged.items()}
        return {case: outcome for case, outcome in clear.items() if outcome is not None}


def results_of(runs: Sequence[Run], spec: Mapping[str, Any], *, untempered: Collection[str] = ()) -> Results:
    """``spec`` is ``Experiment.spec``; of one that is not as ours are, only the runs are used."""
    try:
        scorers = _SCORERS.validate_python(spec.get("scorers") or [])
    except ValidationError:
        scorers = []
    wanted = spec.get("baseline")
    return Results(runs, scorers, wanted if isinstance(wanted, Mapping) else None, untempered)


def _within(interval: Interval, metric: Metric) -> Interval:
    """A share's bounds are 0 to 1; Student's do not know that."""
    if not metric.is_share or interval.low is None or interval.high is None:
        return interval
    return replace(interval, low=max(0.0, interval.low), high=min(1.0, interval.high))


def _heat_cell(row: str, temperature: float | None, members: Sequence[Mean]) -> HeatCell:
    values = [member.value for member in members if member.value is not None]
    whole = len(values) == len(members)
    fewest = min(member.interval.n for member in members)
    return HeatCell(row, temperature, fmean(values) if whole else None, fewest, members[0].variant)


def _most(outcomes: Sequence[tuple[bool, Run]]) -> tuple[bool, Run] | None:
    passes = sum(passed for passed, _ in outcomes)
    if 2 * passes == len(outcomes):
        return None
    most = 2 * passes > len(outcomes)
    return most, next(run for passed, run in outcomes if passed is most)
