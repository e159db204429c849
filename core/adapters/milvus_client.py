"""pymilvus, imported so that it does no harm, and its errors as ours."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

# gRPC's core writes what pymilvus handles ("too_many_pings") to standard error; it reads this when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc

from core.errors import (
    CuepointError,
    IndexUnreachable,
    LibraryFull,
    LibraryReadOnly,
    VectorIndexError,
)

CALL_TIMEOUT_S = 60.0
"""pymilvus repeats a call that finds nobody for up to 75 times unless each call has a time limit."""

CONNECT_TIMEOUT_S = 10.0

_FULL = ("no space left on device", "disk quota exceeded", "disk quota exhausted")
_READ_ONLY = ("read-only file system", "permission denied")
_REFUSED = ("auth check failure", "unauthenticated", "permissiondenied", "permission_denied", "invalid token")
_SILENT = (
    "fail connecting to server",
    "unavailable",
    "deadline",
    "retry timeout",
    "retry run out",
    "connection refused",
    "server not ready",
)


def _import_pymilvus() -> Any:
    """Imports pymilvus with two of its habits switched off.

    On import it reads our MILVUS_URI and raises where that names a Milvus Lite file, and it copies the nearest
    ``.env`` into the environment, which is for Settings to read.
    """
    shield = {"MILVUS_URI": "", "PYTHON_DOTENV_DISABLED": "1"}
    before = {name: os.environ.get(name) for name in shield}
    os.environ.update(shield)
    try:
        return importlib.import_module("pymilvus")
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


pymilvus: Any = _import_pymilvus()

for _name in ("pymilvus", "milvus_lite", "grpc._server"):
    # They write tracebacks to standard error of what they also raise and we translate; gRPC's server, which is Lite's,
    # does so at every inventory for a call that Lite does not know and pymilvus can do without.
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def connect(uri: str, token: str | None) -> Any:
    """A MilvusClient for a server or an open Lite file. Raises VectorIndexError, IndexUnreachable."""
    with translated(uri):
        return pymilvus.MilvusClient(uri=uri, token=token or "", timeout=CONNECT_TIMEOUT_S)


def place(uri: str) -> str:
    """How messages name the index: a Lite file's path, or host and port without user and password."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "at the address in MILVUS_URI"
    if not parts.scheme or not parts.netloc:
        return uri
    return parts.netloc.rpartition("@")[2]


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turns what pymilvus and gRPC raise into VectorIndexError, IndexUnreachable or LibraryError."""
    try:
        yield
    except (pymilvus.MilvusException, grpc.RpcError, ValueError, TypeError, OSError) as error:
        raise _translate(error, uri) from error


def _chain(error: BaseException) -> list[str]:
    """The words of an error and of its causes: pymilvus says "fail connecting" and leaves the reason to the cause.

    It also writes ``raise e from e``, which makes an error its own cause.
    """
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    return [str(link) for link in chain]


def _translate(error: Exception, uri: str) -> CuepointError:
    where, lower = place(uri), " ".join(_chain(error)).lower()
    if any(sign in lower for sign in _FULL):
        return LibraryFull(
            f"The disk that holds the vector index {where} is full", subject=where, hint="Free some space."
        )
    if any(sign in lower for sign in _REFUSED):
        return IndexUnreachable(f"Milvus at {where} refuses the token", subject=where, hint="Check MILVUS_TOKEN.")
    if any(sign in lower for sign in _READ_ONLY):
        return LibraryReadOnly(
            f"The vector index {where} cannot be written", subject=where, hint="Check its permissions."
        )
    if any(sign in lower for sign in _SILENT):
        hint = "Start the server or correct MILVUS_URI."
        return IndexUnreachable(f"Milvus at {where} does not answer", subject=where, hint=hint)
    if isinstance(error, pymilvus.exceptions.ConnectionConfigException):
        hint = "Set MILVUS_URI to http://host:port, or to a path that ends in .db."
        return VectorIndexError(f"{where} is no address of a vector index", subject=where, hint=hint)
    reason = " ".join(str(getattr(error, "message", "") or error).split())[:300]
    return VectorIndexError(f"The vector index {where} failed: {reason}", subject=where)
