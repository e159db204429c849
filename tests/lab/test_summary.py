"""An experiment's results as files and as what ``lab run`` prints."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, datetime

from core.lab.progress import Progress
from core.lab.results import Results
from core.lab.summary import experiment_document, to_csv
from core.models import ExperimentState, Score, Usage
from tests.lab.result_runs import failed, grid, run_of

PROGRESS = Progress("e1", "Try", ExperimentState.FINISHED, 4, 4, 0, 0, None, None, datetime(2026, 1, 1, tzinfo=UTC))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_document_has_the_verdict_and_each_variant_with_means_intervals_and_front() -> None:
    results = Results(grid(20, plain=lambda n: float(n < 4), brief=lambda n: float(n < 19)))
    found = experiment_document(PROGRESS, results)
    assert found["experiment_id"] == "e1"
    assert found["verdict"]["sentence"] == "Pass rate: brief@1 beats plain@1 by 75 points (52 to 98)"
    assert (found["verdict"]["metric"], found["verdict"]["baseline"]) == ("passed", "plain@1")
    (line,) = found["verdict"]["variants"]
    assert (line["variant"], line["decided"], line["difference"], line["cases"]) == ("brief@1", True, 0.75, 20)
    plain, brief = found["summary"]
    assert (plain["template"], plain["version"], plain["model"], plain["temperature"]) == ("plain", 1, "model-a", 0.0)
    assert plain["metrics"]["scores.right"]["mean"] == 0.2
    assert plain["metrics"]["passed"]["low"] < 0.2 < plain["metrics"]["passed"]["high"]
    assert (plain["pareto"]["completion_tokens"], brief["pareto"]["completion_tokens"]) == (False, True)
    assert len(found["runs"]) == 40


def test_the_document_is_json_whatever_came_of_the_runs() -> None:
    odd = run_of("plain", "c1", 0.0, scores={"right": Score(math.nan, None, "")}, cost_usd=None)
    for runs in ([], [failed("plain", "c0")], [odd], [run_of("plain", "c0", 1.0), odd, failed("brief", "c0")]):
        text = json.dumps(experiment_document(PROGRESS, Results(runs)), allow_nan=False)
        assert json.loads(text)["verdict"]["sentence"]


def test_an_unknown_cost_is_null_and_on_no_front() -> None:
    results = Results([run_of("known", "c0", 1.0), run_of("secret", "c0", 1.0, cost_usd=None)])
    known, secret = experiment_document(PROGRESS, results)["summary"]
    assert (known["pareto"]["cost_usd"], secret["pareto"]["cost_usd"]) == (True, None)
    assert secret["metrics"]["cost_usd"] == {"mean": None, "low": None, "high": None, "cases": 0}


def test_the_csv_has_a_line_for_each_cell_and_no_formula() -> None:
    evil = run_of("=cmd|' /C calc'!A0", "-1", 0.5, output='=HYPERLINK("http://evil.example")\nsecond "line"')
    runs = [
        evil,
        failed("plain", "@c", "+1"),
        run_of("plain", "c0", 1.0, usage=Usage(7, 3), scores={"output": Score(0.25)}),
    ]
    rows = rows_of(to_csv(Results(runs)))
    assert [row["template"] for row in rows] == ["'=cmd|' /C calc'!A0", "plain", "plain"]
    assert rows[0]["output"] == '\'=HYPERLINK("http://evil.example")\nsecond "line"'
    assert (rows[1]["case"], rows[1]["error"], rows[1]["state"]) == ("'@c", "'+1", "failed")
    assert rows[0]["case"] == "'-1"
    assert (rows[2]["prompt_tokens"], rows[2]["score output"], rows[2]["output"]) == ("7", "0.25", "plain on c0")
    assert rows[0]["score right"] == "0.5"


def test_an_output_with_half_a_character_can_still_be_written() -> None:
    assert rows_of(to_csv(Results([run_of("plain", "c0", 1.0, output="a\ud800b")])))[0]["output"] == "a?b"
