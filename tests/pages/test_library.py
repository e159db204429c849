"""The Library page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.ui import shelves
from tests.fakes.services import FakeServices, talk
from tests.pages.conftest import OpenPage, words


def test_addresses_are_added_one_per_line(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page("library")
    app.text_area(key="sources").set_value("https://youtu.be/abc\n\n  @channel \n").run()
    app.button(key="ingest").click().run()
    assert services.ingestor.started == [(["https://youtu.be/abc", "@channel"], [])]
    assert app.text_area(key="sources").value == ""
    assert not app.exception


def test_files_are_added_with_their_bytes(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page("library")
    app.file_uploader(key="upload").set_value(
        ("talk.srt", b"1\n00:00:00,000 --> 00:00:01,000\nHi\n", "text/plain")
    ).run()
    app.button(key="ingest").click().run()
    (_, uploads) = services.ingestor.started[0]
    assert uploads == [("talk.srt", b"1\n00:00:00,000 --> 00:00:01,000\nHi\n")]


def test_nothing_to_add_is_one_sentence(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page("library")
    app.button(key="ingest").click().run()
    assert "There is nothing to add yet. Enter an address or choose a file." in words(app)
    assert services.ingestor.started == []


def test_progress_has_counts_and_time_left(open_page: OpenPage, services: FakeServices) -> None:
    services.ingestor.start(["one", "two", "three"], files=False)
    app = open_page("library")
    assert "of 3" in app.progress[0].text
    assert "left" in app.progress[0].text


def test_progress_is_there_again_after_leaving_the_page(open_page: OpenPage, services: FakeServices) -> None:
    services.ingestor.start([f"video {n}" for n in range(20)], files=False)
    app = open_page("library")
    app.switch_page("pages/search.py").run()
    app.switch_page("pages/library.py").run()
    assert app.progress[0].text.startswith(f"Adding: {app.progress[0].value * 20 // 100} of 20")


def test_a_failure_is_named_with_its_reason(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page("library")
    app.text_area(key="sources").set_value("broken.srt\nfine.srt").run()
    app.button(key="ingest").click().run()
    for _ in range(3):
        app.run()
    assert "Done" in app.progress[0].text
    assert "1 failed" in app.progress[0].text
    assert "broken.srt is empty. Export the captions again." in words(app)


def test_the_list_has_a_row_per_video(open_page: OpenPage, services: FakeServices) -> None:
    table = open_page("library").dataframe[0].value
    assert len(table) == len(services.videos())
    assert list(table.columns) == [
        "Title", "Channel", "Kind", "Language", "Length", "Passages", "Added", "Transcript",
    ]  # fmt: skip
    assert set(table["Kind"]) == {"Demo"}


def test_the_filter_looks_in_title_and_channel(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts["abc"] = talk("abc", "How to bake", ["Bread."], channel="Bread lab")
    app = open_page("library")
    app.text_input(key="library-filter").set_value("bread LAB").run()
    assert app.dataframe[0].value["Title"].tolist() == ["How to bake"]


@pytest.fixture
def marked(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the videos whose rows a reader marked: the test runner cannot mark rows itself."""
    ids: list[str] = []
    monkeypatch.setattr(shelves, "pick", lambda videos: [entry for entry in videos if entry.video.video_id in ids])
    return ids


def test_removing_asks_once_more(open_page: OpenPage, services: FakeServices, marked: list[str]) -> None:
    before = [entry.video.video_id for entry in services.videos()]
    marked.append(before[0])
    app = open_page("library")
    assert "Remove 1 video with all passages?" in words(app)
    assert len(services.videos()) == len(before)
    app.button(key="remove-confirm").click().run()
    assert [entry.video.video_id for entry in services.videos()] == before[1:]


def test_a_marked_video_shows_its_transcript(open_page: OpenPage, services: FakeServices, marked: list[str]) -> None:
    services.library.transcripts["abc"] = talk("abc", "How to bake", ["Bread first.", "Then salt."])
    marked.append("abc")
    app = open_page("library")
    table = app.dataframe[0].value
    assert table["Time"].tolist() == ["00:00", "00:10"]
    assert table["Text"].tolist() == ["Bread first.", "Then salt."]


def test_the_language_of_an_upload_is_text_and_no_picture(
    open_page: OpenPage, services: FakeServices, marked: list[str]
) -> None:
    strange = talk("abc", "How to bake", ["Bread first."])
    video = replace(strange.video, language="![](https://a.co/x)")
    services.library.transcripts["abc"] = replace(strange, video=video)
    marked.append("abc")
    [shown] = [text.value for text in open_page("library").markdown if "1 line" in text.value]
    assert "![](" not in shown


def test_one_click_removes_the_demo(open_page: OpenPage, services: FakeServices) -> None:
    app = open_page("library")
    app.button(key="remove-demo").click().run()
    assert services.videos() == []
    assert "Nothing here yet" in words(app)
