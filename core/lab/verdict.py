"""Which variant is better, in words, and how sure that is. Pure. Its sentences hold names that users wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.lab.metrics import Measured, Metric
from core.lab.results import Results
from core.lab.statistics import Comparison, compare
from core.lab.variants import Variant
from core.models import Run, RunState
from core.phrases import count, listed, one_line

_SHOWN_REASON = 160


@dataclass(frozen=True, slots=True)
class Line:
    """One variant against the baseline."""

    variant: Variant
    name: str
    sentence: str
    comparison: Comparison | None
    """None where no case has a number of both. Its difference is positive where the variant is better."""
    left_out: int
    """Cases of the experiment that it is not about."""

    @property
    def better(self) -> bool:
        return self.comparison is not None and self.comparison.decided and self.comparison.difference.mean > 0

    @property
    def worse(self) -> bool:
        return self.comparison is not None and self.comparison.decided and self.comparison.difference.mean < 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """All of them by one metric."""

    headline: str
    lines: tuple[Line, ...] = ()
    """Clear wins first, then what is undecided, then what is clearly worse."""
    notes: tuple[str, ...] = ()
    """What the numbers leave out."""


def verdict(results: Results, metric: Metric | None, baseline: Variant | None) -> Verdict:
    """Where nothing can be compared, the headline says why. P-values are corrected for the number of variants."""
    if metric is None or baseline is None or not results.metrics:
        return Verdict(_why_nothing(results.runs))
    notes = tuple(_notes(results, metric))
    scores = _signed(results, metric, baseline)
    if len(results.variants) == 1:
        return Verdict(_alone(results, metric, baseline), notes=notes)
    if not scores:
        return Verdict(f"No result of {results.names[baseline]} has a number for {metric.title}", notes=notes)
    lines = tuple(sorted(_lines(results, metric, baseline), key=_rank))
    return Verdict(_headline(lines, results.names[baseline], metric), lines, notes)


def _signed(results: Results, metric: Metric, variant: Variant) -> dict[str, float]:
    """Case -> number, turned so that more is better."""
    sign = -1.0 if metric.lower_is_better else 1.0
    return {case: sign * value for case, value in results.by_case(metric, variant).items()}


def _lines(results: Results, metric: Metric, baseline: Variant) -> list[Line]:
    mine = _signed(results, metric, baseline)
    others = [(v, _signed(results, metric, v)) for v in results.variants if v != baseline]
    comparable = [(variant, scores) for variant, scores in others if scores.keys() & mine.keys()]
    compared = compare((results.names[baseline], mine), [(results.names[v], scores) for v, scores in comparable])
    found = dict(zip((variant for variant, _ in comparable), compared, strict=True))
    return [_line(results, metric, baseline, variant, found.get(variant)) for variant, _ in others]


def _line(results: Results, metric: Metric, baseline: Variant, variant: Variant, comparison: Comparison | None) -> Line:
    name = results.names[variant]
    left_out = len(results.cases) - (comparison.difference.n if comparison else 0)
    if comparison is None:
        sentence = f"{name} and {results.names[baseline]} have no case in common with a number for {metric.title}"
        return Line(variant, name, sentence, None, left_out)
    sentence = comparison.in_words(points=metric.is_share, amount=None if metric.is_share else metric.written)
    if left_out:
        sentence += f"; {count(left_out, 'case')} left out, as not both have a number"
    return Line(variant, name, sentence, comparison, left_out)


def _rank(line: Line) -> tuple[int, float]:
    group = 0 if line.better else 2 if line.worse else 1
    return group, -line.comparison.difference.mean if line.comparison else float("inf")


def _headline(lines: Sequence[Line], baseline: str, metric: Metric) -> str:
    """The whole verdict where there are two variants; else the best one and how the others fare."""
    first = lines[0]
    if len(lines) == 1:
        return f"{metric.title}: {first.sentence.replace('Undecided', 'undecided', 1)}"
    better, worse = sum(line.better for line in lines), sum(line.worse for line in lines)
    if better:
        others = f"; {better} of {len(lines)} variants beat it" if better > 1 else ""
        return f"{metric.title}: {first.sentence}{others}"
    undecided = len(lines) - worse
    if not undecided:
        return f"{metric.title}: {baseline} beats all {len(lines)} other variants"
    clearly = f", {worse} clearly worse" if worse else ""
    return f"{metric.title}: no variant clearly beats {baseline}: {undecided} undecided{clearly}"


def _alone(results: Results, metric: Metric, variant: Variant) -> str:
    (mean,) = results.means(metric)
    cases = count(mean.interval.n, "case")
    where = f"{results.names[variant]} has {metric.written(mean.value)} over {cases}"
    return f"{metric.title}: {where}; it is the only variant, so there is nothing to compare it with"


def _why_nothing(runs: Sequence[Run]) -> str:
    if not runs:
        return "This experiment has no cells, so there is nothing to compare"
    failed = [run for run in runs if run.state is RunState.FAILED]
    if len(failed) == len(runs):
        reason = one_line(failed[0].error or "the reason is not known")[:_SHOWN_REASON]
        who = "The only run" if len(runs) == 1 else f"All {len(runs):,} runs"
        return f"{who} failed, so there is nothing to compare: {reason}"
    if all(run.state is not RunState.DONE for run in runs):
        return f"No run has given a result yet: {count(len(runs) - len(failed), 'cell')} to go, {len(failed)} failed"
    return "No run has a number that variants could be compared by"


def _notes(results: Results, metric: Metric) -> list[str]:
    runs, notes = results.runs, _untempered(results)
    failed = sum(run.state is RunState.FAILED for run in runs)
    pending = sum(run.state is RunState.PENDING for run in runs)
    if failed:
        notes.append(f"{failed:,} of {count(len(runs), 'run')} failed and count in no mean")
    if pending:
        notes.append(f"{pending:,} of {count(len(runs), 'cell')} have no result yet")
    without = [run for run in runs if run.state is RunState.DONE and metric.of(run) is None]
    if without:
        notes.append(f"{metric.title} is unknown for {count(len(without), 'output')}{_reasons(without, metric.label)}")
    return notes + _silent_scorers(results, metric)


def _untempered(results: Results) -> list[str]:
    """Models that answer alike at every temperature, as they are told of none."""
    notes = []
    for model in sorted(results.untempered):
        warmths = {variant.warmth for variant in results.variants if variant.model == model}
        same = f": its {len(warmths)} temperatures are the same request" if len(warmths) > 1 else ""
        notes.append(f"{one_line(model)} takes no temperature{same}")
    return notes


def _silent_scorers(results: Results, metric: Metric) -> list[str]:
    """Scorers other than the metric's that say nothing of some outputs, where the pass rate is asked, or of any."""
    done = [run for run in results.runs if run.state is RunState.DONE]
    notes = []
    for label in dict.fromkeys(label for run in done for label in run.scores if label != metric.label):
        without = [run for run in done if label in run.scores and run.scores[label].value is None]
        if without and (len(without) == len(done) or metric.measured is Measured.PASSED):
            told = f"{one_line(label)} gives no score for {len(without):,} of {count(len(done), 'output')}"
            notes.append(told + _reasons(without, label))
    return notes


def _reasons(runs: Sequence[Run], label: str) -> str:
    scores = (run.scores.get(label) for run in runs)
    reasons = list(dict.fromkeys(one_line(score.reason)[:_SHOWN_REASON] for score in scores if score and score.reason))
    more = [f"{len(reasons) - 2} other reasons"] if len(reasons) > 2 else []  # noqa: PLR2004  two are enough
    return f" ({listed([*reasons[:2], *more])})" if reasons else ""
