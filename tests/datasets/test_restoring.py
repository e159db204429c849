"""The library becomes a version that was saved, and what it was is saved first."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chunking import chunk
from core.errors import EmbeddingError, InputError
from core.ledger import KeptVideo
from core.models import Segment, Transcript, Vectors, Video, VideoKind
from tests.datasets.conftest import TALKS
from tests.datasets.test_comparing import change, edited
from tests.fakes.archive import Archive, open_archive
from tests.fakes.ingest import transcript_of
from tests.fakes.models import HashingEmbedder
from tests.ledger.samples import NASTY


def contents(archive: Archive) -> list[KeptVideo]:
    """All that the library holds, but when it came."""
    with archive.shop.ledger.datasets.library(archive.shop.embedder.identity) as snapshot:
        return [_timeless(kept) for kept in snapshot.videos()]


def _timeless(kept: KeptVideo) -> KeptVideo:
    return replace(kept, transcript=replace(kept.transcript, video=replace(kept.transcript.video, added_at=None)))


def test_the_library_is_that_version_again_in_every_field(archive: Archive) -> None:
    gold, before = archive.datasets.save_library("gold").version, contents(archive)
    change(archive)
    assert contents(archive) != before
    archive.restore("gold")
    assert contents(archive) == before
    assert archive.version() == gold.version


def test_what_the_library_was_is_saved_first_and_can_be_had_back(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    change(archive)
    changed = archive.version()
    restoring = archive.datasets.restore("gold")
    assert restoring.before is not None
    assert (restoring.before.version, restoring.before.alias) == (changed, "")
    assert restoring.before.note == "Saved by itself before gold was restored"
    assert restoring.job_id is not None
    archive.finish(restoring.job_id)
    archive.restore(changed)
    assert archive.version() == changed
    assert "Another title" in archive.titles()


def test_only_chunks_that_the_library_lacks_are_embedded(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    archive.put(edited(TALKS[2]))
    archive.shop.embedder.texts.clear()
    archive.restore("gold")
    first = chunk(TALKS[2])[0]
    assert set(archive.shop.embedder.texts) <= set(first.window_texts())
    assert archive.shop.embedder.texts


def test_a_title_that_changed_costs_no_embedding(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    archive.put(replace(TALKS[1], video=replace(TALKS[1].video, title="Another", note="edited")))
    archive.shop.embedder.texts.clear()
    archive.restore("gold")
    assert archive.shop.embedder.texts == []
    assert "Another" not in archive.titles()


def test_chunks_come_back_as_they_were_cut_then(tmp_path: Path) -> None:
    """Not as the present settings would cut them."""
    archive = open_archive(tmp_path, TALKS[:1])
    archive.datasets.save_library("gold")
    library, embedder = archive.shop.ledger.library, archive.shop.embedder
    wide = {item.chunk.id: item.chunk for item in library.iter_stored(embedder=embedder.identity)}
    library.remove([TALKS[0].video.video_id])
    archive.close()
    archive = open_archive(tmp_path, chunk_chars=300, embedder=embedder)
    archive.restore("gold")
    stored = archive.shop.ledger.library.iter_stored(embedder=embedder.identity)
    assert {item.chunk.id: item.chunk for item in stored} == wide
    archive.close()


def test_the_index_follows(archive: Archive) -> None:
    archive.shop.ingestor.remove([])
    archive.datasets.save_library("gold")
    change(archive)
    archive.restore("gold")
    expected = {part.id for talk in TALKS for part in chunk(talk)}
    assert set(archive.shop.index.inventory()) == expected


def test_a_library_that_is_that_version_already_is_left_alone(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    revision = archive.shop.ledger.library.revision()
    restoring = archive.datasets.restore("gold")
    assert (restoring.job_id, restoring.before) == (None, None)
    assert restoring.notice == "The library is gold already."
    assert archive.shop.ledger.library.revision() == revision


def test_an_empty_library_is_filled_from_a_version_and_nothing_is_saved(archive: Archive) -> None:
    gold = archive.datasets.save_library("gold").version
    archive.shop.ledger.library.remove([talk.video.video_id for talk in TALKS])
    restoring = archive.datasets.restore("gold")
    assert restoring.before is None
    archive.finish(restoring.job_id or "")
    assert archive.version() == gold.version
    assert len(archive.datasets.versions()) == 1


def test_nothing_is_restored_while_something_is_being_added(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    change(archive)
    archive.shop.youtube.videos["slow0000000"] = transcript_of("slow0000000")
    archive.shop.youtube.gate.clear()
    job_id = archive.shop.ingestor.start(["slow0000000"])
    with pytest.raises(InputError, match="Something is being added to the library"):
        archive.datasets.restore("gold")
    archive.shop.youtube.gate.set()
    archive.finish(job_id)
    archive.restore("gold")
    assert "Talk slow0000000" not in archive.titles()


def test_another_embedder_gets_the_content_and_is_told_so(tmp_path: Path) -> None:
    archive = open_archive(tmp_path, TALKS)
    archive.datasets.save_library("gold")
    before = contents(archive)
    archive.shop.ledger.library.remove([TALKS[0].video.video_id])
    archive.close()
    archive = open_archive(tmp_path, embedder=HashingEmbedder(16, identity="hashing@2"))
    restoring = archive.datasets.restore("gold")
    assert "saved with the embedder hashing@1" in restoring.notice
    assert "hashing@2" in restoring.notice
    archive.finish(restoring.job_id or "")
    assert contents(archive) == before
    assert archive.shop.ledger.library.unembedded("hashing@2") == []
    assert archive.shop.ingestor.progress(restoring.job_id or "").notices == (restoring.notice,)
    archive.close()


def test_progress_counts_the_videos_of_the_version(archive: Archive) -> None:
    archive.datasets.save_library("gold")
    change(archive)
    seen: list[tuple[float, str]] = []
    ingestor = archive.shop.ingestor
    report = ingestor.restore_now(
        archive.datasets.find("gold"), lambda progress: seen.append((progress.share, progress.items[0].detail))
    )
    assert (len(report.ingested), len(report.unchanged), report.failed) == (3, 1, ())
    assert seen[-1] == (1.0, "4 of 4 videos")
    progress = ingestor.progress(ingestor._ledger.jobs.latest("ingest").job_id)
    assert progress.items[0].item == "Data version gold"
    assert (progress.done, progress.total, progress.share) == (1, 1, 1.0)


class Gated(HashingEmbedder):
    """Waits in the middle of its work."""

    def __init__(self) -> None:
        super().__init__(32)
        self.reached, self.go = threading.Event(), threading.Event()
        self.go.set()

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.reached.set()
        assert self.go.wait(20)
        return super().embed(texts)


def test_a_change_by_somebody_else_meanwhile_is_said(tmp_path: Path) -> None:
    embedder = Gated()
    archive = open_archive(tmp_path, TALKS, embedder=embedder)
    archive.datasets.save_library("gold")
    change(archive)
    embedder.reached.clear()
    embedder.go.clear()
    job_id = archive.datasets.restore("gold").job_id or ""
    assert embedder.reached.wait(20)
    while archive.shop.ingestor.progress(job_id).items[0].state != "running" or "Talk a-new-one" in archive.titles():
        threading.Event().wait(0.005)
    other = replace(NEW_TALK, video=replace(NEW_TALK.video, title="From elsewhere"))
    archive.shop.ledger.library.save(other, [], embedder=embedder.identity)
    embedder.go.set()
    archive.finish(job_id)
    (notice,) = archive.shop.ingestor.progress(job_id).notices
    assert "was changed while it was restored" in notice
    archive.restore("gold")
    assert "From elsewhere" not in archive.titles()
    archive.close()


NEW_TALK = transcript_of("elsewhere-1", lines=5)


class Failing(HashingEmbedder):
    broken = False

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.broken:
            raise EmbeddingError("The embedder does not answer", hint="Start it.")
        return super().embed(texts)


def test_an_embedder_that_fails_leaves_whole_videos_and_a_way_back(tmp_path: Path) -> None:
    embedder = Failing(32)
    archive = open_archive(tmp_path, TALKS, embedder=embedder)
    gold = archive.datasets.save_library("gold").version
    change(archive)
    embedder.broken = True
    archive.restore("gold")
    latest = archive.shop.ledger.jobs.latest("ingest")
    assert latest is not None
    assert latest.error == "The embedder does not answer. Start it."
    for entry in archive.shop.ledger.library.videos():
        stored = list(
            archive.shop.ledger.library.iter_stored(embedder=embedder.identity, video_ids=[entry.video.video_id])
        )
        assert len(stored) == entry.chunks
        assert all(item.vectors is not None for item in stored)
    embedder.broken = False
    archive.restore("gold")
    assert archive.version() == gold.version
    archive.close()


# ------------------------------------------------------------------------------------------------ any library at all

_TEXT = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=40),
    st.sampled_from(
        [NASTY.replace("\ud800", "").replace("\udfff", ""), "=1+1", "a\u2028b", "\x00", "a\r\nb", '"}\n{"']
    ),
)
_SECONDS = st.floats(min_value=0, max_value=1e6, allow_nan=False, width=32)
_SEGMENTS = st.lists(st.builds(Segment, _TEXT, _SECONDS, _SECONDS), min_size=1, max_size=8)


@st.composite
def _libraries(draw: st.DrawFn) -> list[Transcript]:
    ids = draw(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=4))
    return [
        Transcript(
            Video(
                video_id, draw(_TEXT), draw(_TEXT), "en", draw(st.sampled_from(VideoKind)), draw(_TEXT),
                draw(st.one_of(_SECONDS, st.just(float("nan")))), draw(_TEXT),
            ),
            tuple(draw(_SEGMENTS)),
        )
        for video_id in ids
    ]  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=_libraries(), two=_libraries())
def test_any_library_with_any_text_comes_back_to_the_same_version(
    archive: Archive, one: list[Transcript], two: list[Transcript]
) -> None:
    library = archive.shop.ledger.library
    everything = [entry.video.video_id for entry in library.videos()]
    library.remove(everything)
    archive.put(*one)
    version, whole = archive.version(), library.stats().videos
    if not whole:
        return
    saved = archive.datasets.save_library().version
    assert saved.version == version
    data = archive.datasets.data_file(saved).read_bytes()
    assert len(data.decode().splitlines()) == saved.rows == whole, "no text breaks a line"
    library.remove([talk.video.video_id for talk in one])
    archive.put(*two)
    archive.restore(version)
    assert archive.version() == version
    assert archive.datasets.compare(version).is_empty
