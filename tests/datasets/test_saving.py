"""A version on the disk: deterministic, whole or not there, and never trusted when it was changed."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets import folder as disk
from core.datasets.folder import DatasetFolder
from core.errors import InputError, LibraryCorrupt, LibraryFull, NotFound
from core.ledger import DatasetKind, TraceFilter
from tests.datasets.conftest import TALKS
from tests.fakes.archive import Archive, open_archive
from tests.ledger.samples import trace


def test_a_saved_library_is_a_line_per_video_and_a_manifest(archive: Archive) -> None:
    saved = archive.datasets.save_library("gold", "before the clean-up")
    version = saved.version
    assert saved.new
    assert (version.version, version.alias, version.note) == (archive.version(), "gold", "before the clean-up")
    folder = archive.datasets.folder_of(version)
    assert folder == archive.shop.folder / "datasets" / "library" / version.version
    assert sorted(file.name for file in folder.iterdir()) == ["data.jsonl", "manifest.json"]
    lines = archive.lines(version)
    assert [line["video_id"] for line in lines] == [talk.video.video_id for talk in TALKS]
    assert [segment["text"] for segment in lines[0]["segments"]] == [s.text for s in TALKS[0].segments]
    first = next(archive.shop.ledger.library.iter_stored(embedder="", video_ids=[lines[0]["video_id"]])).chunk
    assert lines[0]["chunks"][0] == {
        "id": first.id, "part_id": 0, "max_part_id": first.max_part_id, "text": first.text,
        "cues": [[cue.offset, cue.start_s, cue.end_s] for cue in first.cues],
        "windows": [list(window) for window in first.windows], "content_hash": first.content_hash,
    }  # fmt: skip


def test_the_manifest_says_what_it_is_and_what_it_was_made_with(archive: Archive) -> None:
    version = archive.datasets.save_library("gold").version
    manifest = json.loads(archive.datasets.manifest(version))
    assert (archive.datasets.folder_of(version) / "manifest.json").read_bytes() == archive.datasets.manifest(version)
    data = archive.datasets.data_file(version)
    assert manifest == version.manifest == archive.shop.ledger.datasets.get(version.version).manifest
    assert (manifest["version"], manifest["kind"], manifest["name"]) == (version.version, "library", "library")
    assert manifest["counts"] == {"videos": 4, "chunks": sum(len(line["chunks"]) for line in archive.lines(version))}
    assert (manifest["rows"], manifest["bytes"]) == (4, data.stat().st_size) == (version.rows, version.bytes)
    assert manifest["sha256"] == disk.file_hash(data)
    assert manifest["embedder"] == "hashing@1"
    assert manifest["chunking"] == {"chunk_chars": 1000, "chunk_overlap_chars": 50}
    assert manifest["created_at"] == version.created_at.isoformat()


def test_the_same_content_gives_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    files = []
    for name, talks in (("one", TALKS), ("two", TALKS[::-1])):
        archive = open_archive(tmp_path / name, talks)
        files.append(archive.datasets.data_file(archive.datasets.save_library().version).read_bytes())
        archive.close()
    assert files[0] == files[1]


def test_saving_the_same_again_writes_nothing_and_says_so(archive: Archive) -> None:
    first = archive.datasets.save_library("gold", "a note").version
    before = (archive.datasets.folder_of(first) / "manifest.json").stat().st_mtime_ns
    again = archive.datasets.save_library("silver", "another")
    assert (again.new, again.version) == (False, first)
    assert (archive.datasets.folder_of(first) / "manifest.json").stat().st_mtime_ns == before
    assert len(archive.datasets.versions()) == 1


def test_a_version_without_a_name_takes_the_first_one_that_it_is_given(archive: Archive) -> None:
    archive.datasets.save_library(note="by itself")
    assert archive.datasets.save_library("gold").version.alias == "gold"
    (listed,) = archive.datasets.versions()
    assert (listed.alias, listed.note) == ("gold", "by itself")


def test_an_empty_library_is_not_saved(tmp_path: Path) -> None:
    archive = open_archive(tmp_path)
    with pytest.raises(InputError, match="The library is empty"):
        archive.datasets.save_library("gold")
    assert archive.datasets.versions() == []
    archive.close()


@pytest.mark.parametrize(("label", "named"), [(("x" * 81, ""), "name"), (("", "x" * 2001), "note")])
def test_a_name_or_note_that_is_too_long_is_refused(archive: Archive, label: tuple[str, str], named: str) -> None:
    with pytest.raises(InputError, match=f"The {named} of a data version has"):
        archive.datasets.save_library(*label)
    assert archive.datasets.versions() == []


def test_names_and_notes_are_kept_on_one_clean_line(archive: Archive) -> None:
    version = archive.datasets.save_library("  go\x00ld\n\u202eplate ", "two\nlines").version
    assert (version.alias, version.note) == ("gold plate", "two lines")


# ---------------------------------------------------------------------------------------------------------- damage


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def edit_manifest(file: Path) -> None:
    document = json.loads(file.with_name("manifest.json").read_text())
    file.with_name("manifest.json").write_text(json.dumps(document | {"embedder": "another"}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (cut, "data.jsonl does not match its manifest"),
    "flipped": (flip, "data.jsonl does not match its manifest"),
    "gone": (Path.unlink, "data.jsonl is missing"),
    "manifest gone": (lambda file: file.with_name("manifest.json").unlink(), "manifest.json is missing"),
    "manifest edited": (edit_manifest, "manifest.json was changed"),
    "manifest broken": (lambda file: file.with_name("manifest.json").write_text("{"), "manifest.json cannot be read"),
    "folder gone": (lambda file: file.parent.rename(file.parent.with_name("elsewhere")), "is not on this machine"),
}


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_version_is_named_in_one_sentence_and_never_used(
    archive: Archive, damage: Callable[[Path], object], sentence: str
) -> None:
    version = archive.datasets.save_library("gold").version
    damage(archive.datasets.folder_of(version) / "data.jsonl")
    archive.put(replace(TALKS[0], video=replace(TALKS[0].video, title="Changed")))
    for use in (archive.datasets.verify, archive.datasets.restore, archive.datasets.compare):
        with pytest.raises(LibraryCorrupt, match=f"The data version gold cannot be used: .*{sentence}"):
            use("gold")
    assert "Changed" in archive.titles()
    assert len(archive.datasets.versions()) == 1, "nothing was saved on the way"


@pytest.mark.parametrize("damage", [damage for damage, _ in DAMAGES.values()], ids=DAMAGES)
def test_saving_again_mends_a_damaged_version(archive: Archive, damage: Callable[[Path], object]) -> None:
    version = archive.datasets.save_library("gold", "note").version
    content = archive.datasets.data_file(version).read_bytes()
    damage(archive.datasets.folder_of(version) / "data.jsonl")
    assert archive.datasets.save_library().new
    mended = archive.datasets.verify("gold")
    assert archive.datasets.data_file(mended).read_bytes() == content
    assert (mended.alias, mended.note) == ("gold", "note")


def test_an_unknown_version_is_not_found(archive: Archive) -> None:
    for use in (archive.datasets.verify, archive.datasets.restore, archive.datasets.compare, archive.datasets.delete):
        with pytest.raises(NotFound, match="There is no data version platinum"):
            use("platinum")


# ------------------------------------------------------------------------------------------------ whole or not there


def left_behind(archive: Archive) -> list[str]:
    root = archive.shop.folder / "datasets"
    return (
        sorted(path.name for path in root.glob("*") if path.name not in (".lock", "library")) if root.exists() else []
    )


def test_a_full_disk_leaves_no_half_version(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_draft: object, _document: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(disk.Draft, "add", full)
        with pytest.raises(LibraryFull, match="disk"):
            archive.datasets.save_library("gold")
    assert archive.datasets.versions() == []
    assert left_behind(archive) == []
    assert archive.datasets.save_library("gold").new


def test_what_a_killed_process_left_is_cleared_at_the_next_save(archive: Archive) -> None:
    left = archive.shop.folder / "datasets" / "unfinished-of-a-dead-process"
    left.mkdir(parents=True)
    (left / "data.jsonl").write_bytes(b"{")
    archive.datasets.save_library()
    assert left_behind(archive) == []


def test_files_of_a_version_that_the_ledger_does_not_name_are_written_anew(archive: Archive) -> None:
    """A kill between files and ledger, or somebody's own folder: its content is not believed."""
    folder = DatasetFolder(archive.shop.folder)._of(DatasetKind.LIBRARY, archive.version())
    folder.mkdir(parents=True)
    (folder / "data.jsonl").write_bytes(b"forged")
    assert archive.datasets.save_library().new
    assert len(archive.lines(archive.datasets.versions()[0])) == 4


