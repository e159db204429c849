"""Hostile programs end where they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.models import SandboxResult
from core.ports import Sandbox
from tests.lab.sandbox.attacks import (
    ALSO_WITHOUT_A_SANDBOX,
    ATTACK_NAMES,
    ATTACK_TESTS,
    ATTACKS,
    ONE_TEST,
    UPHEAVALS,
)
from tests.lab.sandbox.outside import Outside
from tests.processes import is_at_work

ROOT = Path(__file__).resolve().parents[3]


def texts_of(result: SandboxResult) -> list[str]:
    return [result.stdout, result.stderr, *(test.message for test in result.tests)]


@pytest.fixture(scope="module")
def attempts(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Outside, SandboxResult]]:
    """All attempts in one run, each a test that passes where the attempt succeeds."""
    beside = Outside(tmp_path_factory.mktemp("attempts"))
    os.environ["CUEPOINT_TEST_SECRET"] = beside.token
    try:
        yield beside, sandbox.run(beside.preamble + ATTACKS, ATTACK_TESTS, timeout_s=60, memory_mb=256)
    finally:
        del os.environ["CUEPOINT_TEST_SECRET"]
        beside.close()


@pytest.mark.parametrize("name", ATTACK_NAMES)
def test_an_attempt_reaches_nothing(attempts: tuple[Outside, SandboxResult], name: str) -> None:
    outside, result = attempts
    outcome = next(test for test in result.tests if test.name == f"TestAttempts.test_{name}")
    assert not outcome.passed
    assert outcome.message
    assert "not run" not in outcome.message, "an attempt before it ended the run"
    outside.check(*texts_of(result))


@pytest.mark.skipif(sys.platform != "linux", reason="the attempts are written for Linux")
def test_without_a_sandbox_the_same_attempts_reach_what_they_aim_at(tmp_path: Path) -> None:
    reached = set()
    for name in sorted(ALSO_WITHOUT_A_SANDBOX):
        (folder := tmp_path / name).mkdir()
        outside = Outside(folder)
        program = f"{outside.preamble}{ATTACKS}\nprint({name}())"
        run = subprocess.run(
            [sys.executable, "-S", "-c", program], env={"SECRET": outside.token}, cwd=folder,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        reached |= {name} if run.stdout.strip() == "reached" else set()
        outside.close()
    assert ALSO_WITHOUT_A_SANDBOX - reached == set()


@pytest.mark.parametrize("name", UPHEAVALS)
def test_an_upheaval_stays_inside(sandbox: Sandbox, outside: Outside, name: str) -> None:
    code, limit = UPHEAVALS[name]
    memory_mb, timeout_s = 128, 20.0 if limit in {"memory", "output"} else 1.0
    before = rss_mb()
    result = sandbox.run(outside.preamble + code, ONE_TEST, timeout_s=timeout_s, memory_mb=memory_mb)
    assert not result.passed
    assert [test.name for test in result.tests] == ["TestAttack.test_attack"]
    assert result.tests[0].message
    if limit is not None:
        assert result.limit == limit
    assert max(map(len, texts_of(result))) < 25_000
    assert rss_mb() - before < 100, "this process grew"
    outside.check(*texts_of(result))


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


ABANDONED = """
import sys
from pathlib import Path
from core.adapters.bubblewrap import BubblewrapJail
from core.adapters.wasm_sandbox import WasmJail
from core.lab.sandbox import PairSandbox
jail = BubblewrapJail.open() if sys.argv[1].startswith("bubblewrap") else WasmJail.open(Path(sys.argv[2]))
PairSandbox(jail).run("while True: pass", sys.argv[3], timeout_s=60, memory_mb=128)
"""


def test_processes_end_with_the_app_that_started_them(sandbox: Sandbox, compiled: Path) -> None:
    app = subprocess.Popen([sys.executable, "-c", ABANDONED, sandbox.name, str(compiled), ONE_TEST], cwd=ROOT)
    started = wait_for(lambda: len(found := psutil.Process(app.pid).children(recursive=True)) >= 2 and found)
    app.kill()
    app.wait()
    assert wait_for(lambda: not any(is_at_work(process.pid) for process in started))


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value
