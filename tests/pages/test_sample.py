"""Sample traffic on the pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.answering import AskRequest
from core.sample_traffic.behind import Making
from core.sample_traffic.service import SampleTraffic
from tests.fakes.drifting import open_desk
from tests.fakes.sample_batches import listed_usd
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words

MARK = "Sample traffic, not yours"


def make_sample(services: FakeServices, number: int = 2) -> None:
    """So many traces that nobody asked."""
    for n in range(number):
        trace = services.traces.get(services.answering.start(AskRequest(question=f"Made up {n}")))
        answer = replace(trace.answer, cost_usd=0.25)
        services.traces.put(replace(trace, kind="sample-ask", user="sample-ana", answer=answer))


@pytest.fixture
def mixed(services: FakeServices) -> FakeServices:
    make_sample(services)
    services.answering.start(AskRequest(question="What is drift?"))
    return services


@pytest.mark.parametrize("page", ["home", "cost", "traces"])
def test_without_a_sample_no_page_speaks_of_one(open_page: OpenPage, page: str) -> None:
    app = open_page(page)
    assert "sample" not in words(app).lower()
    assert not app.exception


def test_where_there_is_nothing_else_it_is_shown_and_marked(open_page: OpenPage, services: FakeServices) -> None:
    make_sample(services)
    app = open_page("traces")
    assert MARK in words(app)
    assert app.dataframe[0].value["Sample"].tolist() == ["sample", "sample"]
    app = open_page("cost")
    assert MARK in words(app)
    assert app.metric[0].value == "$0.50"


def test_beside_real_traffic_it_is_shown_only_after_a_click(open_page: OpenPage, mixed: FakeServices) -> None:
    app = open_page("traces")
    assert app.dataframe[0].value["Question"].tolist() == ["What is drift?"]
    assert "There is sample traffic too" in words(app)
    app.toggle(key="sample-wanted").set_value(True).run()
    assert app.dataframe[0].value["Question"].tolist() == ["Made up 1", "Made up 0"]
    assert MARK in words(app)
    app.toggle(key="sample-wanted").set_value(False).run()
    assert app.dataframe[0].value["Question"].tolist() == ["What is drift?"]


@pytest.mark.parametrize("page", ["home", "cost", "traces"])
def test_one_click_takes_it_out_on_every_page(open_page: OpenPage, mixed: FakeServices, page: str) -> None:
    app = open_page(page)
    app.button(key="sample-remove").click().run()
    assert [trace.question for trace in mixed.traces.rows.values()] == ["What is drift?"]
    assert [said.value for said in app.success] == [
        "Removed from the ledger: 2 traces of sample traffic, and nothing else."
    ]
    assert not [button for button in app.button if button.key == "sample-remove"]


def test_a_trace_that_nobody_asked_says_so_and_cannot_be_replayed(open_page: OpenPage, mixed: FakeServices) -> None:
    app = open_page("traces", trace="trace-1")
    assert "nobody asked this" in words(app)
    assert "replay" not in [button.key for button in app.button]
    app = open_page("traces", trace="trace-3")
    assert "replay" in [button.key for button in app.button]


def test_an_address_that_names_its_kind_shows_it(open_page: OpenPage, mixed: FakeServices) -> None:
    app = open_page("traces", kind="sample-ask")
    assert app.dataframe[0].value["Question"].tolist() == ["Made up 1", "Made up 0"]


def test_home_suggests_nothing_that_nobody_asked(open_page: OpenPage, services: FakeServices) -> None:
    make_sample(services)
    app = open_page("home")
    assert "Try asking" in words(app)
    assert not any("Made up" in button.label for button in app.button)


def test_drift_compares_the_sample_where_it_is_shown_and_the_report_goes_with_it(
    open_page: OpenPage, services: FakeServices, tmp_path: Path
) -> None:
    desk = open_desk(tmp_path / "data")
    desk.equip(services)
    services.sample = SampleTraffic(desk.ledger, listed_usd, tmp_path / "data")  # type: ignore[assignment]
    services.sample.make(20, 400)
    app = open_page("drift")
    assert MARK in words(app)
    app.button(key="drift-run").click().run()
    made = desk.drift.reports()[0]
    assert (made.sample, made.current, made.origin) == (True, "7d?kind=sample-ask", "page")
    assert desk.drift.wait(made.report_id, 60)
    app.run()
    app.button(key="sample-remove").click().run()
    assert desk.drift.reports() == []
    assert MARK not in words(app)
    assert "the last 7 days** against" in words(app)
    desk.close()


@pytest.mark.parametrize("page", ["home", "cost", "drift"])
def test_an_empty_ledger_is_offered_a_sample_and_sees_how_far_it_is(
    open_page: OpenPage, services: FakeServices, tmp_path: Path, page: str
) -> None:
    desk = open_desk(tmp_path / "data")
    sample = services.sample
    desk.equip(services)
    services.sample = sample
    app = open_page(page)
    app.button(key="sample-make").click().run()
    assert sample.started == 1
    assert not [button for button in app.button if button.key == "sample-make"]
    assert "25% · 3 s so far" in app.get("progress")[0].proto.text
    sample.under_way = Making(0.25, 3.0, "The disk is full.")
    app = open_page(page)
    assert "The disk is full." in words(app)
    assert app.button(key="sample-make")
    assert not app.exception
    desk.close()


def test_who_asked_something_is_offered_no_sample(open_page: OpenPage, mixed: FakeServices) -> None:
    for page in ("home", "cost"):
        assert not [button for button in open_page(page).button if button.key == "sample-make"]
