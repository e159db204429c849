"""The naive ways with Comet, as its documents show them, in a process of their own: ``log_prompt``, ``API().query``.

``python -m benchmarks.naive_mirror answers DATA_DIR COUNT`` asks questions and logs each in the answer's way;
``… query`` reads a project. Prints JSON. Where Comet is stands in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import comet_llm
import comet_ml

from benchmarks.harness import timed
from core.answering import AskRequest
from core.config import Settings
from core.demo import DEMO_QUESTIONS
from core.services import Services, build_services


def answers(data_dir: str, count: str) -> list[float]:
    """Milliseconds from question to answer, its record at Comet included."""
    services = build_services(Settings(_env_file=None, data_dir=Path(data_dir)))  # type: ignore[call-arg]
    services.check()
    texts = [question.text for question in DEMO_QUESTIONS]
    _logged(services, texts[0], log=False)
    took = [timed(lambda n=n: _logged(services, texts[n % len(texts)]))[1] for n in range(int(count))]  # type: ignore[misc]
    services.close()
    return took


def _logged(services: Services, text: str, *, log: bool = True) -> None:
    answer = services.answering.ask(AskRequest(text))
    if log:
        comet_llm.log_prompt(
            prompt=text,
            output=answer.text,
            duration=answer.latency_ms,
            metadata={"model": answer.model or "quotes"},
        )


def query() -> int:
    """How many traces were read."""
    workspace, project = os.environ["COMET_WORKSPACE"], os.environ["COMET_PROJECT_NAME"]
    found: Any = comet_llm.API().query(workspace, project, comet_ml.query.Metric("chain_duration") > 0)
    return sum(1 for trace in found if trace.get_metadata() is not None)


if __name__ == "__main__":
    result = answers(*sys.argv[2:]) if sys.argv[1] == "answers" else query()
    print(json.dumps(result))
