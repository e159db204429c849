"""Every test with ``ledger`` or ``url`` runs twice: on SQLite, and on PostgreSQL where its programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from core.ledger import Ledger, open_ledger
from tests.ledger.postgres import Cluster, cluster, find_binaries, free_port
from tests.ledger.samples import Ticking
from tests.ledger.workers import Workers


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
def two_workers() -> Iterator[tuple[Workers, Workers]]:
    """Other processes that wait for commands; one start for all tests, as it takes a second."""
    pair = (Workers(), Workers())
    yield pair
    for worker in pair:
        worker.close()


@pytest.fixture
def workers(two_workers: tuple[Workers, Workers]) -> Workers:
    return two_workers[0]


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


@pytest.fixture
def read_only() -> Callable[[Path], AbstractContextManager[Path]]:
    """A context in which a folder or a file cannot be written: root needs a mount for that, others a mode."""
    return _read_only


@contextmanager
def _read_only(place: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        mode = place.stat().st_mode
        place.chmod(mode & ~0o222)
        yield place
        place.chmod(mode)
        return
    with _mounted(place, "--bind", place):
        _mount("-o", "remount,ro,bind", place)
        yield place


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    if os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root only")
    folder = tmp_path / "disk"
    folder.mkdir()
    with _mounted(folder, "-t", "tmpfs", "-o", "size=3m", "tmpfs"):
        yield folder


@contextmanager
def _mounted(folder: Path, *options: object) -> Iterator[None]:
    _mount(*options, folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: object) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"this machine does not let root mount: {done.stderr.strip()}")


@pytest.fixture
def unused_port() -> int:
    """A port of this machine at which nobody listens."""
    return free_port()
