"""A process in which the real SDKs of Comet run, so that their imports and threads stay out of the tests.

Its import takes seconds, so one process serves many tests: each hands it a piece of code and gets the value of
``result`` back, or what was raised.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
QUIET = {
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "COMET_ERROR_TRACKING_ENABLE": "false",
    "COMET_LOGGING_CONSOLE": "CRITICAL",
    "COMET_DISPLAY_SUMMARY_LEVEL": "0",
    "COMET_DISABLE_ANNOUNCEMENT": "1",
    "COMET_RAISE_EXCEPTIONS_ON_ERROR": "1",
    "COMET_HTTP_SESSION_RETRY_TOTAL": "0",  # else comet_ml tries again for 14 s by itself
}
SILENT = {
    "log_code": False,
    "log_graph": False,
    "log_git_metadata": False,
    "log_git_patch": False,
    "log_env_details": False,
    "auto_output_logging": False,
    "auto_param_logging": False,
    "auto_metric_logging": False,
    "parse_args": False,
}
"""The arguments of ``comet_ml.Experiment`` with which it logs only what it is told to."""


class Raised(Exception):
    """What the code raised in the process, as far as it can be told here."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(f"{told['kinds'][0]}: {told['text']}")
        self.kinds: list[str] = told["kinds"]
        """Its class and that class's bases, with their modules."""
        self.text: str = told["text"]
        self.status: int | None = told["status"]
        """Of the answer it holds."""
        self.causes: list[str] = told["causes"]
        """The classes of what it was raised from or wraps, outermost first."""


class CometProcess:
    """The process; a context manager."""

    def __init__(self, url: str, key: str, home: Path, **variables: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COMET_")}
        place = {"COMET_URL_OVERRIDE": url, "COMET_API_KEY": key, "HOME": str(home), "COMET_CONFIG": str(home / "none")}
        self._environment = {**kept, **QUIET, **place, **variables, "PYTHONPATH": str(ROOT)}
        self._home = home

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.comet_child"],
            env=self._environment,
            cwd=self._home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process:
            process.kill()

    def run(self, code: str, **values: Any) -> Any:
        """Runs the code with these values as its variables, and those of earlier calls; the value of ``result``.

        Raises:
            Raised: the code raised.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"code": code, "values": values}) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        if "raised" in told:
            raise Raised(told["raised"])
        return told["result"]


def _told(error: BaseException) -> dict[str, Any]:
    try:
        text = str(error)
    except Exception as worse:  # noqa: BLE001 - some of Comet's exceptions raise in str()
        text = f"str() raised {worse!r}"
    response = getattr(error, "response", None)
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__[:-1]]
    status = None if response is None else response.status_code
    return {"kinds": kinds, "text": text[:2000], "status": status, "causes": _causes(error)}


def _causes(error: BaseException) -> list[str]:
    """urllib3 and requests keep what they wrap as an argument or as ``reason``, not always as the cause."""
    found: list[str] = []
    within: Any = error
    while isinstance(within, BaseException) and len(found) < 8:
        inner = [getattr(within, "reason", None), *within.args, within.__cause__, within.__context__]
        within = next((one for one in inner if isinstance(one, BaseException)), None)
        if within is not None:
            found.append(type(within).__name__)
    return found


def _main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an SDK prints must not look like an answer
    space: dict[str, Any] = {name: importlib.import_module(name) for name in ("requests", "comet_llm", "comet_ml")}
    space |= {"json": json, "SILENT": SILENT}
    for line in sys.stdin:
        asked = json.loads(line)
        space |= {"result": None, **asked["values"]}
        try:
            exec(asked["code"], space)
            answer = json.dumps({"result": space["result"]})
        except Exception as error:  # noqa: BLE001 - it is told to the test
            answer = json.dumps({"raised": _told(error)})
        answers.write(answer + "\n")
        answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        _main()
