"""What holds for every page."""

from __future__ import annotations

import ast
import logging

import pytest

from core.errors import LibraryLocked
from core.models import ServiceHealth
from core.ui import resources
from tests.fakes.services import FakeServices
from tests.pages.conftest import ROOT, OpenPage, words

NAMES = ["home", "search", "ask", "library", "traces", "cost"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_without_an_exception(open_page: OpenPage, name: str) -> None:
    app = open_page(name)
    assert not app.exception
    assert not app.error
    assert len(app.title) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_on_an_empty_library(open_page: OpenPage, services: FakeServices, name: str) -> None:
    services.library.transcripts.clear()
    app = open_page(name)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("name", NAMES)
def test_an_error_of_ours_is_its_sentence(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    app = open_page(name)

    def locked(settings: object) -> object:
        raise LibraryLocked("Another process owns data/", subject="data", hint="Stop it first.")

    resources.get_services.clear()
    monkeypatch.setattr(resources, "build_services", locked)
    app.run()
    assert not app.exception
    assert "Another process owns data/. Stop it first." in words(app)


def test_an_unexpected_error_is_one_sentence_with_an_id_that_the_log_knows(
    open_page: OpenPage, services: FakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    services.stats = lambda: 1 / 0  # type: ignore[assignment,return-value]
    with caplog.at_level(logging.ERROR, "cuepoint.ui"):
        app = open_page("home")
    assert not app.exception
    record = [record for record in caplog.records if record.name == "cuepoint.ui"][-1]
    assert record.exc_info is not None
    error_id = record.getMessage().split()[-1]
    assert error_id in words(app)
    assert "ZeroDivisionError" not in words(app)


def test_an_unknown_trace_is_one_sentence(open_page: OpenPage) -> None:
    app = open_page("traces", trace="nope")
    assert not app.exception
    assert "There is no answer nope." in words(app)


def test_every_page_says_that_the_index_is_being_loaded(open_page: OpenPage, services: FakeServices) -> None:
    services.ready = False
    for name in ("home", "search", "ask"):
        assert "index is being loaded" in words(open_page(name))


def test_an_index_that_cannot_be_loaded_is_not_said_to_be_loading(
    open_page: OpenPage, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.ready = False
    failed = ServiceHealth("Search index", ok=False, detail="Milvus at db:1 does not answer. Start the server.")
    monkeypatch.setattr(services, "health", lambda: [failed])
    for name in ("home", "search", "ask"):
        said = words(open_page(name))
        assert "Milvus at db:1 does not answer. Start the server." in said
        assert "is being loaded" not in said


def test_the_first_address_opened_after_a_start_has_the_frame() -> None:
    """Streamlit runs a file of `pages` without Home.py around it until that has run once: so each begins by asking.

    tests/browser sees it happen.
    """
    pages = sorted((ROOT / "pages").glob("*.py"))
    assert pages
    for page in pages:
        statements = ast.parse(page.read_text()).body[1:]
        first = next(node for node in statements if not isinstance(node, ast.Import | ast.ImportFrom))
        assert ast.unparse(first) == "inside_home()", page.name


def test_the_page_is_configured_once_a_run() -> None:
    calls = [node for node in ast.walk(ast.parse((ROOT / "Home.py").read_text())) if isinstance(node, ast.Call)]
    assert [ast.unparse(call.func) for call in calls].count("st.set_page_config") == 1  # of two, either may win
