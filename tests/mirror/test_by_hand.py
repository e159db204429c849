"""The outbox emptied by hand."""

from __future__ import annotations

import pytest

from core.ledger import SenderStatus, Settled
from core.mirror import by_hand
from core.mirror.patience import MOST_S
from tests.mirror.conftest import Desk


def test_what_is_due_in_minutes_after_an_outage_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """A cron job, or a person, would see a command that says nothing for minutes."""
    desk.ask("t")
    outbox = desk.ledger.outbox
    outbox.take_lease()
    outbox.settle([Settled(outbox.row("trace", "t"), "pending", "Comet failed", MOST_S)])
    outbox.set_status("waiting", "Comet failed", "target")
    slept: list[float] = []
    monkeypatch.setattr(by_hand.time, "sleep", slept.append)
    drained = by_hand.drain_all(desk.drainer, outbox)
    assert sum(slept) == 0
    assert drained.status is SenderStatus.IDLE
