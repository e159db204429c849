"""The chat adapter against a real local server: answers, retries, time limits, each fault in one clear sentence."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import stamina
import stamina.instrumentation

from core.adapters.openai_compat import DEFAULT_CHAT_MODEL, OpenAIChat, Timeouts
from core.config import load_settings
from core.errors import ModelBusy, ModelError, ModelRefused, ModelUnreachable, SettingsError
from core.models import Usage
from tests.fakes.openai_server import HTML, FakeOpenAI, Reply, status_reply

KEY = "sk-secret-0123456789"
ASKED = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Why cosine?"}]
PATIENT = Timeouts(connect_s=2, first_s=20, between_s=20, total_s=30)

Serve = Callable[..., FakeOpenAI]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers and stops them at the end."""
    running: list[FakeOpenAI] = []

    def start(*replies: Reply, **options: object) -> FakeOpenAI:
        server = FakeOpenAI(*replies, **options)
        running.append(server.__enter__())
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


def chat_with(server: FakeOpenAI, *, model: str | None = "small", timeouts: Timeouts = PATIENT) -> OpenAIChat:
    return OpenAIChat(base_url=server.url, api_key=KEY, model=model, timeouts=timeouts)


def failure_of(server: FakeOpenAI, timeouts: Timeouts = PATIENT) -> ModelError:
    with pytest.raises(ModelError) as caught:
        list(chat_with(server, timeouts=timeouts).stream(ASKED))
    assert KEY not in str(caught.value)
    assert server.host in str(caught.value)
    assert caught.value.subject
    return caught.value


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# --------------------------------------------------------------------------------------------------------- answers


def test_an_answer_streams_in_pieces_and_knows_its_cost_afterwards(serve: Serve) -> None:
    server = serve(Reply("Cosine similarity compares directions [1]."))
    stream = chat_with(server).stream(ASKED, temperature=0.3, max_tokens=50)
    iterator = iter(stream)
    first = next(iterator)
    assert stream.usage == Usage(), "nothing is known before the end"
    pieces = [first, *iterator]
    assert len(pieces) > 3
    assert all(pieces)
    assert "".join(pieces) == "Cosine similarity compares directions [1]."
    assert stream.usage == Usage(prompt_tokens=120, completion_tokens=30, cached_tokens=64, reasoning_tokens=8)
    assert (stream.model, stream.finish_reason) == ("small-2026-01-01", "stop")


def test_the_request_carries_messages_options_and_key(serve: Serve) -> None:
    server = serve(Reply())
    list(chat_with(server).stream(ASKED, temperature=0.3, max_tokens=50))
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "small",
        "messages": ASKED,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.3,
        "max_tokens": 50,
    }


def test_the_first_piece_comes_while_the_rest_is_being_written(serve: Serve) -> None:
    server = serve(Reply(["one", " two"], fault="stall"))
    stream = chat_with(server).stream(ASKED)
    assert next(iter(stream)) == "one"
    stream.close()


def test_usage_stays_unknown_where_the_server_does_not_count(serve: Serve) -> None:
    stream = chat_with(serve(Reply(usage=None))).stream(ASKED)
    assert "".join(stream)
    assert stream.usage == Usage()


def test_odd_usage_is_unknown_not_zero(serve: Serve) -> None:
    odd = {"prompt_tokens": "many", "completion_tokens": -3, "total_tokens": True, "prompt_tokens_details": None}
    stream = chat_with(serve(Reply(usage=odd))).stream(ASKED)
    assert "".join(stream)
    assert stream.usage == Usage()


@pytest.mark.parametrize(
    "pieces",
    [
        ["<think>Passage 2 lies.</think>\n\nThe answer [1]."],
        ["<th", "ink>", "Passage", " 2 </thi", "nk>", "\n", "The answer", " [1]."],
        ["\n<Thinking>a < b</Thinking>The answer [1]."],
        ["The <think>hm</think>answer <think>ok", "</think>[1]."],
    ],
)
def test_reasoning_is_not_part_of_the_answer(serve: Serve, pieces: list[str]) -> None:
    assert "".join(chat_with(serve(Reply(pieces))).stream(ASKED)) == "The answer [1]."


