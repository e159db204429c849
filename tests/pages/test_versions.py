"""Versions on the Library page, data from the Traces page: real versions over a real ledger, drawn by the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.ledger import DatasetKind, TraceFilter
from core.models import Feedback
from core.ui import trace_data, versions
from tests.datasets.conftest import TALKS
from tests.datasets.test_comparing import change
from tests.fakes.archive import Archive, open_archive
from tests.fakes.services import FakeServices
from tests.ledger.samples import trace
from tests.pages.conftest import OpenPage, words


@pytest.fixture
def archive(tmp_path: Path, services: FakeServices) -> Iterator[Archive]:
    opened = open_archive(tmp_path / "data", TALKS)
    services.datasets = opened.datasets
    services.ingestor = opened.shop.ingestor
    services.traces = opened.shop.ledger.traces
    yield opened
    opened.close()


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the version whose row a reader marked: the test runner cannot mark rows itself."""
    names: list[str] = []
    for module in (versions, trace_data):
        real = module.pick

        def pick(found: list, *rest: object, real=real) -> object:
            real(found, *rest)
            return next((version for version in found if version.title in names), None)

        monkeypatch.setattr(module, "pick", pick)
    return names


def save(app: AppTest, key: str, name: str, note: str = "") -> AppTest:
    app.text_input(key=f"{key}-name").set_value(name)
    app.text_input(key=f"{key}-note").set_value(note)
    return app.button(key=f"{key}-save").click().run()


def table(app: AppTest) -> object:
    """The last one of the page."""
    return app.dataframe[-1].value


# -------------------------------------------------------------------------------------------------- the Library page


def test_the_library_is_saved_with_a_name_and_a_note(open_page: OpenPage, archive: Archive) -> None:
    app = save(open_page("library"), "version", "gold *1*", "before the clean-up")
    assert not app.exception
    (version,) = archive.datasets.versions()
    assert (version.alias, version.note) == ("gold *1*", "before the clean-up")
    assert app.success[0].value == r"Saved as gold \*1\*."
    shown = table(app)
    assert shown["Name"].tolist() == ["gold *1* (the library as it is)"]
    assert (shown["Videos"].tolist(), shown["Answers"].tolist()) == ([4], [0])


def test_saving_the_same_again_says_that_nothing_was_written(open_page: OpenPage, archive: Archive) -> None:
    archive.datasets.save_library("gold")
    app = save(open_page("library"), "version", "silver")
    assert "Nothing was written: this content is gold, saved on" in app.success[0].value
    assert not app.run().success, "said once"


def test_versions_are_listed_newest_first_with_the_answers_that_came_from_them(
    open_page: OpenPage, archive: Archive
) -> None:
    gold = archive.datasets.save_library("gold").version
    archive.shop.ledger.traces.finish(trace("t1", library_version=gold.version), mirror=False)
    change(archive)
    archive.datasets.save_library("silver")
    shown = table(open_page("library"))
    assert shown["Name"].tolist() == ["silver (the library as it is)", "gold"]
    assert shown["Answers"].tolist() == [0, 1]


def test_a_marked_version_says_what_it_is_where_it_is_and_what_came_from_it(
    open_page: OpenPage, archive: Archive, marked: list[str]
) -> None:
    gold = archive.datasets.save_library("gold").version
    marked.append("gold")
    assert "Nothing has come from it yet." in words(open_page("library"))
    given = trace("t1", library_version=gold.version, question="What is [a](vector)?")
    archive.shop.ledger.traces.finish(given, mirror=False)
    archive.datasets.record_use(gold.version, "experiment", "e-1")
    app = open_page("library")
    said = words(app)
    assert "1 answer came from it · experiment e-1" in said
    assert f"datasets/library/{gold.version}" in said
    assert "hashing@1" in said
    assert "4 videos" in said
    assert {"data", "manifest"} <= {button.proto.id.split("-")[-2] for button in app.get("download_button")}


def test_what_changed_since_a_version_is_shown(open_page: OpenPage, archive: Archive, marked: list[str]) -> None:
    archive.datasets.save_library("gold")
    change(archive)
    archive.datasets.save_library("silver")
    marked.append("gold")
    app = open_page("library")
    assert app.selectbox(key="version-other").options[0] == versions.PRESENT
    app.button(key="version-compare").click().run()
    assert {metric.label: metric.value for metric in app.metric} == {
        "Videos added": "1", "Videos removed": "1", "Videos changed": "2",
    }  # fmt: skip
    shown = table(app)
    assert shown["Video"].tolist() == ["Added", "Removed", "Changed", "Changed"]
    assert shown["Differs in"].tolist() == ["", "", "title", "words, passages"]
    app.selectbox(key="version-other").select_index(1).run()
    assert not app.metric, "another pair is not compared before it is asked for"


def test_without_a_difference_that_is_said(open_page: OpenPage, archive: Archive, marked: list[str]) -> None:
    archive.datasets.save_library("gold")
    marked.append("gold")
    app = open_page("library")
    app.button(key="version-compare").click().run()
    assert "No difference in 4 videos." in words(app)


def test_restoring_asks_once_more_and_shows_its_progress(
    open_page: OpenPage, archive: Archive, marked: list[str]
) -> None:
    gold = archive.datasets.save_library("gold").version
    change(archive)
    marked.append("gold")
    app = open_page("library")
    assert "What the library is now is saved as a version first." in words(app)
    assert archive.version() != gold.version
    app.button(key="version-restore-confirm").click().run()
    assert not app.exception
    assert "What it was is kept as" in app.success[0].value
    job = archive.shop.ledger.jobs.latest("ingest")
    assert job is not None
    archive.finish(job.job_id)
    app.run()
    assert app.progress[0].text == "Restored: 4 of 4 videos"
    assert archive.version() == gold.version
    assert table(app)["Note"].tolist() == ["Saved by itself before gold was restored", ""]


