"""What concerns one row is settled with it, also where the mirror rejects the key for it."""

from __future__ import annotations

from core.errors import MirrorRefused
from core.ledger import SenderStatus
from core.mirror.records import record_id
from tests.fakes.mirrors import KEY, LOST_ANSWER, Fault
from tests.mirror.conftest import Desk


def test_a_key_that_is_rejected_for_one_thumb_alone_does_not_keep_the_others(desk: Desk):
    """Its record was made with another key, say."""
    ids = ["t0", "t1", "t2"]
    desk.ask(*ids)
    desk.turns()
    for one in ids:
        desk.thumb(one)
    desk.mirror.failing = lambda call, about: KEY if call == "send_thumb" and record_id("t1") in about else None
    desk.turns()
    assert desk.states(ids, "feedback") == ["sent", "pending", "sent"]
    assert desk.ledger.outbox.status().status is SenderStatus.IDLE
    desk.forward(1)
    desk.turns()
    assert desk.states(ids, "feedback") == ["sent", "dead", "sent"]
    assert desk.row("t1", "feedback").error == str(KEY.error)


def test_a_record_that_the_key_may_not_ask_for_does_not_keep_the_others(desk: Desk):
    desk.ask("t", "u")

    def failing(call: str, about: tuple[str, ...]) -> Fault | None:
        if call == "send":
            return LOST_ANSWER
        return KEY if call == "holds" and record_id("t") in about else None

    desk.mirror.failing = failing
    for _ in range(3):
        desk.turns()
        desk.forward(5)
    assert desk.states(["t", "u"]) == ["dead", "sent"]
    assert desk.row("t").unsure


def test_a_key_that_is_rejected_for_a_thumb_and_for_a_small_question_pauses(desk: Desk):
    desk.ask("t")
    desk.turns()
    desk.thumb("t")
    desk.mirror.failing = lambda *_: KEY
    desk.turns()
    assert desk.ledger.outbox.status().status is SenderStatus.PAUSED
    assert desk.states(["t"], "feedback") == ["pending"]


def test_a_record_that_somebody_deleted_at_the_mirror_is_there_again_when_it_is_sent_again(desk: Desk):
    desk.ask("t")
    desk.turns()
    del desk.mirror.records[record_id("t")]
    refused = Fault(MirrorRefused("There is no such record"))
    desk.mirror.failing = lambda call, _about: refused if call == "replace" else None
    desk.ask("t", question="Another question?")
    desk.turns()
    assert desk.states(["t"]) == ["dead"]
    desk.ledger.outbox.resend("trace", "t")
    desk.turns()
    assert desk.states(["t"]) == ["sent"]
    assert desk.mirror.records[record_id("t")].chain["chain_inputs"]["question"] == "Another question?"
