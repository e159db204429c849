"""How long a mirror that fails is left alone, and for whom."""

from __future__ import annotations

from core.ledger import SenderStatus
from core.mirror.patience import MOST_S
from core.mirror.records import record_id
from tests.fakes.mirrors import ERROR
from tests.mirror.conftest import Desk


def test_records_on_which_the_mirror_always_fails_make_no_new_answer_wait(desk: Desk):
    """However many they are, and however long nothing else was asked."""
    bad = ["bad1", "bad2", "bad3"]
    poisonous = set(map(record_id, bad))
    desk.mirror.failing = lambda call, about: ERROR if call == "send" and poisonous & set(about) else None
    desk.ask(*bad)
    for _ in range(20):
        desk.turns()
        desk.forward(MOST_S)
    for _ in range(4):
        desk.turns()
        desk.forward(1)
    assert desk.ledger.outbox.status().status is SenderStatus.IDLE
    desk.ask("new")
    desk.turns()
    assert desk.states(["new", *bad]) == ["sent", *["pending"] * 3]


def test_an_outage_that_meets_one_row_after_the_other_is_waited_for_longer_each_time(desk: Desk):
    desk.ask(*(f"t{number}" for number in range(60)))
    desk.mirror.failing = lambda call, _about: ERROR if call in ("send", "holds") else None
    waits = []
    for _ in range(8):
        desk.turns()
        waits.append(desk.drainer.next_try_s)
        desk.forward(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128]
