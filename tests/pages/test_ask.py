"""The Ask page. What needs a browser (reload, reconnect) is in tests/browser."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest

from core.models import AnswerStatus, VideoKind
from core.ui import conversation
from tests.fakes.services import FakeServices, talk
from tests.pages.conftest import OpenPage, words

QUESTION = "What is an embedding?"


def ask(app: AppTest, question: str = QUESTION) -> AppTest:
    return app.chat_input(key="question").set_value(question).run()


def test_an_answer_has_numbered_quotes_with_title_channel_and_time(open_page: OpenPage, services: FakeServices) -> None:
    app = ask(open_page("ask"))
    said = words(app)
    citations = services.traces.get("trace-1").answer.citations
    assert citations
    for citation in citations:
        assert f":green-badge[{citation.n}]" in said
        assert citation.quote in said
        assert citation.title in said
        assert citation.channel in said
        assert app.button(key=f"cite-trace-1-{citation.n}")


def test_the_address_names_the_answer(open_page: OpenPage) -> None:
    app = ask(open_page("ask"))
    assert app.query_params["answer"] == "trace-1"


def test_an_address_opens_the_same_answer_and_asks_nothing(open_page: OpenPage, services: FakeServices) -> None:
    first = words(ask(open_page("ask")))
    second = words(open_page("ask", answer="trace-1"))
    assert second == first
    assert len(services.answering.started) == 1


def test_an_unknown_address_is_said_and_does_not_hinder_a_question(open_page: OpenPage) -> None:
    app = open_page("ask", answer="nonsense")
    assert [warning.value for warning in app.warning] == [conversation._UNKNOWN]
    assert "answer" not in app.query_params
    assert not app.error
    ask(app)
    assert not app.warning
    assert app.query_params["answer"] == "trace-1"


def test_an_answer_that_is_being_written_is_shown_as_far_as_it_is(open_page: OpenPage, services: FakeServices) -> None:
    services.answering.words_per_look = 3
    app = ask(open_page("ask"))
    answer = services.answering.final_text("trace-1")
    assert " ".join(answer.split(" ")[:3]) in words(app)
    assert answer not in words(app)
    assert app.button(key="stop-trace-1")
    for _ in range(200):
        app.run()
        if app.get("feedback"):
            break
    assert len(services.answering.started) == 1
    assert not app.exception
    assert services.traces.get("trace-1").answer.status is AnswerStatus.ANSWERED


def test_a_click_elsewhere_does_not_ask_again(open_page: OpenPage, services: FakeServices) -> None:
    services.answering.words_per_look = 3
    app = ask(open_page("ask"))
    app.multiselect(key="ask-channels").select(services.channels()[0][0]).run()
    app.switch_page("pages/search.py").run()
    app.switch_page("pages/ask.py").run()
    assert len(services.answering.started) == 1
    assert QUESTION in words(app)
    assert app.query_params["answer"] == "trace-1"


def test_stop_ends_the_answer(open_page: OpenPage, services: FakeServices) -> None:
    services.answering.words_per_look = 1
    app = ask(open_page("ask"))
    app.button(key="stop-trace-1").click().run()
    assert services.traces.get("trace-1").answer.status is not AnswerStatus.RUNNING
    assert not [button for button in app.button if button.key == "stop-trace-1"]


def test_chosen_channels_narrow_the_question(open_page: OpenPage, services: FakeServices) -> None:
    channel = services.channels()[0][0]
    app = open_page("ask")
    app.multiselect(key="ask-channels").select(channel).run()
    app = ask(app)
    assert services.answering.started[0].channels == (channel,)
    assert f"Only in {channel}" in words(app)


def test_questions_of_one_conversation_share_its_id_and_are_all_shown(
    open_page: OpenPage, services: FakeServices
) -> None:
    app = ask(ask(open_page("ask")), "What is drift?")
    first, second = services.answering.started
    assert first.conversation_id == second.conversation_id != ""
    assert QUESTION in words(app)
    assert "What is drift?" in words(app)
    app.button(key="new-conversation").click().run()
    assert QUESTION not in words(app)
    assert "answer" not in app.query_params
    ask(app, "What is a chunk?")
    assert services.answering.started[2].conversation_id != first.conversation_id


def test_a_question_that_cannot_be_asked_is_one_sentence(open_page: OpenPage, services: FakeServices) -> None:
    app = ask(open_page("ask"), "why " * 2000)
    assert not app.exception
    assert "characters. Shorten it" in words(app)
    assert services.answering.started == []


def test_a_thumb_is_saved_and_taken_back(open_page: OpenPage, services: FakeServices) -> None:
    app = ask(open_page("ask"))
    app.feedback(key="feedback-trace-1").set_value(0).run()
    assert services.traces.get("trace-1").feedback.value == -1
    app.button_group(key="reason-trace-1").set_value("Incomplete").run()
    app.text_input(key="comment-trace-1").set_value("The second half is missing").run()
    saved = services.traces.get("trace-1").feedback
    assert (saved.value, saved.reason, saved.comment) == (-1, "Incomplete", "The second half is missing")
    app.feedback(key="feedback-trace-1").set_value(None).run()
    assert services.traces.get("trace-1").feedback.value == 0


def test_after_a_thumb_down_the_reader_can_say_what_would_have_been_right(
    open_page: OpenPage, services: FakeServices
) -> None:
    app = ask(open_page("ask"))
    app.feedback(key="feedback-trace-1").set_value(1).run()
    assert not app.text_area
    app.feedback(key="feedback-trace-1").set_value(0).run()
    app.text_area(key="correction-trace-1").set_value("  Thirty minutes.\nNot ten. ").run()
    app.button_group(key="reason-trace-1").set_value("Wrong").run()
    saved = services.traces.get("trace-1").feedback
    assert (saved.value, saved.reason, saved.correction) == (-1, "Wrong", "Thirty minutes.\nNot ten.")
    again = open_page("ask", answer="trace-1")
    assert again.text_area(key="correction-trace-1").value == "Thirty minutes.\nNot ten."
    again.feedback(key="feedback-trace-1").set_value(1).run()
    assert services.traces.get("trace-1").feedback.correction == ""


def test_a_thumb_is_still_there_when_the_answer_is_opened_again(open_page: OpenPage, services: FakeServices) -> None:
    app = ask(open_page("ask"))
    app.feedback(key="feedback-trace-1").set_value(1).run()
    assert open_page("ask", answer="trace-1").feedback(key="feedback-trace-1").value == 1


def test_a_citation_plays_the_video_from_its_second(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts.clear()
    lines = ["Hello there."] * 3 + ["Sourdough wants patience."]
    services.library.transcripts["dQw4w9WgXcQ"] = talk("dQw4w9WgXcQ", "Bread", lines)
    app = ask(open_page("ask"), "What does sourdough want?")
    app.button(key="cite-trace-1-1").click().run()
    (video,) = app.get("video")
    assert (video.proto.start_time, "dQw4w9WgXcQ" in video.proto.url) == (30, True)
    app.button(key="cite-trace-1-1").click().run()
    assert not app.get("video")


def test_a_citation_without_video_shows_the_transcript_around_it(open_page: OpenPage, services: FakeServices) -> None:
    app = ask(open_page("ask"))
    citation = services.traces.get("trace-1").answer.citations[0]
    app.button(key="cite-trace-1-1").click().run()
    said = words(app)
    assert f"Transcript of {citation.title} around" in said
    assert ":green-background[" in said


def test_a_citation_whose_video_was_removed_says_so(open_page: OpenPage, services: FakeServices) -> None:
    app = ask(open_page("ask"))
    services.library.transcripts.clear()
    app.button(key="cite-trace-1-1").click().run()
    assert not app.exception
    assert "There is no video" in words(app)


def test_an_article_shows_the_lines_with_the_quote(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts.clear()
    article = talk("a", "On bread", ["Salt first.", "Sourdough wants patience.", "Then bake."], kind=VideoKind.ARTICLE)
    untimed = [type(line)(line.text, 0.0, 0.0) for line in article.segments]
    services.library.transcripts["a"] = type(article)(article.video, tuple(untimed))
    app = ask(open_page("ask"), "What does sourdough want?")
    app.button(key="cite-trace-1-1").click().run()
    assert ":green-background[Sourdough wants patience.]" in words(app)
    assert "00:00" not in words(app)


def test_an_unsupported_sentence_is_marked(open_page: OpenPage, services: FakeServices) -> None:
    services.answering.script = "The moon is made of cheese."
    said = words(ask(open_page("ask")))
    assert ":gray[The moon is made of cheese.]" in said
    assert "not supported by the passages" in said


def test_a_refusal_and_quotes_are_labelled(open_page: OpenPage, services: FakeServices) -> None:
    assert "Not in the library" in words(ask(open_page("ask"), "xyzzy plugh"))
    services.answering.status = AnswerStatus.QUOTED
    assert "Quotes from the library" in words(ask(open_page("ask")))


def test_what_failed_can_be_asked_again(open_page: OpenPage, services: FakeServices) -> None:
    services.answering.status = AnswerStatus.FAILED
    app = ask(open_page("ask"))
    assert "Failed" in words(app)
    app.button(key="again-trace-1").click().run()
    assert [request.question for request in services.answering.started] == [QUESTION, QUESTION]


def test_follow_ups_can_be_asked(open_page: OpenPage, services: FakeServices) -> None:
    app = ask(open_page("ask"))
    app.button(key="follow-trace-1-0").click().run()
    assert [request.question for request in services.answering.started] == [QUESTION, "What is a chunk?"]


def test_the_receipt_says_unknown_where_nobody_measured(open_page: OpenPage) -> None:
    table = ask(open_page("ask")).table[0].value
    assert table.loc["Cost"].iloc[0] == "unknown"
    assert table.loc["Cached tokens"].iloc[0] == "unknown"
    assert table.loc["Prompt tokens"].iloc[0] == "900"
    assert table.loc["Step retrieve"].iloc[0] == "12 ms"


def test_an_empty_library_shows_the_way_to_the_library(open_page: OpenPage, services: FakeServices) -> None:
    services.library.transcripts.clear()
    assert "There is nothing to ask yet" in words(open_page("ask"))


def test_hostile_questions_and_answers_are_shown_literally(open_page: OpenPage, services: FakeServices) -> None:
    evil = "![x](http://evil/i.png) <img src=x> [go](javascript:alert(1)) :material/bolt: $x^2$ :red[y] # h"
    services.answering.script = evil
    app = ask(open_page("ask"), evil + " embedding")
    shown = [element.value for element in app.markdown if "evil" in element.value]
    assert len(shown) >= 2
    for value in shown:
        assert not re.search(r"(?<!\\)[!<$#]|(?<!\\)\]\((?!https://www\.youtube)|:material/bolt|(?<!\\):red", value)
