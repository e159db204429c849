"""The command line as programs use it: documents on standard output, sentences on standard error, exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import core.__main__ as cli
from core.services import build_services
from tests.fakes.ingest import ScriptedYouTube, transcript_of, write_json
from tests.fakes.models import HashingEmbedder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command over a library in a temporary folder: exit code, standard output, standard error."""
    monkeypatch.setenv("CUEPOINT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(
        cli,
        "build_services",
        lambda settings: build_services(settings, embedder=HashingEmbedder(64), source=ScriptedYouTube()),
    )

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main(list(arguments))
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return run


def document(run: Run, *arguments: str) -> Any:
    code, out, _ = run(*arguments, "--json")
    assert out.count("\n") == 1, "one JSON document and nothing else"
    return code, json.loads(out)


def test_ingest_tells_what_is_new_what_is_unchanged_and_what_failed(run: Run, tmp_path: Path):
    good = write_json(tmp_path / "files", transcript_of("talk-1"))
    (tmp_path / "files" / "broken.json").write_text("{")
    code, first = document(run, "ingest", str(tmp_path / "files"))
    assert code == 1
    assert [video["video_id"] for video in first["ingested"]] == ["talk-1"]
    assert [failure["source"] for failure in first["failed"]] == ["broken.json"]
    code, second = document(run, "ingest", str(good))
    assert code == 0
    assert [video["video_id"] for video in second["unchanged"]] == ["talk-1"]


def test_search_prints_passages_with_their_seconds(run: Run):
    run("ingest", "demo")
    code, found = document(run, "search", "population stability index", "--limit", "3", "--mode", "keyword")
    assert code == 0
    assert set(found) >= {"query", "mode", "took_ms", "passages"}
    assert found["mode"] == "keyword"
    best = found["passages"][0]
    assert set(best) == {
        "rank", "score", "chunk_id", "video_id", "title", "channel", "start_s", "end_s", "text", "url",
    }  # fmt: skip
    assert (best["rank"], best["video_id"]) == (1, "demo-drift")
    assert len(found["passages"]) <= 3


def test_search_narrows_to_channels(run: Run):
    run("ingest", "demo")
    _, found = document(run, "search", "what is an embedding", "--channel", "Demo: Prompting")
    assert {passage["channel"] for passage in found["passages"]} == {"Demo: Prompting"}


def test_ask_feedback_and_traces_belong_together(run: Run):
    run("ingest", "demo")
    code, answer = document(run, "ask", "How is the population stability index computed?")
    assert code == 0
    assert set(answer) >= {
        "trace_id", "answered", "answer", "language", "citations", "model", "usage", "cost_usd", "ttft_ms",
        "latency_ms", "cached",
    }  # fmt: skip
    assert answer["answered"] is True
    assert answer["cost_usd"] is None
    assert set(answer["citations"][0]) == {
        "n", "video_id", "title", "channel", "start_s", "end_s", "quote", "url",
    }  # fmt: skip
    said = ("--comment", "too short", "--correction", "By its buckets.")
    assert document(run, "feedback", answer["trace_id"], "down", *said) == (
        0,
        {"trace_id": answer["trace_id"], "value": -1},
    )
    _, listed = document(run, "traces", "--limit", "5")
    (trace,) = listed["traces"]
    assert trace["trace_id"] == answer["trace_id"]
    assert trace["feedback"] == {
        "value": -1, "reason": "", "comment": "too short", "correction": "By its buckets.",
    }  # fmt: skip
    assert len(trace["library_version"]) == 64
    assert (trace["kind"], trace["status"], trace["error"]) == ("ask", "quoted", None)
    assert {span["name"] for span in trace["spans"]} >= {"retrieve"}
    document(run, "feedback", answer["trace_id"], "clear")
    _, listed = document(run, "traces")
    assert listed["traces"][0]["feedback"]["value"] == 0


def test_status_shows_services_and_library(run: Run):
    run("ingest", "demo")
    code, found = document(run, "status")
    assert code == 0
    assert {service["name"] for service in found["services"]} >= {"Ledger", "Search index", "Embedder"}
    assert found["library"]["videos"] == 12
    assert found["outbox"]["pending"] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ask", ""], "question"),
        (["ask", "x" * 100_000], "100,000"),
        (["search", "?"], "query"),
        (["feedback", "no-such-trace", "up"], "no-such-trace"),
        (["ask", "Why?", "--template", "no-such-template"], "no-such-template"),
        (["ask", "Why?", "--model", "no-such-model"], "no-such-model"),
        (["traces", "--since", "yesterday"], "--since"),
        (["feedback", "x", "sideways"], "sideways"),
        (["search"], "QUERY"),
        (["fly"], "fly"),
    ],
)
def test_wrong_use_names_the_thing_and_exits_with_2(run: Run, arguments: list[str], named: str):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert named in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_wrong_setting_is_one_line_that_names_the_variable(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUEPOINT_CHUNK_CHARS", "many")
    code, out, err = run("status")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "CUEPOINT_CHUNK_CHARS" in err


def test_what_nobody_foresaw_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch):
    def fail(settings: object) -> None:
        raise RuntimeError("sk-secret\nsecond line")

    monkeypatch.setattr(cli, "build_services", fail)
    code, out, err = run("status", "--json")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"cuepoint: a fault of Cuepoint ended this \(RuntimeError at test_cli\.py:\d+\)\n", err)


def test_text_for_people_holds_no_control_characters(run: Run, tmp_path: Path):
    """A title that would clear the terminal is printed harmless."""
    write_json(tmp_path / "files", transcript_of("talk-1", title="Evil \x1b[2J title"))
    run("ingest", str(tmp_path / "files"))
    _, out, _ = run("search", "vector index")
    assert "\x1b" not in out
    assert "title" in out
