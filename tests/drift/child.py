"""The worker process with a stand-in for Evidently, whose import takes seconds; or one that hangs."""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class Said:
    """What a library says that has no opinion."""

    scores: tuple[Any, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    html: bytes = b"<html>report</html>"
    snapshot: bytes = b"{}"


def say(_pairs: Sequence[Any], _methods: Mapping[str, str], title: str) -> Said:
    return Said(html=f"<html>{title}</html>".encode())


def hang(*_: Any) -> Said:
    sys.stdout.write("what a package prints\n")
    threading.Event().wait()
    raise AssertionError


def crash(*_: Any) -> Said:
    raise RuntimeError("a secret of somebody")


if __name__ == "__main__":
    module = types.ModuleType("core.adapters.evidently")
    module.evidently_report = {"say": say, "hang": hang, "crash": crash}[sys.argv[1]]  # type: ignore[attr-defined]
    sys.modules["core.adapters.evidently"] = module
    from core.jobs.drift import main

    os._exit(main())
