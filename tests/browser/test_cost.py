"""The Cost page in a browser: clicks on a chart and on a table, which nothing else can make."""

from __future__ import annotations

import re

from playwright.sync_api import Page, TimeoutError, expect  # noqa: A004

ANY_TRACES = re.compile(r"/traces\?.*model=")


def ask(page: Page, address: str, question: str) -> None:
    page.goto(f"{address}/ask")
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stFeedback").first).to_be_visible()


def click_last_bar(page: Page) -> None:
    """A chart that is drawn again at that moment loses the click."""
    for _ in range(10):
        page.locator("[data-testid=stVegaLiteChart] path[aria-roledescription=bar]").last.click()
        try:
            page.wait_for_url(ANY_TRACES, timeout=2000)
        except TimeoutError:
            continue
        return


def mark_first_row(page: Page) -> None:
    """The table is a drawing, whose boxes are places in it; it takes a click once it knows that the mouse is there."""
    table = page.locator("[data-testid=stDataFrame] canvas").first
    expect(table).to_be_visible()
    table.scroll_into_view_if_needed()
    for _ in range(10):
        box = table.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 18, box["y"] + 53)
        page.mouse.click(box["x"] + 18, box["y"] + 53)
        try:
            page.wait_for_url(ANY_TRACES, timeout=2000)
        except TimeoutError:
            continue
        return


def test_a_click_on_a_bar_or_a_row_opens_its_traces(page: Page, address: str) -> None:
    expect.set_options(timeout=30_000)
    question = "How does drift change what a question costs?"
    ask(page, address, question)
    page.get_by_role("link", name="Cost").first.click()
    expect(page.get_by_text("fake-model").first).to_be_visible()
    page.get_by_text("All", exact=True).click()
    click_last_bar(page)
    expect(page).to_have_url(ANY_TRACES)
    expect(page.get_by_text("Only model")).to_be_visible()
    expect(page.get_by_text("mark a row to open it")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page).not_to_have_url(ANY_TRACES)
    page.get_by_role("link", name="Cost").first.click()
    mark_first_row(page)
    expect(page.get_by_text("Only model")).to_be_visible()
