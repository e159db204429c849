"""``python -m core cost`` in this process, over a ledger of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import core.__main__ as cli
from core.services import build_services
from tests.fakes.models import HashingEmbedder

Run = Callable[..., tuple[int, str, str]]


def cost_command(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command: exit code, standard output, standard error."""
    monkeypatch.setenv("CUEPOINT_DATA_DIR", str(folder))
    monkeypatch.setattr(cli, "build_services", lambda settings: build_services(settings, embedder=HashingEmbedder(8)))

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main(["cost", *arguments])
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return run