@pytest.mark.parametrize("text", ["if a < b then <thick> ends", "ends with <", "ends with <thin"])
def test_text_that_only_begins_like_reasoning_is_kept(serve: Serve, text: str) -> None:
    assert "".join(chat_with(serve(Reply(list(text)))).stream(ASKED)) == text


def test_halves_of_an_emoji_are_joined_and_what_cannot_be_stored_is_replaced(serve: Serve) -> None:
    server = serve(Reply(["Hi \ud83d", "\ude00 \x00there", " \ude00!"]))
    text = "".join(chat_with(server).stream(ASKED))
    assert text == "Hi 😀 there �!"


def test_a_prompt_with_lone_surrogates_is_sent(serve: Serve) -> None:
    server = serve(Reply())
    list(chat_with(server).stream([{"role": "user", "content": "a\ud800b"}]))
    assert server.requests[0].body["messages"][0]["content"] == "a?b"


def test_many_threads_share_one_chat(serve: Serve) -> None:
    server = serve(otherwise=lambda request: Reply(f"You said {request.body['messages'][0]['content']}."))
    chat = chat_with(server)

    def ask(n: int) -> str:
        return "".join(chat.stream([{"role": "user", "content": f"number {n}"}]))

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(40)))
    assert answers == [f"You said number {n}." for n in range(40)]


# ------------------------------------------------------------------------------------------------ choosing a model


def test_another_server_is_asked_for_its_first_chat_model_once(serve: Serve) -> None:
    server = serve(Reply(), Reply(), models=["nomic-embed-text", "llama3", "qwen"])
    chat = chat_with(server, model=None)
    assert chat.name == "llama3"
    list(chat.stream(ASKED))
    list(chat.stream(ASKED))
    assert [request.path for request in server.requests] == ["/v1/models"] + ["/v1/chat/completions"] * 2
    assert server.requests[1].body["model"] == "llama3"


def test_a_server_without_chat_models_is_named(serve: Serve) -> None:
    server = serve(models=["nomic-embed-text"])
    with pytest.raises(ModelRefused, match=r"offers no chat model. Set CUEPOINT_CHAT_MODEL"):
        list(chat_with(server, model=None).stream(ASKED))
    assert chat_with(server, model=None).name == ""


def test_openai_itself_has_a_default_model() -> None:
    assert OpenAIChat(api_key=KEY).name == DEFAULT_CHAT_MODEL


def test_settings_choose_the_chat_model() -> None:
    assert OpenAIChat.from_settings(load_settings()) is None
    local = OpenAIChat.from_settings(load_settings(openai_base_url="http://127.0.0.1:9/v1", chat_model="llama3"))
    assert local is not None
    assert (local.name, local.base_url) == ("llama3", "http://127.0.0.1:9/v1")
    assert OpenAIChat.from_settings(load_settings(openai_api_key=KEY)).name == DEFAULT_CHAT_MODEL


def test_a_server_without_a_key_is_asked_all_the_same(serve: Serve) -> None:
    server = serve(Reply())
    assert "".join(OpenAIChat(base_url=server.url, model="llama3").stream(ASKED))
    assert server.requests[0].headers["authorization"] == "Bearer no-key"


def test_the_models_of_a_server_are_listed(serve: Serve) -> None:
    assert chat_with(serve(models=["a", "b"])).list_models() == ["a", "b"]


def test_a_server_that_lists_no_models_is_named() -> None:
    chat = OpenAIChat(base_url=f"http://127.0.0.1:{closed_port()}/v1")
    with pytest.raises(ModelUnreachable, match="cannot be reached"):
        chat.list_models()
    assert chat.name == ""


