"""What every test stands on: no network but this machine, no setting from outside, no cache from the test before."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stamina

from core.config import Settings

OUTSIDE_SETTINGS = ("CUEPOINT_", "OPENAI_", "COMET_", "MILVUS_", "DATABASE_URL", "DBOS_", "STREAMLIT_")
REAL_CONNECT = socket.socket.connect
REAL_CONNECT_EX = socket.socket.connect_ex
REAL_GETADDRINFO = socket.getaddrinfo


def pytest_configure() -> None:
    """Settings of the machine never reach a test, nor a process that a test starts."""
    for name in [name for name in os.environ if name.startswith(OUTSIDE_SETTINGS)]:
        if not name.startswith("CUEPOINT_TEST_"):
            del os.environ[name]


def is_loopback(host: object) -> bool:
    """True for this machine, and for no host (a server that binds every address)."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


class NetworkGuard:
    """Refuses every connection that leaves the machine, and remembers it: code may swallow the refusal."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def check(self, sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(address[0]):
            self.refused.append(f"connection to {address[0]}:{address[1]}")
            raise ConnectionRefusedError(f"tests have no network: {self.refused[-1]}")

    def getaddrinfo(self, host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if is_loopback(host) or host == "0.0.0.0":  # an address to bind, not to reach
            return REAL_GETADDRINFO(host, *args, **kwargs)
        if not name.endswith(".invalid"):  # RFC 2606: the name that a test uses when it wants no answer
            self.refused.append(f"look-up of {name}")
        raise socket.gaierror(socket.EAI_NONAME, f"tests have no network: look-up of {name}")


@contextmanager
def unchanged_environment() -> Iterator[None]:
    """What code tells a vendor's package through the environment ends with the block."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    with unchanged_environment():
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[NetworkGuard]:
    """Fails the test that tried to leave the machine, even where the code took the refusal calmly."""
    guard = NetworkGuard()

    def connect(sock: socket.socket, address: Any) -> None:
        guard.check(sock, address)
        REAL_CONNECT(sock, address)

    def connect_ex(sock: socket.socket, address: Any) -> int:
        guard.check(sock, address)
        return REAL_CONNECT_EX(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guard.getaddrinfo)
    yield guard
    assert not guard.refused, f"the test tried to leave the machine: {guard.refused}"


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test has its own data folder and reads no ``.env``."""
    monkeypatch.setenv("CUEPOINT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(autouse=True)
def no_waiting_between_retries() -> Iterator[None]:
    """Retries happen as often as the code says, at once."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    """Cached resources and data of one test are not seen by the next."""
    yield
    streamlit = sys.modules.get("streamlit")
    if streamlit is not None and hasattr(streamlit, "cache_resource"):
        streamlit.cache_resource.clear()
        streamlit.cache_data.clear()
