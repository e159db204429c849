"""``budgets``: listed, made, changed and removed; ``cost`` has them too."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.ledger import open_ledger
from core.models import Answer, AnswerStatus, Trace

Run = Callable[..., tuple[int, str, str]]


def document(run: Run, *arguments: str) -> Any:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_budget_begins_with_what_this_month_cost_so_far(run: Run, tmp_path: Path) -> None:
    url, now = f"sqlite:///{tmp_path}/data/cuepoint.db", datetime.now(UTC)
    ledger = open_ledger(url)
    for n, (begun, kind) in enumerate([(now, "ask"), (now, "sample-ask"), (now - timedelta(days=40), "ask")]):
        answer = Answer(f"t{n}", AnswerStatus.ANSWERED, "So.", "en", model="m", cost_usd=2.0)
        ledger.traces.finish(Trace(f"t{n}", kind, begun, "?", (), answer), mirror=False)
    ledger.close()
    made = document(run, "budgets", "add", "8", "--name", "Team")
    assert (made["name"], made["scope"], made["subject"], made["period"]) == ("Team", "all", None, "month")
    assert (made["limit_usd"], made["spent_usd"], made["left_usd"], made["share"]) == (8, 2, 6, 0.25)
    assert document(run, "budgets") == document(run, "budgets", "list") == {"budgets": [made]}
    assert document(run, "cost")["budgets"] == [made]
    code, out, _ = run("budgets")
    assert code == 0
    assert out.startswith(f"{made['budget_id']}  Team ($8.00 a month), for all calls: $2.00 spent (25%), $6.00 left")
    assert "Team ($8.00 a month)" in run("cost")[1]


def test_a_budget_of_a_person_or_a_model_is_changed_and_removed(run: Run) -> None:
    ana = document(run, "budgets", "add", "1", "--user", "ana", "--period", "day", "--warn-at", "0.5")
    model = document(run, "budgets", "add", "0", "--model", "gpt-4o", "--period", "week")
    assert (ana["scope"], ana["subject"], ana["period"], ana["warn_at"]) == ("user", "ana", "day", 0.5)
    assert (model["scope"], model["share"], model["used_up"]) == ("model", None, True)
    changed = document(run, "budgets", "change", ana["budget_id"], "--limit", "2", "--name", "Hers")
    assert (changed["limit_usd"], changed["warn_at"], changed["name"]) == (2, 0.5, "Hers")
    assert document(run, "budgets", "remove", model["budget_id"])["subject"] == "gpt-4o"
    assert [one["subject"] for one in document(run, "budgets")["budgets"]] == ["ana"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "nan"], "The limit is no number"),
        (["add", "lots"], "Invalid value for 'USD'"),
        (["add", "--", "-3"], "The limit is negative"),
        (["add", "-1"], "The limit is negative"),
        (["add", "--period", "day", "-0.5"], "The limit is negative"),
        (["add", "--limit", "3"], "No such option: --limit"),
        (["add", "3", "--user", ""], "The person has no name"),
        (["add", "3", "--user", "ana", "--model", "m"], "give --user or --model, not both"),
        (["add", "3", "--warn-at", "80"], "A budget cannot warn at 80 of its limit"),
        (["add", "3", "--period", "year"], "'year' is not one of 'day', 'week', 'month'"),
        (["change", "nobody"], "nothing to change"),
        (["change", "nobody", "--limit", "1"], "There is no budget nobody"),
        (["remove", "nobody"], "There is no budget nobody"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(run: Run, arguments: list[str], says: str) -> None:
    code, out, err = run("budgets", *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_a_second_budget_for_the_same_calls_is_refused_and_no_budget_is_said(run: Run) -> None:
    assert run("budgets")[1] == "There is no budget. Make one with: budgets add 25 --period month\n"
    document(run, "budgets", "add", "3")
    code, _, err = run("budgets", "add", "4")
    assert code == 2
    assert "There is a budget for all calls for each month already. Change that one." in err
