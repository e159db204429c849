"""Does the sandbox hold? Every hostile program of the tests in each kind of sandbox, and in none for comparison."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Context, Figure, Report, Table, timed
from core.adapters.bubblewrap import BubblewrapJail
from core.adapters.wasm_sandbox import WasmJail
from core.errors import SandboxUnavailable
from core.lab.sandbox import find_sandbox
from core.ports import Jail, Sandbox
from tests.lab.sandbox.attacks import ATTACK_NAMES, ATTACK_TESTS, ATTACKS, ONE_TEST, UPHEAVALS
from tests.lab.sandbox.outside import Outside

LEAST = 30
"""Programs."""
_GROSS = frozenset({"memory", "output"})
"""Limits that a program needs more than a second to reach."""


def run(context: Context) -> Report:
    report = Report(
        "Hostile code",
        f"{len(ATTACK_NAMES)} programs that try to reach something (files, /etc/passwd, the environment, the network, "
        f"other processes, their parent, more rights) and {len(UPHEAVALS)} that try to use up the machine (fork bomb, "
        "ten gigabytes, endless output, ten thousand threads, broken interpreters). Contained: the program's test "
        "fails, the run ends within its limits, and beside the sandbox a secret file, a folder, a server, another "
        "process and the standard library are as before, with no process left behind.",
    )
    jails: dict[str, Callable[[], Jail]] = {
        "WebAssembly": lambda: WasmJail.open(context.work / "sandbox"),
        "bubblewrap": BubblewrapJail.open,
    }
    rows = []
    for name, jail in jails.items():
        try:
            sandbox = find_sandbox([jail])
        except SandboxUnavailable as reason:
            report.notes.append(f"{name} was left out: {reason}")
            continue
        rows.append(_measured(report, name, sandbox, quick=context.quick))
    report.tables.append(Table("By kind of sandbox:", ["sandbox", "programs", "contained", "took s"], rows))
    return report


def _measured(report: Report, name: str, sandbox: Sandbox, *, quick: bool) -> list[str]:
    upheavals = list(UPHEAVALS)[: 2 if quick else None]
    (loose, took_ms) = timed(lambda: [*_attempts(sandbox), *(u for u in upheavals if not _holds(sandbox, u))])
    tried = len(ATTACK_NAMES) + len(upheavals)
    contained = tried - len(loose)
    report.figures.append(Figure(f"hostile programs tried, {name}", tried, LEAST, most=False))
    report.figures.append(Figure(f"of them contained, {name}", contained, tried, most=False))
    report.notes += [f"{name} did not contain: {program}" for program in loose]
    return [sandbox.name, str(tried), str(contained), f"{took_ms / 1000:.0f}"]


def _attempts(sandbox: Sandbox) -> list[str]:
    """The attacks that succeeded; all of them run as one module."""
    with tempfile.TemporaryDirectory() as folder:
        outside = Outside(Path(folder))
        os.environ["CUEPOINT_TEST_SECRET"] = outside.token
        try:
            result = sandbox.run(outside.preamble + ATTACKS, ATTACK_TESTS, timeout_s=60, memory_mb=256)
            failed = {test.name.partition(".test_")[2] for test in result.tests if not test.passed}
            texts = [result.stdout, result.stderr, *(test.message for test in result.tests)]
            return [name for name in ATTACK_NAMES if name not in failed] + _changes(outside, texts)
        finally:
            del os.environ["CUEPOINT_TEST_SECRET"]
            outside.close()


def _holds(sandbox: Sandbox, name: str) -> bool:
    code, limit = UPHEAVALS[name]
    with tempfile.TemporaryDirectory() as folder:
        outside = Outside(Path(folder))
        try:
            timeout_s = 20.0 if limit in _GROSS else 1.0
            result = sandbox.run(outside.preamble + code, ONE_TEST, timeout_s=timeout_s, memory_mb=128)
            texts = [result.stdout, result.stderr, *(test.message for test in result.tests)]
            return not result.passed and limit in {None, result.limit} and not _changes(outside, texts)
        finally:
            outside.close()


def _changes(outside: Outside, texts: list[str]) -> list[str]:
    """What is not as before beside the sandbox."""
    try:
        outside.check(*texts)
    except AssertionError as error:
        return [f"something outside changed ({str(error)[:200] or 'see Outside.check'})"]
    return []
