"""The command ``drift``, its report made by a real process with a stand-in for Evidently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import core.services
from tests.adapters.test_webhook import address, server
from tests.drift.tables import table
from tests.fakes.drifting import DriftDesk, open_desk, worker
from tests.test_cli import Run, document

COLUMN = {
    "column", "kind", "method", "score", "threshold", "p_value", "q_value", "drifted", "n_reference", "n_current",
    "note",
}  # fmt: skip


__all__ = ["server"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.services, "DriftWorker", worker)


@pytest.fixture
def traffic(tmp_path: Path) -> DriftDesk:
    desk = open_desk(tmp_path / "data")
    desk.fill(10)
    desk.fill(3, new=0.5)
    desk.close()
    return desk


def write(folder: Path, name: str, new: float = 0.0, rows: int = 150) -> str:
    path = folder / name
    table(rows, 5, new=new).to_csv(path, index=False)
    return str(path)


def test_the_document_has_the_verdict_and_every_column(run: Run, traffic: DriftDesk):
    code, found = document(run, "drift")
    assert code == 0, "drift that is found is no failure"
    assert set(found) >= {"report_id", "verdict", "columns", "left_out"}
    assert (found["verdict"], found["state"], found["reference"], found["current"]) == (
        "drift", "finished", "14d..7d", "7d",
    )  # fmt: skip
    assert all(set(column) == COLUMN for column in found["columns"])
    assert "question" in {column["column"] for column in found["columns"] if column["drifted"]}
    assert {left["column"] for left in found["left_out"]} >= {"language"}


def test_people_read_the_sentence_and_a_line_for_each_column(run: Run, traffic: DriftDesk):
    code, out, _ = run("drift")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("Drift in ")
    assert any(line.startswith("DRIFT") and " question: words " in line for line in lines)
    assert any(line.startswith("left out") for line in lines)


def test_two_files_are_compared_by_their_paths(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, "before.csv")
    write(tmp_path, "after.csv", new=0.6)
    monkeypatch.chdir(tmp_path)
    code, found = document(run, "drift", "--reference", "before.csv", "--current", "after.csv")
    assert (code, found["verdict"], found["n_reference"], found["n_current"]) == (0, "drift", 150, 150)


def test_an_empty_ledger_is_not_enough_data(run: Run):
    code, found = document(run, "drift")
    assert (code, found["verdict"], found["columns"]) == (0, "not enough data", [])
    assert "a verdict needs 100" in found["sentence"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--reference", "last week"], "last week"),
        (["--current", "2026-11-08..2026-11-01"], "2026-11-08..2026-11-01"),
        (["--current", "7d?colour=red"], "colour"),
        (["--reference", "file:gone.csv"], "gone.csv"),
        (["--reference", "version:nobody"], "nobody"),
        (["--current", "file:notes.txt"], "notes.txt"),
        (["--reference"], "--reference"),
        (["--window", "7d"], "--window"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(run: Run, arguments: list[str], named: str):
    code, out, err = run("drift", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert named in err


def test_a_file_that_cannot_be_read_is_code_1_and_named(run: Run, tmp_path: Path):
    (tmp_path / "broken.csv").write_text("a\n1,2,3\n1\n1,2,3,4,5,6\n")
    good = write(tmp_path, "good.csv")
    code, out, err = run("drift", "--reference", good, "--current", str(tmp_path / "broken.csv"), "--json")
    assert code == 1
    assert json.loads(out)["state"] == "failed"
    assert json.loads(out)["error"].startswith("broken.csv cannot be read")
    assert "broken.csv cannot be read" in err.splitlines()[-1]


def test_a_webhook_hears_once_of_an_incident(
    run: Run, traffic: DriftDesk, monkeypatch: pytest.MonkeyPatch, server: Any
):
    monkeypatch.setenv("CUEPOINT_WEBHOOK_URL", address(server, 200))
    for _ in range(2):
        assert document(run, "drift")[1]["verdict"] == "drift"
    (told,) = server.heard
    assert told["text"].startswith("Cuepoint: Drift in ")


def test_a_webhook_that_refuses_costs_the_report_nothing(
    run: Run, traffic: DriftDesk, monkeypatch: pytest.MonkeyPatch, server: Any
):
    monkeypatch.setenv("CUEPOINT_WEBHOOK_URL", address(server, 500))
    assert document(run, "drift")[1]["verdict"] == "drift"
    assert len(server.heard) == 1
