"""The benchmark of the ledger at a tiny size: its own part runs; the peers' packages are in another environment."""

from __future__ import annotations

import json
import sqlite3
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import charts
from benchmarks.harness import Report
from benchmarks.ledger import Sizes, _compare, measured, opened
from benchmarks.peer_process import Found, Read, Written, copied, found_in
from benchmarks.tracing import NoPeers, peer
from benchmarks.tracing_traffic import BEGIN, END, MODELS, SPANS, calls
from core.cost.report import By

OURS = Found("Ours", [Written("one by one", 10, 0.1), Written("batch", 100, 0.1)], [Read("report", [2.0])], 100, 1.0)
PEER = Found(
    "Peer",
    [Written("one by one", 10, 1.0), Written("slow batch", 10, 0.9), Written("batch", 10, 0.04)],
    [Read("API", [10.0, 50.0, 90.0]), Read("around it", [1.0], documented=False)],
    100, 1.0,
)  # fmt: skip


def test_the_ledgers_own_part_runs_and_its_sums_are_those_of_what_was_written(tmp_path: Path) -> None:
    report = measured(tmp_path, Sizes(ours=120, peers=60), peers=())
    assert report.figures == []
    written, read = report.tables
    assert [row[2] for row in written.rows] == ["6", "114"]
    assert [row[2] for row in read.rows] == ["120"]
    assert list(tmp_path.iterdir()) == []


def test_the_charts_are_measured_over_what_an_earlier_run_filled(tmp_path: Path) -> None:
    for report in (charts.measured(tmp_path, 300), charts.measured(tmp_path, 300)):
        [figure] = report.figures
        assert (figure.name, figure.target, figure.most) == ("all charts of Cost, 300 traces", charts.CHARTS_MS, True)
        [drawn] = report.tables
        assert len(drawn.rows) == 9
    with opened(tmp_path) as services:
        assert charts.chart(services, By.MODEL) == 300


def test_a_peer_that_cannot_run_is_left_out_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(NoPeers, match="phoenix_peer failed: ModuleNotFoundError: No module named"):
        peer("phoenix_peer", tmp_path, written=10, read=10, python=Path(sys.executable))


def test_peers_are_compared_way_by_way_and_in_their_best_batch() -> None:
    report = Report("Ledger", "What.")
    _compare(report, OURS, [PEER])
    assert [figure.value for figure in report.figures] == pytest.approx([10.0, 4.0, 25.0])
    assert [(figure.target, figure.met) for figure in report.figures] == [(5.0, True), (5.0, False), (20.0, True)]
    assert all("Peer" in figure.name for figure in report.figures)


def test_what_a_peer_prints_is_read_back_as_it_was() -> None:
    assert found_in(json.dumps(asdict(PEER))) == PEER


@pytest.mark.parametrize("times", [1, 4])
def test_copied_rows_are_as_many_as_asked_and_keep_their_links(times: int) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE trace (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    database.execute("CREATE TABLE span (trace INTEGER REFERENCES trace, usd REAL, twice REAL AS (2 * usd) STORED)")
    database.executemany("INSERT INTO trace VALUES (?, ?)", [(1, "a"), (2, "b")])
    database.executemany("INSERT INTO span VALUES (?, ?)", [(1, 0.5), (2, 0.25), (2, 1.0)])
    copies = {"trace": {"id": "n * 2 + t.id", "name": "t.name || n"}, "span": {"trace": "n * 2 + t.trace"}}
    copied(database, times, copies)
    found = database.execute("SELECT COUNT(*), SUM(twice) FROM span JOIN trace ON id = trace").fetchone()
    assert found == (3 * times, 3.5 * times)


def test_the_traffic_is_the_same_in_every_run_in_order_and_inside_its_period() -> None:
    made = list(calls(500))
    assert made == list(calls(500))
    assert [call.started_at for call in made] == sorted(call.started_at for call in made)
    assert made[0].started_at >= BEGIN
    assert made[-1].started_at < END
    assert {call.model for call in made} == set(MODELS)
    assert len({call.trace_id for call in made}) == 500


def test_the_steps_of_a_call_follow_each_other_and_end_with_it() -> None:
    [call] = calls(1)
    steps = [call.whole, *call.steps()]
    assert len(steps) == SPANS
    assert [step.start_ms for step in steps[2:]] == [step.end_ms for step in steps[1:-1]]
    assert steps[-1].end_ms == pytest.approx(call.latency_ms)
