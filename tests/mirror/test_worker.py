"""The process beside the app: the real one with Comet's real packages, over a Comet that keeps state."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.config import Settings, load_settings
from core.ledger import Ledger, SenderStatus, open_ledger
from core.mirror.records import record_id
from core.mirror.target import settings_document
from core.mirror.worker import MirrorWorker
from core.models import Feedback
from tests.fakes.comet_server import KEY, FakeComet, Faults
from tests.ledger.samples import trace

ROOT = Path(__file__).resolve().parents[2]


def wait_for(true: Callable[[], Any], within_s: float = 30.0) -> Any:
    end = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def comet() -> Iterator[FakeComet]:
    with FakeComet() as server:
        yield server


@pytest.fixture
def settings(comet: FakeComet, ledger_url: str) -> Settings:
    return load_settings(
        comet_api_key=KEY, comet_url_override=comet.url, comet_timeout_s=0.5, database_url=ledger_url,
        comet_workspace="team", comet_project_name="answers",
    )  # fmt: skip


@pytest.fixture
def library(settings: Settings) -> Iterator[Ledger]:
    """On the clock of the wall, as the process has."""
    opened = open_ledger(settings.ledger_url)
    yield opened
    opened.close()


@pytest.fixture
def worker(settings: Settings) -> Iterator[MirrorWorker]:
    made = MirrorWorker(settings, first_pause_s=0.05)
    yield made
    made.close()


def run(program: str, settings: Settings) -> str:
    """What a program prints that reads the settings from its input."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=settings_document(settings) + "\n", stdout=subprocess.PIPE,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip()


def delivered(library: Ledger) -> bool:
    return library.outbox.stats().pending == 0


def test_what_is_asked_arrives_a_killed_process_is_replaced_and_close_ends_it(
    worker: MirrorWorker, library: Ledger, comet: FakeComet
):
    assert worker.start_read_back(None) is False
    worker.start()
    library.traces.finish_all([trace(f"t{n}") for n in range(30)], mirror=True)
    library.traces.save_feedback(Feedback("t0", -1, comment="Wrong"), mirror=True)
    wait_for(lambda: delivered(library))
    killed = worker.pid
    assert killed is not None
    assert KEY not in " ".join(psutil.Process(killed).cmdline())
    os.kill(killed, signal.SIGKILL)
    library.traces.finish(trace("later"), mirror=True)
    wait_for(lambda: delivered(library))
    second = worker.pid
    assert second not in (None, killed)
    assert set(comet.experiments) == {record_id(one) for one in [*(f"t{n}" for n in range(30)), "later"]}
    assert {one.created for one in comet.experiments.values()} == {1}
    assert comet.unknown == []
    worker.close()
    assert not lives(second)
    assert worker.pid is None
    assert library.outbox.take_lease()


def test_close_does_not_wait_for_a_comet_that_hangs(settings: Settings, library: Ledger, comet: FakeComet):
    comet.faults = Faults(rates={"hang": 1.0})
    worker = MirrorWorker(settings.model_copy(update={"comet_timeout_s": 60.0}))
    worker.start()
    library.traces.finish(trace("t"), mirror=True)
    assert comet.wait_for("/", timeout_s=30)
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 6
    assert library.outbox.stats().pending == 1


