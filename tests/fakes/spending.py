"""The spending of a list of traces, added up in plain Python: what the ledger's sums are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from core.ledger import Difference, DifferenceExample, DifferenceTally, Source, StretchTally, Tally
from core.models import AnswerStatus, Trace


def plain_tally(traces: Iterable[Trace]) -> Tally:
    """One trace after the other."""
    total = Tally()
    for trace in traces:
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
            uncounted_calls=called and missing, known_usd=answer.cost_usd or 0.0,
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

    def _of(self, source: Source) -> list[Trace]:
        return list(self._traces()) if source is Source.LEDGER else []

    def days(self, source: Source, since: datetime | None, until: datetime | None) -> list[date]:
        return sorted({trace.started_at.date() for trace in self._of(source)})

    def tallies(
        self, source: Source, stretches: Sequence[tuple[datetime, datetime]], key: str | None = None
    ) -> list[StretchTally]:
        groups: dict[tuple[int, str | None], list[Trace]] = {}
        for trace in self._of(source):
            for n, (begin, until) in enumerate(stretches):
                if begin <= trace.started_at < until:
                    groups.setdefault((n, name_of(trace, key)), []).append(trace)
        return [StretchTally(n, name, plain_tally(some)) for (n, name), some in groups.items()]

    def unpriced(self, source: Source, since: datetime, until: datetime) -> list[StretchTally]:
        found = self.tallies(source, [(since, until)], "model")
        return [one for one in found if one.tally.unpriced_calls]


class PlainComparison:
    """``ledger.comparison`` with what a test puts in."""

    def __init__(self) -> None:
        self.tallies: list[DifferenceTally] = []
        self.found: dict[Difference, list[DifferenceExample]] = {}

    def differences(self, since: datetime, until: datetime) -> list[DifferenceTally]:
        return self.tallies

    def examples(self, kind: Difference, since: datetime, until: datetime, limit: int) -> list[DifferenceExample]:
        return self.found.get(kind, [])[:limit]
