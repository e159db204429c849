"""The Drift page in a browser: clicks on charts, and a report that tries to reach the page around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from tests.fakes.drifting import open_desk
from tools.running_app import running_app

HOSTILE = b"""<html><head></head><body><p id="said">waiting</p><script>
let said = "alone";
try { parent.parent.document.title = "taken"; said = "reached the page"; } catch (error) {}
try { parent.document.body.id = "taken"; said = "reached the frame"; } catch (error) {}
try { localStorage.setItem("x", "1"); said = "reached the store"; } catch (error) {}
fetch("/_stcore/health").then(() => { document.title = "sent"; }).catch(() => {
  document.getElementById("said").textContent = said;
});
</script></body></html>"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The real app over a ledger with a report whose half of the questions is new."""
    desk = open_desk(tmp_path / "data")
    desk.fill(10)
    desk.fill(3, new=0.5, slower=500)
    desk.report("r1", html=HOSTILE)
    desk.close()
    with running_app(tmp_path / "data") as address:
        yield address


def until(page: Page, wanted: str, click: str) -> None:
    """A chart that is drawn again at that moment loses the click."""
    for _ in range(10):
        try:
            page.locator(click).last.click(timeout=5000)
            expect(page.get_by_text(wanted).first).to_be_visible(timeout=4000)
        except (Error, AssertionError):
            continue
        return
    expect(page.get_by_text(wanted).first).to_be_visible()


def open_both_sides(page: Page) -> None:
    """A second click on a bar, made where the first one seemed lost, closes what the first one opened."""
    for _ in range(5):
        until(page, "of 150 rows of the last 7 days", "[data-testid=stVegaLiteChart] path[aria-roledescription=bar]")
        try:
            page.get_by_role("dialog").get_by_text("Reference", exact=True).click(timeout=5000)
            expect(page.get_by_text("of 150 rows of 14 to 7 days ago")).to_be_visible(timeout=15_000)
        except (Error, AssertionError):
            continue
        return
    expect(page.get_by_text("of 150 rows of 14 to 7 days ago")).to_be_visible()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_bar_opens_its_rows_and_the_report_in_the_frame_cannot_reach_the_page(page: Page, address: str) -> None:
    expect.set_options(timeout=60_000)
    page.goto(f"{address}/drift?report=r1")
    expect(page.get_by_text("Drift in").first).to_be_visible()
    expect(page.get_by_text("150 rows against 150").first).to_be_visible()
    open_both_sides(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("tab", name="Evidently").click()
    page.get_by_text("Show its report here").click()
    report = page.frame_locator("iframe").frame_locator("iframe")
    expect(report.locator("#said")).to_have_text("alone")
    expect(page).to_have_title("Cuepoint")
