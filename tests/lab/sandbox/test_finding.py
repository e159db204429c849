"""The first sandbox that holds is taken, and where none does, generated code is not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SandboxUnavailable
from core.lab.sandbox import PairSandbox, find_sandbox
from core.ports import Jail, Sandbox
from tests.lab.sandbox.test_honest import ADD, ADD_TESTS


class NoJail:
    """Runs the program as it is: what must never be taken for a sandbox."""

    name = "nothing at all"

    def __init__(self, *arguments: str, folder: Path | None = None) -> None:
        self._arguments = arguments
        self._folder = folder
        self.started = 0

    def start(
        self, program: str, *, stdin: int, stdout: int, stderr: int, memory_mb: int, lifetime_s: float
    ) -> subprocess.Popen[bytes]:
        self.started += 1
        command = self._arguments or (sys.executable, "-I", "-S", "-c", program)
        return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, cwd=self._folder)


def refusing(reason: str, hint: str = "") -> Jail:
    raise SandboxUnavailable(reason, hint=hint)


def test_the_first_that_holds_is_taken(sandbox: Sandbox) -> None:
    assert isinstance(sandbox, PairSandbox)
    jail = sandbox._jail
    found = find_sandbox([lambda: refusing("not here"), lambda: jail, lambda: refusing("not asked")])
    assert found.name == sandbox.name
    assert found.run(ADD, ADD_TESTS, timeout_s=30, memory_mb=128).passed


def test_each_reason_is_given_with_what_to_install() -> None:
    with pytest.raises(SandboxUnavailable) as caught:
        find_sandbox([lambda: refusing("wasm is missing", "Install wasm."), lambda: refusing("no Linux")])
    assert str(caught.value) == (
        "Generated code is not run here, since nothing can hold it: wasm is missing; no Linux. Install wasm."
    )


def test_without_any_kind_nothing_is_found() -> None:
    with pytest.raises(SandboxUnavailable, match="no kind of sandbox was named"):
        find_sandbox([])


@pytest.mark.skipif(sys.platform != "linux" or not os.access("/etc/passwd", os.R_OK), reason="needs /etc/passwd")
def test_a_jail_that_lets_code_see_the_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SandboxUnavailable, match=r"nothing at all does not hold: code in it reaches the environment, /etc/passwd"
    ):
        find_sandbox([lambda: NoJail(folder=tmp_path)])


@pytest.mark.parametrize(("command", "reason"), [
    (("sh", "-c", "echo the kernel says no >&2; exit 1"), "the kernel says no"),
    (("true",), "did not start"),
])  # fmt: skip
def test_an_interpreter_that_does_not_start_is_no_failed_test(command: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SandboxUnavailable, match=reason):
        find_sandbox([lambda: NoJail(*command)])


def test_no_interpreter_is_started_for_tests_that_are_no_program() -> None:
    jail = NoJail()
    with pytest.raises(Exception, match="not valid Python"):
        PairSandbox(jail).run(ADD, "def", timeout_s=1, memory_mb=128)
    assert jail.started == 0
