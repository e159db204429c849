"""Many threads and processes at one ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.ledger import TraceFilter, open_ledger
from core.models import Feedback
from tests.ledger.postgres import Cluster
from tests.ledger.samples import MINILM, library_item, running, trace
from tests.ledger.test_ledger_kill import whole_edition
from tests.ledger.workers import save_edition


def test_threads_and_processes_that_write_traces_lose_none(url, ledger, two_workers):
    """32 threads and two other processes, with readers among them."""
    for number, worker in enumerate(two_workers):
        worker.start("write_traces", url, f"p{number}", 15)

    def session(number: int) -> None:
        for turn in range(3):
            trace_id = f"s{number}-{turn}"
            ledger.traces.begin(running(trace_id))
            ledger.traces.list(TraceFilter(limit=5), light=True)
            ledger.traces.finish(trace(trace_id), mirror=True)
            ledger.traces.save_feedback(Feedback(trace_id, 1), mirror=True)
            ledger.library.revision()

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(session, range(32)))
    for worker in two_workers:
        assert worker.line() == "ended 0"
    expected = {f"s{n}-{turn}" for n in range(32) for turn in range(3)} | {
        f"p{n}-{t}" for n in (0, 1) for t in range(15)
    }
    found = ledger.traces.list(TraceFilter(limit=None))
    assert {item.trace_id for item in found} == expected
    assert all(item.answer.answered and len(item.spans) == 2 for item in found)
    assert ledger.traces.outbox_counts().pending == len(expected) + 96


def test_threads_that_save_the_same_video_leave_one_whole_edition(ledger):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: save_edition(ledger, "v", number), range(16)))
    assert whole_edition(ledger) in range(16)
    assert ledger.library.revision() == 16


def test_threads_that_bring_a_new_embedder_at_once_agree_on_it(ledger):
    def save(number: int) -> int:
        transcript, chunks = library_item(f"v{number}", ["some text"])
        return ledger.library.save(transcript, chunks, embedder=MINILM)

    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(save, range(8)))
    assert sorted(revisions) == list(range(1, 9))
    assert ledger.library.embedders() == [MINILM]
    assert len(ledger.library.inventory(embedder=MINILM)) == 8


def test_a_reader_sees_whole_videos_only_while_they_are_replaced(ledger):
    save_edition(ledger, "v", 0)
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [save_edition(ledger, "v", number) for number in range(1, 30)])
        while not writing.done():
            stored = list(ledger.library.iter_stored(embedder=MINILM))
            assert len({item.video.title for item in stored}) == 1
            assert len(stored) == stored[0].chunk.max_part_id + 1
        writing.result()


def test_of_many_that_open_a_new_ledger_at_once_all_succeed(tmp_path: Path):
    open_at_once(f"sqlite:///{tmp_path}/deep/er/cuepoint.db")


@pytest.mark.server
def test_of_many_that_open_a_new_postgresql_ledger_at_once_all_succeed(postgres: Cluster):
    open_at_once(postgres.fresh())


def open_at_once(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_ledger(url), range(8)))
    assert [ledger.library.stats().videos for ledger in opened] == [0] * 8
    for ledger in opened:
        ledger.close()


def test_of_many_that_claim_a_dead_processs_job_one_succeeds(url, ledger):
    dead = open_ledger(url)
    job_id = dead.jobs.create("ingest", ["a"])
    dead.close()
    others = [open_ledger(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        claims = list(pool.map(lambda other: other.jobs.claim(job_id), others))
    assert sorted(claims) == [False] * 5 + [True]
    assert others[claims.index(True)].jobs.is_mine(ledger.jobs.get(job_id))
    for other in others:
        other.close()
