"""The app over fake services in a real Chromium: only what nothing but a browser shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tools.running_app import running_app

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
PATIENCE_MS = 30_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(reason=f"needs Chromium at {CHROMIUM}")
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            if not Path(CHROMIUM).exists():
                item.add_marker(missing)


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the app over fake services listens; it lives as long as the tests of this folder."""
    with running_app(tmp_path_factory.mktemp("fake") / "data", script="tests/browser/app.py") as address:
        yield address


@pytest.fixture
def fresh_address(tmp_path: Path) -> Iterator[str]:
    """Where a process of the real app listens that nobody has opened yet."""
    with running_app(tmp_path / "data") as address:
        yield address


@pytest.fixture(scope="session")
def profile() -> Iterator[BrowserContext]:
    """A fresh profile; what the app keeps for a reader belongs to a tab, so the tests can share it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        yield context
        browser.close()


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    tab = profile.new_page()
    yield tab
    tab.close()


@pytest.fixture
def other(profile: BrowserContext) -> Iterator[Page]:
    """A second tab: another session of the app."""
    tab = profile.new_page()
    yield tab
    tab.close()
