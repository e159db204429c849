"""The server of Arize Phoenix on this machine, started as its documents say; see benchmarks/phoenix_peer.py."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def phoenix_server(folder: Path) -> Iterator[str]:
    """Its address, once it answers; its database is ``phoenix.db`` in the folder, which is made."""
    folder.mkdir(parents=True)
    http, grpc = _free_port(), _free_port()
    settings = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_SQL_DATABASE_URL": f"sqlite:///{folder / 'phoenix.db'}",
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(http),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        "PHOENIX_MAX_SPANS_QUEUE_SIZE": "1000000",
        "PHOENIX_LOGGING_LEVEL": "warning",
    }
    log = (folder / "log").open("w")
    program = str(Path(sys.executable).with_name("phoenix"))
    process = subprocess.Popen([program, "serve"], env=os.environ | settings, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{http}"
        _wait_for(address, process, folder / "log")
        yield address
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"Phoenix did not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
