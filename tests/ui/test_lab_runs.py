"""The tab of experiments over a real lab with a fake chat model, run by Streamlit's own test runner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.models import Experiment, ExperimentState
from core.ui.lab_words import titles
from tests.fakes.lab import SHOWN, LabChat, echo, ledger_in, open_lab, spec_of_cases
from tests.pages.conftest import words

LONGEST_S = 30.0


def page() -> None:
    from core.ui import lab_runs  # noqa: PLC0415
    from tests.fakes import lab as fakes  # noqa: PLC0415

    lab_runs.show(fakes.SHOWN[-1])


Open = Callable[..., AppTest]


@pytest.fixture
def open_tab(tmp_path: Path) -> Iterator[Open]:
    ledger = ledger_in(tmp_path)

    def open_(chat: LabChat | None = None, **options: object) -> AppTest:
        services = SimpleNamespace(
            lab=open_lab(ledger, *([chat] if chat else []), **options), has_chat_model=bool(chat)
        )
        SHOWN.append(services)
        return AppTest.from_function(page, default_timeout=60).run()

    yield open_
    for services in SHOWN:
        services.lab.close()
    SHOWN.clear()
    ledger.close()


def filled(app: AppTest) -> AppTest:
    app.multiselect(key="lab-templates").set_value(["plain", "brief"])
    app.selectbox(key="lab-test-set").set_value("vectors")
    return app.run()


def wait(app: AppTest) -> AppTest:
    (experiment,) = SHOWN[-1].lab.experiments()
    assert SHOWN[-1].lab.wait(experiment.experiment_id, LONGEST_S)
    return app.run()


def test_without_a_chat_model_the_tab_says_what_to_set(open_tab: Open) -> None:
    app = open_tab()
    assert "OPENAI_API_KEY" in words(app)
    assert not app.exception


def test_nothing_can_be_run_before_templates_and_cases_are_chosen(open_tab: Open) -> None:
    app = open_tab(LabChat(echo))
    assert app.button(key="lab-run").disabled
    assert "Choose templates and a test set" in words(app)


def test_the_estimate_is_there_before_the_run(open_tab: Open) -> None:
    app = filled(open_tab(LabChat(echo)))
    app.multiselect(key="lab-temperatures").set_value([0.0, 0.5]).run()
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Calls"] == "12"
    assert "300 out" not in words(app)
    assert "3,600 out" in words(app)
    assert not app.button(key="lab-run").disabled
    assert SHOWN[-1].lab.experiments() == []


def test_a_run_shows_its_cells_with_scores_spend_and_traces(open_tab: Open) -> None:
    chat = LabChat(echo)
    app = filled(open_tab(chat))
    app.multiselect(key="lab-scorers").set_value(["contains", "latency"]).run()
    app.button(key="lab-run").click().run()
    app = wait(app)
    assert chat.calls == 6
    assert "Finished" in words(app)
    assert app.dataframe[0].value["Outcome"].tolist() == ["passed"] * 6
    assert set(app.dataframe[0].value.columns) >= {"contains", "latency", "Output", "Cost", "Trace"}
    assert app.dataframe[0].value["Trace"][0].startswith("/traces?trace=")
    assert {metric.label: metric.value for metric in app.metric}["Calls"] == "0", "all would come from the cache now"


def test_what_is_wrong_with_a_choice_is_a_sentence_and_run_waits(open_tab: Open) -> None:
    app = filled(open_tab(LabChat(echo)))
    app.multiselect(key="lab-scorers").set_value(["regex", "judge"]).run()
    app.text_input(key="lab-regex").set_value("(").run()
    assert "A model as judge needs a rubric" in words(app)
    app.text_area(key="lab-rubric").set_value("Right and brief").run()
    assert "scorers[0].pattern is no regular expression" in words(app)
    assert app.button(key="lab-run").disabled
    assert not app.exception


def test_a_cap_that_cannot_be_kept_is_said_at_run(open_tab: Open) -> None:
    app = filled(open_tab(LabChat(echo), cost_of=lambda _m, _u, _w: None))
    app.number_input(key="lab-cap").set_value(1.0).run()
    assert "the price of model-a is unknown" in words(app)
    app.button(key="lab-run").click().run()
    assert "The cap of $1.00 cannot be kept, as the price of model-a" in words(app).replace("\\", "")
    app.checkbox(key="lab-unknown-price").check().run()
    app.button(key="lab-run").click().run()
    assert SHOWN[-1].lab.progress(SHOWN[-1].lab.experiments()[0].experiment_id).total == 6


def test_a_running_experiment_can_be_stopped_and_resumed(open_tab: Open) -> None:
    go, waiting = threading.Event(), threading.Event()

    def answer(text: str, temperature: float) -> str:
        waiting.set()
        assert go.wait(LONGEST_S)
        return echo(text, temperature)

    chat = LabChat(answer)
    app = filled(open_tab(chat))
    app.number_input(key="lab-concurrency").set_value(1).run()
    app.button(key="lab-run").click().run()
    assert waiting.wait(LONGEST_S)
    app = app.run()
    assert "Running" in words(app)
    app.button(key="lab-stop").click().run()
    assert "finishing the calls under way" in words(app)
    go.set()
    app = wait(app)
    assert "Stopped" in words(app)
    app.button(key="lab-resume").click().run()
    app = wait(app)
    assert "Finished" in words(app)
    assert set(chat.asked.values()) == {1}


def test_a_capped_experiment_goes_on_with_another_cap(open_tab: Open) -> None:
    app = open_tab(LabChat(echo))
    lab = SHOWN[-1].lab
    experiment_id = lab.start(lab.plan(spec_of_cases(3, max_cost_usd=0)))
    assert lab.wait(experiment_id, LONGEST_S)
    app = app.run()
    assert "Stopped at a cap or a budget" in words(app)
    assert "The cap of $0.00 is reached" in words(app)
    app.number_input(key="lab-new-cap").set_value(50.0).run()
    app.button(key="lab-resume").click().run()
    wait(app)
    assert lab.progress(experiment_id).state is ExperimentState.FINISHED


def test_hostile_text_of_a_model_is_shown_as_text(open_tab: Open) -> None:
    evil = "<script>alert(1)</script> ![x](http://evil.example/x.png) $x$"
    app = open_tab(LabChat(lambda _text, _t: evil))
    lab = SHOWN[-1].lab
    lab.wait(lab.start(lab.plan(spec_of_cases(1, name=evil))), LONGEST_S)
    app = app.run()
    assert not app.exception
    assert app.dataframe[0].value["Output"][0] == evil
    assert "<script>" not in "".join(element.value for element in (*app.markdown, *app.caption))


def test_experiments_of_one_name_and_one_second_are_called_differently() -> None:
    when = datetime(2026, 11, 24, 15, 19, 25, tzinfo=UTC)
    first, second, later = (
        Experiment(key, "Experiment", ExperimentState.FINISHED, {}, 60, made)
        for key, made in (("aaaaaaaa", when), ("bbbbbbbb", when), ("cccccccc", when + timedelta(seconds=1)))
    )
    called = titles([first, second, later])
    assert called["cccccccc"] == "Experiment, 60 cells, 2026-11-24 15:19:26 UTC"
    assert len(set(called.values())) == 3
    assert titles([replace(later, sample=True)])["cccccccc"].startswith("Sample: Experiment")


def test_an_experiment_without_a_name_is_called_by_what_it_compares(open_tab: Open) -> None:
    app = filled(open_tab(LabChat(echo)))
    app.button(key="lab-run").click()
    app.run()
    (experiment,) = SHOWN[-1].lab.experiments()
    assert experiment.name == "plain and brief on vectors"


def test_an_experiment_of_a_sample_is_called_so_once():
    whole = Experiment(
        "a", "Sample: one sentence", ExperimentState.FINISHED, {}, 8, datetime(2026, 11, 1, tzinfo=UTC), sample=True
    )
    named = replace(whole, experiment_id="b", name="One sentence")
    assert titles([whole])["a"].startswith("Sample: one sentence, 8 cells")
    assert titles([named])["b"].startswith("Sample: One sentence, 8 cells")
