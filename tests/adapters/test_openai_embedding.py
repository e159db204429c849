"""The embeddings adapter against a real local server: order, unit length, parallel batches, and odd answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from core.adapters.openai_compat import OpenAIEmbedder
from core.config import load_settings
from core.errors import EmbeddingError
from tests.fakes.models import HashingEmbedder
from tests.fakes.openai_server import HTML, FakeOpenAI, Reply, status_reply, vectors_reply

KEY = "sk-secret-0123456789"
Serve = Callable[..., FakeOpenAI]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[FakeOpenAI] = []

    def start(*vectors: Reply, **options: object) -> FakeOpenAI:
        server = FakeOpenAI(vectors=vectors, **options)
        running.append(server.__enter__())
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


def embedder_of(server: FakeOpenAI, **options: object) -> OpenAIEmbedder:
    return OpenAIEmbedder("small", base_url=server.url, api_key=KEY, timeout_s=5, **options)


def batch_sizes(server: FakeOpenAI) -> list[int]:
    return sorted(len(request.body["input"]) for request in server.requests)


def test_vectors_come_in_the_order_of_the_texts_over_many_batches(serve: Serve) -> None:
    server = serve()
    texts = [f"text number {n}" for n in range(100)]
    vectors = embedder_of(server, batch_size=16).embed(texts)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, HashingEmbedder(64).embed(texts), atol=1e-6)
    assert batch_sizes(server) == [4] + [16] * 6


def test_several_requests_are_under_way_at_once_but_not_more_than_allowed(serve: Serve) -> None:
    server = serve(embed_latency_s=0.05)
    embedder_of(server, batch_size=1, concurrency=4).embed([f"text {n}" for n in range(16)])
    assert 2 <= server.busiest <= 4


def test_long_texts_share_smaller_requests_and_are_cut(serve: Serve) -> None:
    server = serve()
    embedder_of(server).embed(["x" * 1_000_000] * 20)
    assert batch_sizes(server) == [8, 12]
    assert {len(text) for request in server.requests for text in request.body["input"]} == {8_000}


def test_any_text_has_a_unit_vector(serve: Serve) -> None:
    server = serve()
    vectors = embedder_of(server).embed(["", " \n", "\x00", "\ud800 lone", "\u200b", "fine"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    sent = server.requests[0].body["input"]
    assert all(text.strip() and "\x00" not in text for text in sent)


def test_no_text_gives_no_row(serve: Serve) -> None:
    assert embedder_of(serve()).embed([]).shape == (0, 64)


def test_vectors_are_brought_to_unit_length(serve: Serve) -> None:
    vectors = embedder_of(serve(vectors_reply([[3.0, 4.0]]))).embed(["a"])
    assert np.allclose(vectors, [[0.6, 0.8]])


def test_the_index_of_a_row_decides_its_text(serve: Serve) -> None:
    rows = [[0.0, 1.0], [1.0, 0.0]]
    vectors = embedder_of(serve(vectors_reply(rows, indices=[1, 0]))).embed(["first", "second"])
    assert np.allclose(vectors, [[1, 0], [0, 1]])


def test_dimensions_are_discovered_once(serve: Serve) -> None:
    server = serve()
    embedder = embedder_of(server)
    assert (embedder.dimensions, embedder.dimensions, embedder.identity) == (64, 64, "small")
    assert len(server.requests) == 1


def test_dimensions_can_be_asked_for(serve: Serve) -> None:
    server = serve(vectors_reply([[1.0, 0.0]]))
    embedder = embedder_of(server, dimensions=2)
    assert (embedder.dimensions, embedder.identity) == (2, "small@2")
    embedder.embed(["a"])
    assert server.requests[0].body["dimensions"] == 2


def test_settings_choose_the_embedder() -> None:
    assert OpenAIEmbedder.from_settings(load_settings(openai_api_key=KEY)) is None
    settings = load_settings(embedding_model="bge-m3", openai_base_url="http://127.0.0.1:9/v1")
    assert OpenAIEmbedder.from_settings(settings).identity == "bge-m3"


def test_a_server_that_ignores_the_dimensions_is_noticed(serve: Serve) -> None:
    with pytest.raises(EmbeddingError, match="sent vectors of 3 numbers instead of 2"):
        embedder_of(serve(vectors_reply([[1.0, 0.0, 0.0]])), dimensions=2).embed(["a"])


def json_reply(document: object) -> Reply:
    return Reply(body=json.dumps(document).encode())


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (vectors_reply([[1.0, 0.0]]), "sent 1 vectors for 2 texts"),
        (vectors_reply([[1.0, 0.0]] * 3), "sent 3 vectors for 2 texts"),
        (vectors_reply([[1.0, 0.0]] * 2, indices=[0, 0]), "sent 2 vectors for 2 texts, or vectors of odd form"),
        (vectors_reply([[1.0, 0.0], [1.0]]), "vectors of odd form"),
        (vectors_reply([[1.0, 0.0], [0.0, 0.0]]), "a vector without length"),
        (vectors_reply([[1.0, 0.0], [float("nan"), 0.0]]), "a vector without length"),
        (vectors_reply([[], []]), "sent 2 vectors for 2 texts"),
        (json_reply({"data": [{"index": 0, "embedding": ["a"]}, {"index": 1, "embedding": None}]}), "odd form"),
        (json_reply({"data": []}), "is not that of an OpenAI-compatible server"),
        (json_reply({"data": "none"}), "is not that of an OpenAI-compatible server"),
        (json_reply({"greeting": "hello"}), "is not that of an OpenAI-compatible server"),
        (json_reply([1, 2]), "is not that of an OpenAI-compatible server"),
        (Reply(body=HTML, content_type="text/html"), "is not that of an OpenAI-compatible server"),
        (Reply(body=b"{broken"), "is not that of an OpenAI-compatible server"),
        (status_reply(401, KEY), "rejected the key. Check OPENAI_API_KEY."),
        (status_reply(404), "has no model small at this address. Check CUEPOINT_EMBEDDING_MODEL"),
        (status_reply(400, f"bad {KEY}"), "rejected the request with status 400"),
        (status_reply(429, code="insufficient_quota"), "quota of the key"),
    ],
)
def test_an_odd_answer_is_one_clear_sentence(serve: Serve, reply: Reply, sentence: str) -> None:
    server = serve(reply)
    with pytest.raises(EmbeddingError) as caught:
        embedder_of(server).embed(["first", "second"])
    assert sentence in str(caught.value)
    assert server.host in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


def test_batches_of_different_lengths_do_not_mix(serve: Serve) -> None:
    server = serve(vectors_reply([[1.0, 0.0]]), vectors_reply([[1.0, 0.0, 0.0]]))
    with pytest.raises(EmbeddingError, match="sent vectors of different lengths"):
        embedder_of(server, batch_size=1).embed(["first", "second"])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_or_failing_server_is_asked_again(serve: Serve, status: int) -> None:
    server = serve(*[status_reply(status)] * 4)
    assert embedder_of(server).embed(["a"]).shape == (1, 64)
    assert len(server.requests) == 5


def test_after_an_error_the_rest_is_not_asked_for(serve: Serve) -> None:
    server = serve(status_reply(401), embed_latency_s=0.02)
    with pytest.raises(EmbeddingError):
        embedder_of(server, batch_size=1, concurrency=2).embed([f"text {n}" for n in range(100)])
    assert len(server.requests) < 100


def ranking(embedder: HashingEmbedder, question: str, texts: Sequence[str]) -> list[int]:
    return np.argsort(-(embedder.embed(texts) @ embedder.embed([question])[0])).tolist()


def test_the_fakes_rankings_mean_something() -> None:
    texts = ["Chunks are embedded as vectors.", "Bread rises in a warm oven.", "Vector indexes find near chunks fast."]
    assert ranking(HashingEmbedder(), "How does a vector index find chunks?", texts) == [2, 0, 1]
