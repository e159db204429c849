"""Own prices where they count: Ask, the Prompt Lab and the sums of Cost, over the whole wiring and a model server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.answering import AskRequest
from core.config import load_settings
from core.cost import Price
from core.services import Services, build_services
from tests.fakes.ingest import ScriptedYouTube
from tests.fakes.models import HashingEmbedder
from tests.fakes.openai_server import FakeOpenAI, Reply

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
QUESTION = "How is the population stability index computed?"
SPEC = {
    "name": "Try",
    "templates": [{"name": "own", "user": "{question}"}],
    "models": ["house-model"],
    "cases": [{"question": "Why?"}, {"question": "How?"}],
}


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    """A model server of one's own: 1,000 tokens are read and 100 written in each call."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    with FakeOpenAI(otherwise=lambda _request: Reply("It is a sum over bins [1].", usage=usage)) as running:
        yield running


@pytest.fixture
def services(server: FakeOpenAI, tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(
        _env_file=None, data_dir=tmp_path / "data", openai_base_url=server.url, chat_model="house-model"
    )
    opened = build_services(settings, embedder=HashingEmbedder(64), source=ScriptedYouTube())
    opened.ingestor.ingest(["demo"])
    opened.warm_up()
    yield opened
    opened.close()


def test_an_own_price_fills_in_answers_and_runs_and_prices_the_next_ones_at_once(
    services: Services, server: FakeOpenAI
) -> None:
    first = services.answering.ask(AskRequest(QUESTION))
    experiment = services.lab.start(services.lab.plan(SPEC))
    assert services.lab.wait(experiment, 30)
    assert (first.cost_usd, services.lab.experiment(experiment).spent_usd) == (None, None)
    assert services.traces.get(first.trace_id).server == server.host
    [unpriced] = services.prices.unpriced()
    assert (unpriced.server, unpriced.calls) == (server.host, 3)

    done = services.prices.add(Price(unpriced.model, LONG_AGO, 1.0, 2.0, base_url=server.url))
    assert (done.traces, done.runs) == (3, 2)
    assert services.lab.experiment(experiment).spent_usd == pytest.approx(2 * 0.0012)
    assert [run.cost_usd for run in services.lab.runs(experiment)] == [pytest.approx(0.0012)] * 2
    total = services.costs.report().total
    assert total.complete
    assert total.known_usd == pytest.approx(done.usd)

    second = services.answering.ask(AskRequest(QUESTION))
    assert second.cost_usd == services.traces.get(first.trace_id).answer.cost_usd == pytest.approx(0.0012)
    assert services.prices.unpriced() == []