def test_the_sdk_is_not_imported_before_it_is_needed() -> None:
    """It takes a second, which no page should wait for."""
    program = (
        "import sys; from core.adapters.openai_compat import OpenAIChat, OpenAIEmbedder;"
        "chat = OpenAIChat(api_key='k'), OpenAIEmbedder(api_key='k'); assert 'openai' not in sys.modules;"
        "chat[0].warm_up(); assert 'openai' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("address", ["localhost:11434", "ftp://host/v1", "http://", "http://host:99999/v1"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL is not an http address"):
        OpenAIChat(base_url=address, api_key=KEY)


@pytest.mark.parametrize("key", ["sk-abc\ndef", "sk-“abc”", "sk abc"])
def test_a_key_that_is_none_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        OpenAIChat(api_key=key)
    assert key not in str(caught.value)


# ---------------------------------------------------------------------------------------------------- try once more


def test_a_server_that_rejects_stream_options_is_asked_without(serve: Serve) -> None:
    server = serve(Reply(fault="no-stream-options"), Reply("fine"), Reply("again"))
    chat = chat_with(server)
    assert "".join(chat.stream(ASKED)) == "fine"
    assert "".join(chat.stream(ASKED)) == "again"
    assert ["stream_options" in request.body for request in server.requests] == [True, False, False]


def test_a_model_that_takes_no_temperature_is_asked_without(serve: Serve) -> None:
    refusal = status_reply(400, "Unsupported value: 'temperature' does not support 0 with this model.")
    server = serve(refusal, Reply("fine"))
    stream = chat_with(server).stream(ASKED)
    assert "".join(stream) == "fine"
    assert stream.left_out == ("temperature",)
    assert "temperature" not in server.requests[1].body
    assert "stream_options" in server.requests[1].body


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_or_failing_server_is_asked_again_before_the_first_piece(serve: Serve, status: int) -> None:
    server = serve(status_reply(status), status_reply(status), Reply("third time"))
    assert "".join(chat_with(server).stream(ASKED)) == "third time"


def test_retry_after_is_honoured(serve: Serve) -> None:
    waits: list[float] = []
    server = serve(status_reply(429, retry_after="1.5"), Reply("fine"))
    stamina.instrumentation.set_on_retry_hooks([lambda details: waits.append(details.wait_for)])
    try:
        with stamina.set_testing(False):
            begin = time.monotonic()
            assert "".join(chat_with(server).stream(ASKED)) == "fine"
            assert time.monotonic() - begin >= 1.5
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
    assert waits == [1.5]


@pytest.mark.parametrize(
    "reply",
    [
        status_reply(429, retry_after="3600"),
        status_reply(429, "You exceeded your current quota", code="insufficient_quota"),
        status_reply(401),
        status_reply(403),
        status_reply(404),
    ],
)
def test_what_waiting_cannot_cure_is_not_tried_again(serve: Serve, reply: Reply) -> None:
    server = serve(reply)
    failure_of(server)
    assert len(server.requests) == 1


def test_nothing_is_tried_again_after_the_first_piece(serve: Serve) -> None:
    server = serve(Reply(fault="cut"), Reply("never"))
    failure_of(server)
    assert len(server.requests) == 1


# ---------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("reply", "kind", "sentence"),
    [
        (
            status_reply(401, f"Incorrect API key provided: {KEY}"),
            ModelRefused,
            "rejected the key. Check OPENAI_API_KEY.",
        ),
        (
            status_reply(403, KEY),
            ModelRefused,
            "does not let this key use small. Check OPENAI_API_KEY and CUEPOINT_CHAT",
        ),
        (
            status_reply(404),
            ModelRefused,
            "has no model small at this address. Check CUEPOINT_CHAT_MODEL and OPENAI_BASE",
        ),
        (
            status_reply(422, f"too long for {KEY}"),
            ModelRefused,
            "rejected the request with status 422 (Error code: 422",
        ),
        (status_reply(429, code="insufficient_quota"), ModelBusy, "quota of the key"),
        (status_reply(429, retry_after="90"), ModelBusy, "has too many requests. Try again in 90 s."),
        (Reply(body=HTML, content_type="text/html"), ModelUnreachable, "is not that of an OpenAI-compatible server"),
        (Reply(body=b"{}"), ModelUnreachable, "is not that of an OpenAI-compatible server. Check OPENAI_BASE_URL"),
        (Reply(body=b"", content_type="text/event-stream"), ModelUnreachable, "broke off in the middle"),
        (Reply(fault="malformed"), ModelUnreachable, "is not that of an OpenAI-compatible server"),
        (Reply(fault="foreign"), ModelUnreachable, "is not that of an OpenAI-compatible server"),
        (Reply(fault="error"), ModelUnreachable, "broke off the answer (the GPU is on fire)"),
        (Reply(fault="cut"), ModelUnreachable, "broke off"),
        (Reply(finish_reason=None), ModelUnreachable, "broke off in the middle of the answer"),
        (
            Reply("", finish_reason="content_filter"),
            ModelUnreachable,
            "wrote no answer (it stopped with 'content_filter')",
        ),
        (
            Reply("<think>for ever", finish_reason="length"),
            ModelUnreachable,
            "wrote no answer (it stopped with 'length')",
        ),
    ],
)
def test_a_fault_is_one_clear_sentence(serve: Serve, reply: Reply, kind: type[ModelError], sentence: str) -> None:
    without_options = [reply] * 3 if reply.status == 422 else [reply]
    error = failure_of(serve(*without_options))
    assert type(error) is kind
    assert sentence in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(("status", "kind"), [(429, ModelBusy), (500, ModelUnreachable), (503, ModelUnreachable)])
