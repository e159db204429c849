"""What only a browser shows: reloads, page switches, clicks on charts, the address, the theme, live Markdown."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

QUERY = "how does drift change an embedding index"
PATHS = ["", "search", "ask", "library", "traces"]
WRITING = "▍"


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=30_000)


def ask(page: Page, address: str, question: str) -> None:
    page.goto(f"{address}/ask")
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.keyboard.press("Enter")
    expect(page.get_by_text(WRITING).first).to_be_visible()


def traces(page: Page, question: str) -> Locator:
    """The line that says how many traces hold the question."""
    page.get_by_role("link", name="Traces").first.click()
    field = page.get_by_label("Text", exact=True)
    field.fill(question)
    field.press("Enter")
    return page.get_by_text("mark a row to open it")


def test_an_answer_survives_a_reload_while_it_is_written(page: Page, address: str) -> None:
    question = "What is an embedding, before a reload?"
    ask(page, address, question)
    expect(page).to_have_url(re.compile(r"/ask\?answer=trace-\d+"))
    page.reload()
    expect(page.get_by_text(question)).to_be_visible()
    expect(page.get_by_test_id("stFeedback")).to_be_visible()
    expect(page.get_by_text(WRITING)).to_have_count(0)
    expect(traces(page, question)).to_contain_text("1 trace ")


def test_an_answer_survives_a_page_switch_and_back(page: Page, address: str) -> None:
    question = "What is an embedding, before a switch?"
    ask(page, address, question)
    page.get_by_role("link", name="Library").first.click()
    expect(page.get_by_role("heading", name="Library", exact=True)).to_be_visible()
    page.get_by_role("link", name="Ask").first.click()
    expect(page.get_by_text(question)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/ask\?answer=trace-\d+"))
    expect(page.get_by_test_id("stFeedback")).to_be_visible()
    expect(traces(page, question)).to_contain_text("1 trace ")


def test_a_click_elsewhere_does_not_stop_an_answer(page: Page, address: str) -> None:
    ask(page, address, "What is an embedding, before a click?")
    page.get_by_role("button", name="All channels").click()
    expect(page.get_by_text("Look only in these channels")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stFeedback")).to_be_visible()


def test_an_address_opens_the_same_answer_in_another_tab(page: Page, other: Page, address: str) -> None:
    ask(page, address, "What is an embedding, twice?")
    expect(page.get_by_test_id("stFeedback")).to_be_visible()
    other.goto(page.url)
    expect(other.get_by_test_id("stFeedback")).to_be_visible()
    said, again = (tab.get_by_test_id("stChatMessage").all_inner_texts() for tab in (page, other))
    assert said == again


def test_the_address_of_a_search_reopens_it(page: Page, other: Page, address: str) -> None:
    page.goto(f"{address}/search")
    page.get_by_role("textbox", name="Search").fill(QUERY)
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="keyword").click()
    expect(page).to_have_url(re.compile(r"q=how.*mode=keyword|mode=keyword.*q=how"))
    expect(page.locator(".st-key-passage-1")).to_be_visible()
    other.goto(page.url)
    expect(other.locator(".st-key-passage-1")).to_be_visible()
    expect(other.get_by_role("textbox", name="Search")).to_have_value(QUERY)
    first, again = (tab.locator(".st-key-passage-1").get_by_test_id("stMarkdown") for tab in (page, other))
    expect(again).to_have_text(first.all_inner_texts())


def cards(page: Page) -> Locator:
    return page.locator("[class*='st-key-passage-']")


def results(page: Page) -> int:
    """As many as the page says; waits until they are all there."""
    line = page.get_by_text(re.compile(r"^\d+ passages in \d+ videos"))
    number = int(line.inner_text().split(" ", 1)[0])
    expect(cards(page)).to_have_count(number)
    return number


def test_a_click_on_a_bar_filters_the_list_and_a_second_click_shows_all(page: Page, address: str) -> None:
    page.goto(f"{address}/search?q={QUERY}")
    everything = results(page)
    bar = page.locator("[class*='st-key-bars-'] .mark-rect path").first
    bar.click()
    expect(page.get_by_text("Click a bar again to take it back.")).to_be_visible()
    longest = int(page.locator("[class*='st-key-bars-'] .mark-text.role-mark text").first.text_content() or 0)
    assert 0 < longest < everything
    expect(cards(page)).to_have_count(longest)
    bar.click()
    expect(cards(page)).to_have_count(everything)


def test_a_click_in_the_timeline_opens_that_place(page: Page, address: str) -> None:
    page.goto(f"{address}/search?q={QUERY}")
    expect(cards(page).first).to_be_visible()
    page.locator("[class*='st-key-places-'] .mark-rect").nth(1).locator("path").first.click()
    expect(page.locator(".st-key-timeline-player")).to_contain_text("Transcript of")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".st-key-timeline-player")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(17, 23, 22)")])
def test_light_and_dark_follow_the_system(
    page: Page, address: str, scheme: Literal["light", "dark"], background: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(address)
    expect(page.get_by_role("heading", name="Ask your videos")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", background)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_a_narrow_screen_and_shows_no_exception(page: Page, address: str, path: str) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_viewport_size({"width": 420, "height": 800})
    page.goto(f"{address}/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    assert faults == []


LITERALS = (
    "![x](http://evil.invalid/i.png)", "<b>loud</b>", "[go](javascript:alert(1))", ":tada:", "$x^2$",
    ":material/bolt:", "www.evil.invalid", "https://evil.invalid", "a@evil.invalid", ":red[y]",
)  # fmt: skip


def test_hostile_text_stays_text(page: Page, address: str) -> None:
    """The fake library holds a talk whose title, channel and lines try everything that Markdown can do."""
    page.goto(f"{address}/search?q=zeitgeist")
    card = page.locator(".st-key-passage-1")
    expect(card).to_contain_text("Score")
    for live in ("img", "a", "b", "h1", "code", "table", ".katex", "iframe"):
        assert card.locator(live).count() == 0, live
    said = card.inner_text().replace("\u2060", "")
    for literal in LITERALS:
        assert said.count(literal) >= 2, literal


def test_what_a_server_said_of_a_refused_record_stays_text(page: Page, address: str) -> None:
    page.goto(f"{address}/traces")
    page.get_by_text("What Comet refused", exact=True).click()
    table = page.locator("[class*='st-key-refused-table'] canvas").first
    expect(table).to_be_visible()
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 20, box["y"] + 50)  # the box of the first row
    letter = page.locator(".st-key-letter")
    expect(letter).to_contain_text("Open the trace")
    for live in ("img", "b", "h1", "table", ".katex", "iframe", "a[href*='evil']", "a[href*='javascript']"):
        assert letter.locator(live).count() == 0, live
    said = letter.inner_text().replace("\u2060", "")
    for literal in ("![x](http://evil.invalid/i.png)", "<b>loud</b>", "[go](javascript:alert(1))", ":tada:"):
        assert said.count(literal) == 2, literal


def test_the_first_address_after_a_start_has_the_frame_around_it(page: Page, fresh_address: str) -> None:
    """Streamlit would run a file of pages/ alone; the query must survive the way round."""
    page.goto(f"{fresh_address}/search?q=embedding")
    expect(page.get_by_role("link", name="Traces")).to_be_visible()
    expect(page.get_by_role("textbox").first).to_have_value("embedding")
    assert "q=embedding" in page.url
