"""Uploads are kept while a report may be read, and no longer."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.drift import uploads
from core.drift.paths import keep_upload
from core.drift.uploads import KEPT, clean_uploads, touch_upload
from tests.fakes.drifting import open_desk

NOW = datetime.now(UTC)


def aged(folder: Path, name: str, days: float) -> Path:
    path = keep_upload(folder, name, name.encode())
    at = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (at, at))
    return path


def test_what_no_report_used_for_long_goes_and_what_one_uses_stays(tmp_path: Path) -> None:
    old, used, young = aged(tmp_path, "old.csv", 40), aged(tmp_path, "used.csv", 40), aged(tmp_path, "young.csv", 20)
    touched = aged(tmp_path, "touched.csv", 40)
    touch_upload(touched, NOW - KEPT / 2)
    assert clean_uploads(tmp_path, NOW, {used}) == 1
    assert [path.exists() for path in (old, used, young, touched)] == [False, True, True, True]


def test_what_a_killed_process_left_unfinished_goes_after_an_hour(tmp_path: Path) -> None:
    left = aged(tmp_path, "a.csv", 0.1).rename(tmp_path / "uploads" / "a.unfinished")
    fresh = aged(tmp_path, "b.csv", 0).rename(tmp_path / "uploads" / "b.unfinished")
    assert clean_uploads(tmp_path, NOW, set()) == 1
    assert (left.exists(), fresh.exists()) == (False, True)


def test_of_too_much_the_longest_unused_goes_first(tmp_path: Path, monkeypatch) -> None:
    older, newer = aged(tmp_path, "older.csv", 3), aged(tmp_path, "newer.csv", 2)
    monkeypatch.setattr(uploads, "KEPT_BYTES", len("newer.csv"))
    assert clean_uploads(tmp_path, NOW, set()) == 1
    assert (older.exists(), newer.exists()) == (False, True)


def test_a_folder_that_is_not_there_has_nothing_to_clean(tmp_path: Path) -> None:
    assert clean_uploads(tmp_path / "nowhere", NOW, set()) == 0


def test_an_upload_cleans_up_and_keeps_the_files_of_a_report_under_way(tmp_path: Path) -> None:
    desk = open_desk(tmp_path / "data", "hang")
    folder = tmp_path / "data" / "drift"
    windows = [desk.drift.upload(name, b"a\n1\n") for name in ("a.csv", "b.csv")]
    report_id = desk.drift.start(*windows)
    forgotten = aged(folder, "old.csv", 40)
    for window in windows:
        path = Path(window.removeprefix("file:"))
        os.utime(path, (0, 0))
    desk.drift.upload("c.csv", b"a\n1\n")
    assert not forgotten.exists()
    assert all(Path(window.removeprefix("file:")).exists() for window in windows)
    desk.drift.stop(report_id)
    desk.close()
