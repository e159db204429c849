"""What generated code must not reach, on this machine: a file, a folder, a server, a process, an environment."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil


class Outside:
    """Stands beside the sandbox; ``check`` fails where anything of it has changed."""

    def __init__(self, folder: Path) -> None:
        self.token = f"token-{secrets.token_hex(16)}"
        self.folder = folder / "outside"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.file = self.folder / "secret.txt"
        self.file.write_text(self.token)
        self.file.chmod(0o666)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.library = Path(os.__file__)
        self.library_before = self.library.stat()
        program = "import time\nwhile True: time.sleep(60)"
        self.victim = subprocess.Popen([sys.executable, "-S", "-c", program], env={"SECRET": self.token})
        self.mine = {child.pid for child in psutil.Process().children(recursive=True)}

    @property
    def preamble(self) -> str:
        """The names by which attacks know their aims."""
        aims = {
            "PORT": self.server.getsockname()[1],
            "VICTIM": self.victim.pid,
            "FOLDER": str(self.folder),
            "SECRET_FILE": str(self.file),
        }
        return "; ".join(f"{name} = {aim!r}" for name, aim in aims.items()) + "\n"

    def check(self, *texts: str) -> None:
        """Nothing has changed, nothing was reached, no process is left, and no text holds the secret."""
        assert [path.name for path in self.folder.iterdir()] == ["secret.txt"]
        assert self.file.read_text() == self.token
        assert self.file.stat().st_mode & 0o777 == 0o666
        assert self.victim.poll() is None, "the victim was ended"
        after = self.library.stat()
        assert (after.st_size, after.st_mtime_ns) == (self.library_before.st_size, self.library_before.st_mtime_ns)
        assert not self.was_reached(), "somebody connected"
        assert all(self.token not in text for text in texts)
        assert self._left_behind() == []

    def was_reached(self) -> bool:
        with suppress(BlockingIOError):
            self.server.accept()[0].close()
            return True
        return False

    def _left_behind(self) -> list[str]:
        """Processes that this one has more than before; those of a jail may take a moment to be gone."""
        deadline = time.monotonic() + 10
        while True:
            left = [child for child in psutil.Process().children(recursive=True) if child.pid not in self.mine]
            if not left or time.monotonic() > deadline:
                return [" ".join(child.cmdline()[:3]) for child in left]
            time.sleep(0.01)

    def close(self) -> None:
        self.server.close()
        with suppress(ProcessLookupError):
            self.victim.send_signal(signal.SIGKILL)
        self.victim.wait()
