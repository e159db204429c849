"""Work in a copy of the process."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from core.drift.beside import beside


def test_the_result_comes_from_another_process():
    assert beside(os.getpid)() != os.getpid()


def test_a_copy_that_dies_or_hangs_costs_no_result():
    me = os.getpid()

    def die() -> str:
        if os.getpid() != me:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done here"

    def hang() -> str:
        if os.getpid() != me:
            threading.Event().wait()
        return "done here"

    assert beside(die)() == "done here"
    assert beside(hang, patience_s=0.2)() == "done here"


def test_an_error_is_raised_where_the_result_is_wanted():
    def fail() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        beside(fail)()
