"""How many traces a back-fill would send, told before it is done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.ledger import Ledger
from core.models import Trace
from tests.ledger.samples import START, running, trace


def of_day(day: int, **changes: Any) -> Trace:
    return trace(f"day-{day}", started_at=START + timedelta(days=day), **changes)


def test_as_many_are_told_as_are_then_put_in(ledger: Ledger) -> None:
    ledger.traces.finish_all([of_day(day) for day in range(6)], mirror=False)
    ledger.traces.finish(of_day(6), mirror=True)
    ledger.traces.finish(of_day(7, kind="sample"), mirror=False)
    ledger.traces.begin(running("still running"))
    since, until = START + timedelta(days=1), START + timedelta(days=5)
    assert ledger.outbox.backfillable(since, until) == 4
    assert ledger.outbox.backfill(since, until) == 4
    assert ledger.outbox.backfillable(since, until) == 0
    assert ledger.outbox.backfillable(None, None) == 2
