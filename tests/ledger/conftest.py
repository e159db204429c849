"""Every test with ``ledger`` or ``url`` runs twice: on SQLite, and on PostgreSQL where its programs are installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.ledger import Ledger, open_ledger
from tests.ledger.postgres import Cluster, cluster, find_binaries
from tests.ledger.samples import Ticking


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with cluster(binaries) as running:
        running.execute("CREATE DATABASE prepared TEMPLATE template0")
        open_ledger(running.url("prepared")).close()
        yield running


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger, to be copied: quicker than migrating for each test."""
    file = tmp_path_factory.mktemp("prepared") / "cuepoint.db"
    open_ledger(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def sqlite_url(prepared_file: Path, tmp_path: Path) -> str:
    file = tmp_path / "library" / "cuepoint.db"
    file.parent.mkdir()
    shutil.copy(prepared_file, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty, prepared ledger."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: Cluster = request.getfixturevalue("postgres")
    return server.emptied("prepared")


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def ledger(url: str, clock: Ticking) -> Iterator[Ledger]:
    opened = open_ledger(url, clock=clock)
    yield opened
    opened.close()
