"""What differs between two versions, or between a version and the library as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.chunking import chunk
from core.datasets.comparing import compare_states
from core.errors import InputError
from core.ledger import DatasetKind, TraceFilter, VideoFacts
from core.models import Segment, Transcript
from tests.datasets.conftest import TALKS
from tests.fakes.archive import Archive, open_archive
from tests.fakes.ingest import transcript_of
from tests.fakes.models import HashingEmbedder
from tests.ledger.samples import make_video, trace

NEW = transcript_of("a-new-one", lines=30)


def edited(talk: Transcript) -> Transcript:
    """Its first line reads otherwise and is as long, so that the other chunks are cut as before."""
    first, *lines = talk.segments
    return replace(talk, segments=(replace(first, text=first.text[::-1]), *lines))


def change(archive: Archive) -> None:
    """One video goes, one comes, one gets another title, in one a line is edited."""
    archive.shop.ledger.library.remove([TALKS[0].video.video_id])
    archive.put(
        NEW,
        replace(TALKS[1], video=replace(TALKS[1].video, title="Another title")),
        edited(TALKS[2]),
    )


@pytest.mark.parametrize("saved", [False, True], ids=["the library as it is", "another version"])
def test_every_kind_of_change_is_found(archive: Archive, saved: bool) -> None:
    archive.datasets.save_library("before")
    change(archive)
    after = archive.datasets.save_library("after").version.version if saved else None
    found = archive.datasets.compare("before", after)
    assert found.after == archive.version() != found.before
    assert [(video.video_id, video.title) for video in found.added] == [("a-new-one", "Talk a-new-one")]
    assert [video.video_id for video in found.removed] == [TALKS[0].video.video_id]
    titled, reworded = found.changed
    assert (titled.video_id, titled.title, titled.what) == (TALKS[1].video.video_id, "Another title", ("title",))
    assert (titled.added, titled.removed, titled.changed) == ((), (), ())
    assert (reworded.video_id, reworded.what) == (TALKS[2].video.video_id, ("text", "chunks"))
    assert reworded.changed == (f"{TALKS[2].video.video_id}:0",)
    assert found.same == 1
    assert found.chunks_added == tuple(part.id for part in chunk(NEW))
    assert found.chunks_removed == tuple(part.id for part in chunk(TALKS[0]))
    assert found.chunks_changed == reworded.changed
    assert found.notices == ()


def test_the_other_way_round_what_was_added_is_removed(archive: Archive) -> None:
    archive.datasets.save_library("before")
    change(archive)
    archive.datasets.save_library("after")
    there, back = archive.datasets.compare("before", "after"), archive.datasets.compare("after", "before")
    assert (there.added, there.removed, there.before) == (back.removed, back.added, back.after)
    assert there.chunks_changed == back.chunks_changed


def test_a_version_does_not_differ_from_itself_or_from_the_same_library(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    for after in ("gold", None):
        found = archive.datasets.compare("gold", after)
        assert (found.is_empty, found.same) == (True, 4)


def test_chunks_that_come_and_go_with_a_longer_text_are_named(archive: Archive) -> None:
    talk = TALKS[3]
    archive.datasets.save_library("before")
    longer = replace(talk, segments=(*talk.segments, *(Segment(f"more {n} " * 20, 200.0 + n, 1.0) for n in range(20))))
    archive.put(longer)
    found = archive.datasets.compare("before")
    before, after = ({part.id for part in chunk(each)} for each in (talk, longer))
    assert set(found.chunks_added) == after - before
    assert set(found.chunks_removed) == set()
    assert set(archive.datasets.compare("before", "before").chunks_added) == set()


def test_versions_of_two_embedders_say_so(tmp_path: Path) -> None:
    archive = open_archive(tmp_path, TALKS[:1])
    archive.datasets.save_library("before")
    archive.close()
    archive = open_archive(tmp_path, embedder=HashingEmbedder(32, identity="hashing@2"))
    found = archive.datasets.compare("before")
    assert found.is_empty
    assert found.before != found.after
    assert "hashing@1" in found.notices[0]
    assert "hashing@2" in found.notices[0]
    archive.close()


def test_only_versions_of_the_library_can_be_compared_and_restored(archive: Archive) -> None:
    archive.shop.ledger.traces.finish(trace("t1"), mirror=False)
    archive.datasets.save_traces(DatasetKind.TRACES, TraceFilter(), "traffic")
    for use in (archive.datasets.compare, archive.datasets.restore):
        with pytest.raises(InputError, match="traffic holds traces and not a library"):
            use("traffic")


def test_a_number_of_parts_that_differs_alone_is_a_change_of_the_chunks() -> None:
    """It goes into the version, so it must not look like no change."""
    old = VideoFacts(make_video("v"), "text", "one", {"v:0": "h"})
    new = replace(old, chunks_hash="two")
    (found,) = compare_states(iter([old]), iter([new])).changed
    assert found.what == ("chunks",)


def test_a_length_that_nobody_measured_equals_itself() -> None:
    facts = VideoFacts(make_video("v", duration_s=float("nan")), "text", "chunks", {})
    assert compare_states(iter([facts]), iter([replace(facts)])).same == 1