def test_the_process_ends_when_the_app_is_killed(settings: Settings, library: Ledger, comet: FakeComet):
    program = (
        "import sys, time\n"
        "from core.mirror.target import settings_from\n"
        "from core.mirror.worker import MirrorWorker\n"
        "worker = MirrorWorker(settings_from(sys.stdin.readline())[1])\n"
        "worker.start()\n"
        "while worker.pid is None: time.sleep(0.01)\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    app = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with app:
        assert app.stdin is not None
        assert app.stdout is not None
        app.stdin.write(settings_document(settings) + "\n")
        app.stdin.flush()
        pid = int(app.stdout.readline())
        library.traces.finish(trace("t"), mirror=True)
        wait_for(lambda: delivered(library))
        app.kill()
    wait_for(lambda: not lives(pid), within_s=10)
    assert library.outbox.take_lease()


def test_nothing_of_comet_is_loaded_before_there_is_something_to_send(ledger_url: str, settings: Settings):
    program = (
        "import io, sys, threading\n"
        "from core.jobs.mirror import Job\n"
        "from core.ledger import open_ledger\n"
        "from core.mirror.target import settings_from\n"
        "settings = settings_from(sys.stdin.readline())[1]\n"
        "ledger = open_ledger(settings.ledger_url)\n"
        "job = Job(settings, ledger, sys.stdin, io.StringIO())\n"
        "threading.Timer(1.5, job._end).start()\n"
        "job.run()\n"
        "heavy = {'comet_ml', 'comet_llm', 'requests', 'pandas', 'streamlit', 'onnxruntime', 'pymilvus'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert run(program, settings) == "[]"


def test_a_rejected_key_is_said_and_tried_again_when_the_ledger_says_so(
    worker: MirrorWorker, library: Ledger, comet: FakeComet
):
    comet.keys = {"another"}
    worker.start()
    library.traces.finish(trace("t"), mirror=True)
    state = wait_for(lambda: library.outbox.status() if library.outbox.status().status == "paused" else None)
    assert "rejects the key" in state.detail
    assert KEY not in state.detail
    wait_for(lambda: worker.next_try_s)
    comet.keys = {KEY}
    library.outbox.resume()
    wait_for(lambda: delivered(library))
    assert library.outbox.status().status is SenderStatus.IDLE


def test_a_process_that_ends_again_and_again_is_said_with_its_reason(settings: Settings, tmp_path: Path):
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 100)
    worker = MirrorWorker(settings.model_copy(update={"database_url": None, "data_dir": tmp_path}), first_pause_s=0.01)
    broken.rename(tmp_path / "cuepoint.db")
    worker.start()
    trouble = wait_for(lambda: worker.trouble)
    worker.close()
    assert "times in a row" in trouble
    assert "is damaged" in trouble


def test_a_worker_that_is_closed_as_its_process_starts_ends_without_a_word(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    worker = MirrorWorker(settings, command=[sys.executable, "-c", "import sys; sys.stdin.read()"])
    real = subprocess.Popen

    def started(*arguments: Any, **options: Any) -> Any:
        process = real(*arguments, **options)
        worker._closing.set()
        process.stdin.close()
        return process

    monkeypatch.setattr("core.mirror.worker.subprocess.Popen", started)
    worker.start()
    assert worker._thread is not None
    worker._thread.join(30)
    assert not worker._thread.is_alive()
    assert caplog.text == ""


def test_a_process_that_cannot_be_started_is_said(settings: Settings):
    worker = MirrorWorker(settings, command=["/nowhere/python"], first_pause_s=0.01)
    worker.start()
    assert "cannot be started" in wait_for(lambda: worker.trouble)
    worker.close()


def test_a_process_without_settings_ends_with_one_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "core.jobs.mirror"], cwd=ROOT, input="", capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "gives no settings" in done.stdout
    assert done.stderr == ""


def test_a_call_that_nothing_ends_costs_the_process_and_its_rows_wait(library: Ledger, settings: Settings):
    program = (
        "import io, sys, time\n"
        "from core.jobs import mirror\n"
        "from core.ledger import open_ledger\n"
        "from core.mirror import attempts\n"
        "from core.mirror.target import settings_from\n"
        "from tests.fakes.mirrors import MemoryMirror\n"
        "attempts.LIMITS_S['trace'] = -12 * 0.5 + 0.2\n"
        "settings = settings_from(sys.stdin.readline())[1]\n"
        "job = mirror.Job(settings, open_ledger(settings.ledger_url), sys.stdin, io.StringIO())\n"
        "job._drainer._open_mirror = lambda: MemoryMirror(lambda call, _: time.sleep(60) if call == 'send' else None)\n"
        "job.run()\n"
    )
    library.traces.finish_all([trace("t"), trace("u")], mirror=True)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, text=True)
    with process:
        assert process.stdin is not None
        process.stdin.write(settings_document(settings) + "\n")
        process.stdin.flush()
        assert process.wait(30) == 3
    rows = library.outbox.rows("pending")
    assert [(row.unsure, row.attempts, row.error) for row in rows] == [(True, 1, "The call to Comet did not end")] * 2
    assert library.outbox.status().status is SenderStatus.WAITING


def test_the_app_s_own_process_sends_and_reads_back_and_loads_nothing_of_comet(
    settings: Settings, comet: FakeComet, library: Ledger
):
    program = (
        "import sys, time\n"
        "from core.mirror.target import settings_from\n"
        "from core.services import build_services\n"
        "from tests.fakes.models import HashingEmbedder\n"
        "from tests.ledger.samples import trace\n"
        "services = build_services(settings_from(sys.stdin.readline())[1], embedder=HashingEmbedder(64))\n"
        "services.mirroring.open()\n"
        "services.traces.finish(trace('t'), mirror=True)\n"
        "while services.ledger.outbox.stats().pending: time.sleep(0.05)\n"
        "services.mirroring.start_read_back(None)\n"
        "while services.mirroring.read_back_state().state == 'running': time.sleep(0.05)\n"
        "services.health(), services.mirroring.dead_letters(), services.mirroring.delivery_of('t')\n"
        "print(services.mirroring.read_back_state().kept)\n"
        "print(sorted({'comet_ml', 'comet_llm'} & set(sys.modules)))\n"
        "services.close()\n"
    )
    assert run(program, settings).split() == ["1", "[]"]
    assert set(comet.experiments) == {record_id("t")}


def test_sync_sends_with_comet_s_own_packages(settings: Settings, comet: FakeComet, library: Ledger):
    library.traces.finish_all([trace(f"t{number}") for number in range(3)], mirror=True)
    variables = {"COMET_API_KEY": KEY, "COMET_URL_OVERRIDE": comet.url, "DATABASE_URL": settings.ledger_url}
    done = subprocess.run(
        [sys.executable, "-m", "core", "sync", "--json", "--read-back"],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["sent"], document["pending"], document["read_back"]["records"]) == (3, 0, 3)
    assert comet.unknown == []
