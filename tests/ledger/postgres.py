"""A private PostgreSQL cluster for the tests: own folder, own port, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from core.ledger.schema import library_state, metadata


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: on the PATH, or where Debian puts it."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


class Cluster:
    """A running server. ``url(name)`` is an address that Cuepoint takes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._made = 0

    def url(self, database: str) -> str:
        return f"postgresql://cue:secret@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def fresh(self) -> str:
        """The address of a new and empty database."""
        self._made += 1
        name = f"test_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def emptied(self, name: str) -> str:
        """The address of a prepared ledger, with whatever the test before left in it taken out."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            for table in metadata.sorted_tables[::-1]:
                if table is not library_state:
                    connection.execute(f"DELETE FROM {table.name}")
            connection.execute("UPDATE library_state SET revision = 0")
        return self.url(name)


@contextmanager
def cluster(binaries: Path, *, connections: int = 60) -> Iterator[Cluster]:
    """Starts one; as root it runs as another user, because PostgreSQL refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="cuepoint-pg-"))
    user = _other_user()
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    port = free_port()
    try:
        _run(binaries / "initdb", "-D", folder / "data", "-U", "cue", "-A", "trust", "-N", user=user)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c max_connections={connections}"
        _run(binaries / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w", "-o", options, "start", user=user)
        try:
            yield Cluster(port)
        finally:
            _run(binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop", user=user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(*command: Any, user: str | None) -> None:
    identity: dict[str, Any] = (
        {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    )
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
