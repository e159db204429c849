"""Every test with ``sandbox`` runs in WebAssembly, and in bubblewrap where that can be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.adapters.bubblewrap import BubblewrapJail
from core.adapters.wasm_sandbox import WasmJail
from core.errors import SandboxUnavailable
from core.lab.sandbox import find_sandbox
from core.ports import Jail, Sandbox
from tests.lab.sandbox.outside import Outside


@pytest.fixture(scope="session")
def compiled(request: pytest.FixtureRequest) -> Path:
    """A folder that keeps the compiled interpreter from one run of the tests to the next: it takes six seconds."""
    cache = request.config.cache
    assert cache is not None
    return cache.mkdir("sandbox")


@pytest.fixture(scope="session")
def jails(compiled: Path) -> dict[str, Callable[[], Jail]]:
    return {"bubblewrap": BubblewrapJail.open, "webassembly": lambda: WasmJail.open(compiled)}


@pytest.fixture(scope="session")
def quick(jails: dict[str, Callable[[], Jail]]) -> Sandbox:
    """The quicker one, for what both do with the same code."""
    return find_sandbox(jails.values())


@pytest.fixture(scope="session", params=["webassembly", "bubblewrap"])
def sandbox(request: pytest.FixtureRequest, jails: dict[str, Callable[[], Jail]]) -> Sandbox:
    try:
        return find_sandbox([jails[request.param]])
    except SandboxUnavailable as error:
        if request.param == "bubblewrap":
            pytest.skip(str(error))
        raise  # the other comes with the packages


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    beside = Outside(tmp_path)
    monkeypatch.setenv("CUEPOINT_TEST_SECRET", beside.token)
    yield beside
    beside.close()
