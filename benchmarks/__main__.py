"""``python -m benchmarks [NAME…]`` measures and rewrites the sections of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import ROOT, Context, Unavailable, render, watched, write_section

NAMES = (
    "retrieval",
    "search",
    "ingest",
    "ask",
    "start",
    "citations",
    "mirror",
    "lab",
    "verdict",
    "sandbox",
    "drift",
    "budgets",
    "ledger",
    "charts",
    "forecast",
)


def main() -> int:
    """Exit code 1 where a target was missed."""
    arguments = _parser().parse_args()
    command = shlex.join(["python", "-m", "benchmarks", *arguments.names])
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        context = Context(arguments.data, work, quick=arguments.quick)
        missed = sum([_measure(name, context, command, write=not arguments.dry) for name in arguments.names or NAMES])
    return 1 if missed else 0


def _measure(name: str, context: Context, command: str, *, write: bool) -> int:
    """How many figures missed their target; none where the measurement cannot be made here."""
    print(f"--- {name}", flush=True)
    measurement = importlib.import_module(f"benchmarks.{name}")
    try:
        with watched() as circumstances:
            report = measurement.run(context)
    except Unavailable as reason:
        print(f"{name} was left out: {reason}", file=sys.stderr)
        return 0
    print(render(report, circumstances, command), flush=True)
    if write and not context.quick:
        write_section(name, report, circumstances, command)
    return sum(not figure.met for figure in report.figures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"some of {', '.join(NAMES)}")
    data = Path(os.environ.get("CUEPOINT_BENCH_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="folder with videos/ and questions_dev.json")
    parser.add_argument("--work", type=Path, help="keep the ingested corpus here and use it again (it takes minutes)")
    parser.add_argument("--quick", action="store_true", help="a few videos only, to try the code; nothing is written")
    parser.add_argument("--dry", action="store_true", help="print, but leave docs/benchmarks.md as it is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
