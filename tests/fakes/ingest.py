"""What an ingest works with, without network and models: a follower of the ledger, a scripted YouTube, transcripts."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.config import Settings
from core.errors import CuepointError, SourceError
from core.exact_index import ExactIndex
from core.ingestion import Ingestor
from core.ledger import Ledger, LibraryStore, open_ledger
from core.models import EmbeddedChunk, IndexRow, Segment, Transcript, Video
from tests.fakes.models import HashingEmbedder

WORDS = [
    "vector",
    "index",
    "chunk",
    "drift",
    "prompt",
    "token",
    "answer",
    "quote",
    "second",
    "video",
    "talk",
    "score",
    "recall",
    "window",
    "model",
    "cost",
]


class FollowingIndex:
    """Makes an ExactIndex equal to the ledger; counts how often it was asked."""

    def __init__(self, library: LibraryStore, embedder: HashingEmbedder) -> None:
        self.index = ExactIndex(embedder.dimensions)
        self.follows = 0
        self.error: CuepointError | None = None
        self._library, self._embedder = library, embedder

    def follow(self) -> None:
        self.follows += 1
        if self.error is not None:
            raise self.error
        held, wanted = self.index.inventory(), self._library.inventory(embedder=self._embedder.identity)
        self.index.delete([chunk_id for chunk_id in held if chunk_id not in wanted])
        changed = [chunk_id for chunk_id, content in wanted.items() if held.get(chunk_id) != content]
        stored = self._library.stored(changed, embedder=self._embedder.identity).values()
        self.index.upsert(
            [
                IndexRow(item.chunk, item.video, EmbeddedChunk(item.chunk, item.vectors).pooled)
                for item in stored
                if item.vectors is not None
            ]
        )


@dataclass
class ScriptedYouTube:
    """Lists by address, transcripts or errors by id; ``gate`` holds every fetch while it is clear."""

    lists: dict[str, list[str] | CuepointError] = field(default_factory=dict)
    videos: dict[str, Transcript | Exception] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    languages: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.gate.set()

    def expand(self, address: str) -> list[str]:
        found = self.lists.get(address, [address] if address in self.videos else None)
        if found is None:
            raise SourceError(f'"{address}" names nothing on YouTube', subject=address, hint="Give an address.")
        if isinstance(found, CuepointError):
            raise found
        return found

    def fetch(self, video_id: str, languages: Sequence[str]) -> Transcript:
        self.fetched.append(video_id)
        self.languages = languages
        assert self.gate.wait(20)
        found = self.videos[video_id]
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Workshop:
    """An ingestor on a real ledger with everything around it."""

    folder: Path
    ledger: Ledger
    embedder: HashingEmbedder
    youtube: ScriptedYouTube
    sync: FollowingIndex
    ingestor: Ingestor

    def close(self) -> None:
        self.youtube.gate.set()
        self.ingestor.close()
        self.ledger.close()


def open_workshop(
    folder: Path, *, embedder: HashingEmbedder | None = None, sync: FollowingIndex | None = None
) -> Workshop:
    settings = Settings(_env_file=None, data_dir=folder, fetch_pause_s=0.0)  # type: ignore[call-arg]
    ledger = open_ledger(settings.ledger_url)
    embedder = embedder or HashingEmbedder(32)
    sync = sync or FollowingIndex(ledger.library, embedder)
    youtube = ScriptedYouTube()
    return Workshop(folder, ledger, embedder, youtube, sync, Ingestor(ledger, embedder, sync, youtube, settings))


def transcript_of(video_id: str, *, lines: int = 60, title: str = "") -> Transcript:
    """A talk whose text depends on its id only."""
    rng = random.Random(video_id)
    segments = tuple(
        Segment(f"line {n} of {video_id} " + " ".join(rng.choices(WORDS, k=8)), n * 3.0, 3.0) for n in range(lines)
    )
    return Transcript(Video(video_id, title or f"Talk {video_id}", "A channel"), segments)


def write_json(folder: Path, transcript: Transcript) -> Path:
    """The transcript as the file that users bring."""
    video = transcript.video
    lines = [{"start": s.start_s, "duration": s.duration_s, "text": s.text} for s in transcript.segments]
    document = {"video_id": video.video_id, "title": video.title, "channel": video.channel, "language": "en"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{video.video_id}.json"
    path.write_text(json.dumps(document | {"segments": lines}))
    return path
