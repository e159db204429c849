"""What an ingest works with, without network and models: a scripted YouTube, and transcripts."""

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
from core.ingestion import Ingestor, Sync
from core.ledger import Ledger, open_ledger
from core.library import IndexSync
from core.models import Segment, Transcript, Video
from core.ports import TranscriptSource
from tests.fakes.models import HashingEmbedder

WORDS = ("vector", "index", "chunk", "drift", "prompt", "token", "answer", "quote", "second", "talk", "score", "recall")


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
    index: ExactIndex
    ingestor: Ingestor

    def close(self) -> None:
        self.youtube.gate.set()
        self.ingestor.close()
        self.ledger.close()


def open_workshop(
    folder: Path,
    *,
    embedder: HashingEmbedder | None = None,
    sync: Sync | None = None,
    source: TranscriptSource | None = None,
) -> Workshop:
    settings = Settings(_env_file=None, data_dir=folder, fetch_pause_s=0.0)  # type: ignore[call-arg]
    ledger = open_ledger(settings.ledger_url)
    embedder = embedder or HashingEmbedder(32)
    index = ExactIndex()
    youtube = ScriptedYouTube()
    sync = sync or IndexSync(ledger.library, index, embedder)
    ingestor = Ingestor(ledger, embedder, sync, source or youtube, settings)
    return Workshop(folder, ledger, embedder, youtube, index, ingestor)


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
