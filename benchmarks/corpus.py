"""The private corpus as a library, ingested once into the work folder, and its questions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Context, Unavailable, timed, watched
from core.adapters.local_embedding import LocalEmbedder
from core.config import Settings
from core.exact_index import ExactIndex
from core.ledger import Ledger, open_ledger
from core.models import Chunk, EmbeddedChunk, IndexRow
from core.ports import Embedder
from core.retrieval import Retriever
from core.services import build_services
from core.vocabulary import Vocabulary

INGEST_RECORD = "ingest.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question's answer is said."""

    video_id: str
    start_s: float
    end_s: float

    def is_in(self, chunk: Chunk) -> bool:
        return self.video_id == chunk.video_id and chunk.start_s < self.end_s and chunk.end_s > self.start_s


@dataclass(frozen=True, slots=True)
class Question:
    """``gold``: the places that answer it, none where the library has no answer; ``other``: places that also do."""

    id: str
    text: str
    language: str
    kind: str
    gold: tuple[Place, ...]
    other: tuple[Place, ...]

    @property
    def english(self) -> bool:
        return self.language == "en"


def questions(context: Context) -> list[Question]:
    """Raises Unavailable."""
    file = context.data / "questions_dev.json"
    if not file.exists():
        raise Unavailable(f"the questions are not at {file}: name their folder with --data")
    return [
        Question(q["id"], q["question"], q["language"], q["kind"], _places(q["gold"]), _places(q.get("alt_gold")))
        for q in json.loads(file.read_text(encoding="utf-8"))
    ]


def _places(found: Sequence[dict[str, Any]] | None) -> tuple[Place, ...]:
    return tuple(Place(p["video_id"], p["start_s"], p["end_s"]) for p in found or ())


# --------------------------------------------------------------------------------------------------------- ingesting


def settings_of(data_dir: Path, **others: Any) -> Settings:
    """Settings of a library that no variable or .env of this machine reaches."""
    plain: dict[str, Any] = dict.fromkeys(
        ("database_url", "milvus_uri", "milvus_token", "openai_api_key", "openai_base_url", "comet_api_key")
    )
    return Settings(_env_file=None, **(plain | {"data_dir": data_dir} | others))  # type: ignore[call-arg]


def ingest_once(context: Context) -> Path:
    """The data folder of a library that holds the corpus; ingested now if it is not there yet.

    What the ingest took is kept beside it, for the benchmark of ingests.
    """
    data_dir, record = context.work / "data", context.work / INGEST_RECORD
    if record.exists():
        return data_dir
    files = sorted(context.videos.glob("*.json"))
    if context.quick:
        gold = {place.video_id for question in questions(context) for place in question.gold}
        files = [file for file in files if file.stem in gold][:12]
    print(f"ingesting {len(files)} videos into {data_dir}", flush=True)
    record.write_text(json.dumps(_ingest(settings_of(data_dir), files)), encoding="utf-8")
    return data_dir


def _ingest(settings: Settings, files: Sequence[Path]) -> dict[str, Any]:
    """As ``python -m core ingest`` does it; seconds until all can be searched, and until the last index stands too."""
    services = build_services(settings)
    try:
        with watched() as circumstances:
            report, ingest_ms = timed(lambda: services.ingestor.ingest([str(file) for file in files]))
            _, rest_ms = timed(services.upkeep.catch_up)
        if report.failed:
            raise RuntimeError(f"{len(report.failed)} videos failed, the first: {report.failed[0]}")
        stats = services.stats()
    finally:
        services.close()
    return {
        "videos": stats.videos,
        "chunks": stats.chunks,
        "searchable_s": ingest_ms / 1000,
        "complete_s": (ingest_ms + rest_ms) / 1000,
        "load": circumstances.load,
        "others": circumstances.others,
        "cores": os.cpu_count(),
    }


def ingest_record(context: Context) -> dict[str, Any]:
    """What the ingest of the corpus took."""
    ingest_once(context)
    found: dict[str, Any] = json.loads((context.work / INGEST_RECORD).read_text(encoding="utf-8"))
    return found


# ----------------------------------------------------------------------------------------------------------- opening


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of a laptop's services that a search uses, wired as core.services does it."""

    ledger: Ledger
    embedder: Embedder
    index: ExactIndex
    vocabulary: Vocabulary

    def rows(self) -> Iterator[IndexRow]:
        for stored in self.ledger.library.iter_stored(embedder=self.embedder.identity):
            if stored.vectors is not None:
                yield IndexRow(stored.chunk, stored.video, EmbeddedChunk(stored.chunk, stored.vectors).pooled)

    def retriever(self, *, related_words: bool = True) -> Retriever:
        vocabulary = self.vocabulary if related_words else None
        return Retriever(self.ledger.library, self.index, self.embedder, vocabulary=vocabulary)


@contextmanager
def opened(data_dir: Path, embedder: Embedder | None = None) -> Iterator[Library]:
    """The library with its index filled and its model loaded."""
    settings = settings_of(data_dir)
    embedder = embedder or LocalEmbedder(data_dir / "models")
    ledger = open_ledger(settings.ledger_url)
    try:
        library = Library(ledger, embedder, ExactIndex(), Vocabulary(ledger.terms, embedder))
        library.index.upsert(list(library.rows()))
        library.vocabulary.extend(library.index.vocabulary())
        embedder.embed(["warm"])
        yield library
    finally:
        ledger.close()
