"""The Prompt Lab in a browser, over the real app and a model server: from two templates and a file to the verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.openai_server import FakeOpenAI, Reply, Request
from tools.running_app import running_app

EVIL = (
    "<img src=x onerror=\"document.title='taken'\"> <script>document.title='taken'</script> ![x](http://evil.invalid)"
)
PATIENCE_MS = 60_000
VERDICT = re.compile("lesson@\u2060?2 beats lesson@\u2060?1 by 100 points")
"""An at sign is kept from making an address of mail."""
CASES = "\n".join(["question,expected", *(f"What is number {n}?,number {n}" for n in range(12))])


def answer(request: Request) -> Reply:
    """The second version of the template gets it right."""
    asked = request.body["messages"][-1]["content"]
    return Reply(f"It is {asked[-12:]} {EVIL}" if asked.startswith("Well:") else f"No idea. {EVIL}")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with (
        FakeOpenAI(otherwise=answer, models=["small"]) as server,
        running_app(tmp_path / "data", {"OPENAI_BASE_URL": server.url}) as address,
    ):
        yield address


def fill(page: Page, field: Locator, text: str) -> None:
    """Enter tells the app; a text area is told by leaving it."""
    field.fill(text)
    field.press("Tab")


def pick(page: Page, label: str, *values: str) -> None:
    field = page.get_by_role("combobox", name=label)
    for value in values:
        field.click()
        field.fill(value)
        page.get_by_role("option", name=value, exact=True).click()
    page.keyboard.press("Escape")


def make_template(page: Page) -> None:
    page.get_by_role("button", name="New template").click()
    fill(page, page.get_by_label("Name", exact=True), "lesson")
    page.get_by_role("button", name="Make it").click()
    field = page.get_by_role("textbox", name="User text")
    expect(field).to_have_value("{question}")
    fill(page, field, "Well: { question } {question}")
    expect(page.get_by_text("is no variable (user text, line 1)")).to_be_visible()
    fill(page, field, "Well: {question}")
    expect(page.get_by_text("is no variable")).to_have_count(0)
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()


def make_set(page: Page) -> None:
    page.get_by_role("tab", name="Test sets").click()
    page.get_by_role("button", name="New test set").click()
    fill(page, page.get_by_label("Name", exact=True), "numbers")
    page.get_by_role("button", name="Make it").click()
    upload = page.locator("input[type=file]")
    upload.set_input_files({"name": "numbers.csv", "mimeType": "text/csv", "buffer": CASES.encode()})
    page.get_by_role("button", name="Add 12 cases").click()
    expect(page.get_by_text("numbers has 12 cases now.")).to_be_visible()


def run(page: Page) -> None:
    page.get_by_role("tab", name="Experiments").click()
    pick(page, "Templates", "lesson@1", "lesson@2")
    pick(page, "Test set", "numbers")
    pick(page, "Scorers", "Contains")
    expect(page.locator(".st-key-lab-estimate")).to_contain_text("24")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".st-key-lab-progress")).to_contain_text("Finished")
    expect(page.locator(".st-key-lab-progress")).to_contain_text("24 of 24")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_a_template_and_a_file_to_a_verdict_and_what_models_wrote_stays_text(page: Page, address: str) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/lab")
    make_template(page)
    make_set(page)
    run(page)
    page.get_by_role("tab", name="Results").click()
    expect(page.locator(".st-key-lab-verdict")).to_contain_text(VERDICT)
    expect(page.get_by_text("12 fixed, 0 broken")).to_be_visible()
    expect(page.get_by_text("onerror").filter(visible=True).first).to_be_visible()
    assert page.title() != "taken"
    assert page.locator("img[src=x]").count() == 0
    page.set_viewport_size({"width": 420, "height": 900})
    expect(page.locator(".st-key-lab-verdict")).to_be_visible()
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") <= 0
