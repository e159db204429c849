"""The library's version, versions of the data, and what used them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from core.errors import InputError, NotFound
from core.ledger import DatasetKind, DatasetVersion, Ledger
from core.ledger.library_rows import chunks_hash
from core.ledger.library_version import identity_of, version_of
from core.models import Chunk, EmbeddedChunk, Transcript, VideoKind
from tests.ledger.samples import MINILM, NASTY, START, Ticking, embed, library_item, make_video, trace, unit_rows

Item = tuple[Transcript, list[EmbeddedChunk]]


def items() -> list[Item]:
    return [library_item(f"v{n}", [f"text {n}", "another"], title=f"Title {n}") for n in range(4)]


def save_all(ledger: Ledger, given: list[Item]) -> None:
    for transcript, chunks in given:
        ledger.library.save(transcript, chunks, embedder=MINILM)


def a_version(key: str = "a", **changes: Any) -> DatasetVersion:
    fields: dict[str, Any] = {
        "version": key * 64, "kind": DatasetKind.LIBRARY, "name": "library", "alias": "", "note": "",
        "created_at": START, "rows": 12, "bytes": 3456, "manifest": {"sha256": "f" * 64, "rows": 12},
    }  # fmt: skip
    return DatasetVersion(**(fields | changes))


# ------------------------------------------------------------------------------------------- the library's version


def test_the_version_does_not_depend_on_order_or_time(ledger: Ledger, clock: Ticking) -> None:
    save_all(ledger, items())
    version = ledger.library.version(MINILM)
    ledger.library.remove([f"v{n}" for n in range(4)])
    empty = ledger.library.version(MINILM)
    clock.forward(days=3)
    save_all(ledger, items()[::-1])
    assert ledger.library.version(MINILM) == version
    assert len({version, empty, ledger.library.version("another")}) == 3


def test_a_library_has_the_same_version_in_both_databases_and_in_later_releases(ledger: Ledger) -> None:
    """Versions are written down in traces, so what goes into one must not move."""
    save_all(ledger, [library_item("v-ü", [NASTY, "zwei"], title=NASTY, duration_s=0.1)])
    assert ledger.library.version(MINILM) == "db012ec77b7d5708f37f0259f72ec62316fd777002d8867b8d2e12e4f4710f33"


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"},
        {"channel": "Another"},
        {"language": "de"},
        {"kind": VideoKind.FILE},
        {"source": "another.srt"},
        {"duration_s": 61.75},
        {"note": "generated captions"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_field_of_a_video_counts(ledger: Ledger, change: dict[str, Any]) -> None:
    save_all(ledger, items())
    before = ledger.library.version(MINILM)
    transcript, chunks = items()[2]
    ledger.library.save(replace(transcript, video=replace(transcript.video, **change)), chunks, embedder=MINILM)
    assert ledger.library.version(MINILM) != before
    save_all(ledger, items())
    assert ledger.library.version(MINILM) == before


def changed_chunk(name: str, chunk: Chunk) -> Chunk:
    if name == "text":
        return replace(chunk, text=chunk.text[::-1])
    if name == "windows":
        return replace(chunk, windows=(chunk.windows[0], (chunk.windows[1][0], chunk.windows[1][1] - 1)))
    if name == "parts":
        return replace(chunk, max_part_id=chunk.max_part_id + 1)
    return replace(chunk, cues=(replace(chunk.cues[0], **{name: getattr(chunk.cues[0], name) + 1}), *chunk.cues[1:]))


@pytest.mark.parametrize("name", ["text", "windows", "parts", "offset", "start_s", "end_s"])
def test_each_part_of_a_chunk_counts(ledger: Ledger, name: str) -> None:
    save_all(ledger, items())
    before = ledger.library.version(MINILM)
    transcript, chunks = items()[1]
    ledger.library.save(transcript, [embed(changed_chunk(name, chunks[0].chunk)), chunks[1]], embedder=MINILM)
    assert ledger.library.version(MINILM) != before


@pytest.mark.parametrize("name", ["text", "start_s", "duration_s"])
def test_each_part_of_a_caption_line_counts(ledger: Ledger, name: str) -> None:
    save_all(ledger, items())
    before = ledger.library.version(MINILM)
    transcript, chunks = items()[1]
    first = transcript.segments[0]
    other = replace(first, **{name: "Other" if name == "text" else getattr(first, name) + 0.001})
    ledger.library.save(replace(transcript, segments=(other, *transcript.segments[1:])), chunks, embedder=MINILM)
    assert ledger.library.version(MINILM) != before


_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
_VIDEOS = st.lists(st.tuples(_TEXT, _TEXT, _TEXT, st.floats(allow_nan=True)), unique_by=lambda row: row[0], max_size=6)


@settings(max_examples=100, deadline=None)
@given(_VIDEOS, st.randoms())
def test_no_order_of_any_videos_changes_the_version(rows: list[tuple[str, str, str, float]], chance: Any) -> None:
    lines = [
        identity_of(make_video(key, title=title, note=note, duration_s=s), "c", "h") for key, title, note, s in rows
    ]
    mixed = chance.sample(lines, len(lines))
    assert version_of(mixed, "e") == version_of(lines, "e")
    assert version_of([*lines, identity_of(make_video("new"), "c", "h")], "e") != version_of(lines, "e")


@settings(max_examples=100, deadline=None)
@given(st.tuples(_TEXT, _TEXT, _TEXT), st.tuples(_TEXT, _TEXT, _TEXT))
def test_neighbouring_fields_cannot_stand_in_for_each_other(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    lines = [
        identity_of(make_video("v", title=title, channel=channel, language=language), "c", "h")
        for title, channel, language in (one, two)
    ]
    assert (lines[0] == lines[1]) is (one == two)


def test_the_version_is_remembered_until_the_revision_moves(ledger: Ledger) -> None:
    save_all(ledger, items())
    statements: list[str] = []
    event.listen(ledger._database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    first = ledger.library.version(MINILM)
    assert any("FROM videos" in statement for statement in statements)
    statements.clear()
    assert ledger.library.version(MINILM) == first
    assert not any("FROM videos" in statement for statement in statements)
    save_all(ledger, [library_item("new", ["text"])])
    assert ledger.library.version(MINILM) != first


def test_chunks_count_in_the_order_of_their_parts_however_they_are_handed_over(ledger: Ledger) -> None:
    """After an edit the rows of a video stand in another order than its parts."""
    transcript, chunks = library_item("v", ["one", "two", "three"])
    ledger.library.save(transcript, chunks, embedder=MINILM)
    version, revision = ledger.library.version(MINILM), ledger.library.revision()
    ledger.library.save(transcript, chunks[::-1], embedder=MINILM)
    assert (ledger.library.version(MINILM), ledger.library.revision()) == (version, revision)
    ledger.library.save(
        transcript, [chunks[0], embed(replace(chunks[1].chunk, text="tow")), chunks[2]], embedder=MINILM
    )
    ledger.library.save(transcript, chunks, embedder=MINILM)
    stored = list(ledger.library.iter_stored(embedder=MINILM, video_ids=["v"]))
    assert [item.chunk.part_id for item in stored] != [0, 1, 2]
    again = [EmbeddedChunk(item.chunk, unit_rows(2, 4, 1)) for item in stored]
    ledger.library.save(transcript, again, embedder="another")
    assert ledger.library.version(MINILM) == version


def test_threads_that_ask_at_once_get_the_same_version(ledger: Ledger) -> None:
    save_all(ledger, items())
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(ledger.library.version(MINILM))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


# ---------------------------------------------------------------------------------------------- one state to read


def test_a_snapshot_gives_every_video_with_its_chunks_in_order(ledger: Ledger) -> None:
    given = [library_item(f"v{n}", [NASTY, f"text {n}", "end"], title=NASTY) for n in (3, 1, 2)]
    save_all(ledger, given)
    by_id = {transcript.video.video_id: (transcript, chunks) for transcript, chunks in given}
    with ledger.datasets.library(MINILM) as snapshot:
        kept = list(snapshot.videos())
        facts = list(snapshot.facts())
    assert [item.transcript.video.video_id for item in kept] == ["v1", "v2", "v3"]
    for item, fact in zip(kept, facts, strict=True):
        transcript, chunks = by_id[item.transcript.video.video_id]
        assert item.transcript.segments == transcript.segments
        assert replace(item.transcript.video, added_at=None) == transcript.video
        assert item.chunks == tuple(chunk.chunk for chunk in chunks)
        assert (item.content_hash, item.chunks_hash) == (fact.content_hash, fact.chunks_hash)
        assert fact.chunks == {chunk.chunk.id: chunk.chunk.content_hash for chunk in chunks}
        assert item.chunks_hash != chunks_hash([])
    assert snapshot.version == ledger.library.version(MINILM)


def test_a_snapshot_does_not_see_what_is_written_while_it_is_read(ledger: Ledger) -> None:
    save_all(ledger, items())
    before = ledger.library.version(MINILM)
    with ledger.datasets.library(MINILM) as snapshot:
        ledger.library.remove(["v1", "v2"])
        ledger.library.save(*library_item("v3", ["other words"]), embedder=MINILM)
        seen = {item.transcript.video.video_id: item.chunks[0].text for item in snapshot.videos()}
    assert seen == {f"v{n}": f"text {n}" for n in range(4)}
    assert snapshot.version == before != ledger.library.version(MINILM)


def test_many_videos_come_in_the_order_of_their_code_points(ledger: Ledger) -> None:
    """Whatever the database thinks the order of letters is."""
    names = ["a", "B", "b", "Z", "ä", "_", "é", "10", "9", *(f"n{n}" for n in range(80))]
    save_all(ledger, [library_item(name, ["text"]) for name in names])
    with ledger.datasets.library(MINILM) as snapshot:
        assert [item.transcript.video.video_id for item in snapshot.videos()] == sorted(names)


# ------------------------------------------------------------------------------------------------------- versions


def test_a_version_reads_back_as_it_was_written(ledger: Ledger) -> None:
    given = a_version(alias=NASTY, note=NASTY, manifest={"deep": [1, {"x": NASTY}], "none": None})
    ledger.datasets.put(given)
    assert ledger.datasets.get(given.version) == given
    assert ledger.datasets.list() == [given]


def test_versions_are_listed_newest_first_by_kind(ledger: Ledger, clock: Ticking) -> None:
    for key, kind in (("a", DatasetKind.LIBRARY), ("b", DatasetKind.TRACES), ("c", DatasetKind.LIBRARY)):
        clock.forward(hours=1)
        ledger.datasets.put(a_version(key, kind=kind, created_at=clock()))
    assert [item.version[0] for item in ledger.datasets.list()] == ["c", "b", "a"]
    assert [item.version[0] for item in ledger.datasets.list(DatasetKind.LIBRARY)] == ["c", "a"]


def test_the_list_says_how_many_answers_came_from_a_version(ledger: Ledger) -> None:
    for key in "ab":
        ledger.datasets.put(a_version(key))
    for n, key in enumerate("aab"):
        ledger.traces.finish(trace(f"t{n}", library_version=key * 64), mirror=False)
    ledger.traces.finish(trace("t9"), mirror=False)
    assert {item.version[0]: item.answers for item in ledger.datasets.list()} == {"a": 2, "b": 1}


def test_a_version_is_found_by_its_first_digits_or_its_newest_alias(ledger: Ledger, clock: Ticking) -> None:
    ledger.datasets.put(a_version(version="abcdef" + "0" * 58, alias="gold"))
    ledger.datasets.put(a_version(version="abcdef" + "1" * 58, alias="silver"))
    clock.forward(hours=1)
    ledger.datasets.put(a_version("7", alias="gold", created_at=clock()))
    find = ledger.datasets.find
    assert find("gold").version == "7" * 64
    assert find("silver").version[6] == "1"
    assert find("abcdef0").alias == "gold"
    assert find("ABCDEF1").alias == "silver"
    assert find("7" * 64).version == "7" * 64
    with pytest.raises(InputError, match="2 data versions begin with abcdef"):
        find("abcdef")
    for name in ("77777", "nothing", "", "%", "_" * 6):
        with pytest.raises(NotFound, match="There is no data version"):
            find(name)


def test_a_saved_version_is_put_in_the_outbox_with_it(ledger: Ledger) -> None:
    ledger.datasets.put(a_version(), document={"version": "a" * 64, "files": {"data.jsonl": "somewhere"}})
    row = ledger.outbox.row("dataset", "a" * 64)
    assert (row.state, row.document["files"]) == ("pending", {"data.jsonl": "somewhere"})
    ledger.datasets.put(a_version("b"))
    assert len(ledger.outbox.rows(None)) == 1


# -------------------------------------------------------------------------------------------------------- lineage


def test_uses_name_the_newest_answers_and_everything_else(ledger: Ledger, clock: Ticking) -> None:
    version = "a" * 64
    assert not ledger.datasets.uses(version)
    for n in range(12):
        clock.forward(minutes=1)
        given = trace(f"t{n:02}", question=f"Question {n}", started_at=clock(), library_version=version)
        ledger.traces.finish(given, mirror=False)
    ledger.datasets.record_use(version, "experiment", "e-1")
    clock.forward(minutes=1)
    ledger.datasets.record_use(version, "drift_report", "d-1")
    ledger.datasets.record_use("b" * 64, "experiment", "e-2")
    uses = ledger.datasets.uses(version, limit=3)
    assert uses.answers == 12
    assert [row[:2] for row in uses.newest] == [("t11", "Question 11"), ("t10", "Question 10"), ("t09", "Question 9")]
    assert [(use.kind, use.id) for use in uses.others] == [("drift_report", "d-1"), ("experiment", "e-1")]
    ledger.datasets.record_use(version, "experiment", "e-1")
    assert len(ledger.datasets.uses(version).others) == 2


def test_only_a_version_that_nothing_used_is_deleted(ledger: Ledger) -> None:
    for key in "abc":
        ledger.datasets.put(a_version(key, alias=f"name-{key}"))
    ledger.traces.finish(trace("t1", library_version="a" * 64), mirror=False)
    ledger.datasets.record_use("a" * 64, "drift_report", "d-1")
    ledger.datasets.record_use("b" * 64, "experiment", "e-1")
    ledger.datasets.record_use("b" * 64, "experiment", "e-2")
    with pytest.raises(InputError, match="name-a stays: 1 answer and 1 drift report came from it"):
        ledger.datasets.delete("a" * 64)
    with pytest.raises(InputError, match="name-b stays: 2 experiments came from it"):
        ledger.datasets.delete("b" * 64)
    ledger.datasets.delete("c" * 64)
    assert {item.alias for item in ledger.datasets.list()} == {"name-a", "name-b"}
    with pytest.raises(NotFound):
        ledger.datasets.delete("c" * 64)
