"""``lab run`` as programs use it: one document, sentences on standard error, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import core.__main__ as cli
from core.services import build_services
from tests.fakes.ingest import ScriptedYouTube
from tests.fakes.lab import LabChat, echo
from tests.fakes.models import HashingEmbedder
from tests.fakes.openai_server import FakeOpenAI, Reply, Request

ROOT = Path(__file__).parents[2]
SPEC = """\
name: Try
templates:
  - {name: plain, user: "Answer: {question}"}
  - {name: brief, system: Be brief., user: "{question}"}
temperatures: [0, 0.5]
scorers: [contains, {type: latency, name: time}]
file: cases.jsonl
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def chat() -> LabChat:
    return LabChat(echo)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    cases = [json.dumps({"id": f"c{n}", "question": f"question {n}", "expected": f"answer {n}"}) for n in range(3)]
    (tmp_path / "cases.jsonl").write_text("\n".join(cases))
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC)
    return file


@pytest.fixture
def run(chat: LabChat, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command: exit code, standard output, standard error."""
    monkeypatch.setattr(
        cli,
        "build_services",
        lambda settings: build_services(
            settings,
            embedder=HashingEmbedder(64),
            source=ScriptedYouTube(),
            chat=chat,  # type: ignore[arg-type]
        ),
    )

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main(["lab", "run", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return run


def document(run: Run, *arguments: object) -> tuple[int, Any]:
    code, out, _ = run(*arguments, "--json")
    assert out.count("\n") == 1, "one JSON document and nothing else"
    return code, json.loads(out)


def test_a_spec_is_run_and_every_cell_is_in_the_document(run: Run, spec: Path, chat: LabChat) -> None:
    code, found = document(run, spec)
    assert code == 0
    assert chat.calls == len(found["runs"]) == 12
    assert set(found["runs"][0]) >= {
        "template", "version", "model", "temperature", "case", "repeat", "output", "scores", "passed", "usage",
        "cost_usd", "latency_ms", "cached",
    }  # fmt: skip
    first = found["runs"][0]
    assert (first["template"], first["version"], first["case"], first["output"]) == (
        "plain", None, "c0", "It is the answer 0.",
    )  # fmt: skip
    assert first["scores"]["contains"] == {"value": 1.0, "passed": True, "reason": "contains “answer 0”"}
    assert set(first["scores"]) == {"contains", "time"}
    assert (first["cost_usd"], found["spent_usd"]) == (None, None), "nobody knows the price of this model"
    assert found["state"] == "finished"
    assert found["verdict"]["sentence"].startswith("Pass rate: no variant clearly beats plain at 0: 3 undecided")
    assert [entry["variant"] for entry in found["summary"]] == [
        "plain at 0",
        "plain at 0.5",
        "brief at 0",
        "brief at 0.5",
    ]
    assert found["experiment_id"]


def test_running_it_again_is_served_from_the_cache(run: Run, spec: Path, chat: LabChat) -> None:
    _, first = document(run, spec)
    code, second = document(run, spec)
    assert (code, chat.calls) == (0, 12)
    assert second["experiment_id"] != first["experiment_id"]
    assert {entry["cached"] for entry in second["runs"]} == {True}


def test_failed_cells_give_exit_code_1_and_are_tried_again_by_the_next_run(run: Run, spec: Path, chat: LabChat) -> None:
    chat.answer = lambda text, t: RuntimeError("x") if text.endswith("1") else echo(text, t)
    code, found = document(run, spec)
    assert (code, found["failed"]) == (1, 4)
    assert {entry["error"] for entry in found["runs"] if entry["case"] == "c1"} == {
        "A fault of Cuepoint ended the call (RuntimeError)"
    }
    chat.answer = echo
    code, found = document(run, spec)
    assert (code, found["failed"], found["cached"]) == (0, 0, 8)


def test_a_cap_needs_known_prices(run: Run, spec: Path, chat: LabChat) -> None:
    code, out, err = run(spec, "--max-cost-usd", "1", "--json")
    assert (code, out, chat.calls) == (2, "", 0)
    assert "The cap of $1.00 cannot be kept" in err


def test_a_capped_experiment_gives_1_and_goes_on_with_a_larger_cap(run: Run, spec: Path, chat: LabChat) -> None:
    spec.write_text(SPEC.replace("name: Try", "name: Try\nmodels: [gpt-4.1]"))
    code, found = document(run, spec, "--max-cost-usd", "0.01")
    assert (code, found["state"], found["done"]) == (1, "capped", 0)
    code, again = document(run, spec, "--max-cost-usd", "1")
    assert (code, again["state"], again["experiment_id"]) == (0, "finished", found["experiment_id"])
    assert 0 < again["spent_usd"] < 0.01


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("templates: [", "spec.yaml, line 1"),
        (SPEC + "colour: red\n", "the spec has no key 'colour'"),
        (SPEC.replace("cases.jsonl", "nothing.csv"), "file: nothing.csv cannot be read"),
        (SPEC.replace("{question}", "{ question }"), "“{ question }” is no variable"),
        (SPEC.replace("scorers: [contains", "scorers: [unit_tests"), "scorers[0] (unit_tests) cannot work here"),
    ],
)
def test_a_wrong_spec_is_one_line_and_exit_code_2(run: Run, spec: Path, chat: LabChat, text: str, named: str) -> None:
    spec.write_text(text)
    code, out, err = run(spec)
    assert (code, out, chat.calls) == (2, "", 0)
    assert named in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_model_that_takes_no_temperature_is_named(run: Run, spec: Path, chat: LabChat) -> None:
    chat.left_out = ("temperature",)
    said = "model-a takes no temperature: its 2 temperatures are the same request"
    assert said in run(spec)[1].splitlines()
    assert said in json.loads(run(spec, "--json")[1])["verdict"]["notes"]


def test_for_people_there_is_a_line_for_each_cell(run: Run, spec: Path) -> None:
    code, out, err = run(spec)
    assert code == 0
    assert "Try: finished, 12 of 12 done" in out
    assert out.count("passed  ") == 12
    assert "12 cells, 12 calls, price unknown" in err


# ------------------------------------------------------------------------------------------------------------ Ctrl-C


@pytest.fixture
def server() -> Iterator[tuple[FakeOpenAI, threading.Event, threading.Event]]:
    """Answers five calls, then holds the others until it is told to go on."""
    held, go = threading.Event(), threading.Event()
    lock, left = threading.Lock(), [5]

    def answer(request: Request) -> Reply:
        with lock:
            left[0] -= 1
            wait = left[0] < 0
        if wait:
            held.set()
            assert go.wait(30)
        return Reply("It is the answer.")

    with FakeOpenAI(otherwise=answer) as running:
        yield running, held, go


def start(spec: Path, server: FakeOpenAI, data: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "OPENAI_BASE_URL": server.url, "CUEPOINT_DATA_DIR": str(data)}
    environment |= {"CUEPOINT_CHAT_MODEL": "small"}
    command = [sys.executable, "-m", "core", "lab", "run", str(spec), "--json"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(
    spec: Path, tmp_path: Path, server: tuple[FakeOpenAI, threading.Event, threading.Event]
) -> None:
    fake, held, go = server
    spec.write_text(SPEC + "concurrency: 1\n")
    process = start(spec, fake, tmp_path / "data")
    assert held.wait(60)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        pass
    go.set()
    out, err = process.communicate(timeout=60)
    first = json.loads(out)
    assert (process.returncode, first["state"], first["done"]) == (130, "stopped", 6)
    assert "run it again to go on" in err
    again = start(spec, fake, tmp_path / "data")
    out, err = again.communicate(timeout=60)
    second = json.loads(out)
    assert (again.returncode, second["experiment_id"], second["done"]) == (0, first["experiment_id"], 12)
    assert "6 of 12 are done" in err
    assert sum(request.path.endswith("/chat/completions") for request in fake.requests) == 12
