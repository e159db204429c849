"""Durable progress of work that outlives a browser and a process: ingests today, experiments and reports later."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from core.errors import NotFound
from core.ledger.columns import escape_text
from core.ledger.database import Database
from core.ledger.processes import Processes
from core.ledger.schema import job_items, jobs
from core.ledger.values import ItemState, Job, JobItem, JobState
from core.models import digest
from core.ports import Clock

_ENDED = (ItemState.DONE, ItemState.UNCHANGED, ItemState.FAILED)


class JobStore:
    """Jobs with their items. A job belongs to one process; when that died, exactly one other can claim it.

    Methods may be called from any thread; all raise LibraryError, and NotFound for an unknown job or item.
    """

    def __init__(self, database: Database, processes: Processes, clock: Clock) -> None:
        self._database = database
        self._processes = processes
        self._clock = clock

    def create(self, kind: str, items: Sequence[str], *, settings: Mapping[str, Any] | None = None) -> str:
        """Starts a job of this process and returns its id. An item given twice counts once."""
        job_id = uuid.uuid4().hex
        owner = self._processes.register()
        row = {"job_id": job_id, "kind": kind, "state": str(JobState.RUNNING), "owner": owner}
        with self._database.write() as connection:
            connection.execute(insert(jobs).values(settings=dict(settings or {}), created_at=self._clock(), **row))
            _append(connection, job_id, items)
        return job_id

    def add_items(self, job_id: str, items: Sequence[str]) -> int:
        """Adds items at the end, as a playlist unfolds; returns how many were new."""
        with self._database.write() as connection:
            _known(connection, job_id, lock=True)
            return _append(connection, job_id, items)

    def set_item(
        self,
        job_id: str,
        item: str,
        state: ItemState | str,
        *,
        detail: str = "",
        error: str | None = None,
        chunks: int | None = None,
        took_ms: float | None = None,
    ) -> None:
        """Writes down what became of an item; times are set as it starts and ends.

        Does not wait for the disk: after a power cut the last items may be pending again.
        """
        state = ItemState(state)
        values: dict[str, Any] = {
            "state": str(state),
            "detail": detail,
            "error": error,
            "chunks": chunks,
            "took_ms": took_ms,
        }
        values |= {"finished_at": self._clock() if state in _ENDED else None}
        if state is ItemState.RUNNING:
            values["started_at"] = self._clock()
        mine = (job_items.c.job_id == job_id) & (job_items.c.item_hash == _item_hash(item))
        with self._database.write(durable=False) as connection:
            if not connection.execute(update(job_items).where(mine).values(values)).rowcount:
                raise NotFound(f"Job {job_id} has no item {item}", subject=item)

    def finish(self, job_id: str, *, error: str | None = None) -> None:
        """Ends the job; ``error`` where it could not be carried out as a whole."""
        values = {"state": str(JobState.FINISHED), "finished_at": self._clock(), "error": error}
        with self._database.write() as connection:
            _known(connection, job_id)
            connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(values))

    def get(self, job_id: str) -> Job:
        with self._database.read() as connection:
            return _known(connection, job_id)

    def items(self, job_id: str) -> list[JobItem]:
        """In the order in which they were given."""
        query = select(job_items).where(job_items.c.job_id == job_id).order_by(job_items.c.position)
        with self._database.read() as connection:
            _known(connection, job_id)
            return [_item_of(row) for row in connection.execute(query)]

    def counts(self, job_id: str) -> dict[ItemState, int]:
        """How many items are in each state; every state is there."""
        query = select(job_items.c.state, func.count()).where(job_items.c.job_id == job_id).group_by(job_items.c.state)
        with self._database.read() as connection:
            _known(connection, job_id)
            found = {state: count for state, count in connection.execute(query)}  # noqa: C416
        return {state: found.get(str(state), 0) for state in ItemState}

    def latest(self, kind: str) -> Job | None:
        found = self._jobs(_by_age(kind).limit(1))
        return found[0] if found else None

    def unfinished(self, kind: str) -> list[Job]:
        """Newest first: those at work and those whose process died."""
        return self._jobs(_by_age(kind).where(jobs.c.state == str(JobState.RUNNING)))

    def is_mine(self, job: Job) -> bool:
        """Whether this process works on it."""
        return job.owner == self._processes.owner

    def claim(self, job_id: str) -> bool:
        """Takes over an unfinished job whose process is dead; its items that were running are pending again.

        Of several processes that try, one gets True. False too for a job that is finished or at work, and for one of
        this process.
        """
        me = self._processes.register()
        with self._database.write() as connection:
            owner = connection.execute(
                select(jobs.c.owner)
                .where(jobs.c.job_id == job_id, jobs.c.state == str(JobState.RUNNING))
                .with_for_update()
            ).scalar_one_or_none()
            if owner is None or owner not in self._processes.dead(connection, {owner}):
                return False
            connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(owner=me))
            running = (job_items.c.job_id == job_id) & (job_items.c.state == str(ItemState.RUNNING))
            connection.execute(update(job_items).where(running).values(state=str(ItemState.PENDING), started_at=None))
        return True

    def _jobs(self, query: Select[Any]) -> list[Job]:
        with self._database.read() as connection:
            return [_job_of(row) for row in connection.execute(query)]


def _by_age(kind: str) -> Select[Any]:
    return select(jobs).where(jobs.c.kind == kind).order_by(jobs.c.created_at.desc(), jobs.c.job_id)


def _append(connection: Connection, job_id: str, items: Sequence[str]) -> int:
    query = select(job_items.c.item_hash).where(job_items.c.job_id == job_id)
    known = set(connection.execute(query).scalars())
    fresh = {_item_hash(item): item for item in items if _item_hash(item) not in known}
    blank = {"job_id": job_id, "state": str(ItemState.PENDING), "detail": ""}
    rows = [
        {"position": position, "item_hash": key, "item": item, **blank}
        for position, (key, item) in enumerate(fresh.items(), len(known))
    ]
    if rows:
        connection.execute(insert(job_items), rows)
    return len(rows)


def _item_hash(item: str) -> str:
    """What an item is found by: an item may be longer than PostgreSQL's index entries."""
    return digest(escape_text(item))


def _known(connection: Connection, job_id: str, *, lock: bool = False) -> Job:
    query = select(jobs).where(jobs.c.job_id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}", subject=job_id)
    return _job_of(row)


def _job_of(row: Any) -> Job:
    return Job(
        row.job_id, row.kind, JobState(row.state), row.owner, row.created_at, row.settings, row.finished_at, row.error
    )


def _item_of(row: Any) -> JobItem:
    return JobItem(
        row.item, ItemState(row.state), row.detail, row.error, row.chunks, row.took_ms, row.started_at, row.finished_at
    )
