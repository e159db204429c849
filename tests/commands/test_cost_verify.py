"""``cost --verify``: the proof that the sums equal the traces, and the repair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from core.ledger import open_ledger
from tests.cost_command import Run, cost_command
from tests.ledger.samples import trace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'cuepoint.db'}")
    ledger.traces.finish_all([trace(f"t{n}") for n in range(3)], mirror=False)
    ledger.close()
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return cost_command(folder, monkeypatch, capsys)


def spoil(folder: Path) -> None:
    ledger = open_ledger(f"sqlite:///{folder / 'cuepoint.db'}")
    change = "UPDATE rollups SET calls = 2, nano_usd = nano_usd + 5 WHERE dimension = 'model' AND level = 5"
    with ledger._database.write() as connection:
        connection.execute(text(change))
    ledger.close()


def test_sums_that_equal_the_traces_are_said_to(run: Run) -> None:
    assert run("--verify") == (0, "All 31 sums equal what the 3 traces add up to.\n", "")


def test_a_sum_that_differs_is_named_and_mended_where_that_was_asked_for(run: Run, folder: Path) -> None:
    spoil(folder)
    code, out, _ = run("--verify")
    assert code == 1
    assert "1 of 31 sums differ from the 3 traces:" in out
    assert "UTC, model gpt-x: calls 2 kept, 3 counted; nano_usd 3,750,005 kept, 3,750,000 counted" in out
    assert "--repair" in out
    code, out, _ = run("--verify", "--repair", "--json")
    found = json.loads(out)
    assert (code, found["different"], found["repaired"]) == (0, 1, True)
    (one,) = found["differences"]
    assert (one["by"], one["name"], one["kept"]["calls"], one["counted"]["calls"]) == ("model", "gpt-x", 2, 3)
    assert run("--verify")[0] == 0


def test_a_repair_without_a_proof_is_refused(run: Run) -> None:
    code, _, err = run("--repair")
    assert code == 2
    assert "--verify" in err
