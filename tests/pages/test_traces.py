"""The Traces page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.answering import AskRequest
from core.models import AnswerStatus, Feedback
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words


@pytest.fixture
def asked(services: FakeServices) -> FakeServices:
    for question in ("What is an embedding?", "What is drift?", "xyzzy"):
        services.answering.start(AskRequest(question=question))
    services.answering.save_feedback(Feedback("trace-2", -1, "Wrong"))
    return services


def test_the_table_has_the_newest_first(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces")
    assert app.dataframe[0].value["Question"].tolist() == ["xyzzy", "What is drift?", "What is an embedding?"]
    assert "3 traces" in words(app)


def test_filters_narrow_the_table(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces")
    app.selectbox(key="trace-status").set_value(str(AnswerStatus.REFUSED)).run()
    assert app.dataframe[0].value["Question"].tolist() == ["xyzzy"]
    app.selectbox(key="trace-status").set_value(None).run()
    app.selectbox(key="trace-thumb").set_value("Down").run()
    assert app.dataframe[0].value["Question"].tolist() == ["What is drift?"]
    app.selectbox(key="trace-thumb").set_value(None).run()
    app.text_input(key="trace-text").set_value("EMBEDDING?").run()
    assert "What is an embedding?" in app.dataframe[0].value["Question"].tolist()
    assert "xyzzy" not in app.dataframe[0].value["Question"].tolist()


def test_the_period_becomes_a_time(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces")
    assert asked.traces.asked[-1].since is not None
    app.button_group(key="trace-period").set_value("All").run()
    assert asked.traces.asked[-1].since is None


def test_the_address_narrows_the_list_to_what_a_bar_of_a_chart_stands_for(
    open_page: OpenPage, asked: FakeServices
) -> None:
    first = asked.traces.get("trace-1").started_at
    app = open_page(
        "traces", since=first.isoformat(), until=(first + timedelta(minutes=1)).isoformat(), model="fake-model"
    )
    assert app.dataframe[0].value["Question"].tolist() == ["What is an embedding?"]
    assert app.button_group(key="trace-period").disabled
    assert "Only model **fake-model**, from 2026-11-24 09:00 UTC to 2026-11-24 09:01 UTC" in words(app)
    app.button(key="trace-narrowing").click().run()
    assert len(app.dataframe[0].value) == 3
    assert "since" not in app.query_params


def test_an_empty_name_in_the_address_means_those_without_one(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces", user="")
    assert "Only nobody named" in words(app)
    assert len(app.dataframe[0].value) == 3
    assert "Only no model" in words(open_page("traces", model=""))
    assert asked.traces.asked[-1].model == ""


def test_a_time_in_the_address_that_is_none_is_named(open_page: OpenPage, asked: FakeServices) -> None:
    for time in ("yesterday", "", "0001-01-01T00:00+14:00"):
        app = open_page("traces", since=time)
        assert "The address has a 'since' that is no time" in words(app)
        assert not app.exception


def test_a_hostile_name_in_the_address_is_shown_literally(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces", model="**[x](http://evil.invalid)** <b>" + "y" * 5000)
    (line,) = [text.value for text in app.markdown if "Only model" in text.value]
    assert r"\*\*\[x\]" in line
    assert len(line) < 400


def test_no_trace_says_what_to_do(open_page: OpenPage) -> None:
    assert "No trace here" in words(open_page("traces"))


def test_one_trace_shows_steps_prompt_passages_answer_and_usage(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces", trace="trace-1")
    trace = asked.traces.get("trace-1")
    steps = app.table[0].value
    assert steps["Step"].tolist() == ["retrieve", "render", "generate", "check"]
    assert steps["Took"].tolist() == ["12 ms", "1.0 ms", "880 ms", "7.0 ms"]
    assert [block.value for block in app.code] == [message["content"] for message in trace.prompt]
    labels = " ".join(area.label for area in app.expander).replace("\\", "")
    for record in trace.passages:
        assert record.title in labels
    assert trace.answer.citations[0].quote in words(app)
    assert app.table[1].value.loc["Cost"].iloc[0] == "unknown"
    assert app.get("vega_lite_chart")


def test_replay_opens_the_new_trace(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces", trace="trace-1")
    app.button(key="replay").click().run()
    assert app.query_params["trace"] == "trace-4"
    assert asked.answering.started[-1].question == "What is an embedding?"
    assert "trace-4" in words(app)


def test_back_to_the_list(open_page: OpenPage, asked: FakeServices) -> None:
    app = open_page("traces", trace="trace-1")
    app.button(key="close-trace").click().run()
    assert "trace" not in app.query_params
    assert len(app.dataframe) == 1


def test_a_trace_is_put_into_a_test_set_with_what_would_have_been_right(
    open_page: OpenPage, services: FakeServices
) -> None:
    trace_id = services.answering.start(AskRequest("What is HNSW?"))
    services.answering.save_feedback(Feedback(trace_id, -1, "Wrong", correction="A graph of layers."))
    app = open_page("traces", trace=trace_id)
    app.session_state[f"lab-case-{trace_id}"] = True
    app.run()
    app.button(key=f"lab-case-{trace_id}-add").click().run()
    assert not app.exception
    (case,) = services.ledger.test_sets.rows["From traces"].values()
    assert (case.trace_id, case.expected, case.note) == (trace_id, "A graph of layers.", "Wrong")
    assert case.variables["question"] == "What is HNSW?"
    assert services.ledger.test_sets.with_trace(trace_id) == ["From traces"]
