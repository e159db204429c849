"""The tab of results over a real lab with a fake chat model, run by Streamlit's own test runner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.lab.metrics import COMPLETION, PASSED
from core.lab.results import Results
from core.lab.service import Lab
from core.lab.tradeoff import tradeoff
from core.models import Usage
from core.ui.lab_charts import heat_map, pareto, short_names
from core.ui.lab_tables import cases_table, flips_table, runs_table, trace_link
from tests.fakes.lab import SHOWN, LabChat, echo, ledger_in, open_lab, spec_of_cases
from tests.lab.result_runs import grid, run_of
from tests.pages.conftest import words

LONGEST_S = 30.0
EVIL = "<script>alert(1)</script> ![x](http://evil.example/x.png) $x$ :material/bolt:"


def page() -> None:
    import streamlit as st  # noqa: PLC0415

    from core.ui import lab_results, places  # noqa: PLC0415
    from core.ui.errors import guard  # noqa: PLC0415
    from tests.fakes import lab as fakes  # noqa: PLC0415

    def tab() -> None:
        with guard():
            lab_results.show(fakes.SHOWN[-1])

    st.navigation([st.Page(tab, default=True), st.Page(places.TRACES, url_path="traces")]).run()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    ledger = ledger_in(tmp_path)
    chat = LabChat(answered)
    opened = open_lab(ledger, chat)
    SHOWN.append(SimpleNamespace(lab=opened, has_chat_model=True))
    yield opened
    opened.close()
    SHOWN.clear()
    ledger.close()


def answered(text: str, temperature: float) -> str | Exception:
    """The template ``plain`` is right; ``brief`` is not, and fails on the first case."""
    if text.startswith("Answer:"):
        return echo(text, temperature)
    return RuntimeError("x") if text.endswith(" 0") else EVIL


def run(lab: Lab, spec: dict[str, Any]) -> str:
    experiment_id = lab.start(lab.plan(spec))
    assert lab.wait(experiment_id, LONGEST_S)
    return experiment_id


def opened(**address: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    return app.run()


def test_without_experiments_the_tab_says_what_will_stand_there(lab: Lab) -> None:
    assert "No results yet" in words(opened())


def test_the_verdict_stands_first_with_what_it_leaves_out(lab: Lab) -> None:
    run(lab, spec_of_cases(10))
    app = opened()
    assert not app.exception
    said = words(app)
    assert "Pass rate: plain@1 beats brief@1 by 100 points (100 to 100); 1 case left out" in said
    assert "1 of 20 runs failed and count in no mean" in said
    assert app.selectbox(key="lab-baseline").value == "plain@1"


def test_flips_and_cases_link_to_their_traces(lab: Lab) -> None:
    run(lab, spec_of_cases(3))
    app = opened()
    means, flips, cases = (element.value for element in app.dataframe)
    assert means["Variant"].tolist() == ["plain@1", "brief@1"]
    assert flips["Flip"].tolist() == ["broken", "broken"]
    assert flips["Now"].str.match(r"/traces\?trace=\w+#failed").all()
    assert cases["plain@1"].str.endswith("#100%20%25").all()
    assert cases["brief@1"].isna().tolist() == [False, False, False], "a call that failed has a trace, too"


def test_another_metric_and_baseline_give_another_verdict(lab: Lab) -> None:
    run(lab, spec_of_cases(8))
    app = opened()
    app.selectbox(key="lab-metric").set_value("completion_tokens").run()
    assert "Completion tokens: undecided: brief@1 and plain@1 do not differ" in words(app)
    app.selectbox(key="lab-baseline").set_value("brief@1").run()
    assert "Completion tokens: undecided: plain@1 and brief@1 do not differ" in words(app)
    assert not app.exception


def test_the_address_chooses_the_experiment_and_an_unknown_one_is_said(lab: Lab) -> None:
    first = run(lab, spec_of_cases(2, name="First"))
    second = run(lab, spec_of_cases(2, name="Second"))
    assert opened().selectbox(key="lab-results").value == second
    app = opened(experiment=first)
    assert app.selectbox(key="lab-results").value == first
    app.selectbox(key="lab-results").set_value(second).run()
    assert app.query_params["experiment"] == second
    app = opened(experiment="gone")
    assert "There is no experiment gone" in words(app)
    assert app.selectbox(key="lab-results").value == second


def test_what_a_model_wrote_is_shown_letter_by_letter(lab: Lab) -> None:
    run(lab, spec_of_cases(3, name=EVIL))
    app = opened()
    app.selectbox(key="lab-case").set_value(app.selectbox(key="lab-case").options[1]).run()
    assert app.code[1].value == EVIL
    assert app.code[1].language in (None, "", "plaintext")
    assert not any("<script>" in element.value for element in (*app.markdown, *app.caption))


def test_a_failed_cell_shows_its_reason_in_place_of_an_output(lab: Lab) -> None:
    run(lab, spec_of_cases(1))
    assert "A fault of Cuepoint ended the call" in words(opened())


def test_an_experiment_in_which_all_failed_is_one_sentence_with_the_cells_below(lab: Lab) -> None:
    run(lab, spec_of_cases(1, templates=["brief"]))
    app = opened()
    assert not app.exception
    assert "The only run failed, so there is nothing to compare: A fault of Cuepoint" in words(app)


def test_a_cell_of_the_matrix_without_a_number_still_opens_its_trace() -> None:
    results = Results([run_of("plain", "c0", None), run_of("brief", "c0", 0.625)])
    table = cases_table(results, results.metrics[1])
    assert [value.partition("#")[2] for value in table.iloc[0, 1:]] == ["open", "62.5%20%25"]
    assert trace_link(None, "open") is None
    assert trace_link(run_of("plain", "c0", 1.0, trace_id='a"/b c'), "x") == "/traces?trace=a%22/b%20c#x"


def test_the_table_of_cells_has_a_variant_and_a_repeat_only_where_there_are_several() -> None:
    results = Results([run_of("plain", "c0", 1.0), run_of("brief", "c0", None, error="No <b>luck</b>")])
    table = runs_table(results.runs, PASSED, results.names)
    assert "Repeat" not in table.columns
    assert table["Variant"].tolist() == ["plain@1", "brief@1"]
    assert table["Pass rate"].tolist() == ["100 %", "–"]
    assert table["Output"].tolist() == ["plain on c0", "No <b>luck</b>"]
    assert "Variant" not in runs_table(results.runs[:1], PASSED, results.names).columns


def test_the_table_of_flips_links_to_both_sides() -> None:
    results = Results(grid(2, plain=lambda n: float(n), brief=lambda n: 1.0 - n))  # noqa: PLW0108
    table = flips_table(results.flips(PASSED, results.variants[0]))
    assert table["Flip"].tolist() == ["fixed", "broken"]
    assert [value.partition("#")[2] for value in table["Baseline"]] == ["failed", "passed"]


def test_long_names_are_cut_on_an_axis_only_where_they_stay_apart() -> None:
    long = "a template with a very long name"
    runs = [run_of(name, "c0", 1.0) for name in ("plain", long + " one", long + " two", "another one with a long name")]
    assert list(short_names(Results(runs).variants).values()) == [
        "plain@1", long + " one@1", long + " two@1", "another one with…@1",
    ]  # fmt: skip


def test_the_heat_map_of_a_metric_where_less_is_better_is_turned_round() -> None:
    results = Results([run_of("plain", "c0", 1.0)])
    by_key = {metric.key: metric for metric in results.metrics}
    for key, turned in (("passed", False), ("latency_ms", True)):
        chart = heat_map(results.heat_map(by_key[key]), by_key[key]).to_dict()
        assert chart["layer"][0]["encoding"]["color"]["scale"]["reverse"] is turned


def test_a_running_experiments_results_say_how_far_it_is_and_are_drawn_once(tmp_path: Path) -> None:
    held, go = threading.Semaphore(0), threading.Event()

    def answer(text: str, temperature: float) -> str:
        if text.endswith(" 3"):
            held.release()
            assert go.wait(LONGEST_S)
        return echo(text, temperature)

    ledger = ledger_in(tmp_path)
    running = open_lab(ledger, LabChat(answer))
    SHOWN.append(SimpleNamespace(lab=running, has_chat_model=True))
    experiment_id = running.start(running.plan(spec_of_cases(9, templates=["plain"], concurrency=1)))
    assert held.acquire(timeout=LONGEST_S)
    while running.progress(experiment_id).done < 3:
        assert not go.wait(0.005)
    app = opened()
    assert "Still running: 3 of 9 cells so far" in words(app)
    go.set()
    assert running.wait(experiment_id, LONGEST_S)
    said = words(app.run())
    assert "Still running" not in said
    assert not app.exception
    running.close()
    ledger.close()
    SHOWN.clear()


def test_labels_of_the_front_that_would_meet_stand_in_lines_of_their_own() -> None:
    """Four variants that are hardly apart in quality, each cheaper the worse it is."""
    facts = {"a": (0.70, 10), "b": (0.71, 20), "c": (0.72, 30), "d": (0.95, 40), "lost": (0.2, 50)}
    runs = [run_of(name, "c0", value, usage=Usage(10, tokens)) for name, (value, tokens) in facts.items()]
    results = Results(runs)
    chart = pareto(tradeoff(results, results.quality[1], COMPLETION), results.quality[1], COMPLETION).to_dict()
    (rows,) = chart["datasets"].values()
    lines = {row["name"]: row["line"] for row in rows}
    assert [lines[f"{name}@1"] for name in "abcd"] == [0, 1, 2, 0]
    texts = chart["layer"][-1]["layer"]
    assert {layer["mark"]["dy"] for layer in texts} == {-12, -27, -42}
