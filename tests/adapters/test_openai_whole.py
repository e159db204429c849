"""Whole answers of the chat adapter: as a stream would give them, cheaper, and with 429 left to the caller."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.adapters.openai_compat import OpenAIChat, Timeouts
from core.errors import ModelBusy, ModelError, ModelRefused, ModelUnreachable
from core.models import Usage
from core.ports import WholeChatModel
from tests.fakes.openai_server import HTML, FakeOpenAI, Reply, status_reply

KEY = "sk-secret-0123456789"
ASKED = [{"role": "user", "content": "Why cosine? \ud800"}]
Serve = Callable[..., FakeOpenAI]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[FakeOpenAI] = []

    def start(*replies: Reply) -> FakeOpenAI:
        running.append(FakeOpenAI(*replies).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__(None, None, None)


def chat_with(server: FakeOpenAI) -> OpenAIChat:
    timeouts = Timeouts(connect_s=2, first_s=20, between_s=20, total_s=20)
    return OpenAIChat(base_url=server.url, api_key=KEY, model="small", timeouts=timeouts)


def body(**choice: object) -> Reply:
    return Reply(body=json.dumps({"model": "small-1", "choices": [choice]}).encode())


def test_a_whole_answer_has_text_usage_model_and_the_reason_of_its_end(serve: Serve) -> None:
    server = serve(Reply("<think>hm</think>Directions [1].", finish_reason="length"))
    chat = chat_with(server)
    assert isinstance(chat, WholeChatModel)
    answer = chat.complete(ASKED, temperature=0.7, max_tokens=9)
    assert (answer.text, answer.model, answer.finish_reason) == ("Directions [1].", "small-2026-01-01", "length")
    assert answer.usage == Usage(prompt_tokens=120, completion_tokens=30, cached_tokens=64, reasoning_tokens=8)
    sent = server.requests[0].body
    assert (sent["temperature"], sent["max_tokens"], sent["messages"][0]["content"]) == (0.7, 9, "Why cosine? ?")
    assert "stream" not in sent
    assert answer.left_out == ()


@pytest.mark.parametrize("content", ["", None])
def test_an_empty_answer_is_an_answer(serve: Serve, content: str | None) -> None:
    reply = body(message={"content": content}, finish_reason="content_filter")
    answer = chat_with(serve(reply)).complete(ASKED)
    assert (answer.text, answer.finish_reason, answer.usage) == ("", "content_filter", Usage())


def test_a_rate_limit_is_raised_at_once_with_the_time_that_the_server_asks_for(serve: Serve) -> None:
    server = serve(status_reply(429, "slow down", retry_after="7"))
    with pytest.raises(ModelBusy) as caught:
        chat_with(server).complete(ASKED)
    assert (len(server.requests), caught.value.retry_after_s, caught.value.lasting) == (1, 7.0, False)


def test_a_used_up_quota_is_told_from_a_rate_limit(serve: Serve) -> None:
    with pytest.raises(ModelBusy) as caught:
        chat_with(serve(status_reply(429, code="insufficient_quota"))).complete(ASKED)
    assert caught.value.lasting


def test_a_server_error_is_tried_again(serve: Serve) -> None:
    server = serve(status_reply(500), status_reply(503), Reply("At last."))
    assert chat_with(server).complete(ASKED).text == "At last."
    assert len(server.requests) == 3


def test_an_option_that_the_server_rejects_is_left_out(serve: Serve) -> None:
    server = serve(status_reply(400, "Unsupported parameter: temperature"), Reply("Fine."), Reply("Fine."))
    chat = chat_with(server)
    answers = [chat.complete(ASKED) for _ in range(2)]
    assert [(answer.text, answer.left_out) for answer in answers] == [("Fine.", ("temperature",))] * 2
    assert ["temperature" in request.body for request in server.requests] == [True, False, False]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(body=HTML, content_type="text/html"), ModelUnreachable),
        (Reply(body=b"[]"), ModelUnreachable),
        (Reply(body=b'{"choices": []}'), ModelUnreachable),
        (Reply(body=b'{"choices": [3]}'), ModelUnreachable),
        (body(message={"content": 7}), ModelUnreachable),
        (body(message=None), ModelUnreachable),
        (status_reply(401, KEY), ModelRefused),
        (status_reply(404), ModelRefused),
    ],
)
def test_what_is_no_answer_is_one_sentence(serve: Serve, reply: Reply, kind: type[ModelError]) -> None:
    server = serve(reply)
    with pytest.raises(kind) as caught:
        chat_with(server).complete(ASKED)
    assert server.host in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.subject == "small"


@pytest.mark.parametrize(
    ("reply", "rejects"),
    [
        (status_reply(401, KEY), "key"),
        (status_reply(403), "model"),
        (status_reply(404), "model"),
        (status_reply(400, "no such model", code="model_not_found"), "model"),
        (status_reply(400, "too long", code="context_length_exceeded"), "request"),
    ],
)
def test_a_refusal_says_whether_it_is_of_the_key_the_model_or_this_request(
    serve: Serve, reply: Reply, rejects: str
) -> None:
    with pytest.raises(ModelRefused) as caught:
        chat_with(serve(reply)).complete(ASKED)
    assert caught.value.rejects == rejects


def closed_server() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def test_a_server_that_is_not_there_is_named_with_what_to_check() -> None:
    chat = OpenAIChat(base_url=closed_server(), api_key=KEY, model="small")
    with pytest.raises(ModelUnreachable, match=r"cannot be reached. Check that it runs, and OPENAI_BASE_URL") as caught:
        chat.complete(ASKED)
    assert not caught.value.may_cost


def test_an_answer_that_does_not_come_in_time_is_given_up(serve: Serve) -> None:
    server = serve(Reply("late", latency_s=5.0))
    timeouts = Timeouts(connect_s=1, first_s=1, between_s=1, total_s=0.2)
    with pytest.raises(ModelUnreachable, match="did not answer in time") as caught:
        OpenAIChat(base_url=server.url, api_key=KEY, model="small", timeouts=timeouts).complete(ASKED)
    assert caught.value.may_cost, "the server may have written it to the end"


def test_a_server_that_fails_charges_nothing(serve: Serve) -> None:
    with pytest.raises(ModelUnreachable, match="failed with status 500") as caught:
        chat_with(serve(*[status_reply(500)] * 5)).complete(ASKED)
    assert not caught.value.may_cost


def test_a_proxy_is_used_where_the_machine_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own client knows proxies, so it is asked then."""
    with FakeOpenAI(Reply("Through the proxy.")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        chat = OpenAIChat(base_url="http://model.invalid/v1", api_key=KEY, model="small")
        assert chat.complete(ASKED).text == "Through the proxy."
        assert proxy.requests[0].path == "http://model.invalid/v1/chat/completions"


def test_many_answers_at_once_use_their_own_connections(serve: Serve) -> None:
    server = serve(*[Reply("Yes.", latency_s=0.05)] * 32)
    chat = chat_with(server)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: chat.complete(ASKED).text, range(32)))
    assert answers == ["Yes."] * 32
    assert server.busiest > 4


def test_a_redirect_is_followed(serve: Serve) -> None:
    target = serve(Reply("Over there."))
    moved = Reply(status=307, headers={"Location": f"{target.url}/chat/completions"})
    assert chat_with(serve(moved, moved)).complete(ASKED).text == "Over there."