def test_a_damaged_version_says_so_and_can_only_be_deleted(
    open_page: OpenPage, archive: Archive, marked: list[str]
) -> None:
    gold = archive.datasets.save_library("gold").version
    (archive.datasets.folder_of(gold) / "data.jsonl").write_text("{}")
    marked.append("gold")
    app = open_page("library")
    assert "data.jsonl does not match its manifest" in words(app)
    keys = {button.key for button in app.button}
    assert "version-restore-confirm" not in keys
    assert "version-compare" not in keys
    assert not app.get("download_button")
    app.button(key="version-delete-confirm").click().run()
    assert archive.datasets.versions() == []
    assert app.success[0].value == "Deleted gold."


def test_a_version_that_was_used_is_not_deleted(open_page: OpenPage, archive: Archive, marked: list[str]) -> None:
    gold = archive.datasets.save_library("gold").version
    archive.shop.ledger.traces.finish(trace("t1", library_version=gold.version), mirror=False)
    marked.append("gold")
    app = open_page("library")
    app.button(key="version-delete-confirm").click().run()
    assert "The data version gold stays: 1 answer came from it" in words(app)
    assert archive.datasets.versions() != []


def test_an_empty_library_can_be_filled_but_not_saved(
    open_page: OpenPage, archive: Archive, services: FakeServices
) -> None:
    archive.datasets.save_library("gold")
    services.library.transcripts.clear()
    app = open_page("library")
    assert not [field for field in app.text_input if field.key == "version-name"]
    assert table(app)["Name"].tolist() == ["gold (the library as it is)"]


# --------------------------------------------------------------------------------------------------- the Traces page


@pytest.fixture
def asked(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """A good answer and a corrected one, with the section for data open."""
    traces = archive.shop.ledger.traces
    for number, feedback in enumerate((Feedback("t0", 1), Feedback("t1", -1, "Wrong", correction="It is *this*."))):
        traces.finish(trace(f"t{number}", question=f"Question {number}"), mirror=False)
        traces.save_feedback(feedback, mirror=False)
    return archive


def open_data(open_page: OpenPage) -> AppTest:
    """The test runner cannot open the section, so its state says that it is open."""
    app = open_page("traces")
    app.button_group(key="trace-period").set_value("All")
    app.session_state["trace-data"] = True
    return app.run()


def test_the_filtered_traces_become_a_version(open_page: OpenPage, asked: Archive) -> None:
    app = open_data(open_page)
    app.selectbox(key="trace-thumb").set_value("Up").run()
    save(app, "trace-data", "good ones")
    (version,) = asked.datasets.versions(DatasetKind.TRACES)
    assert [line["trace_id"] for line in asked.lines(version)] == ["t0"]
    assert app.success[0].value == "Saved as good ones."
    assert table(app)["Rows"].tolist() == [1]


@pytest.mark.parametrize(
    ("kind", "rows"), [(DatasetKind.FEEDBACK, 2), (DatasetKind.FINETUNE, 2), (DatasetKind.PREFERENCES, 1)]
)
def test_thumbs_and_training_files_become_versions(
    open_page: OpenPage, asked: Archive, kind: DatasetKind, rows: int
) -> None:
    app = open_data(open_page)
    app.button_group(key="trace-data-kind").set_value(kind).run()
    save(app, "trace-data", "")
    (version,) = asked.datasets.versions(kind)
    assert version.rows == rows
    assert not app.exception


def test_where_there_is_nothing_to_learn_from_the_page_says_what_is_missing(
    open_page: OpenPage, archive: Archive
) -> None:
    archive.shop.ledger.traces.finish(trace("t0"), mirror=False)
    app = open_data(open_page)
    app.button_group(key="trace-data-kind").set_value(DatasetKind.FINETUNE).run()
    assert "no answer that a chat model wrote has a thumb up or a correction" in words(app)
    assert not [field for field in app.text_input if field.key == "trace-data-name"]
    assert not app.get("download_button")


def test_training_files_can_be_downloaded_without_saving_them(open_page: OpenPage, asked: Archive) -> None:
    app = open_data(open_page)
    app.button_group(key="trace-data-kind").set_value(DatasetKind.PREFERENCES).run()
    assert [button.label for button in app.get("download_button")] == ["JSONL"]


def test_a_saved_version_of_traces_can_be_downloaded(open_page: OpenPage, asked: Archive, marked: list[str]) -> None:
    version = asked.datasets.save_traces(DatasetKind.TRACES, TraceFilter(), "traffic").version
    marked.append("traffic")
    app = open_data(open_page)
    assert f"datasets/traces/{version.version}" in words(app)
    assert [button.label for button in app.get("download_button")] == ["JSONL", "CSV", "Data", "Manifest"]


def test_nothing_is_read_before_the_section_is_opened(open_page: OpenPage, asked: Archive) -> None:
    app = open_page("traces")
    assert not [field for field in app.text_input if field.key == "trace-data-name"]


def test_a_trace_shows_what_would_have_been_right_and_its_library(open_page: OpenPage, asked: Archive) -> None:
    traces = asked.shop.ledger.traces
    traces.finish(trace("t9", library_version="abcdef" * 10 + "0123"), mirror=False)
    app = open_page("traces", trace="t1")
    assert "It is *this*." in words(app)
    assert "What would have been right" in words(app)
    app = open_page("traces", trace="t9")
    assert app.table[1].value.loc["Library version"].iloc[0] == "abcdefabcdef"
    assert "What would have been right" not in words(app)
