"""Processes that ingest and are killed on the way. ``python -m tests.ingestion.victims``, as tests.ledger.workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import event

from core.models import Transcript, Vectors
from tests.fakes.ingest import Workshop, open_workshop
from tests.fakes.models import HashingEmbedder
from tests.ledger import workers


class Fuse:
    """SIGKILLs this process when it is lit for the n-th time."""

    def __init__(self, count: int) -> None:
        self._left = count

    def __call__(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class FusedEmbedder(HashingEmbedder):
    """Dies before or after a call of ``embed``."""

    def __init__(self, before: Fuse, after: Fuse) -> None:
        super().__init__(32)
        self._before, self._after = before, after

    def embed(self, texts: Sequence[str]) -> Vectors:
        self._before()
        vectors = super().embed(texts)
        self._after()
        return vectors


class FusedSync:
    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def follow(self) -> None:
        self._fuse()


def kill_ingest(data_dir: str, talks: str, upload: str, point: str, count: str) -> None:
    """Ingests a folder and an upload, and dies at a point, when it comes there for the n-th time."""
    fuses = {name: Fuse(int(count) if name == point else 0) for name in POINTS}
    embedder = FusedEmbedder(fuses["fetched"], fuses["embedded"])
    shop = open_workshop(Path(data_dir), embedder=embedder, sync=FusedSync(fuses["committed"]))
    _arm(shop, fuses)
    shop.ingestor.ingest([talks], uploads=[("upload.json", Path(upload).read_bytes())])


POINTS = ("unfolded", "fetched", "embedded", "saving", "saved", "noted", "committed")
"""After the folder was listed; after files were read; after they were embedded; in a video's transaction; after it;
after the item was written down; after all of it, before the index follows."""


def _arm(shop: Workshop, fuses: dict[str, Fuse]) -> None:
    @event.listens_for(shop.ledger._database.engine, "after_cursor_execute")
    def _in_transaction(_c: object, _k: object, statement: str, *_: object) -> None:
        if "INSERT INTO vectors" in statement:
            fuses["saving"]()

    save, set_item, add_items = shop.ledger.library.save, shop.ledger.jobs.set_item, shop.ledger.jobs.add_items

    def saved(transcript: Transcript, chunks: object, *, embedder: str) -> int:
        revision = save(transcript, chunks, embedder=embedder)  # type: ignore[arg-type]
        fuses["saved"]()
        return revision

    def noted(*arguments: object, **options: object) -> None:
        set_item(*arguments, **options)  # type: ignore[arg-type]
        fuses["noted"]()

    def unfolded(job_id: str, items: Sequence[str]) -> int:
        added = add_items(job_id, items)
        fuses["unfolded"]()
        return added

    shop.ledger.library.save = saved  # type: ignore[method-assign]
    shop.ledger.jobs.set_item = noted  # type: ignore[method-assign]
    shop.ledger.jobs.add_items = unfolded  # type: ignore[method-assign]


class Victims(workers.Workers):
    """The test's side; each command runs in a fork that has the imports behind it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.ingestion.victims"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=workers.ROOT)


if __name__ == "__main__":
    workers.COMMANDS["kill_ingest"] = kill_ingest
    workers.main()
