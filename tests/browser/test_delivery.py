"""The whole way to Comet with the real app: an answer arrives, a rejected key is said, and tried again by a click.

Only Comet is a fake: a server that speaks its wire format. All between is real, the process that sends included.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.comet_server import KEY, FakeComet
from tools.running_app import running_app

PATIENCE_MS = 60_000


@pytest.fixture
def comet() -> Iterator[FakeComet]:
    with FakeComet() as server:
        yield server


@pytest.fixture
def mirrored_address(tmp_path: Path, comet: FakeComet) -> Iterator[str]:
    """Where a real app listens that sends to the fake Comet."""
    with running_app(tmp_path / "data", {"COMET_API_KEY": KEY, "COMET_URL_OVERRIDE": comet.url}) as address:
        yield address


def ask(page: Page, address: str, question: str) -> str:
    """Asks and waits for the answer; returns the trace's id."""
    page.goto(f"{address}/ask")
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("[class*='st-key-feedback-']").last).to_be_visible(timeout=PATIENCE_MS)
    return page.url.partition("answer=")[2]


def panel(page: Page, address: str) -> Locator:
    page.goto(address)
    return page.locator(".st-key-delivery")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_answer_arrives_and_a_rejected_key_is_said_and_tried_again(
    page: Page, mirrored_address: str, comet: FakeComet
) -> None:
    page.goto(mirrored_address)
    expect(page.locator(".st-key-demo-notice")).to_be_visible(timeout=PATIENCE_MS)
    first = ask(page, mirrored_address, "What is an embedding?")
    delivery = panel(page, mirrored_address)
    expect(delivery).to_contain_text("Everything is delivered to Comet", timeout=PATIENCE_MS)
    assert list(comet.experiments) == [first.replace("-", "")]

    comet.keys = {"another-key"}
    second = ask(page, mirrored_address, "What is drift?")
    expect(panel(page, mirrored_address)).to_contain_text(
        "Paused: Comet refuses the key or the project", timeout=PATIENCE_MS
    )

    comet.keys = {KEY}
    delivery.get_by_role("button", name="Try again").click()
    expect(delivery).to_contain_text("Everything is delivered to Comet", timeout=PATIENCE_MS)
    assert set(comet.experiments) == {trace_id.replace("-", "") for trace_id in (first, second)}
    page.goto(f"{mirrored_address}/traces?trace={second}")
    expect(page.get_by_text("was delivered")).to_be_visible()
