"""Jobs in the ledger: progress that outlives its process."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from core.errors import NotFound
from core.ledger import ItemState, JobItem, JobState, open_ledger
from core.ledger.processes import SILENT_S
from tests.ledger.samples import NASTY, START, Ticking


def test_a_new_job_has_its_items_pending_in_order_and_each_once(ledger):
    job_id = ledger.jobs.create("ingest", ["b", "a", "b"], settings={"languages": ["en", "de"]})
    job = ledger.jobs.get(job_id)
    assert (job.kind, job.state, job.settings) == ("ingest", JobState.RUNNING, {"languages": ["en", "de"]})
    assert (job.created_at, job.finished_at, job.error) == (START, None, None)
    assert ledger.jobs.is_mine(job)
    assert ledger.jobs.items(job_id) == [JobItem("b", ItemState.PENDING), JobItem("a", ItemState.PENDING)]


def test_an_item_tells_what_became_of_it_and_when(ledger, clock: Ticking):
    job_id = ledger.jobs.create("ingest", ["a", "b"])
    clock.forward(seconds=1)
    ledger.jobs.set_item(job_id, "a", "running")
    started = clock.now
    clock.forward(seconds=2)
    ledger.jobs.set_item(job_id, "a", ItemState.DONE, detail="A talk", chunks=12, took_ms=1999.5)
    ledger.jobs.set_item(job_id, "b", "failed", error="b is empty. Export it again.")
    assert ledger.jobs.items(job_id) == [
        JobItem("a", ItemState.DONE, "A talk", None, 12, 1999.5, started, clock.now),
        JobItem("b", ItemState.FAILED, "", "b is empty. Export it again.", None, None, None, clock.now),
    ]
    counts = ledger.jobs.counts(job_id)
    assert counts == dict.fromkeys(ItemState, 0) | {ItemState.DONE: 1, ItemState.FAILED: 1}


def test_items_can_be_added_as_a_playlist_unfolds(ledger):
    job_id = ledger.jobs.create("ingest", ["a"])
    assert ledger.jobs.add_items(job_id, ["b", "a", "c"]) == 2
    assert [item.item for item in ledger.jobs.items(job_id)] == ["a", "b", "c"]


def test_an_item_may_be_any_text_of_any_length(ledger):
    items = [NASTY, "x" * 100_000, "\ud800", "?"]
    job_id = ledger.jobs.create("ingest", items)
    for item in items:
        ledger.jobs.set_item(job_id, item, "done", detail=NASTY)
    assert [item.item for item in ledger.jobs.items(job_id)] == items
    assert ledger.jobs.counts(job_id)[ItemState.DONE] == 4


def test_a_finished_job_is_no_longer_unfinished(ledger, clock: Ticking):
    first = ledger.jobs.create("ingest", [])
    clock.forward(minutes=1)
    second = ledger.jobs.create("ingest", [])
    ledger.jobs.create("report", [])
    assert [job.job_id for job in ledger.jobs.unfinished("ingest")] == [second, first]
    clock.forward(minutes=1)
    ledger.jobs.finish(second, error="stopped")
    assert [job.job_id for job in ledger.jobs.unfinished("ingest")] == [first]
    latest = ledger.jobs.latest("ingest")
    assert (latest.job_id, latest.state, latest.finished_at, latest.error) == (
        second,
        JobState.FINISHED,
        clock.now,
        "stopped",
    )
    assert ledger.jobs.latest("experiment") is None


def test_unknown_jobs_and_items_are_not_found(ledger):
    job_id = ledger.jobs.create("ingest", ["a"])
    for call in (ledger.jobs.get, ledger.jobs.items, ledger.jobs.counts, ledger.jobs.finish):
        with pytest.raises(NotFound, match="There is no job nobody"):
            call("nobody")
    with pytest.raises(NotFound, match="There is no job nobody"):
        ledger.jobs.add_items("nobody", ["a"])
    with pytest.raises(NotFound, match="has no item z"):
        ledger.jobs.set_item(job_id, "z", "done")


def test_a_job_of_a_living_process_and_a_finished_one_cannot_be_claimed(url, ledger):
    other = open_ledger(url)
    theirs = other.jobs.create("ingest", ["a"])
    assert not ledger.jobs.claim(theirs)
    other.jobs.finish(theirs)
    other.close()
    assert not ledger.jobs.claim(theirs)
    assert not ledger.jobs.claim("nobody")
    assert not ledger.jobs.claim(ledger.jobs.create("ingest", []))


def test_a_claimed_job_goes_on_with_what_was_pending_or_running(url, ledger):
    other = open_ledger(url)
    job_id = other.jobs.create("ingest", ["a", "b", "c"])
    other.jobs.set_item(job_id, "a", "done", chunks=3)
    other.jobs.set_item(job_id, "b", "running")
    other.close()
    assert ledger.jobs.claim(job_id)
    assert ledger.jobs.is_mine(ledger.jobs.get(job_id))
    states = [item.state for item in ledger.jobs.items(job_id)]
    assert states == [ItemState.DONE, ItemState.PENDING, ItemState.PENDING]


def test_a_process_of_another_machine_is_dead_after_a_long_silence(url, ledger, clock: Ticking):
    other = open_ledger(url, clock=clock)
    job_id = other.jobs.create("ingest", [])
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE processes SET place = 'another machine', pid = 1"))
    clock.now = START + timedelta(seconds=SILENT_S - 1)
    assert not ledger.jobs.claim(job_id)
    clock.now = START + timedelta(seconds=SILENT_S + 1)
    assert ledger.jobs.claim(job_id)
    other.close()


def test_a_process_number_that_was_given_again_is_another_process(url, ledger):
    other = open_ledger(url)
    job_id = other.jobs.create("ingest", [])
    assert not ledger.jobs.claim(job_id)
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE processes SET born_s = born_s - 3600"))
    assert ledger.jobs.claim(job_id)
    other.close()
