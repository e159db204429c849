"""The Cost page in a browser: clicks on a chart and on a table, which nothing else can make."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Error, Page, expect

ANY_TRACES = re.compile(r"/traces\?.*model=")


def ask(page: Page, address: str, question: str) -> None:
    page.goto(f"{address}/ask")
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stFeedback").first).to_be_visible()


def until_traces_open(page: Page, click: Callable[[], None]) -> None:
    """A chart or a table that is drawn again at that moment loses the click, or is gone before it."""
    for _ in range(20):
        try:
            click()
            page.wait_for_url(ANY_TRACES, timeout=2000)
        except (Error, AssertionError):
            continue
        return


def click_last_bar(page: Page) -> None:
    page.locator("[data-testid=stVegaLiteChart] path[aria-roledescription=bar]").last.click(timeout=5000)


def mark_first_row(page: Page) -> None:
    """The table is a drawing, whose boxes are places in it; it takes a click once it knows that the mouse is there."""
    table = page.locator("[data-testid=stDataFrame] canvas").first
    table.scroll_into_view_if_needed(timeout=5000)
    box = table.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 18, box["y"] + 53)
    page.mouse.click(box["x"] + 18, box["y"] + 53)


def test_a_click_on_a_bar_or_a_row_opens_its_traces(page: Page, address: str) -> None:
    expect.set_options(timeout=30_000)
    question = "How does drift change what a question costs?"
    ask(page, address, question)
    page.get_by_role("link", name="Cost").first.click()
    expect(page.get_by_text("fake-model").first).to_be_visible()
    page.get_by_text("All", exact=True).click()
    until_traces_open(page, lambda: click_last_bar(page))
    expect(page).to_have_url(ANY_TRACES)
    expect(page.get_by_text("Only model")).to_be_visible()
    expect(page.get_by_text("mark a row to open it")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page).not_to_have_url(ANY_TRACES)
    page.get_by_role("link", name="Cost").first.click()
    until_traces_open(page, lambda: mark_first_row(page))
    expect(page.get_by_text("Only model")).to_be_visible()


def test_a_tab_has_an_address_and_takes_no_number_out_of_bounds(page: Page, address: str) -> None:
    expect.set_options(timeout=30_000)
    page.goto(f"{address}/cost")
    page.get_by_role("tab", name="What if").click()
    expect(page).to_have_url(re.compile(r"cost-tab=What"))
    page.reload()
    expect(page.get_by_text("On machines of your own")).to_be_visible()
    users = page.locator(".st-key-if-users input")
    users.fill("2000")
    users.press("Enter")
    expect(page.get_by_test_id("stMetricValue").filter(has_text="$14,400.00")).to_be_visible()
    users.fill("-5")
    users.press("Enter")
    expect(users).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_test_id("stMetricValue").filter(has_text="$14,400.00")).to_be_visible()
