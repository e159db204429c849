"""Versions of the data over a real ledger, index and ingestor, for tests of what is saved and restored."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.chunking import chunk
from core.config import Settings
from core.datasets import Datasets
from core.documents import trace_document
from core.ingestion import Sync
from core.ledger import DatasetVersion, open_ledger
from core.models import EmbeddedChunk, Transcript
from tests.fakes.ingest import Workshop, open_workshop
from tests.fakes.models import HashingEmbedder


@dataclass
class Archive:
    """A library in a folder with everything that keeps versions of it."""

    shop: Workshop
    datasets: Datasets

    def put(self, *transcripts: Transcript) -> None:
        """Saves the talks as an ingest would, without a job."""
        embedder = self.shop.embedder
        for talk in transcripts:
            parts = [EmbeddedChunk(part, embedder.embed(part.window_texts())) for part in chunk(talk)]
            self.shop.ledger.library.save(talk, parts, embedder=embedder.identity)

    def version(self) -> str:
        return self.shop.ledger.library.version(self.shop.embedder.identity)

    def titles(self) -> set[str]:
        return {entry.video.title for entry in self.shop.ledger.library.videos()}

    def lines(self, version: DatasetVersion) -> list[Any]:
        return [json.loads(line) for line in self.datasets.data_file(version).read_bytes().split(b"\n")[:-1]]

    def restore(self, name: str) -> None:
        """Waits until the library is that version."""
        job_id = self.datasets.restore(name).job_id
        if job_id is not None:
            self.finish(job_id)

    def finish(self, job_id: str) -> None:
        deadline = time.monotonic() + 30
        while not self.shop.ingestor.progress(job_id).finished:
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)

    def close(self) -> None:
        self.shop.close()


@cache
def _empty_ledger() -> bytes:
    """Made once in this process: quicker than migrating for each test."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "cuepoint.db"
        open_ledger(f"sqlite:///{file}").close()
        return file.read_bytes()


def open_archive(
    folder: Path,
    talks: Sequence[Transcript] = (),
    *,
    embedder: HashingEmbedder | None = None,
    sync: Sync | None = None,
    **settings: Any,
) -> Archive:
    file = folder / "cuepoint.db"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_empty_ledger())
    shop = open_workshop(folder, embedder=embedder, sync=sync)
    known = Settings(_env_file=None, data_dir=folder, **settings)  # type: ignore[call-arg]
    archive = Archive(shop, Datasets(shop.ledger, shop.embedder, known, shop.ingestor, as_document=trace_document))
    archive.put(*talks)
    return archive
