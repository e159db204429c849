"""``prices``: the list, and own prices that are added and withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.cost import PRICES
from core.ledger import open_ledger
from core.models import Answer, AnswerStatus, Trace, Usage

Run = Callable[..., tuple[int, str, str]]
LLAMA = ("llama", "--input", "1", "--output", "2", "--server", "http://localhost:8000/v1")


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[], float | None]:
    """One question to llama whose cost nobody knows; tells its cost."""
    url = f"sqlite:///{tmp_path}/data/cuepoint.db"
    answer = Answer("t", AnswerStatus.ANSWERED, "So.", "en", model="llama", usage=Usage(1_000_000, 0, 0, 0))
    ledger = open_ledger(url)
    begun = datetime(2026, 11, 2, tzinfo=UTC)
    ledger.traces.finish(Trace("t", "ask", begun, "?", (), answer, server="localhost:8000"), mirror=False)
    ledger.close()

    def cost() -> float | None:
        ledger = open_ledger(url)
        try:
            return ledger.traces.get("t").answer.cost_usd
        finally:
            ledger.close()

    return cost


def document(run: Run, *arguments: str) -> Any:
    code, out, _ = run("prices", *arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_the_list_names_each_price_with_its_server_its_time_and_where_it_is_from(run: Run) -> None:
    found = document(run)
    assert len(found["prices"]) == len(PRICES)
    assert found["history"] == []
    [row] = [row for row in found["prices"] if row["model"] == "gpt-4.1"]
    assert (row["server"], row["input_usd"], row["cached_usd"]) == ("api.openai.com", 2.0, 0.5)
    assert (row["origin"], row["since"], row["until"]) == ("shipped", "2025-04-14T00:00:00+00:00", None)
    code, out, _ = run("prices")
    assert (code, len(out.splitlines())) == (0, len(PRICES) + 1)


def test_a_price_is_added_and_fills_in_the_cost_of_what_was_asked(run: Run, asked: Callable[[], float | None]) -> None:
    told = document(run, "add", *LLAMA, "--preview")
    assert (told["would_fill"]["traces"], told["would_fill"]["usd"], asked()) == (1, 1.0, None)
    done = document(run, "add", *LLAMA, "--cached", "0.5", "--reasoning", "3", "--note", "from the bill")
    assert (done["filled"]["traces"], done["filled"]["usd"], asked()) == (1, 1.0, 1.0)
    kept = done["price"]
    assert (kept["server"], kept["since"], kept["author"], kept["note"]) == (
        "localhost:8000",
        None,
        "cli",
        "from the bill",
    )
    assert (kept["cached_usd"], kept["reasoning_usd"], kept["filled"]) == (0.5, 3.0, True)


def test_a_withdrawn_price_leaves_the_costs_or_takes_them_back(run: Run, asked: Callable[[], float | None]) -> None:
    first = document(run, "add", *LLAMA)["price"]["price_id"]
    assert document(run, "withdraw", first)["filled"]["traces"] == 0
    assert asked() == 1.0
    second = document(run, "add", *LLAMA)["price"]["price_id"]
    assert document(run, "withdraw", second, "--reprice")["filled"]["without_cost_after"] == 1
    assert asked() is None
    assert [kept["withdrawn_by"] for kept in document(run)["history"]] == ["cli", "cli"]


def test_the_first_price_of_a_model_is_for_all_its_calls_and_the_next_one_from_today_on(run: Run) -> None:
    assert document(run, "add", *LLAMA)["price"]["since"] is None
    second = document(run, "add", *LLAMA)["price"]
    assert second["since"] == f"{datetime.now(UTC):%Y-%m-%d}T00:00:00+00:00"
    rows = [row for row in document(run)["prices"] if row["model"] == "llama"]
    assert [(row["since"], row["until"]) for row in rows] == [(None, second["since"]), (second["since"], None)]


WRONG = {
    "a negative price": (("m", "--input", "-1", "--output", "2"), "The input price is negative"),
    "no number": (("m", "--input", "1", "--output", "nan"), "The output price is no number"),
    "a word": (("m", "--input", "one", "--output", "2"), "--input"),
    "no output price": (("m", "--input", "1"), "--output"),
    "no time": ((*LLAMA, "--since", "soon"), "--since"),
    "no server": (("m", "--input", "1", "--output", "2", "--server", "my host"), "The server is no address"),
    "a slip": (("gpt-4o", "--input", "2500", "--output", "10"), "is 1,000 times the most"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_price_is_refused_in_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run("prices", "add", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert document(run)["history"] == []


def test_what_looks_like_a_slip_is_taken_where_somebody_is_sure(run: Run) -> None:
    code, _, err = run("prices", "add", "gpt-4o", "--input", "2500", "--output", "10", "--sure")
    assert code == 0
    assert "1,000 times the most" in err


def test_a_price_that_is_there_and_one_that_is_not_are_named(run: Run) -> None:
    document(run, "add", *LLAMA, "--since", "2026-11-01")
    code, _, err = run("prices", "add", *LLAMA, "--since", "2026-11-01")
    assert (code, "There is a price of llama on localhost:8000 from 2026-11-01" in err) == (2, True)
    code, _, err = run("prices", "withdraw", "nothing")
    assert (code, "There is no price nothing" in err) == (2, True)


def test_fill_prices_what_the_price_list_knows_by_now(run: Run, asked: Callable[[], float | None]) -> None:
    assert document(run, "fill")["traces"] == 0
    document(run, "add", *LLAMA, "--since", "2026-11-20")
    assert asked() is None
    document(run, "add", *LLAMA, "--since", "2026-11-01")
    assert asked() == 1.0
