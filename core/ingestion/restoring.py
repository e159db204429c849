"""A saved version as a source: its videos with the chunks that they had, and what in the library is none of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.datasets.folder import DatasetFolder, embedder_of, other_embedder
from core.datasets.lines import kept_video
from core.ledger import KeptVideo, Ledger


@dataclass(frozen=True, slots=True)
class Expected:
    """How many videos a task will bring."""

    videos: int


@dataclass(frozen=True, slots=True)
class Rest:
    """Comes after the last video of a version: whatever else the library holds has to go."""

    version: str
    video_ids: frozenset[str]
    embedder: str
    """That the version belongs to."""


Restored = Expected | KeptVideo | Rest


class VersionReader:
    """Reads the files of saved versions."""

    def __init__(self, ledger: Ledger, data_dir: Path) -> None:
        self._datasets = ledger.datasets
        self._folder = DatasetFolder(data_dir)

    def read(self, version: str) -> Iterator[Restored]:
        """One video in memory at a time. Raises NotFound, and LibraryCorrupt before the first video."""
        known = self._datasets.get(version)
        yield Expected(known.rows)
        video_ids = set()
        for document in self._folder.documents(known):
            video = kept_video(document)
            video_ids.add(video.transcript.video.video_id)
            yield video
        yield Rest(version, frozenset(video_ids), embedder_of(known))


def remove_rest(ledger: Ledger, rest: Rest) -> int:
    """Takes out what is not in the version; returns how many videos. Doing it again changes nothing."""
    gone = [video_id for video_id in ledger.library.revisions() if video_id not in rest.video_ids]
    return ledger.library.remove(gone) if gone else 0


def difference_left(ledger: Ledger, rest: Rest, embedder: str) -> str:
    """Says why the library has another version than the one that was restored; "" where it has not."""
    if ledger.library.version(embedder) == rest.version:
        return ""
    if embedder != rest.embedder:
        return other_embedder(rest.embedder, embedder)
    return "The library was changed while it was restored, so it is not quite that version. Restore it again."
