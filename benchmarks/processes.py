"""What runs beside a measurement: a model server, and the app with somebody who reads its pages."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from benchmarks.harness import ROOT
from tools.running_app import free_port


@contextmanager
def fake_server(name: str, *arguments: str) -> Iterator[str]:
    """The address of a server of tests/fakes: ``openai_server``, ``comet_server``.

    A process of its own, so that it takes no time from the one that is measured.
    """
    command = [sys.executable, "-m", f"tests.fakes.{name}", "--port", str(free_port()), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip().partition("=")[2]
    finally:
        process.kill()
        process.wait(10)


def model_server(latency_ms: float) -> AbstractContextManager[str]:
    """An OpenAI-compatible server that answers from the prompt, its first token after a fixed time."""
    return fake_server("openai_server", "--latency-ms", str(latency_ms))


def read_page(address: str, page: str = "", query: str = "", *, within_s: float = 60) -> int:
    """Opens a page as a browser does, over its websocket, and reads it to the end of the script.

    Returns how many elements came. Raises RuntimeError where the page shows an exception or does not end in time.
    """
    elements, deadline = 0, time.monotonic() + within_s
    socket = f"ws{address.removeprefix('http')}/_stcore/stream"
    with connect(socket, subprotocols=["streamlit"], max_size=None) as connection:  # type: ignore[list-item]
        request = BackMsg()
        request.rerun_script.page_name, request.rerun_script.query_string = page, query
        connection.send(request.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(connection.recv(timeout=deadline - time.monotonic(), decode=False))
            if message.WhichOneof("type") == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "exception":
                    raise RuntimeError(f"the page {page!r} shows: {element.exception.message}")
                elements += 1
            elif message.WhichOneof("type") == "script_finished":
                return elements


def app_process() -> psutil.Process:
    """The Streamlit server that this process started."""
    return next(p for p in psutil.Process().children() if "streamlit" in p.cmdline())