def test_a_server_that_stays_busy_or_broken_is_given_up_after_three_tries(
    serve: Serve, status: int, kind: type[ModelError]
) -> None:
    server = serve(*[status_reply(status)] * 9)
    assert type(failure_of(server)) is kind
    assert len(server.requests) == 3


def test_a_refused_connection_is_named() -> None:
    port = closed_port()
    chat = OpenAIChat(base_url=f"http://127.0.0.1:{port}/v1", model="small", timeouts=PATIENT)
    with pytest.raises(
        ModelUnreachable, match=f"127.0.0.1:{port} cannot be reached. Check that it runs, and OPENAI_BASE"
    ):
        list(chat.stream(ASKED))


def test_partial_text_comes_before_the_error(serve: Serve) -> None:
    iterator = iter(chat_with(serve(Reply(["one", " two"], fault="cut"))).stream(ASKED))
    assert next(iterator) == "one"
    with pytest.raises(ModelUnreachable):
        list(iterator)


# ----------------------------------------------------------------------------------------------------- time limits


def within(limit_s: float, server: FakeOpenAI, timeouts: Timeouts) -> str:
    begin = time.monotonic()
    error = failure_of(server, timeouts)
    assert time.monotonic() - begin < limit_s
    assert type(error) is ModelUnreachable
    return str(error)


def test_a_server_that_never_begins_is_given_up(serve: Serve) -> None:
    limits = Timeouts(first_s=0.2, between_s=20, total_s=30)
    assert "stopped answering" in within(5, serve(Reply(latency_s=30)), limits)


@pytest.mark.parametrize("fault", ["stall", "comments"])
def test_a_server_that_stops_in_the_middle_is_given_up(serve: Serve, fault: str) -> None:
    """Also where comment lines keep the connection alive."""
    limits = Timeouts(first_s=20, between_s=0.2, total_s=30)
    assert "stopped answering" in within(5, serve(Reply(fault=fault)), limits)


def test_an_answer_that_takes_too_long_in_all_is_given_up(serve: Serve) -> None:
    limits = Timeouts(first_s=20, between_s=20, total_s=0.3)
    assert "stopped answering" in within(5, serve(Reply("word " * 1000, token_s=0.02)), limits)


def test_a_given_up_server_notices(serve: Serve) -> None:
    server = serve(Reply(fault="stall"))
    failure_of(server, Timeouts(first_s=20, between_s=0.2, total_s=30))
    assert server.hung_up.wait(5)


# ----------------------------------------------------------------------------------------------------------- close


def test_close_ends_the_iteration_and_hangs_up(serve: Serve) -> None:
    """From another thread, while the reader waits for the next piece."""
    server = serve(Reply("one two three", fault="stall"))
    stream = chat_with(server).stream(ASKED)
    got: list[str] = []
    first = threading.Event()

    def read() -> None:
        for piece in stream:
            got.append(piece)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(5)
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert got == ["one"]
    assert server.hung_up.wait(5)


def test_close_is_safe_at_any_time(serve: Serve) -> None:
    server = serve(Reply("one"), Reply("two"), Reply("three"))
    chat = chat_with(server)
    early = chat.stream(ASKED)
    early.close()
    early.close()
    assert list(early) == []
    late = chat.stream(ASKED)
    assert "".join(late)
    late.close()


def test_a_reader_that_leaves_hangs_up(serve: Serve) -> None:
    server = serve(Reply("one two three", fault="comments"))
    for _ in chat_with(server).stream(ASKED):
        break
    assert server.hung_up.wait(5)
