"""``sample-traffic`` as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.test_cli import Run, document

SMALL = ("--days", "9", "--questions", "30")


def test_a_sample_comes_in_and_goes_out_and_nothing_else_does(run: Run, tmp_path: Path) -> None:
    run("ask", "What is a vector index?")
    code, made = document(run, "sample-traffic", *SMALL)
    assert (code, made) == (
        0, {"removed": False, "traces": 606, "experiments": 1, "drift_reports": 1, "test_sets": 1},
    )  # fmt: skip
    assert len(document(run, "traces")[1]["traces"]) == 1
    assert {t["kind"] for t in document(run, "traces", "--sample")[1]["traces"]} == {"sample-ask", "sample-lab"}
    assert document(run, "export", "traces", "--out", str(tmp_path / "t.jsonl"))[1]["rows"] == 1
    code, out, _ = run("sample-traffic", "--remove")
    assert (code, out.strip()) == (
        0, "Removed: 606 traces, 1 experiment, 1 drift report and 1 test set of sample traffic.",
    )  # fmt: skip
    assert len(document(run, "traces")[1]["traces"]) == 1
    assert run("sample-traffic", "--remove")[1].strip() == "There was no sample traffic."


def test_costs_are_of_real_traffic_unless_the_sample_is_asked_for(run: Run) -> None:
    run("sample-traffic", *SMALL)
    _, real = document(run, "cost")
    _, sample = document(run, "cost", "--sample")
    assert (real["total_usd"], real["calls"]) == (0, 0)
    assert sample["total_usd"] > 0
    assert sample["forecast"] is not None
    assert (real["sample"], sample["sample"]) == (False, True)
    assert run("cost", "--sample")[1].startswith("Sample traffic, not yours\n")
    code, _, error = run("cost", "--sample", "--source", "comet")
    assert (code, "Comet has no sample traffic" in error) == (2, True)


def test_a_number_that_cannot_be_is_named(run: Run) -> None:
    for wrong in (("--days", "0"), ("--questions", "-1"), ("--questions", "many"), ("--seed", "x")):
        code, _, error = run("sample-traffic", *wrong)
        assert code == 2
        assert wrong[0] in error
    assert json.loads(run("sample-traffic", "--remove", "--json")[1])["traces"] == 0