def test_threads_that_save_at_once_make_one_version(archive: Archive) -> None:
    saved: list[bool] = []
    threads = [
        threading.Thread(target=lambda: saved.append(archive.datasets.save_library("gold").new)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(saved) == [False, False, False, True]
    archive.datasets.verify("gold")


def test_only_a_version_that_nothing_used_is_deleted_with_its_files(archive: Archive) -> None:
    used = archive.datasets.save_library("used").version
    archive.shop.ledger.traces.finish(trace("t1", library_version=used.version), mirror=False)
    archive.shop.ledger.library.remove([TALKS[0].video.video_id])
    spare = archive.datasets.save_library("spare").version
    with pytest.raises(InputError, match="used stays: 1 answer came from it"):
        archive.datasets.delete("used")
    archive.datasets.verify("used")
    archive.datasets.delete("spare")
    assert not archive.datasets.folder_of(spare).exists()
    assert left_behind(archive) == []
    assert [version.alias for version in archive.datasets.versions()] == ["used"]


# ------------------------------------------------------------------------------------------------------- the mirror


def test_without_a_key_nothing_is_put_in_the_outbox(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    assert archive.shop.ledger.outbox.rows(None) == []


def test_with_a_key_a_saved_version_is_put_in_the_outbox_once(tmp_path: Path) -> None:
    archive = open_archive(tmp_path / "data", TALKS, comet_api_key="key")
    version = archive.datasets.save_library("gold", "note").version
    archive.datasets.save_library("gold")
    (row,) = archive.shop.ledger.outbox.rows(None)
    assert (row.kind, row.id, row.version) == ("dataset", version.version, 1)
    archive.shop.ledger.traces.finish(trace("t1"), mirror=False)
    archive.datasets.save_traces(DatasetKind.TRACES, TraceFilter())
    assert len(archive.shop.ledger.outbox.rows(None)) == 2
    archive.close()


def test_a_version_from_before_the_key_is_put_in_the_outbox_when_it_is_saved_again(tmp_path: Path) -> None:
    archive = open_archive(tmp_path / "data", TALKS)
    archive.datasets.save_library("gold")
    archive.close()
    archive = open_archive(tmp_path / "data", comet_api_key="key")
    assert not archive.datasets.save_library().new
    (row,) = archive.shop.ledger.outbox.rows(None)
    assert row.document["aliases"] == ["gold"]
    archive.close()
