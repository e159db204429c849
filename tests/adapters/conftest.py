"""A fake Comet, and the adapter's mirror over it; used by name, so that other tests import nothing of Comet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.adapters.comet import CometMirror
from tests.adapters.comet_bench import opened
from tests.conftest import unchanged_environment
from tests.fakes.comet_server import FakeComet


@pytest.fixture(scope="module")
def server() -> Iterator[FakeComet]:
    with FakeComet() as running:
        yield running


@pytest.fixture(scope="module")
def comet_imported(server: FakeComet) -> None:
    """Comet's packages, once, so that no test's time is that of their import."""
    with unchanged_environment(), opened(server.url) as mirror:
        assert list(mirror.read_back(None)) == []


@pytest.fixture
def fake(server: FakeComet) -> FakeComet:
    server.reset()
    return server


@pytest.fixture
def mirror(fake: FakeComet) -> Iterator[CometMirror]:
    """Connected already, so that a test's first request is the one that it is about."""
    with opened(fake.url) as made:
        made.check()
        fake.requests.clear()
        fake.counts.clear()
        yield made
