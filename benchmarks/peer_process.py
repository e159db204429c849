"""What the peers' processes share: the measuring, the copying of rows, and the form of what they print.

Nothing here is more than the standard library. See benchmarks/tracing.py, which starts them.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROUNDS = 5
BATCH = 250
"""Traces in a request, where there is a choice."""

Columns = Mapping[str, str]
"""What a copy has in a column, in SQL: ``n`` is the copy's number. The other columns are copied as they are."""


@dataclass(frozen=True, slots=True)
class Written:
    """How long it took until all of it was in the database."""

    way: str
    traces: int
    s: float

    @property
    def per_trace_ms(self) -> float:
        return self.s * 1000 / self.traces


@dataclass(frozen=True, slots=True)
class Read:
    """The cost by day and model over all days, asked some times."""

    way: str
    ms: list[float]
    documented: bool = True
    """Its own API as it comes; else a way that is not on by default, or one around it."""


@dataclass(slots=True)
class Found:
    """What one tracer took."""

    name: str
    writes: list[Written] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    traces: int = 0
    """In the database when it was read."""
    cost_usd: float = 0.0
    """Of all of them, as it was read."""


def answer(measure: Callable[[Path, int, int], Found]) -> None:
    """The process: arguments FOLDER WRITTEN READ, one line of JSON."""
    folder, written, read = sys.argv[1:]
    print(json.dumps(asdict(measure(Path(folder), int(written), int(read)))))


def found_in(line: str) -> Found:
    document = json.loads(line)
    writes, reads = [Written(**one) for one in document["writes"]], [Read(**one) for one in document["reads"]]
    return Found(document["name"], writes, reads, document["traces"], document["cost_usd"])


def timed_s(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def rounds_ms(call: Callable[[], object]) -> list[float]:
    """The first round, which warms caches, does not count."""
    call()
    return [timed_s(call) * 1000 for _ in range(ROUNDS)]


def copied(database: sqlite3.Connection, times: int, tables: Mapping[str, Columns]) -> None:
    """Makes each table as many times as large, as if as much had been written: writing all would take hours."""
    database.execute("PRAGMA cache_size = -2000000")  # in KiB; of this connection, which reads nothing that is measured
    database.execute("CREATE TEMP TABLE copies AS WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c "
                     f"WHERE n < {times - 1}) SELECT n FROM c WHERE {times} > 1")  # fmt: skip
    for table, changed in tables.items():
        names = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
        values = ", ".join(changed.get(name, f't."{name}"') for name in names)
        into = ", ".join(f'"{name}"' for name in names)
        database.execute(f'INSERT INTO "{table}" ({into}) SELECT {values} FROM copies CROSS JOIN "{table}" AS t')
    database.commit()
