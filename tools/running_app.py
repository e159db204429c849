"""The app as a process of its own on a free port, for what drives it from outside: pictures, measurements."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ("CUEPOINT_", "OPENAI_", "COMET_", "MILVUS_", "DATABASE_URL")
"""How the names of settings begin."""


@contextmanager
def running_app(
    data_dir: Path, settings: Mapping[str, str] | None = None, *, script: str = "Home.py", start_within_s: float = 60
) -> Iterator[str]:
    """Yields the address of an app on its own data folder; no setting of this machine reaches it.

    Raises RuntimeError with the end of its log where it does not answer in time.
    """
    port = free_port()
    log = data_dir.parent / f"{data_dir.name}.log"
    options = ["--server.port", str(port), "--server.headless", "true"]
    command = [sys.executable, "-m", "streamlit", "run", script, *options]
    environment = environment_of(data_dir, settings)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            address = f"http://localhost:{port}"
            wait_until_healthy(address, process, log, start_within_s)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def environment_of(data_dir: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables for the app on that folder: no setting of this machine is among them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return kept | {"CUEPOINT_DATA_DIR": str(data_dir), **(settings or {})}


def wait_until_healthy(address: str, process: subprocess.Popen[bytes], log: Path, start_within_s: float) -> None:
    deadline = time.monotonic() + start_within_s
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the app did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
