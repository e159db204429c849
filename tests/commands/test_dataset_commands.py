"""``export`` and ``dataset …`` as programs use them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.fakes.ingest import transcript_of, write_json
from tests.test_cli import Run, document


@pytest.fixture
def talks(run: Run, tmp_path: Path) -> None:
    """A library of three short talks."""
    for n in range(3):
        write_json(tmp_path / "talks", transcript_of(f"talk-{n}", lines=8))
    run("ingest", str(tmp_path / "talks"))


@pytest.fixture
def asked(run: Run, talks: None) -> str:
    """A question, a thumb down with a correction; the trace's id."""
    _, answer = document(run, "ask", "What is said of the vector index?")
    run("feedback", answer["trace_id"], "down", "--comment", "=too short", "--correction", "By its buckets.")
    return str(answer["trace_id"])


def test_export_names_file_rows_and_version(run: Run, asked: str, tmp_path: Path) -> None:
    expected = {"dataset": 3, "traces": 1, "feedback": 1}
    for what, rows in expected.items():
        out = tmp_path / f"{what}.jsonl"
        code, found = document(run, "export", what, "--out", str(out))
        assert (code, found["file"], found["rows"], len(found["version"])) == (0, str(out), rows, 64)
        assert len(out.read_text().splitlines()) == rows
    _, listed = document(run, "dataset", "list")
    _, traces = document(run, "traces")
    _, exported = document(run, "export", "dataset", "--out", str(tmp_path / "again.jsonl"))
    assert exported["version"] == listed["present"] == traces["traces"][0]["library_version"]
    assert json.loads((tmp_path / "traces.jsonl").read_text()) == traces["traces"][0]


def test_export_of_a_period_takes_only_its_traces(run: Run, asked: str, tmp_path: Path) -> None:
    out = str(tmp_path / "traces.csv")
    for options, rows in ((("--since", "2020-01-01"), 1), (("--until", "2020-01-01"), 0)):
        assert document(run, "export", "traces", "--out", out, *options)[1]["rows"] == rows
    run("export", "feedback", "--out", out)
    with (tmp_path / "traces.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["trace_id"], row["comment"], row["correction"]) == (asked, "'=too short", "By its buckets.")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["export", "nothing", "--out", "x.jsonl"], "nothing"),
        (["export", "traces"], "--out"),
        (["export", "traces", "--out", "x.txt"], "x.txt"),
        (["export", "traces", "--out", "x.jsonl", "--since", "yesterday"], "--since"),
        (["export", "traces", "--out", "x.jsonl", "--preferences"], "--preferences"),
        (["export", "dataset", "--out", "x.jsonl", "--until", "2026-01-01"], "--since"),
        (["export", "finetune", "--out", "x.jsonl"], "no good answer to learn from"),
        (["export", "finetune", "--out", "x.jsonl", "--preferences"], "no pair to learn from"),
        (["dataset", "save"], "The library is empty"),
        (["dataset", "compare", "gold"], "There is no data version gold"),
        (["dataset", "restore", "gold", "--yes"], "There is no data version gold"),
        (["feedback", "x", "up", "--correction", "y"], "--correction"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    run: Run, arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert named in err
    assert not list(tmp_path.glob("x.*"))


def test_a_version_is_saved_compared_and_restored(run: Run, talks: None, tmp_path: Path) -> None:
    code, saved = document(run, "dataset", "save", "--name", "gold", "--note", "before")
    assert (code, saved["name"], saved["note"], saved["rows"], saved["new"]) == (0, "gold", "before", 3, True)
    assert document(run, "dataset", "save")[1]["new"] is False
    run("ingest", str(write_json(tmp_path, transcript_of("new-talk"))))
    _, found = document(run, "dataset", "compare", "gold")
    assert [video["video_id"] for video in found["added"]] == ["new-talk"]
    assert (found["removed"], found["changed"], found["same"]) == ([], [], 3)
    assert found["chunks"]["added"] == [f"new-talk:{n}" for n in range(found["added"][0]["chunks"])]
    code, restored = document(run, "dataset", "restore", saved["version"][:8], "--yes")
    assert (code, restored["present"], restored["error"]) == (0, saved["version"], None)
    _, status = document(run, "status")
    assert status["library"]["videos"] == 3
    _, back = document(run, "dataset", "restore", restored["before"], "--yes")
    assert back["present"] == restored["before"]
    _, listed = document(run, "dataset", "list")
    assert [version["name"] for version in listed["versions"]] == ["", "gold"]


def test_people_read_lines(run: Run, talks: None, tmp_path: Path) -> None:
    _, out, _ = run("dataset", "save", "--name", "gold")
    assert out.startswith("saved gold, version ")
    assert run("dataset", "save")[1].startswith("This content was saved before: gold")
    assert "gold  (the library as it is)" in run("dataset", "list")[1]
    run("ingest", str(write_json(tmp_path, transcript_of("new-talk"))))
    lines = run("dataset", "compare", "gold")[1].splitlines()
    assert lines[0] == "Videos: 1 added, 0 removed, 0 changed, 3 the same"
    assert lines[2] == "  added    Talk new-talk"
    assert run("dataset", "verify", "gold")[1] == "gold is whole\n"
    assert run("dataset", "delete", "gold", "--yes")[1] == "Deleted gold\n"
    assert run("dataset", "list")[1] == "No version is saved.\n"


def test_nothing_is_restored_or_deleted_where_nobody_can_be_asked(run: Run, talks: None) -> None:
    run("dataset", "save", "--name", "gold")
    for command in ("restore", "delete"):
        code, out, err = run("dataset", command, "gold")
        assert (code, out) == (2, "")
        assert "?” needs a yes. Say --yes where nobody can be asked." in err
    assert "gold" in run("dataset", "list")[1]


def test_a_version_that_was_used_stays(run: Run, asked: str) -> None:
    run("dataset", "save", "--name", "gold")
    code, _, err = run("dataset", "delete", "gold", "--yes")
    assert code == 2
    assert "The data version gold stays: 1 answer came from it." in err


def test_a_damaged_version_is_code_1_and_one_line(run: Run, talks: None, tmp_path: Path) -> None:
    _, saved = document(run, "dataset", "save", "--name", "gold")
    (Path(saved["folder"]) / "data.jsonl").write_text("{}")
    code, _, err = run("dataset", "verify", "gold")
    assert (code, err.count("\n")) == (1, 1)
    assert "data.jsonl does not match its manifest" in err
