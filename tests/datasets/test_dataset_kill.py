"""kill -9 at any point: a version is whole or not there, and a restoration begun is completed at the next start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.chunking import chunk
from tests.datasets.conftest import TALKS
from tests.datasets.test_comparing import NEW, change
from tests.datasets.victims import Victims
from tests.fakes.archive import Archive, open_archive


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    started = Victims()
    yield started
    started.close()


@dataclass(frozen=True)
class Prepared:
    """A folder with a library that was changed after it was saved as gold."""

    folder: Path
    gold: str
    changed: str


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared") / "data"
    archive = open_archive(folder, TALKS)
    gold = archive.datasets.save_library("gold").version.version
    change(archive)
    changed = archive.version()
    archive.close()
    return Prepared(folder, gold, changed)


def assert_whole(archive: Archive) -> None:
    """Every video has just the chunks of its text, each with vectors."""
    library, embedder = archive.shop.ledger.library, archive.shop.embedder.identity
    for entry in library.videos():
        stored = list(library.iter_stored(embedder=embedder, video_ids=[entry.video.video_id]))
        cut = {part.id: part for part in chunk(library.transcript(entry.video.video_id))}
        assert {item.chunk.id: item.chunk for item in stored} == cut
        assert all(item.vectors is not None for item in stored)


def test_a_killed_restoration_is_completed_at_the_next_start(
    victims: Victims, prepared: Prepared, tmp_path: Path
) -> None:
    """Killed before many a statement, from the first look at the version to the end of the job."""
    victims.start("kill_restore", shutil.copytree(prepared.folder, tmp_path / "whole"), "gold", 0)
    statements = int(victims.line().removeprefix("statements "))
    assert victims.line() == "ended 0"
    resumed = 0
    for n in range(6, statements, max(1, statements // 6)):
        data = shutil.copytree(prepared.folder, tmp_path / f"data-{n}")
        assert victims.run("kill_restore", data, "gold", n) == "killed"
        archive = open_archive(data)
        assert_whole(archive)
        jobs = archive.shop.ingestor.resume()
        resumed += len(jobs)
        for job_id in jobs:
            archive.finish(job_id)
        assert_whole(archive)
        assert archive.version() in ({prepared.gold} if jobs else {prepared.gold, prepared.changed})
        if archive.version() == prepared.gold:
            assert archive.datasets.verify(prepared.changed).note.startswith("Saved by itself"), "there is a way back"
        assert archive.shop.ledger.jobs.unfinished("ingest") == []
        archive.close()
    assert resumed >= 2


def test_a_version_that_was_restored_twice_after_a_kill_is_that_version(
    victims: Victims, prepared: Prepared, tmp_path: Path
) -> None:
    """By hand, without waiting for the job that was left behind."""
    data = shutil.copytree(prepared.folder, tmp_path / "data")
    assert victims.run("kill_restore", data, "gold", 120) == "killed"
    archive = open_archive(data)
    archive.restore("gold")
    assert archive.version() == prepared.gold
    assert f"Talk {NEW.video.video_id}" not in archive.titles()
    archive.close()


@pytest.mark.parametrize(
    ("point", "counts"),
    [("fsync", (1, 2, 4, 5)), ("rename", range(1, 2)), ("statement", range(1, 26, 6))],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_killed_save_leaves_a_whole_version_or_none(
    victims: Victims, prepared: Prepared, tmp_path: Path, point: str, counts: Sequence[int]
) -> None:
    for n in counts:
        data = shutil.copytree(prepared.folder, tmp_path / f"data-{n}")
        shutil.rmtree(data / "datasets")
        ended = victims.run("kill_saving", data, point, n)
        assert ended == "killed" or (point, ended) == ("statement", "ended 0")
        archive = open_archive(data)
        folder = data / "datasets" / "library" / prepared.changed
        if folder.exists():
            assert {path.name for path in folder.iterdir()} == {"data.jsonl", "manifest.json"}
        archive.datasets.save_library("gold")
        archive.datasets.verify(prepared.changed)
        left = {path.name for path in (data / "datasets").iterdir()}
        assert left == {".lock", "library"}
        archive.close()
