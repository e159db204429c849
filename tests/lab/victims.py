"""Processes that run an experiment and are killed. ``python -m tests.lab.victims``, as tests.ledger.workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import core.adapters.openai_endpoint  # noqa: F401  imported here once, so that each fork has it
from core.adapters.openai_compat import OpenAIChat
from core.lab.chats import LabModels
from core.lab.scorers import Tools
from core.lab.service import Lab
from core.ledger import Ledger
from tests.fakes.lab import IMPATIENT, TEMPLATES, cases_by_name, ledger_in, per_token, spec_of_cases
from tests.ledger import workers

CASES = 60
CONCURRENCY = 4


def open_real_lab(ledger: Ledger, server: str) -> Lab:
    """Over the adapter that the app calls servers with."""
    chat = OpenAIChat(base_url=server, api_key="key", model="small")
    models = LabModels(chat, lambda _name: chat, server)
    tools = Tools()
    return Lab(ledger, models, templates=TEMPLATES, cases=cases_by_name, tools=tools, cost_of=per_token, pace=IMPATIENT)


def run_experiment(folder: str, server: str) -> None:
    """Starts it, says its id, and runs it until it is killed or done."""
    ledger = ledger_in(Path(folder))
    lab = open_real_lab(ledger, server)
    experiment_id = lab.start(lab.plan(spec_of_cases(CASES, concurrency=CONCURRENCY)))
    workers.say(f"pid {os.getpid()} {experiment_id}")
    lab.wait(experiment_id)


class Victims(workers.Workers):
    """The test's side; each command runs in a fork that has the imports behind it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.lab.victims"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=workers.ROOT)


if __name__ == "__main__":
    workers.COMMANDS["run_experiment"] = run_experiment
    workers.main()
