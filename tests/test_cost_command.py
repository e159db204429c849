"""``cost`` as programs and people use it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.cost.report import Comparison
from core.cost.summary import comparison_lines
from core.ledger import Difference, DifferenceTally, open_ledger
from core.models import Answer, AnswerStatus, Feedback, MirroredTrace, Trace, Usage
from tests.cost_command import Run, cost_command


def asked(trace_id: str, begun: datetime, model: str | None, cost: float | None, tokens: int = 100) -> Trace:
    usage = Usage(tokens, 10, 5, None) if model else Usage()
    answer = Answer(trace_id, AnswerStatus.ANSWERED, "", "en", model=model, usage=usage, cost_usd=cost)
    return Trace(trace_id, "ask", begun, "Why?", (), answer, user="ada")


@pytest.fixture(scope="module")
def night_shift(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three answers of one night. The commands only read it."""
    folder = tmp_path_factory.mktemp("data")
    ledger = open_ledger(f"sqlite:///{folder / 'cuepoint.db'}")
    night = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    ledger.traces.finish_all(
        [
            asked("t1", night, "gpt-4o", 0.25),
            asked("t2", night.replace(minute=45), "\x1b[2Jllama", None, tokens=9000),
            asked("t3", datetime(2026, 11, 24, 9, tzinfo=UTC), None, None),
        ],
        mirror=False,
    )
    ledger.traces.save_feedback(Feedback("t1", 1), mirror=False)
    ledger.mirrored.put([
        MirroredTrace("r1", "t1", "ask", "ask", night, model="gpt-4o", usage=Usage(100, 10), cost_usd=0.5),
        MirroredTrace("r2", None, "bot", "llm", night, total_tokens=70),
    ])  # fmt: skip
    ledger.close()
    return folder


