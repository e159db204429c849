"""Other tracers to measure beside: their environment, which is none of the app's, and the process of each."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from benchmarks.harness import ROOT
from benchmarks.peer_process import Found, found_in

PEERS = ("phoenix_peer", "mlflow_peer")
LOCK = ROOT / "requirements-tracing.txt"
ENVIRONMENT = ROOT / ".venv-tracing"
"""Kept, as it is a gigabyte. They want other releases of some packages than the app."""


_LONGEST_S = 1800
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
"""They tell nobody that they run."""


class NoPeers(Exception):
    """The peers cannot be had here; the message says why."""


def peer(name: str, folder: Path, *, written: int, read: int, python: Path | None = None) -> Found:
    """Runs the peer's process to its end, with the environment's Python. Raises NoPeers, also where it fails."""
    command = [str(python or _python()), "-m", f"benchmarks.{name}", str(folder), str(written), str(read)]
    return found_in(_run(f"{name} failed", *command).splitlines()[-1])


def _python() -> Path:
    """The environment's, made anew where the lock is another."""
    python, mark = ENVIRONMENT / "bin" / "python", ENVIRONMENT / ".setup-done"
    locked = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != locked:
        print(f"Installing the peers into {ENVIRONMENT.name}; this takes some minutes", flush=True)
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        trouble = "their environment could not be made"
        _run(trouble, sys.executable, "-m", "venv", str(ENVIRONMENT))
        _run(trouble, str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(LOCK))
        mark.write_text(locked)
    return python


def _run(trouble: str, *command: str) -> str:
    """What it prints. Nothing that it started outlives it."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | _QUIET, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        printed, complaint = process.communicate(timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        raise NoPeers(f"{trouble}: it took more than {_LONGEST_S / 60:.0f} minutes") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise NoPeers(f"{trouble}: {complaint.strip().rpartition(chr(10))[2]}")
    return printed
