"""The Prompt Lab page: its four tabs over a real ledger and a real lab; only the chat model is a fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.lab.chats import LabModels
from core.lab.service import Lab
from core.lab.wiring import lab_of
from core.models import TestCase
from core.prompts import TEMPLATES, PromptTemplate
from tests.fakes.lab import SERVER, LabChat, echo, ledger_in
from tests.fakes.models import HashingEmbedder
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words

LONGEST_S = 30.0


@pytest.fixture
def lab(services: FakeServices, tmp_path: Path) -> Iterator[Lab]:
    """A registry with two versions of a template, a test set of six cases, and nothing run yet."""
    ledger = ledger_in(tmp_path)
    ledger.prompts.seed(TEMPLATES.values())
    for text in ("Answer: {question}", "Answer with nothing: {question}"):
        ledger.prompts.save(PromptTemplate("plain", 0, "", text))
    cases = [TestCase(f"c{n}", {"question": f"question {n}"}, f"answer {n}") for n in range(6)]
    ledger.test_sets.put(ledger.test_sets.create("numbers"), cases)
    chat = LabChat(lambda text, t: "" if "nothing" in text else echo(text, t))
    opened = lab_of(ledger, LabModels(chat, None, SERVER), HashingEmbedder(), mirroring_off())
    services.ledger, services.lab, services.has_chat_model = ledger, opened, True  # type: ignore[assignment,attr-defined]
    yield opened
    opened.close()
    ledger.close()


def mirroring_off() -> Any:
    return SimpleNamespace(enabled=False)


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["lab-tab"] = name
    app.run()
    assert not app.exception
    return app


def test_where_nothing_was_run_or_asked_sample_traffic_is_offered(
    open_page: OpenPage, lab: Lab, services: FakeServices
) -> None:
    app = tab(open_page("lab"), "Results")
    app.button(key="sample-make").click().run()
    assert services.sample.started == 1
    assert "25%" in app.get("progress")[0].proto.text


@pytest.mark.parametrize("name", ["Templates", "Test sets", "Experiments", "Results"])
def test_each_tab_opens_and_only_that_one_is_run(open_page: OpenPage, lab: Lab, name: str) -> None:
    app = tab(open_page("lab"), name)
    assert [tab_.label for tab_ in app.tabs] == ["Templates", "Test sets", "Experiments", "Results"]
    drawn = {tab_.label for tab_ in app.tabs if len(tab_.children)}
    assert drawn == {name}
    assert not app.error


def test_from_a_form_to_a_verdict(open_page: OpenPage, lab: Lab) -> None:
    app = tab(open_page("lab"), "Experiments")
    app.multiselect(key="lab-templates").set_value(["plain@1", "plain@2"])
    app.selectbox(key="lab-test-set").set_value("numbers")
    app.multiselect(key="lab-scorers").set_value(["contains"])
    app.run()
    app.button(key="lab-run").click()
    app.run()
    (experiment,) = lab.experiments()
    assert lab.wait(experiment.experiment_id, LONGEST_S)
    app.run()
    assert "Finished" in words(app)
    said = words(tab(app, "Results"))
    assert "Pass rate: plain@1 beats plain@2 by 100 points" in said
    assert "0 fixed, 6 broken" in said


def test_a_version_that_does_not_exist_is_one_sentence_on_the_page(open_page: OpenPage, lab: Lab) -> None:
    app = tab(open_page("lab"), "Experiments")
    app.multiselect(key="lab-templates").set_value(["plain@1", "plain@9"])
    app.selectbox(key="lab-test-set").set_value("numbers")
    app.run()
    assert "plain has no version 9" in words(app)
    assert app.button(key="lab-run").disabled


def test_an_address_with_an_experiment_opens_its_results(open_page: OpenPage, lab: Lab) -> None:
    spec = {"name": "By address", "templates": ["plain@1"], "test_set": "numbers", "scorers": ["contains"]}
    experiment_id = lab.start(lab.plan(spec))
    assert lab.wait(experiment_id, LONGEST_S)
    app = open_page("lab", experiment=experiment_id)
    assert app.selectbox(key="lab-results").value == experiment_id
    assert "it is the only variant" in words(app)
