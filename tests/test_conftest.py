"""The ground that the other tests stand on holds."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request

import pytest

from tests.conftest import NetworkGuard, is_loopback


def test_a_connection_that_leaves_the_machine_is_refused_and_remembered(no_network: NetworkGuard) -> None:
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError, match="no network"):
        sock.connect(("192.0.2.1", 80))
    assert no_network.refused == ["connection to 192.0.2.1:80"]
    no_network.refused.clear()


def test_a_look_up_of_a_name_is_refused_also_through_a_library(no_network: NetworkGuard) -> None:
    with pytest.raises(urllib.error.URLError, match="no network"):
        urllib.request.urlopen("http://example.org/", timeout=1)
    assert no_network.refused == ["look-up of example.org"]
    no_network.refused.clear()


def test_a_connection_to_this_machine_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        (b"localhost", True),
        (None, True),
        ("10.0.0.1", False),
        ("example.org", False),
        ("::ffff:8.8.8.8", False),
    ],
)
def test_loopback_is_this_machine_only(host: object, *, here: bool) -> None:
    assert is_loopback(host) is here


def test_no_setting_of_the_machine_reaches_a_test() -> None:
    ours = [
        name for name in os.environ if name.startswith(("CUEPOINT_", "OPENAI_", "COMET_", "MILVUS_", "DATABASE_URL"))
    ]
    assert [name for name in ours if not name.startswith("CUEPOINT_TEST_")] == ["CUEPOINT_DATA_DIR"]
