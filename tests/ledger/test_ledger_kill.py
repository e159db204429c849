"""A process that is killed at any moment leaves a ledger that is whole."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import NotFound
from core.ledger import ItemState, Ledger, open_ledger
from core.models import AnswerStatus, IndexRow
from tests.ledger.postgres import Cluster
from tests.ledger.samples import MINILM
from tests.ledger.workers import Workers, edition, save_edition


def whole_edition(ledger: Ledger) -> int | None:
    """The number of the edition that the ledger holds, None for none; fails where it holds parts of two."""
    try:
        held = ledger.library.transcript("v")
    except NotFound:
        assert ledger.library.inventory(embedder=MINILM) == {}
        return None
    number = int(held.video.title.removeprefix("Edition "))
    transcript, chunks = edition("v", number)
    assert replace(held, video=replace(held.video, added_at=None)) == transcript
    stored = {item.chunk.id: item for item in ledger.library.iter_stored(embedder=MINILM)}
    assert {key: item.chunk for key, item in stored.items()} == {c.chunk.id: c.chunk for c in chunks}
    assert all((stored[c.chunk.id].vectors * c.vectors).sum(axis=1).min() > 0.999 for c in chunks)
    expected = {c.chunk.id: IndexRow(c.chunk, transcript.video, c.pooled).content_hash for c in chunks}
    assert ledger.library.inventory(embedder=MINILM) == expected
    entry = ledger.library.video("v")
    assert (entry.chunks, entry.content_hash) == (len(chunks), transcript.content_hash)
    return number


def test_killed_before_any_statement_of_a_first_save_the_video_is_absent(url, workers):
    ended = ""
    for statement in range(1, 40):
        ended = workers.run("kill_save", url, 0, statement)
        ledger = open_ledger(url)
        held = whole_edition(ledger)
        ledger.close()
        if ended != "killed":
            break
        assert held is None, f"killed at statement {statement}"
    assert ended == "ended 0"
    assert statement > 8, "the kills met no statement"
    assert held == 0


def test_killed_before_any_statement_of_an_edit_the_old_edition_is_whole(url, workers):
    ledger = open_ledger(url)
    save_edition(ledger, "v", 1)
    ended = ""
    for statement in range(1, 40):
        ended = workers.run("kill_save", url, 2, statement)
        if ended != "killed":
            break
        assert whole_edition(ledger) == 1, f"killed at statement {statement}"
    assert ended == "ended 0"
    assert statement > 8, "the kills met no statement"
    assert whole_edition(ledger) == 2
    ledger.close()


def test_killed_at_any_moment_of_many_saves_one_edition_is_whole(sqlite_url, workers):
    """The kill comes while the next edition is being written, wherever that is; also while it is committed."""
    for saves in range(1, 11):
        workers.start("save_for_ever", sqlite_url)
        pid = int(workers.line().removeprefix("pid "))
        for number in range(saves):
            assert workers.line() == f"edition {number}"
        os.kill(pid, signal.SIGKILL)
        workers.wait_until_killed()
        ledger = open_ledger(sqlite_url)
        assert whole_edition(ledger) is not None or saves == 1
        with ledger._database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        ledger.close()


def check_interrupted_migration(url: str, workers: Workers) -> None:
    """Every third statement only: each attempt does all the work of those before it again."""
    for statement in range(1, 200, 3):
        ended = workers.run("kill_open", url, statement)
        if ended != "killed":
            break
    assert ended == "ended 0"
    assert statement > 25, "the kills met no statement"
    ledger = open_ledger(url)
    assert ledger.library.stats().videos == 0
    ledger.close()


def test_killed_at_any_statement_of_its_making_a_ledger_can_still_be_made(tmp_path: Path, workers):
    check_interrupted_migration(f"sqlite:///{tmp_path}/new/cuepoint.db", workers)


@pytest.mark.server
def test_killed_at_any_statement_of_its_making_a_postgresql_ledger_can_still_be_made(postgres: Cluster, workers):
    check_interrupted_migration(postgres.fresh(), workers)


def test_what_a_killed_process_was_at_is_known_at_once(url, ledger, workers):
    workers.start("hang", url)
    _, pid, _, job_id = workers.line().split()
    assert ledger.traces.abandon_running() == 0
    assert not ledger.jobs.claim(job_id)
    os.kill(int(pid), signal.SIGKILL)
    workers.wait_until_killed()
    assert ledger.traces.abandon_running() == 1
    assert ledger.traces.get("hanging").answer.status is AnswerStatus.ABANDONED
    assert ledger.jobs.claim(job_id)
    assert [item.state for item in ledger.jobs.items(job_id)] == [ItemState.PENDING, ItemState.PENDING]
