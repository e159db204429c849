"""The spending of a list of traces, added up in plain Python: what the ledger's sums are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from math import floor

from core.ledger import Difference, DifferenceExample, DifferenceTally, Source, StretchTally, Tally
from core.ledger.tallies import Breakdown
from core.models import AnswerStatus, Trace

Stretch = tuple[datetime, datetime]


def has_ended(trace: Trace) -> bool:
    return trace.answer.status is not AnswerStatus.RUNNING


def plain_tally(traces: Iterable[Trace]) -> Tally:
    """One trace after the other; those that have not ended count nothing."""
    total = Tally()
    for trace in filter(has_ended, traces):
        answer, usage = trace.answer, trace.answer.usage
        up = trace.feedback is not None and trace.feedback.value == 1
        counted = usage.prompt_tokens is not None or usage.completion_tokens is not None
        written = answer.model is not None and not answer.cached
        called = written or counted or answer.status is AnswerStatus.ABANDONED
        unpriced = answer.cost_usd is None and called
        missing = usage.prompt_tokens is None or usage.completion_tokens is None
        prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
        total += Tally(
            calls=1, prompt_tokens=prompt, completion_tokens=completion,
            cached_tokens=usage.cached_tokens or 0, reasoning_tokens=usage.reasoning_tokens or 0,
            uncounted_calls=called and missing, nano_usd=floor((answer.cost_usd or 0.0) * 1e9 + 0.5),
            priced_calls=answer.cost_usd is not None, unpriced_calls=unpriced,
            unpriced_tokens=prompt + completion if unpriced else 0, thumbs_up=up, unpriced_thumbs_up=up and unpriced,
        )  # fmt: skip
    return total


def name_of(trace: Trace, key: str | None) -> str | None:
    """The value of one of the columns that sums are grouped by."""
    if key is None:
        return None
    return trace.answer.model if key == "model" else str(getattr(trace, key))


class PlainSpending:
    """``ledger.spending`` over traces in memory; nothing was read back from a mirror."""

    def __init__(self, traces: Callable[[], Iterable[Trace]]) -> None:
        self._traces = traces

    def _of(self, source: Source, *, sample: bool) -> list[Trace]:
        ended = filter(has_ended, self._traces() if source is Source.LEDGER else ())
        return [trace for trace in ended if trace.kind.startswith("sample") == sample]

    def days(
        self, source: Source, since: datetime | None, until: datetime | None, *, sample: bool = False
    ) -> list[date]:
        return sorted({trace.started_at.date() for trace in self._of(source, sample=sample)})

    def tallies(
        self, source: Source, stretches: Sequence[Stretch], key: str | None = None, *, sample: bool = False
    ) -> list[StretchTally]:
        groups: dict[tuple[int, str | None], list[Trace]] = {}
        for trace in self._of(source, sample=sample):
            for n, (begin, until) in enumerate(stretches):
                if begin <= trace.started_at < until:
                    groups.setdefault((n, name_of(trace, key)), []).append(trace)
        return [StretchTally(n, name, plain_tally(some)) for (n, name), some in groups.items()]

    def breakdown(
        self, source: Source, stretches: Sequence[Stretch], key: str, *, most: int | None, sample: bool = False
    ) -> Breakdown:
        cells = self.tallies(source, stretches, key, sample=sample)
        sums: dict[str | None, Tally] = {}
        for cell in cells:
            sums[cell.key] = sums.get(cell.key, Tally()) + cell.tally
        order = sorted(sums, key=lambda name: sums[name].rank(name))
        names = tuple(StretchTally(0, name, sums[name]) for name in order)
        first = set(order[:most])
        others = tuple(StretchTally(cell.stretch, None, cell.tally) for cell in cells if cell.key not in first)
        return Breakdown(names, tuple(cell for cell in cells if cell.key in first), others)

    def unpriced(self, source: Source, since: datetime, until: datetime, *, sample: bool = False) -> list[StretchTally]:
        found = self.tallies(source, [(since, until)], "model", sample=sample)
        return [StretchTally(0, one.key, one.tally.unpriced) for one in found if one.tally.unpriced_calls]


class PlainComparison:
    """``ledger.comparison`` with what a test puts in."""

    def __init__(self) -> None:
        self.tallies: list[DifferenceTally] = []
        self.found: dict[Difference, list[DifferenceExample]] = {}

    def differences(self, since: datetime, until: datetime) -> list[DifferenceTally]:
        return self.tallies

    def examples(self, kind: Difference, since: datetime, until: datetime, limit: int) -> list[DifferenceExample]:
        return self.found.get(kind, [])[:limit]
