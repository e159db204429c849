"""A question becomes an answer with checked citations, and a trace, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from core.answering import AskRequest
from core.answering.service import Answering
from core.errors import (
    EmbeddingError,
    LibraryFull,
    ModelBusy,
    ModelUnreachable,
    NotFound,
    QuestionError,
    SettingsError,
    VectorIndexError,
)
from core.ledger import TraceFilter
from core.models import Answer, AnswerStatus, Feedback, SearchQuery, SearchResult, Trace, Usage
from core.ports import Message
from core.ui.answers import receipt_rows
from tests.answering.conftest import Opener
from tests.fakes.grounded import grounded_answer
from tests.fakes.models import ScriptedChatModel, ScriptedReply, ScriptedStream
from tests.fakes.passages import transcript_of
from tests.fakes.workshop import TALKS, Workshop, open_workshop

WINE = "How long should red wine breathe?"
GOOD = "Red wine should breathe for 30 minutes [1].\nFOLLOW_UPS:\n- How cold is white wine served?"


class GroundedChatModel:
    """Answers any number of questions from the prompt."""

    name = "grounded"

    def stream(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> ScriptedStream:
        return ScriptedStream(ScriptedReply([grounded_answer(messages)]), self.name)


# ------------------------------------------------------------------------------------------------- with a chat model


def test_a_model_that_takes_no_temperature_is_named_in_trace_and_receipt(opened: Opener, workshop: Workshop) -> None:
    reply = ScriptedReply([GOOD], left_out=("temperature",))
    answer = opened(ScriptedChatModel(reply)).ask(AskRequest(WINE))
    trace = workshop.ledger.traces.get(answer.trace_id)
    generate = next(span for span in trace.spans if span.name == "generate")
    assert (trace.temperature, generate.attributes["left_out"]) == (None, "temperature")
    assert receipt_rows(trace.answer, trace.spans)["Temperature"] == "left out: the model takes none"
    assert "Temperature" not in receipt_rows(trace.answer, ())


def test_an_answer_has_citations_follow_ups_usage_and_times(opened: Opener) -> None:
    answer = opened(ScriptedChatModel(GOOD)).ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.ANSWERED
    assert answer.text == "Red wine should breathe for 30 minutes [1]."
    assert answer.citations[0].quote == "Red wine should breathe for thirty minutes before you pour it."
    assert answer.follow_ups == ("How cold is white wine served?",)
    assert answer.usage == Usage(prompt_tokens=100, completion_tokens=20)
    assert answer.cost_usd is None
    assert answer.model == "scripted-model"
    assert answer.ttft_ms is not None
    assert answer.latency_ms is not None
    assert 0 < answer.ttft_ms <= answer.latency_ms


def test_the_trace_keeps_every_step_the_exact_prompt_and_the_passages(opened: Opener, workshop: Workshop) -> None:
    chat = ScriptedChatModel(GOOD)
    answer = opened(chat).ask(AskRequest(WINE, user="ada", conversation_id="c1"))
    trace = workshop.ledger.traces.get(answer.trace_id)
    assert [span.name for span in trace.spans] == ["retrieve", "decide", "render", "generate", "check"]
    assert trace.prompt == chat.calls[0].messages
    assert trace.passages[0].video_id == "wine"
    assert (trace.template, trace.template_version, trace.user, trace.conversation_id) == (
        "cited-answer",
        1,
        "ada",
        "c1",
    )
    assert trace.answer == answer


def test_the_text_is_seen_while_it_is_written_and_is_the_ledgers_afterwards(opened: Opener, workshop: Workshop) -> None:
    reply, shown, go_on = _held("Red wine should ", "breathe for 30 minutes [1].")
    answering = opened(ScriptedChatModel(reply))
    trace_id = answering.start(AskRequest(WINE))
    assert shown.wait(20)
    running = answering.live(trace_id)
    assert (running.status, running.text) == (AnswerStatus.RUNNING, "Red wine should")
    assert answering.stage(trace_id) == "generate"
    assert workshop.ledger.traces.get(trace_id).answer.status is AnswerStatus.RUNNING
    go_on.set()
    answer = _wait(answering, trace_id)
    assert answer == workshop.ledger.traces.get(trace_id).answer
    assert answering.stage(trace_id) == ""


def test_hostile_markup_is_not_even_shown_while_it_streams(opened: Opener) -> None:
    reply, shown, go_on = _held("Wine ![x](https://evil.example/?q=1) is", " red.")
    answering = opened(ScriptedChatModel(reply))
    trace_id = answering.start(AskRequest(WINE))
    assert shown.wait(20)
    assert "evil" not in answering.live(trace_id).text
    go_on.set()
    _wait(answering, trace_id)


def test_a_follow_up_is_condensed_with_the_conversation(opened: Opener, workshop: Workshop) -> None:
    chat = ScriptedChatModel(GOOD, "How cold is white wine served?", "White wine is served at about eight degrees [1].")
    answering = opened(chat)
    answering.ask(AskRequest(WINE, conversation_id="c1"))
    answer = answering.ask(AskRequest("And the white one?", conversation_id="c1"))
    trace = workshop.ledger.traces.get(answer.trace_id)
    assert trace.spans[0].name == "condense"
    assert trace.spans[1].attributes["query"] == "How cold is white wine served?"
    assert trace.question == "And the white one?"
    assert answer.status is AnswerStatus.ANSWERED
    assert answer.usage.prompt_tokens == 200
    assert WINE in chat.calls[1].messages[-1]["content"]


def test_a_foreign_question_is_translated_for_the_search_and_answered_in_its_language(
    opened: Opener, workshop: Workshop
) -> None:
    chat = ScriptedChatModel(
        "How long should red wine breathe?", "Der Rotwein soll vor dem Einschenken 30 Minuten atmen [1]."
    )
    answer = opened(chat).ask(AskRequest("Wie lange soll der Rotwein atmen?"))
    trace = workshop.ledger.traces.get(answer.trace_id)
    assert [span.name for span in trace.spans][:2] == ["translate", "retrieve"]
    assert "Answer in German" in chat.calls[1].messages[0]["content"]
    assert (answer.status, answer.language) == (AnswerStatus.ANSWERED, "de")
    assert answer.citations[0].video_id == "wine"
    assert any("language" in notice for notice in answer.notices)


def test_a_translated_question_also_finds_videos_in_its_own_language(tmp_path: Path) -> None:
    wein = transcript_of("wein", ["Der Rotwein soll dreißig Minuten atmen."], title="Wein", language="de")
    shop = open_workshop(tmp_path, talks=(*TALKS, wein))
    chat = ScriptedChatModel("How long does red wine breathe?", "Der Rotwein soll dreißig Minuten atmen [3].")
    answering = shop.answering(chat)
    answer = answering.ask(AskRequest("Wie lange soll der Rotwein atmen?"))
    trace = shop.ledger.traces.get(answer.trace_id)
    answering.close()
    shop.ledger.close()
    assert [passage.video_id for passage in trace.passages][-1] == "wein"
    assert [passage.rank for passage in trace.passages] == [1, 2, 3]
    assert answer.citations[0].video_id == "wein"
    assert answer.notices == ()


def test_a_model_that_fails_to_translate_does_not_stop_the_answer(opened: Opener) -> None:
    chat = ScriptedChatModel(ModelBusy("The server asks to wait"), "Red wine breathes thirty minutes [1].")
    answer = opened(chat).ask(AskRequest("Wie lange soll red wine atmen, breathe?"))
    assert answer.answered
    assert any("searched for as it stands" in notice for notice in answer.notices)


# -------------------------------------------------------------------------------------------------------- refusals


def test_no_answer_from_the_model_is_a_refusal_that_says_what_was_looked_for(opened: Opener) -> None:
    answer = opened(ScriptedChatModel("NO_ANSWER: the price of wine")).ask(AskRequest("What does red wine cost?"))
    assert answer.status is AnswerStatus.REFUSED
    assert "“the price of wine”" in answer.text
    assert "all 2 videos" in answer.text
    assert "“How to serve wine” (The cellar)" in answer.text
    assert answer.follow_ups


def test_an_answer_without_one_supported_sentence_is_refused_and_kept_in_the_trace(
    opened: Opener, workshop: Workshop
) -> None:
    invented = "The moon landing happened in July 1969 with three astronauts [1]."
    answer = opened(ScriptedChatModel(invented)).ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.REFUSED
    assert "moon" not in answer.text
    check = next(span for span in workshop.ledger.traces.get(answer.trace_id).spans if span.name == "check")
    assert check.attributes["rejected"] == invented


def test_a_question_about_something_else_is_refused_without_a_model(opened: Opener) -> None:
    answer = opened().ask(AskRequest("xylophone quartz zebra", channels=("The oven",)))
    assert answer.status is AnswerStatus.REFUSED
    assert "the channel The oven" in answer.text


def test_an_empty_library_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    shop = open_workshop(tmp_path_factory.mktemp("empty"), talks=())
    answering = shop.answering()
    answer = answering.ask(AskRequest(WINE))
    answering.close()
    shop.ledger.close()
    assert answer.status is AnswerStatus.REFUSED
    assert answer.text.startswith("The library is empty")


# ---------------------------------------------------------------------------------------------------------- quotes


def test_without_a_model_the_best_sentences_are_quoted_with_their_times(opened: Opener) -> None:
    answer = opened().ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.QUOTED
    assert "Red wine should breathe for thirty minutes" in answer.citations[0].quote
    assert answer.citations[0].start_s == 5.0
    assert answer.text.startswith("Quotes from the library")
    assert all(f"[{c.n}]" in answer.text for c in answer.citations)
    assert answer.model is None
    assert answer.usage == Usage()
    assert answer.follow_ups


def test_without_a_model_a_foreign_question_is_told_that_an_english_embedder_finds_less(
    opened: Opener, workshop: Workshop
) -> None:
    workshop.embedder.languages = ("en",)  # type: ignore[attr-defined]
    answer = opened().ask(AskRequest("Wie lange soll der Rotwein atmen, the red wine?"))
    assert any("reads English" in notice for notice in answer.notices)


def test_a_model_that_fails_in_the_middle_leaves_quotes_a_notice_and_its_text_in_the_trace(
    opened: Opener, workshop: Workshop
) -> None:
    broken = ScriptedReply(["Red wine should", ModelUnreachable("The stream of scripted-model was cut")])
    answer = opened(ScriptedChatModel(broken)).ask(AskRequest(WINE))
    trace = workshop.ledger.traces.get(answer.trace_id)
    assert answer.status is AnswerStatus.QUOTED
    assert "The stream of scripted-model was cut. So here are quotes" in answer.notices[0]
    assert trace.error == "The stream of scripted-model was cut"
    generate = next(span for span in trace.spans if span.name == "generate")
    assert generate.attributes["partial"] == "Red wine should"
    assert generate.error == "The stream of scripted-model was cut"


def test_an_empty_model_answer_is_a_failure_of_the_model(opened: Opener) -> None:
    answer = opened(ScriptedChatModel(ScriptedReply(["  ", "\n"]))).ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.QUOTED
    assert "empty answer" in answer.notices[0]


def test_an_embedder_that_fails_leaves_search_by_words(opened: Opener, workshop: Workshop) -> None:
    class Broken:
        identity, dimensions = workshop.embedder.identity, workshop.embedder.dimensions

        def embed(self, texts: Sequence[str]) -> None:
            raise EmbeddingError("The embedder is gone")

    workshop.embedder = Broken()  # type: ignore[assignment]
    workshop.retriever._embedder = workshop.embedder
    answer = opened().ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.QUOTED
    assert answer.citations[0].video_id == "wine"
    assert any("The embedder is gone" in notice for notice in answer.notices)


# ---------------------------------------------------------------------------------------------- what can go wrong


@pytest.mark.parametrize("question", ["", "  \n", "\x00\u200b", "?!"])
def test_a_question_without_words_is_not_asked(question: str, opened: Opener, workshop: Workshop) -> None:
    with pytest.raises(QuestionError, match="no words"):
        opened().start(AskRequest(question))
    assert workshop.ledger.traces.count() == 0


def test_a_question_that_is_too_long_is_refused_with_the_limit(opened: Opener) -> None:
    with pytest.raises(QuestionError, match=r"100,000 characters; at most 8,000"):
        opened().start(AskRequest("x" * 100_000))


def test_an_unknown_template_or_model_is_named_before_anything_begins(opened: Opener, workshop: Workshop) -> None:
    answering = opened()
    with pytest.raises(NotFound, match="nothing-like-it"):
        answering.start(AskRequest(WINE, template="nothing-like-it"))
    with pytest.raises(SettingsError, match="gpt-x"):
        answering.start(AskRequest(WINE, model="gpt-x"))
    assert workshop.ledger.traces.count() == 0


def test_an_index_that_fails_ends_in_a_failed_trace_with_one_sentence(opened: Opener, workshop: Workshop) -> None:
    class Broken:
        def retrieve(self, query: SearchQuery) -> SearchResult:
            raise VectorIndexError("The index is damaged", hint="Start again.")

    workshop.retriever = Broken()  # type: ignore[assignment]
    answer = opened().ask(AskRequest(WINE))
    trace = workshop.ledger.traces.get(answer.trace_id)
    assert answer.status is AnswerStatus.FAILED
    assert answer.notices[-1] == "The index is damaged. Start again."
    assert trace.error == "The index is damaged. Start again."


def test_a_fault_of_the_app_ends_in_a_failed_trace_without_traceback(opened: Opener, workshop: Workshop) -> None:
    class Faulty:
        def retrieve(self, query: SearchQuery) -> SearchResult:
            raise ZeroDivisionError("secret detail")

    workshop.retriever = Faulty()  # type: ignore[assignment]
    answer = opened().ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.FAILED
    assert "secret" not in " ".join(answer.notices)


def test_an_answer_that_cannot_be_saved_is_shown_with_a_notice(
    opened: Opener, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(trace: Trace, *, mirror: bool) -> None:
        raise LibraryFull("The disk is full")

    answering = opened(ScriptedChatModel(GOOD))
    monkeypatch.setattr(workshop.ledger.traces, "finish", full)
    answer = answering.ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.ANSWERED
    assert "The disk is full" in answer.notices[-1]
    assert answering.live(answer.trace_id) == answer


def test_a_ledger_that_cannot_begin_begins_nothing(
    opened: Opener, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(trace: Trace) -> None:
        raise LibraryFull("The disk is full")

    answering = opened(ScriptedChatModel())
    monkeypatch.setattr(workshop.ledger.traces, "begin", full)
    with pytest.raises(LibraryFull):
        answering.ask(AskRequest(WINE))
    assert answering.waiting == 0


def test_an_unknown_answer_is_not_found(opened: Opener) -> None:
    with pytest.raises(NotFound):
        opened().live("nothing")


# ------------------------------------------------------------------------------------------- asking twice, at once


def test_the_same_request_id_asks_nothing_twice(opened: Opener, workshop: Workshop) -> None:
    chat = ScriptedChatModel(GOOD)
    first = opened(chat).ask(AskRequest(WINE, request_id="r1"))
    again = opened(chat).ask(AskRequest(WINE, request_id="r1"))
    assert again == first
    assert len(chat.calls) == 1
    assert workshop.ledger.traces.count() == 1


def test_the_same_request_id_at_once_from_many_threads_is_one_answer(opened: Opener, workshop: Workshop) -> None:
    answering = opened(ScriptedChatModel(GOOD))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: answering.ask(AskRequest(WINE, request_id="r1")), range(8)))
    assert len({answer.trace_id for answer in answers}) == 1
    assert workshop.ledger.traces.count() == 1


def test_fifty_at_once_lose_no_trace(opened: Opener, workshop: Workshop) -> None:
    answering = opened(GroundedChatModel())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: answering.ask(AskRequest(f"{WINE} Number {n}")), range(50)))
    assert {answer.status for answer in answers} == {AnswerStatus.ANSWERED}
    assert len({answer.trace_id for answer in answers}) == 50
    traces = workshop.ledger.traces.list(TraceFilter(limit=100))
    assert {trace.trace_id: trace.answer for trace in traces} == {answer.trace_id: answer for answer in answers}


def test_a_stopped_answer_is_abandoned_with_what_it_had(opened: Opener, workshop: Workshop) -> None:
    reply, shown, stopped = _held("Red wine should", " breathe.")
    answering = opened(ScriptedChatModel(reply))
    trace_id = answering.start(AskRequest(WINE))
    assert shown.wait(20)
    answering.cancel(trace_id)
    stopped.set()
    answer = _wait(answering, trace_id)
    assert (answer.status, answer.text) == (AnswerStatus.ABANDONED, "Red wine should")
    assert workshop.ledger.traces.get(trace_id).answer == answer
    answering.cancel(trace_id)


def test_a_new_process_calls_what_a_dead_one_left_running_abandoned(workshop: Workshop, opened: Opener) -> None:
    opened(ScriptedChatModel(GOOD)).ask(AskRequest(WINE))
    trace = workshop.ledger.traces.list()[0]
    left = replace(trace, trace_id="left", answer=Answer("left", AnswerStatus.RUNNING, "", "en"))
    workshop.ledger.traces.begin(left)
    workshop.ledger.traces.abandon_running(owner=workshop.ledger.owner)
    assert opened().live("left").status is AnswerStatus.ABANDONED


def test_replay_asks_the_same_again_with_the_conversation_before_it(opened: Opener, workshop: Workshop) -> None:
    chat = ScriptedChatModel(GOOD, "How cold is white wine?", "White wine is served at about eight degrees [1].")
    answering = opened(chat)
    answering.ask(AskRequest(WINE, conversation_id="c1"))
    follow_up = answering.ask(AskRequest("And white?", conversation_id="c1", channels=("The cellar",)))
    chat._script = ["How cold is white wine?", "White wine is served at about eight degrees [1]."]
    replayed = answering.replay(follow_up.trace_id)
    again = _wait(answering, replayed)
    trace = workshop.ledger.traces.get(replayed)
    assert replayed != follow_up.trace_id
    assert (trace.question, trace.channels, trace.template) == ("And white?", ("The cellar",), "cited-answer")
    assert again.text == follow_up.text
    assert chat.calls[3].messages == chat.calls[1].messages


def test_feedback_is_kept_with_its_trace_and_can_be_taken_back(opened: Opener, workshop: Workshop) -> None:
    answering = opened(ScriptedChatModel(GOOD))
    trace_id = answering.ask(AskRequest(WINE)).trace_id
    answering.save_feedback(Feedback(trace_id, -1, "wrong quote", "second 5"))
    kept = workshop.ledger.traces.get(trace_id).feedback
    assert kept is not None
    assert (kept.value, kept.reason, kept.comment) == (-1, "wrong quote", "second 5")
    answering.save_feedback(Feedback(trace_id, 0))
    undone = workshop.ledger.traces.get(trace_id).feedback
    assert undone is None or undone.value == 0


def _held(before: str, after: str) -> tuple[ScriptedReply, threading.Event, threading.Event]:
    """A reply that stops between two pieces until the second event is set; the first tells that it is there."""
    shown, go_on = threading.Event(), threading.Event()
    return ScriptedReply([before, shown.set, lambda: go_on.wait(20), after]), shown, go_on


def _wait(answering: Answering, trace_id: str) -> Answer:
    """The finished answer."""
    for answer in _looks(answering, trace_id):
        if answer.status is not AnswerStatus.RUNNING:
            return answer
    raise AssertionError("the answer did not end")


def _looks(answering: Answering, trace_id: str) -> Iterator[Answer]:
    pause = threading.Event()
    for _ in range(2000):
        yield answering.live(trace_id)
        pause.wait(0.01)


def test_a_model_with_a_known_price_has_a_cost(opened: Opener) -> None:
    answer = opened(ScriptedChatModel(GOOD, name="gpt-4o-mini")).ask(AskRequest(WINE))
    assert answer.cost_usd == pytest.approx((100 * 0.15 + 20 * 0.60) / 1e6)
