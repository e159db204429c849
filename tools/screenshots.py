"""Makes the pictures of the README in docs/images: ``make screenshots``.

It starts the app on a new library, which then holds the demo talks, and drives the machine's own Chromium. No chat
model is used, so the picture of Ask shows what a reader without a key gets: quotes. The watching pages show sample
traffic, made after the other pictures. ``--all`` takes every page, ``--dark`` the dark theme, ``--out`` another folder.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, expect, sync_playwright

from tools.running_app import ROOT, environment_of, running_app

QUESTION = "What is HNSW and how does it search?"
QUERY = "how to keep a model from inventing an answer"
WAIT_MS = 60_000


def open_page(page: Page, address: str) -> None:
    """Opens an address and waits for the library to be ready: until then pages say that it is being loaded."""
    page.goto(address)
    expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=WAIT_MS)
    settle(page)


def settle(page: Page) -> None:
    """Waits until no script runs, twice with a pause between, so that fonts and charts are drawn as well."""
    running = page.get_by_test_id("stStatusWidget")
    for pause_ms in (1500, 500):
        expect(running).to_have_count(0, timeout=WAIT_MS)
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(pause_ms)
    expect(running).to_have_count(0, timeout=WAIT_MS)


def take_home(page: Page, address: str) -> None:
    open_page(page, address)


def take_search(page: Page, address: str) -> None:
    open_page(page, f"{address}/search?q={quote(QUERY)}&limit=12")
    expect(page.locator(".st-key-passage-1")).to_be_visible(timeout=WAIT_MS)
    settle(page)


def take_ask(page: Page, address: str) -> None:
    open_page(page, f"{address}/ask")
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator("[class*='st-key-feedback-']").first).to_be_visible(timeout=WAIT_MS)
    settle(page)
    page.get_by_test_id("stChatMessage").first.scroll_into_view_if_needed()


def take_library(page: Page, address: str) -> None:
    open_page(page, f"{address}/library")


def take_traces(page: Page, address: str) -> None:
    open_page(page, f"{address}/traces")


def take_lab(page: Page, address: str) -> None:
    open_page(page, f"{address}/lab")
    page.get_by_role("tab", name="Results").click()
    settle(page)


def take_drift(page: Page, address: str) -> None:
    open_page(page, f"{address}/drift")
    show_sample(page)
    report = page.get_by_role("combobox", name="Report").first
    report.evaluate("element => element.scrollIntoView({block: 'start'})")
    settle(page)


def take_cost(page: Page, address: str) -> None:
    open_page(page, f"{address}/cost")
    show_sample(page)


def show_sample(page: Page) -> None:
    """The question that the picture of Ask asked is no sample; so the sample is shown only where that is wanted."""
    switch = page.get_by_role("switch", name="Show it here")
    expect(switch).to_be_visible(timeout=WAIT_MS)
    if not switch.is_checked():
        page.get_by_text("Show it here").click()
    expect(switch).to_be_checked(timeout=WAIT_MS)
    settle(page)


Picture = Callable[[Page, str], None]
QUIET: dict[str, Picture] = {"search": take_search, "ask": take_ask}
WATCHING: dict[str, Picture] = {"lab": take_lab, "drift": take_drift, "cost": take_cost}
IN_README = QUIET | WATCHING
ALL = {"home": take_home, **QUIET, "library": take_library, "traces": take_traces, **WATCHING}


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    sys.exit("screenshots: no Chromium here (Debian, Ubuntu: apt-get install chromium)")


def make_sample_traffic(data_dir: Path) -> None:
    command = [sys.executable, "-m", "core", "sample-traffic"]
    subprocess.run(command, cwd=ROOT, env=environment_of(data_dir), check=True)


def take(pictures: dict[str, Picture], out: Path, *, dark: bool) -> None:
    """Writes one PNG per picture, 1280 x 1000 points at one and a half pixels each."""
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data"
        address, p = stack.enter_context(running_app(data_dir)), stack.enter_context(sync_playwright())
        browser = p.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1280, "height": 1000}, device_scale_factor=1.5, color_scheme="dark" if dark else "light"
        )
        open_page(page, address)
        expect(page.locator(".st-key-demo-notice")).to_be_visible(timeout=WAIT_MS)
        for name, picture in pictures.items():
            if name == next(iter(WATCHING)):
                make_sample_traffic(data_dir)
            picture(page, address)
            page.screenshot(path=out / f"{name}.png")
            print(out / f"{name}.png")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    take(ALL if options.all else IN_README, options.out, dark=options.dark)


if __name__ == "__main__":
    main()
