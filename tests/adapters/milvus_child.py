"""A process that opens an index and is killed, or holds it: ``python -m tests.adapters.milvus_child FOLDER POINT``.

It writes ROWS_BEFORE, prints "written", and then either waits for its input to close (point ``hold``) or kills itself
with SIGKILL at one place in the writing of ROWS_DURING.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import milvus_lite.index.brute_force as index_files
import milvus_lite.storage.data_file as data_files
import milvus_lite.storage.manifest as manifests
import numpy as np

from core.adapters.milvus import MilvusIndex
from tests.contracts.vector_index import DIMENSIONS, direction, make_row

ROWS_BEFORE = [make_row("before", n, vector=direction(1.0, n)) for n in range(40)]
ROWS_DURING = [make_row("during", n, vector=direction(0.1, n, 1.0)) for n in range(40)]


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_half_and_die(file: Any, vectors: Any, **_: object) -> None:
    whole = BytesIO()
    np.lib.format.write_array(whole, vectors)
    file.write(whole.getvalue()[: len(whole.getvalue()) // 2])
    file.flush()
    die()


def arm(point: str) -> None:
    """Puts the kill in its place."""
    places: dict[str, Callable[[], None]] = {
        "between upsert and flush": lambda: setattr(MilvusIndex, "_flush", die),
        "while a data file is written": lambda: setattr(data_files.pq, "write_table", _half_a_table),
        "before the manifest is replaced": lambda: setattr(manifests.os, "replace", die),
        "while an index file is written": lambda: setattr(index_files.np, "save", write_half_and_die),
    }
    places[point]()


def _half_a_table(_: Any, path: str) -> None:
    Path(path).write_bytes(b"PAR1 half a file")
    die()


def main(folder: str, point: str) -> None:
    index = MilvusIndex(folder, embedder_identity="toy@1", dimensions=DIMENSIONS)
    index.upsert(ROWS_BEFORE)
    assert len(index.inventory()) == len(ROWS_BEFORE)
    sys.stdout.write("written\n")
    sys.stdout.flush()
    if point == "hold":
        sys.stdin.read()
        index.close()
        return
    arm(point)
    index.upsert(ROWS_DURING)
    sys.stdin.read()  # the index files are written by a thread behind our back


if __name__ == "__main__":
    main(*sys.argv[1:])
