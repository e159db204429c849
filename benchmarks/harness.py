"""What the measurements share: the folders, the tables, and docs/benchmarks.md, of which each owns one section."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"

BUSY_SHARE = 0.2
"""Where others use more than this share of the cores, a time is no measurement."""


class Unavailable(Exception):
    """What a measurement needs is not on this machine; the message says what."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where the corpus is and where libraries may be kept; ``quick`` tries the code on little data."""

    data: Path
    work: Path
    quick: bool = False

    @property
    def videos(self) -> Path:
        """Raises Unavailable where the corpus is absent."""
        folder = self.data / "videos"
        if not folder.is_dir():
            raise Unavailable(f"the corpus is not at {folder}: name its folder with --data")
        return folder


@dataclass(frozen=True, slots=True)
class Figure:
    """One number beside its target. ``most``: the target is a ceiling, else a floor."""

    name: str
    value: float
    target: float | None = None
    unit: str = ""
    most: bool = True
    strict: bool = False
    """Equality misses the target."""

    @property
    def met(self) -> bool:
        if self.target is None or (self.value == self.target and not self.strict):
            return True
        return self.value < self.target if self.most else self.value > self.target

    def verdict(self) -> str:
        if self.target is None:
            return ""
        by = abs(self.value - self.target)
        share = f" ({by / self.target:.0%})" if self.target else ""
        return f"{'met' if self.met else '**missed**'} by {shown(by)}{_unit(self.unit)}{share}"

    def cells(self) -> list[str]:
        sign = {(True, False): "≤", (False, False): "≥", (True, True): "<", (False, True): ">"}[self.most, self.strict]
        target = "" if self.target is None else f"{sign} {shown(self.target)}{_unit(self.unit)}"
        return [self.name, f"{shown(self.value)}{_unit(self.unit)}", target, self.verdict()]


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        return f"{self.caption}\n\n{_grid(self.header, self.rows)}"


@dataclass(slots=True)
class Report:
    """What one measurement found."""

    title: str
    what: str
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------------- measuring


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """The result and the milliseconds that it took."""
    began = time.perf_counter()
    result = call()
    return result, (time.perf_counter() - began) * 1000


def times_of(call: Callable[[T], object], inputs: Sequence[T], *, warm_up: int = 3) -> list[float]:
    """Milliseconds of one call per input, after some that do not count."""
    for item in inputs[:warm_up]:
        call(item)
    return [timed(lambda item=item: call(item))[1] for item in inputs]  # type: ignore[misc]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))


def ms(values: Sequence[float]) -> list[str]:
    """Median and 95th percentile, as cells."""
    return [f"{median(values):.1f}", f"{p95(values):.1f}"]


def shown(value: float) -> str:
    """Three digits, no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


# ---------------------------------------------------------------------------------------------------- circumstances


@dataclass(slots=True)
class Circumstances:
    """Under what a run was measured: load on the machine before it, and what others computed meanwhile."""

    load: float
    others: float = 0.0
    """Cores that processes outside of this run kept busy, on average."""

    @property
    def busy(self) -> bool:
        return self.others > BUSY_SHARE * (os.cpu_count() or 1)

    def sentence(self) -> str:
        text = f"load average {self.load:.1f} at the start, {self.others:.1f} cores used by others during the run"
        return f"{text}: **measured on a busy machine, times are not final**" if self.busy else text


@contextmanager
def watched() -> Iterator[Circumstances]:
    """Takes note of the load at the beginning, and of what other processes used when it ends."""
    found = Circumstances(os.getloadavg()[0])
    began, used, own = time.perf_counter(), _busy_s(), _own_s()
    yield found
    elapsed = time.perf_counter() - began
    found.others = max(0.0, (_busy_s() - used) - (_own_s() - own)) / max(elapsed, 1e-9)


def _busy_s() -> float:
    """Seconds that all cores together have computed since the machine started."""
    t = psutil.cpu_times()
    return float(t.user + t.system + t.nice)


def _own_s() -> float:
    """Seconds that this process and its ended children have computed."""
    return sum(os.times()[:4])


def machine() -> str:
    memory_gb = psutil.virtual_memory().total / 2**30
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())):
        model = found[1].strip()
    return f"{os.cpu_count()} cores ({model}), {memory_gb:.0f} GB, Python {platform.python_version()}"


# --------------------------------------------------------------------------------------------------------- the page

_HEAD = """# Benchmarks

`make bench` measures what follows and rewrites this page; `python -m benchmarks NAME…` measures some of it. Each
section comes from one run, peers and limits included, on the machine that it names. A figure that misses its target is
written as missed. The corpus is private: 381 transcripts of talks, 9.1 million characters, with 60 questions; `--data`
names its folder.
"""


def write_section(name: str, report: Report, circumstances: Circumstances, command: str) -> None:
    """Replaces one section of docs/benchmarks.md, or appends it."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else _HEAD
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{render(report, circumstances, command)}\n{end}"
    if begin in page and end in page:
        before, _, rest = page.partition(begin)
        page = before + section + rest.partition(end)[2]
    else:
        page = f"{page.rstrip()}\n\n{section}\n"
    PAGE.write_text(page, encoding="utf-8")


def render(report: Report, circumstances: Circumstances, command: str) -> str:
    parts = [f"## {report.title}", report.what]
    if report.figures:
        rows = [figure.cells() for figure in report.figures]
        parts.append(_grid(["figure", "measured", "target", "met or missed"], rows))
    parts += [table.markdown() for table in report.tables]
    parts += [f"* {note}" for note in report.notes]
    parts.append(f"{datetime.now(UTC):%Y-%m-%d}, `{command}`, {machine()}; {circumstances.sentence()}.")
    return "\n\n".join(parts).replace("\n\n* ", "\n* ").replace("|\n* ", "|\n\n* ")


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(header), ["---"] * len(header), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
