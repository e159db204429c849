"""A webhook that takes, refuses, hangs, or is not there."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.adapters.webhook import Webhook, WebhookError


@pytest.fixture
def server() -> Iterator[Any]:
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    running.heard = heard  # type: ignore[attr-defined]
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def address(server: Any, code: int) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{code}"


def test_the_text_arrives_as_slack_takes_it(server: Any):
    Webhook(address(server, 200)).send("Drift in <question> & answer")
    assert server.heard == [{"text": "Drift in &lt;question&gt; &amp; answer"}]


@pytest.mark.parametrize("code", [302, 404, 500])
def test_what_is_no_success_is_an_error(server: Any, code: int):
    with pytest.raises(WebhookError, match=f"answered {code}"):
        Webhook(address(server, code)).send("x")


def test_a_webhook_that_hangs_ends_in_time_and_its_address_is_not_said():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        began = time.monotonic()
        with pytest.raises(WebhookError, match=r"within 0\.3 s") as caught:
            Webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/secret", timeout_s=0.3).send("x")
    assert time.monotonic() - began < 5
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "no address", "ftp://127.0.0.1/", "http://[::1"])
def test_what_cannot_be_reached_is_an_error(url: str):
    with pytest.raises(WebhookError, match="cannot be reached"):
        Webhook(url).send("x")
