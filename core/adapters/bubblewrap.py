"""bubblewrap as a jail for generated code: this machine's Python in namespaces of its own, on Linux.

No network, no home, no /proc, no environment and nothing to write; the interpreter and the C libraries can be read. A
filter of system calls refuses new processes and sockets, limits of the kernel hold memory, time and files.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from core.adapters.seccomp import compute_only, is_known
from core.errors import SandboxUnavailable

_HINT = "Install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap)"
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")
_NOBODY = "65534"
_LIMITS = """
import resource as _r
for _what, _most in (
    (_r.RLIMIT_AS, {memory}), (_r.RLIMIT_CPU, {seconds}), (_r.RLIMIT_FSIZE, 0), (_r.RLIMIT_CORE, 0),
    (_r.RLIMIT_NOFILE, 64), (_r.RLIMIT_MEMLOCK, 0), (_r.RLIMIT_MSGQUEUE, 0),
):
    _r.setrlimit(_what, (_most, _most))
"""
"""Run before anything else; the code has no right to raise them again."""


class BubblewrapJail:
    """Starts interpreters in namespaces; each is gone with its bubblewrap, and that with this process."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.name = f"bubblewrap (CPython {sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro})"

    @classmethod
    def open(cls) -> BubblewrapJail:
        """Raises SandboxUnavailable where there is no bubblewrap or no filter for this machine.

        Whether the kernel lets it make namespaces shows at the first start.
        """
        if sys.platform != "linux":
            raise SandboxUnavailable("bubblewrap runs on Linux only", subject="bubblewrap")
        if not is_known():
            raise SandboxUnavailable(
                "there is no filter of system calls for this kind of processor", subject="bubblewrap"
            )
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable("bubblewrap is not installed", subject="bubblewrap", hint=_HINT)
        return cls(program)

    def start(
        self, program: str, *, stdin: int, stdout: int, stderr: int, memory_mb: int, lifetime_s: float
    ) -> subprocess.Popen[bytes]:
        """See core.ports.Jail."""
        limits = _LIMITS.format(memory=memory_mb << 20, seconds=math.ceil(lifetime_s))
        reading, writing = os.pipe()
        try:
            os.write(writing, compute_only())
            os.close(writing)
            return subprocess.Popen(  # noqa: S603 - bubblewrap with arguments of ours
                [self._program, *_walls(reading), *_interpreter(), "-I", "-S", "-c", limits + program],
                stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=(reading,), env={}, cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SandboxUnavailable(f"No process can be started: {error.strerror}", subject=self.name) from None
        finally:
            os.close(reading)


def _interpreter() -> list[str]:
    return [os.path.realpath(sys.executable)]


def _walls(filter_fd: int) -> list[str]:
    """The arguments of bubblewrap: an empty root, in it what the interpreter reads, and nothing shared."""
    seen = [*_LIBRARIES, *_interpreter(), sysconfig.get_path("stdlib"), *_shared_library()]
    return [
        "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
        "--clearenv", "--cap-drop", "ALL", "--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "sandbox",
        *(word for path in dict.fromkeys(seen) if Path(path).exists() for word in ("--ro-bind", path, path)),
        "--remount-ro", "/", "--chdir", "/", "--seccomp", str(filter_fd), "--",
    ]  # fmt: skip


def _shared_library() -> list[str]:
    """The interpreter's own library, where it is built as one and lies outside the system's folders."""
    folder, name = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")
    return [str(Path(folder) / name)] if folder and name and str(name).count(".so") else []
