"""A window of traces, the thumbs, and what a model can be trained with, as versions and as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.datasets import Export
from core.documents import trace_document
from core.errors import InputError
from core.ledger import DatasetKind, TraceFilter
from core.mirror.documents import dataset_from
from core.models import AnswerStatus, Feedback, Trace
from tests.datasets.conftest import TALKS
from tests.fakes.archive import Archive, open_archive
from tests.ledger.samples import NASTY, START, running, trace

ALL = TraceFilter()
Put = Callable[..., Trace]


@pytest.fixture
def put(archive: Archive) -> Put:
    """Writes a trace that a minute lies behind the one before it, with a thumb where there is one."""
    count = [0]

    def put(thumb: int | None = None, correction: str = "", comment: str = "", **changes: Any) -> Trace:
        count[0] += 1
        key = f"t{count[0]}"
        prompt = ({"role": "system", "content": "Be short."}, {"role": "user", "content": f"Prompt {key}"})
        given = trace(key, **({"started_at": START + timedelta(minutes=count[0]), "prompt": prompt} | changes))
        archive.shop.ledger.traces.finish(given, mirror=False)
        if thumb is not None:
            feedback = Feedback(key, thumb, "Wrong", comment, correction=correction)
            archive.shop.ledger.traces.save_feedback(feedback, mirror=False)
        return archive.shop.ledger.traces.get(key)

    return put


def answered(text: str, **changes: Any) -> dict[str, Any]:
    return {"answer_changes": {"text": text, **changes}}


def rows(archive: Archive, kind: DatasetKind, where: TraceFilter = ALL) -> list[Any]:
    return archive.lines(archive.datasets.save_traces(kind, where).version)


# ---------------------------------------------------------------------------------------------------------- traces


def test_a_window_of_traces_is_a_line_each_newest_first_as_programs_know_them(archive: Archive, put: Put) -> None:
    given = [put(), put(1), put(question=NASTY)]
    archive.shop.ledger.traces.begin(running("still-at-work"))
    saved = archive.datasets.save_traces(DatasetKind.TRACES, ALL, "traffic", "a note")
    assert (saved.new, saved.version.kind, saved.version.alias, saved.version.rows) == (True, "traces", "traffic", 3)
    lines = archive.lines(saved.version)
    assert lines == [json.loads(json.dumps(trace_document(each))) for each in given[::-1]]


def test_the_filter_narrows_the_window_and_stands_in_the_manifest(archive: Archive, put: Put) -> None:
    put(), put(1), put(-1), put(1)
    where = TraceFilter(since=START + timedelta(minutes=2), until=START + timedelta(minutes=4), thumb=1, limit=1)
    version = archive.datasets.save_traces(DatasetKind.TRACES, where).version
    assert [line["trace_id"] for line in archive.lines(version)] == ["t2"]
    assert version.manifest["filter"] == {
        "since": "2026-11-24T08:02:00.123456+00:00", "until": "2026-11-24T08:04:00.123456+00:00", "thumb": 1,
    }  # fmt: skip


def test_the_same_traces_are_the_same_version_however_they_were_chosen(archive: Archive, put: Put) -> None:
    put(), put()
    first = archive.datasets.save_traces(DatasetKind.TRACES, ALL)
    again = archive.datasets.save_traces(DatasetKind.TRACES, TraceFilter(since=START))
    assert (first.new, again.new, again.version.version) == (True, False, first.version.version)
    put()
    assert archive.datasets.save_traces(DatasetKind.TRACES, ALL).new


def test_more_traces_than_are_read_at_once_all_come_once(archive: Archive) -> None:
    many = [trace(f"t{n:04}", started_at=START + timedelta(seconds=n % 7)) for n in range(450)]
    archive.shop.ledger.traces.finish_all(many, mirror=False)
    lines = rows(archive, DatasetKind.TRACES)
    assert {line["trace_id"] for line in lines} == {each.trace_id for each in many}
    assert len(lines) == 450


def test_numbers_that_nobody_measured_break_no_line(archive: Archive, put: Put) -> None:
    given = put()
    spans = (replace(given.spans[0], duration_ms=float("nan"), attributes={"score": float("inf")}),)
    archive.shop.ledger.traces.finish(replace(given, spans=spans), mirror=False)
    (line,) = rows(archive, DatasetKind.TRACES)
    assert line["spans"][0]["duration_ms"] is None


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (DatasetKind.TRACES, "There is no finished trace here"),
        (DatasetKind.FEEDBACK, "There is no thumb here"),
        (DatasetKind.FINETUNE, "no answer that a chat model wrote has a thumb up or a correction"),
        (DatasetKind.PREFERENCES, "no answer of a chat model has a correction"),
    ],
)
def test_where_there_is_nothing_one_sentence_says_what_is_missing(
    archive: Archive, kind: DatasetKind, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        archive.datasets.save_traces(kind, ALL)
    assert sentence in archive.datasets.missing(kind, ALL)
    assert archive.datasets.versions() == []


def test_nothing_is_missing_where_there_is_a_row(archive: Archive, put: Put) -> None:
    put(-1, correction="Right.")
    for kind in DatasetKind:
        if kind is not DatasetKind.LIBRARY:
            assert archive.datasets.missing(kind, ALL) == ""


# ------------------------------------------------------------------------------------------------------- training


def test_a_good_answer_is_the_exact_prompt_and_the_answer(archive: Archive, put: Put) -> None:
    good = put(1, **answered("Good."))
    put(), put(-1, **answered("Bad."))
    assert rows(archive, DatasetKind.FINETUNE) == [
        {"messages": [*map(dict, good.prompt), {"role": "assistant", "content": "Good."}]}
    ]


def test_a_correction_takes_the_place_of_the_answer(archive: Archive, put: Put) -> None:
    put(-1, correction=" What is right. ", **answered("What is wrong."))
    (row,) = rows(archive, DatasetKind.FINETUNE)
    assert row["messages"][-1] == {"role": "assistant", "content": "What is right."}


@pytest.mark.parametrize(
    "changes",
    [
        answered("Quotes.", status=AnswerStatus.QUOTED, model=None),
        answered("Not there.", status=AnswerStatus.REFUSED),
        answered("No model.", model=None),
        {"prompt": ()},
        {"kind": "sample-questions"},
    ],
    ids=["quoted", "refused", "no model", "no prompt", "made-up traffic"],
)
def test_only_what_a_model_answered_to_a_reader_is_learned_from(
    archive: Archive, put: Put, changes: dict[str, Any]
) -> None:
    put(1, **changes)
    put(-1, correction="Better.", **changes)
    for kind in (DatasetKind.FINETUNE, DatasetKind.PREFERENCES):
        with pytest.raises(InputError, match="to learn from"):
            rows(archive, kind)


def test_sample_traffic_is_in_no_file_but_of_those_who_ask_for_it_and_in_no_version(archive: Archive, put: Put) -> None:
    put(1)
    put(1, kind="sample-ask")
    for kind in (DatasetKind.TRACES, DatasetKind.FEEDBACK):
        assert len(rows(archive, kind)) == 1
    for where in (TraceFilter(sample=True), TraceFilter(kind="sample-ask")):
        assert archive.datasets.download(DatasetKind.TRACES, where).count(b"\n") == 1
        with pytest.raises(InputError, match="not kept as a data version"):
            archive.datasets.save_traces(DatasetKind.TRACES, where)


def test_the_same_prompt_with_the_same_answer_comes_once(archive: Archive, put: Put) -> None:
    prompt = ({"role": "user", "content": "Same"},)
    (
        put(1, prompt=prompt, **answered("A.")),
        put(1, prompt=prompt, **answered("A.")),
        put(1, prompt=prompt, **answered("B.")),
    )
    assert len(rows(archive, DatasetKind.FINETUNE)) == 2


def test_a_thumb_that_was_taken_back_teaches_nothing(archive: Archive, put: Put) -> None:
    put(0, correction="Was here once.")
    for kind in (DatasetKind.FINETUNE, DatasetKind.PREFERENCES, DatasetKind.FEEDBACK):
        with pytest.raises(InputError):
            rows(archive, kind)


def test_a_correction_is_preferred_to_what_it_corrects(archive: Archive, put: Put) -> None:
    bad = put(-1, correction="Right.", **answered("Wrong."))
    put(-1, **answered("Wrong too, nobody knows what is right."), question="Another")
    assert rows(archive, DatasetKind.PREFERENCES) == [
        {
            "prompt": [*map(dict, bad.prompt)],
            "chosen": [{"role": "assistant", "content": "Right."}],
            "rejected": [{"role": "assistant", "content": "Wrong."}],
        }
    ]


def test_a_good_and_a_bad_answer_to_one_question_are_a_pair(archive: Archive, put: Put) -> None:
    put(1, question="What  is a VECTOR?", **answered("Old good."))
    good = put(1, question="what is a vector?", **answered("Good."))
    put(-1, question="What is a vector?", **answered("Bad."))
    put(-1, question="What is a vector?", template_version=4, **answered("Bad by another template."))
    put(-1, question="What is an index?", **answered("Bad elsewhere."))
    (pair,) = rows(archive, DatasetKind.PREFERENCES)
    assert pair["prompt"] == [*map(dict, good.prompt)]
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("Good.", "Bad.")


def test_a_good_answer_without_a_model_hides_no_older_one_with_a_model(archive: Archive, put: Put) -> None:
    put(1, **answered("Written."))
    put(1, **answered("Quoted.", status=AnswerStatus.QUOTED))
    put(-1, **answered("Bad."))
    assert [pair["chosen"][0]["content"] for pair in rows(archive, DatasetKind.PREFERENCES)] == ["Written."]


def test_thumbs_come_one_a_line_newest_first_with_what_they_were_given_for(archive: Archive, put: Put) -> None:
    put(1, comment="fine", library_version="a" * 64), put(), put(-1, correction="Right.", comment=NASTY), put(0)
    found = rows(archive, DatasetKind.FEEDBACK)
    assert [(row["trace_id"], row["value"], row["correction"]) for row in found] == [
        ("t3", -1, "Right."),
        ("t1", 1, ""),
    ]
    assert found[0]["comment"] == NASTY
    assert found[1]["library_version"] == "a" * 64
    assert [row["trace_id"] for row in rows(archive, DatasetKind.FEEDBACK, TraceFilter(thumb=1))] == ["t1"]


# ------------------------------------------------------------------------------------------------------- the files


def test_an_exported_library_is_the_saved_one(archive: Archive, tmp_path: Path) -> None:
    version = archive.datasets.save_library().version
    exported = archive.datasets.export(Export.DATASET, tmp_path / "out.jsonl", ALL)
    assert (exported.rows, exported.version) == (4, version.version)
    assert exported.file.read_bytes() == archive.datasets.data_file(version).read_bytes()


def test_exported_traces_have_the_version_that_saving_them_would_have(
    archive: Archive, put: Put, tmp_path: Path
) -> None:
    put(), put(1)
    exported = [archive.datasets.export(Export.TRACES, tmp_path / name, ALL) for name in ("a.jsonl", "b.csv")]
    version = archive.datasets.save_traces(DatasetKind.TRACES, ALL).version
    assert {each.version for each in exported} == {version.version}
    assert (tmp_path / "a.jsonl").read_bytes() == archive.datasets.data_file(version).read_bytes()


def test_a_csv_has_a_cell_for_each_fact_and_runs_nothing(archive: Archive, put: Put, tmp_path: Path) -> None:
    put(
        -1,
        comment="=HYPERLINK(1)",
        correction="+1",
        question="-2",
        channels=("@a", "b"),
        **answered('Line "one"\n=two'),
    )
    archive.datasets.export(Export.TRACES, tmp_path / "traces.csv", ALL)
    archive.datasets.export(Export.FEEDBACK, tmp_path / "thumbs.csv", ALL)
    with (tmp_path / "traces.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["trace_id"], row["question"], row["answer"]) == ("t1", "'-2", 'Line "one"\n=two')
    assert (row["usage.prompt_tokens"], row["channels"]) == ("101", "'@a; b")
    assert (row["feedback.value"], row["feedback.comment"], row["feedback.correction"]) == (
        "-1",
        "'=HYPERLINK(1)",
        "'+1",
    )
    with (tmp_path / "thumbs.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["value"], row["comment"], row["correction"]) == ("-1", "'=HYPERLINK(1)", "'+1")


def test_a_csv_without_rows_has_its_head(archive: Archive, tmp_path: Path) -> None:
    exported = archive.datasets.export(Export.FEEDBACK, tmp_path / "thumbs.csv", ALL)
    assert exported.rows == 0
    assert (tmp_path / "thumbs.csv").read_text().startswith("trace_id,updated_at,value,")


def test_fine_tuning_files_are_exported_or_what_is_missing_is_said(archive: Archive, put: Put, tmp_path: Path) -> None:
    old = tmp_path / "tune.jsonl"
    old.write_text("old")
    with pytest.raises(InputError, match="no good answer to learn from"):
        archive.datasets.export(Export.FINETUNE, old, ALL)
    assert old.read_text() == "old"
    put(-1, correction="Right.")
    assert archive.datasets.export(Export.FINETUNE, old, ALL).rows == 1
    assert set(json.loads(old.read_text())) == {"messages"}
    assert archive.datasets.export(Export.FINETUNE, old, ALL, preferences=True).rows == 1
    assert set(json.loads(old.read_text())) == {"prompt", "chosen", "rejected"}
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["tune.jsonl"]


@pytest.mark.parametrize(
    ("what", "name", "sentence"),
    [
        (Export.DATASET, "out.csv", "out.csv ends in none of .jsonl"),
        (Export.TRACES, "out", "out ends in none of .jsonl, .csv"),
        (Export.FINETUNE, "out.json", "out.json ends in none of .jsonl"),
        (Export.TRACES, "nowhere/out.csv", "cannot be written: no such file or directory"),
        (Export.TRACES, "file/out.csv", "cannot be written: not a directory"),
        (Export.TRACES, "folder.csv", "cannot be written: is a directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(
    archive: Archive, tmp_path: Path, what: Export, name: str, sentence: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=sentence):
        archive.datasets.export(what, tmp_path / name, ALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "file", "folder.csv"]


def test_the_library_has_no_period(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The library has no period"):
        archive.datasets.export(Export.DATASET, tmp_path / "out.jsonl", TraceFilter(since=START))


def test_a_download_is_the_file(archive: Archive, put: Put, tmp_path: Path) -> None:
    put(1)
    for kind, what in ((DatasetKind.TRACES, Export.TRACES), (DatasetKind.FEEDBACK, Export.FEEDBACK)):
        for ending in ("csv", "jsonl"):
            file = archive.datasets.export(what, tmp_path / f"{what}.{ending}", ALL).file
            assert archive.datasets.download(kind, ALL, as_csv=ending == "csv") == file.read_bytes()


# ------------------------------------------------------------------------------------------------------- the mirror


@pytest.fixture
def document(tmp_path: Path) -> Any:
    archive = open_archive(tmp_path / "mirrored", TALKS[:1], comet_api_key="key")
    archive.datasets.save_library("gold", "a note")
    (row,) = archive.shop.ledger.outbox.rows(None)
    archive.close()
    return row.document


def test_what_the_outbox_keeps_of_a_version_gives_its_files(document: Any) -> None:
    assert set(document) == {"version", "kind", "name", "aliases", "metadata", "files"}
    dataset = dataset_from(document)
    assert (dataset.name, dataset.aliases, set(dataset.files)) == (
        "library",
        ("gold",),
        {"data.jsonl", "manifest.json"},
    )
    assert all(file.is_absolute() and file.is_file() for file in dataset.files.values())
    expected = {"kind": "library", "rows": 1, "note": "a note", "embedder": "hashing@1", "counts.videos": 1}
    assert {name: dataset.metadata[name] for name in expected} == expected
    assert dataset.metadata["chunking.chunk_chars"] == 1000


def test_a_version_without_a_name_has_no_alias(tmp_path: Path) -> None:
    archive = open_archive(tmp_path, TALKS[:1], comet_api_key="key")
    archive.datasets.save_library()
    assert dataset_from(archive.shop.ledger.outbox.rows(None)[0].document).aliases == ()
    archive.close()


def test_a_damaged_or_missing_file_is_not_given_to_the_mirror(document: Any) -> None:
    data = Path(document["files"]["data.jsonl"])
    data.write_bytes(b"{}\n")
    with pytest.raises(InputError, match=r"data\.jsonl of the data version \w{12} is damaged"):
        dataset_from(document)
    data.unlink()
    with pytest.raises(InputError, match=r"data\.jsonl"):
        dataset_from(document)


@pytest.mark.parametrize("broken", [None, [], {}, {"version": 1}, {"files": {}}], ids=repr)
def test_a_document_that_names_no_version_is_said_to_be_wrong(document: Any, broken: Any) -> None:
    given = document | broken if isinstance(broken, dict) and broken else broken
    with pytest.raises(InputError):
        dataset_from(given)