@pytest.fixture
def run(night_shift: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return cost_command(night_shift, monkeypatch, capsys)


def document(run: Run, *arguments: str) -> Any:
    code, out, _ = run(*arguments, "--json")
    assert (code, out.count("\n")) == (0, 1)
    return json.loads(out)


def test_the_json_has_totals_rows_and_what_has_no_price(run: Run) -> None:
    found = document(run)
    assert (found["source"], found["by"], found["timezone"], found["since"]) == ("ledger", "day", "UTC", None)
    assert (found["total_usd"], found["calls"], found["thumbs_up"]) == (0.25, 3, 1)
    assert (found["unknown_price_tokens"], found["unknown_price_calls"]) == (9010, 1)
    assert found["unknown_prices"] == [{"model": "\x1b[2Jllama", "calls": 1, "tokens": 9010}]
    assert found["budgets"] == []
    first, second = found["rows"]
    assert first == {
        "day": "2026-11-23", "calls": 2, "prompt_tokens": 9100, "completion_tokens": 20, "cached_tokens": 10,
        "reasoning_tokens": 0, "tokens": 9120, "uncounted_calls": 0, "cost_usd": 0.25, "unknown_price_calls": 1,
        "unknown_price_tokens": 9010, "thumbs_up": 1, "usd_per_call": 0.25, "usd_per_thumb_up": 0.25,
    }  # fmt: skip
    assert (second["day"], second["cost_usd"], second["usd_per_thumb_up"]) == ("2026-11-24", 0.0, None)


def test_a_cost_that_nobody_knows_is_null_and_never_0(run: Run) -> None:
    rows = {row["model"]: row for row in document(run, "--by", "model")["rows"]}
    assert rows["\x1b[2Jllama"]["cost_usd"] is None
    assert rows["\x1b[2Jllama"]["usd_per_call"] is None
    assert rows[None]["cost_usd"] == 0.0, "no model was called"


def test_the_days_are_those_of_the_time_zone(run: Run) -> None:
    (row,) = document(run, "--timezone", "Europe/Berlin")["rows"]
    assert (row["day"], row["calls"]) == ("2026-11-24", 3)


def test_a_time_without_a_zone_is_one_of_the_time_zone(run: Run) -> None:
    assert document(run, "--since", "2026-11-24")["calls"] == 1
    assert document(run, "--since", "2026-11-24", "--timezone", "Europe/Berlin")["calls"] == 3
    assert document(run, "--since", "0001-01-01", "--timezone", "Asia/Tokyo")["calls"] == 3


def test_comet_is_what_was_read_back(run: Run) -> None:
    found = document(run, "--source", "comet", "--by", "model")
    assert (found["source"], found["total_usd"], found["calls"]) == ("comet", 0.5, 2)
    assert found["unknown_prices"] == [{"model": None, "calls": 1, "tokens": 70}]


def test_both_are_compared_and_every_difference_has_its_traces(run: Run) -> None:
    found = document(run, "--source", "both")
    assert (found["source"], found["total_usd"], found["comet"]["total_usd"]) == ("both", 0.25, 0.5)
    assert found["difference_usd"] == -0.25
    kinds = {one["kind"]: one for one in found["differences"]}
    assert {kind: one["count"] for kind, one in kinds.items()} == {"cost": 1, "unqueued": 2, "foreign": 1}
    assert kinds["cost"]["examples"] == [{"trace_id": "t1", "record_id": "r1"}]
    assert kinds["foreign"]["examples"] == [{"trace_id": None, "record_id": "r2"}]


@pytest.mark.parametrize(
    ("ours", "theirs", "sides"),
    [
        (None, None, "Ledger unknown, Comet unknown, difference unknown"),
        (0.25, None, "Ledger $0.25, Comet unknown, difference unknown"),
        (0.25, 0.5, "Ledger $0.25, Comet $0.50, difference -$0.25"),
    ],
)
def test_a_side_that_knows_no_cost_is_unknown_and_not_zero(
    ours: float | None, theirs: float | None, sides: str
) -> None:
    both = DifferenceTally(Difference.NONE, 1, ours, theirs, 110, 110, int(ours is None), int(theirs is None))
    foreign = DifferenceTally(Difference.FOREIGN, 1, 0.0, None, 0, 70, 0, 1)
    assert comparison_lines(Comparison(None, None, (both, foreign)))[0] == sides


def test_a_side_that_has_nothing_or_only_quotes_costs_nothing() -> None:
    quotes = DifferenceTally(Difference.UNQUEUED, 1, 0.0, 0.0, 0, 0)
    assert comparison_lines(Comparison(None, None, (quotes,)))[0].startswith("Ledger $0.00, Comet $0.00")


@pytest.fixture
def lately(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder with a call on each of the last three days, one of them without a price."""
    ledger = open_ledger(f"sqlite:///{tmp_path / 'cuepoint.db'}")
    now = datetime.now(UTC)
    calls = [("gpt-4o", 3.0), ("gpt-4o", 1.0), ("llama", None)]
    ledger.traces.finish_all(
        [asked(f"t{n}", now - timedelta(days=n), model, cost) for n, (model, cost) in enumerate(calls)], mirror=False
    )
    ledger.close()
    monkeypatch.setenv("CUEPOINT_DATA_DIR", str(tmp_path))


def test_the_json_has_the_months_forecast(run: Run, lately: None) -> None:
    found = document(run)["forecast"]
    assert (found["method"], found["history_days"], found["low_usd"]) == ("run rate", 2, None)
    assert found["expected_usd"] >= found["spent_usd"] >= 3.0
    assert (found["lower_bound"], found["unknown_price_calls"]) == (True, 1)
    assert document(run, "--source", "both")["forecast"]["method"] == "run rate"
    assert document(run, "--source", "comet")["forecast"] is None
    _, out, _ = run()
    assert "at the present run rate (2 days of history; a forecast needs 14)" in out
    assert out.endswith("A lower bound: what has no known price is left out.\n")


def test_a_what_if_reprices_the_calls_of_each_model(run: Run, lately: None) -> None:
    found = document(run, "--what-if", "gpt-4o-mini")["what_if"]
    rows = {row["model"]: row for row in found["rows"]}
    assert rows["gpt-4o"]["what_if_usd"] == pytest.approx(2 * (95 * 0.15 + 5 * 0.075 + 10 * 0.60) / 1e6)
    assert (rows["gpt-4o"]["cost_usd"], rows["llama"]["cost_usd"]) == (4.0, None)
    _, out, _ = run("--what-if", "gpt-4o-mini")
    assert (
        "On gpt-4o-mini the 2 questions whose cost is known would cost $0.0000412 instead of $4.00, over 99% less."
        in out
    )
    assert "what_if" not in document(run)


def test_people_get_a_table_that_says_what_it_leaves_out(run: Run) -> None:
    _, out, _ = run("--by", "model")
    assert "\x1b" not in out
    lines = [line.split("  ") for line in out.splitlines()]
    assert [line[0] for line in lines[:5]] == ["model", "gpt-4o", "[2Jllama", "no model", "total"]
    assert "over $0.25" in out
    assert "Unknown price, left out of the sums: [2Jllama, 1 call, 9,010 tokens" in out
    _, out, _ = run("--source", "both")
    assert "Ledger $0.25, Comet $0.50, difference -$0.25" in out
    assert "1  in both, with different cost: $0.25 in the ledger, $0.50 in Comet" in out
    assert "2  only in the ledger: from a time without a key: unknown in the ledger" in out
    _, out, _ = run("--since", "2027-01-01")
    assert out.startswith("Nothing was asked in this time.\n")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--timezone", "Berlin"], "Berlin"),
        (["--by", "colour"], "colour"),
        (["--source", "cloud"], "cloud"),
        (["--since", "yesterday"], "--since"),
        (["--what-if", "gpt-4o-mimi"], "gpt-4o-mimi"),
    ],
)
def test_wrong_use_is_one_line_that_names_it(run: Run, arguments: list[str], named: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert named in err
