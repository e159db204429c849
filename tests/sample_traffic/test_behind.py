"""Sample traffic that is made beside the app, through real processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import load_settings
from core.drift.order import order_line
from core.ledger import Ledger, open_ledger
from core.sample_traffic.behind import Behind, Making
from core.sample_traffic.service import SampleTraffic
from tests.drift.test_service import wait_for
from tests.fakes.sample_batches import listed_usd

HALF = "import sys; sys.stdin.readline(); print('x'); print('{\"share\": 0.5}', flush=True); sys.stdin.read()"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(load_settings(_env_file=None, data_dir=tmp_path).ledger_url)
    yield opened
    opened.close()


def behind(code: str) -> Behind:
    return Behind("an order", [sys.executable, "-c", code])


def half_done(code: str = HALF) -> Behind:
    made = behind(code)
    made.start()
    wait_for(lambda: (found := made.now()) and found.share == 0.5)
    return made


def ended(made: Behind) -> Making:
    return wait_for(lambda: (found := made.now()) and found.error and found)


@pytest.mark.slow
def test_a_sample_is_made_in_another_process_and_no_second_one_meanwhile(ledger: Ledger, tmp_path: Path) -> None:
    order = order_line(load_settings(_env_file=None, data_dir=tmp_path))
    sample = SampleTraffic(ledger, listed_usd, tmp_path, order=order)
    assert sample.wanted()
    sample.start()
    first = sample._behind._process
    sample.start()
    assert sample._behind._process is first
    assert wait_for(lambda: (found := sample.making()) and 0 < found.share < 1)
    wait_for(lambda: sample.making() is None, 120)
    assert sample.state().traces == 5576
    assert not sample.wanted()


def test_what_is_told_is_how_far_it_is() -> None:
    made = half_done()
    found = made.now()
    assert found is not None
    assert (found.share, found.error) == (0.5, "")
    made.close()


def test_an_app_that_is_closed_ends_it_and_begins_no_other() -> None:
    made = half_done()
    process = made._process
    assert process is not None
    made.close()
    assert process.poll() is not None
    assert made.now() is None
    made.start()
    assert made.now() is None


def test_a_process_that_is_killed_is_named_until_the_next_try() -> None:
    made = half_done()
    assert made._process is not None
    made._process.kill()
    assert "ended before it was done" in ended(made).error
    made.start()
    found = made.now()
    assert found is not None
    assert (found.share, found.error) == (0.0, "")
    made.close()


def test_why_it_could_not_be_made_is_said_as_it_was_told() -> None:
    made = behind('print(\'{"failed": "The disk is full."}\'); raise SystemExit(1)')
    made.start()
    assert ended(made).error == "The disk is full."


def test_a_program_that_is_not_there_is_named() -> None:
    made = Behind("an order", ["/there/is/no/such/program"])
    made.start()
    assert "cannot be started (No such file or directory)" in ended(made).error
