"""The tabs of templates and of test sets over a real ledger, run by Streamlit's own test runner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.ledger import Ledger
from core.models import TestCase
from core.prompts import TEMPLATES, PromptTemplate
from tests.fakes.lab import SHOWN, ledger_in
from tests.pages import conftest as pages


def page() -> None:
    from importlib import import_module  # noqa: PLC0415

    from tests.fakes import lab as fakes  # noqa: PLC0415

    services = fakes.SHOWN[-1]
    import_module(services.tab).show(services)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = ledger_in(tmp_path)
    opened.prompts.seed(TEMPLATES.values())
    yield opened
    SHOWN.clear()
    opened.close()


@pytest.fixture
def open_tab(ledger: Ledger) -> Callable[[str], AppTest]:
    def open_(tab: str) -> AppTest:
        SHOWN.append(SimpleNamespace(ledger=ledger, tab=f"core.ui.{tab}"))
        return AppTest.from_function(page, default_timeout=60).run()

    return open_


def words(app: AppTest) -> str:
    """Everything that the tab says, without marks."""
    done = "\n".join(element.value for element in app.success).replace("\\", "")
    return f"{pages.words(app)}\n{done}".replace("**", "")


def write(app: AppTest, text: str) -> AppTest:
    (area,) = [area for area in app.text_area if area.label == "User text"]
    area.set_value(text)
    return app.run()


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    app.run()
    assert not app.exception
    return app


def test_what_is_wrong_with_a_template_is_said_while_it_is_written(open_tab: Callable[[str], AppTest]) -> None:
    app = open_tab("lab_templates")
    assert "Its variables are {language}, {history}, {passages} and {question}." in words(app)
    said = words(write(app, "{mood} { question } {question}"))
    assert "Nothing fills {mood}." in said
    assert "“{ question }” is no variable (user text, line 1)" in said
    assert "Not used: {passages} and {history}." in said


def test_a_version_is_saved_promoted_and_rolled_back(open_tab: Callable[[str], AppTest], ledger: Ledger) -> None:
    app = press(write(open_tab("lab_templates"), "Brief: {question}"), "lab-save")
    assert "Saved as version 2. Ask uses it once it is promoted to production." in words(app)
    assert ledger.prompts.get("cited-answer").version == 1
    app = press(app, "lab-promote")
    assert "production of cited-answer is version 2 now." in words(app)
    assert ledger.prompts.get("cited-answer").user == "Brief: {question}"
    app = press(app, "lab-back")
    assert "is version 1 again." in words(app)
    assert ledger.prompts.get("cited-answer") == TEMPLATES["cited-answer"]


def test_an_alias_is_made_and_removed(open_tab: Callable[[str], AppTest], ledger: Ledger) -> None:
    app = open_tab("lab_templates")
    app.text_input(key="lab-alias").set_value("trial")
    app = press(app, "lab-point")
    assert ledger.prompts.aliases("cited-answer") == {"production": 1, "trial": 1}
    app = press(app, "lab-alias-remove-trial")
    assert "cited-answer has no alias trial any more." in words(app)
    assert ledger.prompts.aliases("cited-answer") == {"production": 1}
    assert not [button for button in app.button if button.key == "lab-alias-remove-production"]


def test_a_version_that_ask_cannot_fill_is_kept_but_not_promoted(
    open_tab: Callable[[str], AppTest], ledger: Ledger
) -> None:
    app = press(press(write(open_tab("lab_templates"), "{mood}"), "lab-save"), "lab-promote")
    assert "Ask has nothing to put in {mood}" in words(app)
    assert ledger.prompts.aliases("cited-answer") == {"production": 1}


def test_nothing_says_that_ask_will_use_a_template_that_it_never_does(
    open_tab: Callable[[str], AppTest], ledger: Ledger
) -> None:
    ledger.prompts.save(PromptTemplate("brief", 0, "", "{question}"))
    app = open_tab("lab_templates")
    app.selectbox(key="lab-template").set_value("brief").run()
    app.text_area(key="lab-user-brief-1").set_value("Brief: {question}")
    said = words(press(app, "lab-save"))
    assert "Saved as version 2. Experiments can use it as brief@" in said
    assert "Ask uses it" not in said


def test_a_template_is_filled_by_a_test_set(open_tab: Callable[[str], AppTest], ledger: Ledger) -> None:
    ledger.test_sets.put(ledger.test_sets.create("moods"), [TestCase("1", {"mood": "Glad", "extra": "x"})])
    ledger.prompts.save(PromptTemplate("a-mood", 0, "", "Be {mood}"))
    app = open_tab("lab_templates")
    app.selectbox(key="lab-template").set_value("a-mood").run()
    app.selectbox(key="lab-filler-a-mood").set_value("moods").run()
    assert "Not used: {extra}." in words(app)
    assert "Be Glad" in [code.value for code in app.code]


def test_a_set_is_made_and_filled_from_a_file(open_tab: Callable[[str], AppTest], ledger: Ledger) -> None:
    app = open_tab("lab_cases")
    assert "No test set of your own yet" in words(app)
    app.text_input(key="lab-set-name").set_value("wine")
    app = press(app, "lab-set-make")
    app.file_uploader[0].upload("wine.csv", b"Question,Answer\nHow cold?,Eight\n", "text/csv").run()
    app = press(app, "lab-upload-primary")
    assert "wine has 1 case now." in words(app)
    (found,) = ledger.test_sets.sets()
    assert ledger.test_sets.cases(found.set_id) == [TestCase("1", {"question": "How cold?"}, "Eight")]


def test_a_file_of_too_many_rows_is_one_sentence(open_tab: Callable[[str], AppTest], ledger: Ledger) -> None:
    ledger.test_sets.create("wine")
    app = open_tab("lab_cases")
    app.file_uploader[0].upload("big.csv", b"q\n" + b"a\n" * 100_000, "text/csv").run()
    assert not app.exception
    assert "big.csv has more than 10,000 rows. Take a sample of them." in words(app)


def test_columns_that_a_template_needs_and_the_file_has_not_are_named(
    open_tab: Callable[[str], AppTest], ledger: Ledger
) -> None:
    ledger.test_sets.create("wine")
    app = open_tab("lab_cases")
    app.file_uploader[0].upload("wine.csv", b"question\nHow cold?\n", "text/csv").run()
    app.selectbox(key="lab-upload-template").set_value("translate-query").run()
    assert "No column fills {language}." in words(app)


def test_what_ships_can_be_copied(open_tab: Callable[[str], AppTest], ledger: Ledger) -> None:
    press(open_tab("lab_cases"), "lab-set-copy")
    (found,) = ledger.test_sets.sets()
    assert (found.name, found.cases) == ("code-tasks copy 1", 3)
