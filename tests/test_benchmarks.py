"""The page of the benchmarks: what is met, what is missed, and that a run rewrites its own section only."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import budgets, forecast, harness, peers, sandbox, verdict
from benchmarks.harness import Circumstances, Context, Figure, Report, Table, write_section


@pytest.mark.parametrize(
    ("figure", "met", "words"),
    [
        (Figure("time", 70.0, 80.0, "ms"), True, "met by 10.0 ms"),
        (Figure("time", 88.0, 80.0, "ms"), False, "**missed** by 8.00 ms (10%)"),
        (Figure("recall", 0.82, 0.82, most=False), True, "met by 0"),
        (Figure("recall", 0.5, 0.5, most=False, strict=True), False, "**missed** by 0"),
        (Figure("size", 5.0), True, ""),
    ],
)
def test_a_figure_says_whether_it_met_its_target_and_by_how_much(figure: Figure, met: bool, words: str) -> None:
    assert figure.met is met
    assert figure.verdict().startswith(words)


def test_a_run_rewrites_its_own_section_and_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    monkeypatch.setattr(harness, "PAGE", page)
    for name, title in (("a", "First"), ("b", "Second"), ("a", "First again")):
        report = Report(title, "What.", [Figure("f", 1.0, 2.0)], [Table("Rows:", ["x"], [["1"]])], ["A note."])
        write_section(name, report, Circumstances(load=0.1), f"python -m benchmarks {name}")
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## First again", "## Second"]
    assert "`python -m benchmarks b`" in text


def test_a_run_beside_others_says_that_its_times_are_not_final() -> None:
    assert "not final" in Circumstances(load=0.0, others=100.0).sentence()
    assert "not final" not in Circumstances(load=9.0, others=0.0).sentence()


def test_the_textbook_bm25_ranks_by_rare_words_and_fusion_by_both_rankings() -> None:
    bm25 = peers.Bm25([peers.plain_words(text) for text in ("the cat sat", "the dog sat", "the the the")])
    assert peers.ranking(bm25.scores(["cat"]), 3) == [0]
    assert peers.ranking(bm25.scores(["dog", "sat"]), 3) == [1, 0]
    assert peers.fused([[0, 1], [1, 2]], 2) == [1, 0]


def test_the_forecast_is_measured_on_every_sort_of_traffic(tmp_path: Path) -> None:
    report = forecast.run(Context(tmp_path, tmp_path, quick=True))
    assert [row[0] for row in report.tables[0].rows] == list(forecast.SORTS)
    assert 0 < report.figures[0].value <= 100


@pytest.mark.slow
def test_the_verdict_is_measured_on_experiments_with_and_without_a_winner(tmp_path: Path) -> None:
    report = verdict.run(Context(tmp_path, tmp_path, quick=True))
    assert len(report.figures) == 6
    assert all(0 <= figure.value <= 15 for figure in report.figures), "of 40 experiments without a winner"
    found = [[int(share.rstrip("%")) for share in row[1:]] for row in report.tables[0].rows]
    assert all(row == sorted(row) for row in ([row[0], row[-1]] for row in found)), "more cases find more"
    assert found[-1][-1] >= 90, "30 points on 200 cases"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_sandbox_is_measured_with_every_kind_that_there_is(tmp_path: Path) -> None:
    report = sandbox.run(Context(tmp_path, tmp_path, quick=True))
    kinds = len(report.tables[0].rows)
    assert kinds + sum("was left out" in note for note in report.notes) == 2
    contained = [figure for figure in report.figures if figure.name.startswith("of them contained")]
    assert len(contained) == kinds
    assert all(figure.met for figure in contained), report.notes


@pytest.mark.slow
def test_budgets_are_measured_with_processes_of_many_threads(tmp_path: Path) -> None:
    found = budgets.outcome("held", f"sqlite:///{tmp_path}/cuepoint.db", processes=2, threads=4, calls=30)
    assert (found.over_usd, found.reserved_usd) == (0, 0)
    assert found.missing_usd < 1e-9
    assert found.limit_usd * 0.9 < found.spent_usd <= found.limit_usd
    assert len(found.took_ms) == found.calls > 30
