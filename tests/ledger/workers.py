"""Processes that tests start and kill. ``python -m tests.ledger.workers``; one command a line on standard input.

Each command runs in a fork of this process, which has the imports behind it already, and answers on standard output.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import alembic.config
import alembic.runtime.environment
import alembic.script  # noqa: F401  imported here once, so that each fork has it
from sqlalchemy import event

from core.ledger import BudgetState, Held, Ledger, PriceScope, Settled, open_ledger, price_filling
from core.ledger.database import Database
from core.models import Feedback, Run
from tests.ledger.samples import MINILM, Ticking, library_item, running, trace

ROOT = Path(__file__).parents[2]


def edition(video_id: str, number: int) -> tuple[Any, Any]:
    """An edition of a video: its number of chunks, its title and every text tell which one."""
    parts = 3 + number % 4
    texts = [f"{video_id} edition {number} part {part} " + "word " * 50 for part in range(parts)]
    texts[0] = f"{video_id} unchanged opening"
    return library_item(video_id, texts, title=f"Edition {number}")


def save_edition(ledger: Ledger, video_id: str, number: int) -> None:
    transcript, chunks = edition(video_id, number)
    ledger.library.save(transcript, chunks, embedder=MINILM)


def die_at_statement(engine: Any, number: int) -> None:
    """SIGKILLs this process when the engine is about to run its n-th statement."""
    left = [number]

    @event.listens_for(engine, "before_cursor_execute")
    def _count(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_save(url: str, number: str, statement: str) -> None:
    """Saves an edition and dies on the way."""
    ledger = open_ledger(url)
    die_at_statement(ledger._database.engine, int(statement))
    save_edition(ledger, "v", int(number))


def kill_open(url: str, statement: str) -> None:
    """Opens (makes, migrates) a ledger and dies on the way."""
    plain = Database.__init__

    def armed(self: Database, *args: Any, **options: Any) -> None:
        plain(self, *args, **options)
        die_at_statement(self.engine, int(statement))

    Database.__init__ = armed  # type: ignore[method-assign]
    open_ledger(url)


def save_for_ever(url: str) -> None:
    """Saves edition after edition, and says so before each."""
    ledger = open_ledger(url)
    say(f"pid {os.getpid()}")
    for number in range(10**6):
        say(f"edition {number}")
        save_edition(ledger, "v", number)


def write_traces(url: str, prefix: str, count: str) -> None:
    ledger = open_ledger(url)
    for number in range(int(count)):
        ledger.traces.begin(running(f"{prefix}-{number}"))
        ledger.traces.finish(trace(f"{prefix}-{number}"), mirror=True)
    ledger.close()


def hang(url: str) -> None:
    """Begins a trace and a job, and waits to be killed."""
    ledger = open_ledger(url)
    ledger.traces.begin(running("hanging"))
    job_id = ledger.jobs.create("ingest", ["a", "b"])
    ledger.jobs.set_item(job_id, "a", "running")
    say(f"pid {os.getpid()} job {job_id}")
    time.sleep(600)


def try_lease(url: str) -> None:
    say(f"lease {open_ledger(url).outbox.take_lease()}")


def send_for_ever(url: str) -> None:
    """Takes the lease, begins to send what is due, and waits to be killed."""
    ledger = open_ledger(url)
    taken = ledger.outbox.take_lease()
    ledger.outbox.begin(ledger.outbox.due(50))
    say(f"pid {os.getpid()} lease {taken}")
    time.sleep(600)


def kill_settle(url: str, statement: str) -> None:
    """Begins to send what is due, and dies while it writes down that all of it arrived."""
    ledger = open_ledger(url)
    ledger.outbox.take_lease()
    rows = ledger.outbox.due(50)
    ledger.outbox.begin(rows)
    die_at_statement(ledger._database.engine, int(statement))
    ledger.outbox.settle([Settled(row, "sent") for row in rows])


def kill_finish(url: str, statement: str) -> None:
    """Finishes a trace that was begun and one that was not, and dies on the way."""
    ledger = open_ledger(url)
    die_at_statement(ledger._database.engine, int(statement))
    ledger.traces.finish_all([trace("begun"), trace(f"new-{statement}")], mirror=True)


def kill_thumb(url: str, statement: str) -> None:
    """Puts a thumb on a trace and dies on the way."""
    ledger = open_ledger(url)
    ledger.traces.finish(trace("t"), mirror=True)
    die_at_statement(ledger._database.engine, int(statement))
    ledger.traces.save_feedback(Feedback("t", 1), mirror=True)


def kill_abandon(url: str, statement: str) -> None:
    """Gives up two questions that nobody works at, and dies on the way."""
    ledger = open_ledger(url)
    ledger.traces.finish_all([running("lost-0"), running("lost-1")], mirror=False)
    die_at_statement(ledger._database.engine, int(statement))
    ledger.traces.abandon_running(mirror=True)


def finish_again(url: str, prefix: str, count: str) -> None:
    """Finishes traces that others finish too, each with a thumb."""
    ledger = open_ledger(url)
    for number in range(int(count)):
        ledger.traces.finish(trace(f"{prefix}{number % 4}", answer_changes={"cost_usd": number / 100}), mirror=True)
        ledger.traces.save_feedback(Feedback(f"{prefix}{number % 4}", number % 3 - 1), mirror=True)


def hang_experiment(url: str) -> None:
    """Begins an experiment of two runs, and waits to be killed."""
    ledger = open_ledger(url)
    cells = [Run(n, "a", 1, "model-x", 0.0, f"case-{n}", 0) for n in range(2)]
    say(f"pid {os.getpid()} {ledger.experiments.create({'name': 'Hanging'}, cells)}")
    time.sleep(600)


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def hold(url: str, amount: str) -> None:
    """Reserves in the budgets there are, and waits to be killed."""
    held = open_ledger(url, clock=Ticking()).budgets.reserve("m", "ana", int(amount))
    assert isinstance(held, Held), held
    say(f"pid {os.getpid()}")
    time.sleep(600)


def spend_all(url: str, threads: str, amount: str) -> None:
    """Calls of many threads until the one budget is used up; says what they spent and how often it was overdrawn."""
    ledger = open_ledger(url, clock=Ticking())
    spent: list[int] = []
    overdrawn: list[BudgetState] = []

    def call(number: int) -> None:
        while True:
            held = ledger.budgets.reserve("m", "ana", int(amount))
            if isinstance(held, Held):
                state = ledger.budgets.states()[0]
                if state.spent_nano_usd + state.reserved_nano_usd > state.budget.limit_nano_usd:
                    overdrawn.append(state)
                actual = int(amount) * (3 + (len(spent) + number) % 7) // 10
                ledger.budgets.settle(held, actual)
                spent.append(actual)
            elif not held.fits_later:
                return

    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(call, range(int(threads))))
    say(f"spent {sum(spent)} {len(overdrawn)}")


def kill_fill(url: str, statement: str) -> None:
    """Fills in the costs of gpt-x, two traces at a time, and dies on the way."""
    ledger = open_ledger(url, clock=Ticking())
    price_filling.PORTION = 2
    die_at_statement(ledger._database.engine, int(statement))
    scope = PriceScope("gpt-x", "models.example:8000", Ticking()(), None)
    list(ledger.price_filling.fill(scope, lambda *_: 1.1, priced=False, mirror=True))


COMMANDS: dict[str, Callable[..., None]] = {
    command.__name__: command
    for command in (
        kill_save,
        kill_open,
        save_for_ever,
        write_traces,
        hang,
        hang_experiment,
        try_lease,
        send_for_ever,
        kill_settle,
        kill_finish,
        kill_thumb,
        kill_abandon,
        finish_again,
        hold,
        spend_all,
        kill_fill,
    )
}


def run(name: str, arguments: list[str]) -> NoReturn:
    try:
        COMMANDS[name](*arguments)
    except BaseException as error:  # noqa: BLE001  the test shall read it
        say(f"error {type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        name, *arguments = line.split()
        child = os.fork()
        if child == 0:
            run(name, arguments)
        _, status = os.waitpid(child, 0)
        say("killed" if os.WIFSIGNALED(status) else f"ended {os.WEXITSTATUS(status)}")


class Workers:
    """The test's side of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def start(self, *command: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(" ".join(map(str, command)) + "\n")
        self._process.stdin.flush()

    def line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def run(self, *command: object) -> str:
        """The last line: "killed" or "ended 0"."""
        self.start(*command)
        return self.line()

    def wait_until_killed(self) -> None:
        while self.line() != "killed":
            pass

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


if __name__ == "__main__":
    main()
