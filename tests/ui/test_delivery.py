"""How the delivery to Comet is worded."""

from __future__ import annotations

from typing import Any

import pytest

from core.mirror.service import MirrorStatus
from core.ui.delivery import figures, headline, summary


def standing(status: str, **changes: Any) -> MirrorStatus:
    return MirrorStatus(enabled=True, status=status, **changes)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (standing("idle"), "**Everything is delivered to Comet**"),
        (standing("stopped", detail="No process sends now"), "**Everything is delivered to Comet**"),
        (standing("idle", dead=2), "**Delivered to Comet, except what it refused**"),
        (standing("idle", pending=1), "**On the way to Comet**"),
        (standing("sending", pending=40, dead=2), "**On the way to Comet**"),
        (standing("stopped", pending=1), "**Waiting for the process that sends**"),
        (standing("waiting", pending=1, next_try_s=41.2), "**Waiting: Comet does not answer**, next try in 41 s"),
        (standing("waiting", pending=1, next_try_s=0.2), "**Waiting: Comet does not answer**, trying again"),
        (standing("waiting", pending=1), "**Waiting: Comet does not answer**"),
        (standing("paused", pending=1), "**Paused: Comet refuses the key or the project**"),
        (standing("paused"), "**Paused: Comet refuses the key or the project**"),
    ],
)
def test_each_state_has_its_own_line(status: MirrorStatus, said: str) -> None:
    assert headline(status).partition("] ")[2] == said


def test_the_numbers_are_those_of_the_status() -> None:
    status = standing("sending", delivered=1204, pending=3, oldest_pending_s=340.0, dead=2)
    assert figures(status) == {
        "Delivered": "1,204", "Waiting": "3", "Oldest waiting": "6 min", "Refused": ":red[2]",
    }  # fmt: skip
    assert summary(status) == "1,204 delivered · 3 waiting, the oldest for 6 min · :red[2 refused]"


def test_nothing_waiting_has_no_age_and_nothing_refused_is_not_red() -> None:
    status = standing("idle", delivered=7)
    assert figures(status) == {"Delivered": "7", "Waiting": "0", "Oldest waiting": "–", "Refused": "0"}
    assert summary(status) == "7 delivered · 0 waiting"
