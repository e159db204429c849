"""Processes that save or restore and are killed on the way. ``python -m tests.datasets.victims``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import event

from tests.fakes.archive import open_archive
from tests.ingestion.victims import Fuse
from tests.ledger import workers


def kill_restore(data_dir: str, name: str, statement: str) -> None:
    """Restores a version and dies before its n-th statement; the last line says how many there were in all."""
    archive = open_archive(Path(data_dir))
    count = [0]
    event.listen(archive.shop.ledger._database.engine, "before_cursor_execute", lambda *_: _next(count))
    if int(statement):
        workers.die_at_statement(archive.shop.ledger._database.engine, int(statement))
    archive.restore(name)
    workers.say(f"statements {count[0]}")


def _next(count: list[int]) -> None:
    count[0] += 1


def kill_saving(data_dir: str, point: str, count: str) -> None:
    """Saves the library and dies before the n-th time that it does something to the disk or the ledger."""
    archive = open_archive(Path(data_dir))
    fuse = Fuse(int(count))
    if point == "statement":
        workers.die_at_statement(archive.shop.ledger._database.engine, int(count))
    elif point == "fsync":
        sync = os.fsync
        os.fsync = lambda handle: (fuse(), sync(handle))[1]
    else:
        rename = Path.rename
        Path.rename = lambda path, target: (fuse(), rename(path, target))[1]  # type: ignore[method-assign]
    archive.datasets.save_library("gold", "note")


class Victims(workers.Workers):
    """The test's side."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.datasets.victims"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=workers.ROOT
        )


if __name__ == "__main__":
    workers.COMMANDS |= {"kill_restore": kill_restore, "kill_saving": kill_saving}
    workers.main()
