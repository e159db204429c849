"""The landing page."""

from __future__ import annotations

import pytest

from core.answering import AskRequest
from core.errors import LibraryFull
from tests.fakes.services import FakeServices, talk
from tests.pages.conftest import OpenPage, words


def test_the_figures_are_those_of_the_library(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page()
    shown = {metric.label: metric.value for metric in app.metric}
    stats = services.stats()
    assert shown["Videos"] == str(stats.videos)
    assert shown["Passages"] == str(stats.chunks)
    assert shown["Channels"] == str(stats.channels)


def test_each_service_is_named_with_its_state(open_page: OpenPage, services: FakeServices) -> None:
    said = words(open_page())
    for service in services.health():
        assert service.name in said
        assert service.detail in said


def test_one_click_removes_the_demo(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts["abc"] = talk("abc", "Bread", ["Bread needs time."])
    app = open_page()
    app.button(key="remove-demo").click().run()
    assert [entry.video.video_id for entry in services.videos()] == ["abc"]
    assert "Demo" not in words(app)
    assert not app.exception


def test_a_suggested_question_is_asked_and_opens_ask(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page()
    app.button(key="suggestion-0").click().run()
    assert [request.question for request in services.answering.started] == ["What is an embedding?"]
    assert app.title[0].value == "Ask"
    assert app.query_params["answer"] == "trace-1"


def test_a_suggested_question_that_cannot_be_asked_says_so_on_the_page(
    open_page: OpenPage, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: AskRequest) -> str:
        raise LibraryFull("The disk is full", hint="Free some space.")

    monkeypatch.setattr(services.answering, "start", refuse)
    app = open_page()
    app.button(key="suggestion-0").click().run()
    assert app.title[0].value == "Ask your videos"
    assert "The disk is full" in words(app)


def test_suggestions_of_an_own_library_name_its_videos(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts.clear()
    services.library.transcripts["abc"] = talk("abc", "Bread [x](http://evil)", ["Bread needs time."])
    app = open_page()
    assert "Bread" in app.button(key="suggestion-0").label
    assert "[x](" not in app.button(key="suggestion-0").label


def test_suggestions_of_an_own_library_begin_with_the_newest_video(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts.clear()
    for video_id, title in (("abc", "Apples"), ("xyz", "Zebras")):
        services.library.transcripts[video_id] = talk(video_id, title, [f"{title} need time."])
    assert "Zebras" in open_page().button(key="suggestion-0").label


def test_an_empty_library_shows_the_way_to_the_library(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts.clear()
    app = open_page()
    assert "Your library is empty" in words(app)
    assert not app.metric
    assert any("library" in link.value.lower() for link in app.page_link)


def test_a_configured_chat_model_needs_no_hint(open_page: OpenPage, services: FakeServices) -> None:
    assert any("chat model" in area.label for area in open_page().expander)
    services.has_chat_model = True
    assert not any("chat model" in area.label for area in open_page().expander)
