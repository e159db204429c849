"""Tells the mirror of rows of the outbox.

Nothing is sent before it is on the disk that it may arrive (``begin``). So after a kill, a time-out or a cut answer the
mirror is asked before anything is sent again, and nothing is lost or doubled, wherever that happened.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from core.errors import MirrorError, MirrorKeyRejected, MirrorRefused, MirrorUnreachable
from core.ledger import Ledger, OutboxRow
from core.mirror.attempts import LIMITS_S, Attempts
from core.mirror.parcels import Parcels
from core.models import MirrorRecord
from core.ports import Mirror

_log = logging.getLogger(__name__)

Rows = Sequence[OutboxRow]
Fresh = Sequence[tuple[OutboxRow, MirrorRecord]]

BATCH_ROWS = 50
BATCH_BYTES = 4_000_000
"""Of one request's records as JSON."""
BEGUN_AT_ONCE = 10
"""Rows that are sent one by one and wait for the disk together."""


class Sender:
    """Sends rows to one mirror."""

    def __init__(self, ledger: Ledger, mirror: Mirror, attempts: Attempts) -> None:
        self._outbox = ledger.outbox
        self._mirror = mirror
        self._parcels = Parcels(ledger)
        self._attempts = attempts

    def send(self, rows: Rows) -> None:
        """Traces first, in batches; then what belongs to them. What concerns one row is settled with it.

        Raises MirrorUnreachable (an outage), MirrorKeyRejected, LeaseLost, LibraryError; rows that were not settled
        then are as they were, or unsure.
        """
        by_kind = {kind: [row for row in rows if row.kind == kind] for kind in LIMITS_S}
        try:
            self._traces(by_kind["trace"])
            self._each(by_kind["feedback"], self._thumb, at_once=BEGUN_AT_ONCE)
            self._each(by_kind["experiment"], self._experiment)
            self._each(by_kind["dataset"], self._dataset)
            for row in (row for row in rows if row.kind not in LIMITS_S):
                self._attempts.refuse(row, f"This version of Cuepoint cannot send a {row.kind}")
        finally:
            self._attempts.write_down()

    def _each(self, rows: Rows, send: Callable[[OutboxRow], None], *, at_once: int = 1) -> None:
        for start in range(0, len(rows), at_once):
            begun = rows[start : start + at_once]
            self._outbox.begin(begun)
            for row in begun:
                send(row)

    # --------------------------------------------------------------------------------------------------------- traces

    def _traces(self, rows: Rows) -> None:
        batch: list[tuple[OutboxRow, MirrorRecord]] = []
        size = 0
        for row in rows:
            record = None if _may_be_there(row) else self._attempts.made(row, self._parcels.record)
            if record is None:
                continue
            size += (length := size_of(record))
            if batch and (size > BATCH_BYTES or len(batch) >= BATCH_ROWS):
                self._together(batch)
                batch, size = [], length
            batch.append((row, record))
        self._together(batch)
        self._each([row for row in rows if _may_be_there(row)], self._doubtful, at_once=BEGUN_AT_ONCE)

    def _doubtful(self, row: OutboxRow) -> None:
        record = self._attempts.made(row, self._parcels.record)
        if record is not None:
            self._ask_first(row, record)

    def _ask_first(self, row: OutboxRow, record: MirrorRecord) -> None:
        """For what the mirror holds or may hold. What arrived of an unsure row may be an earlier version."""
        with self._attempts.attempt(row):
            with self._rights_of(row):
                held = self._holds(record.id) if row.unsure else row.sent_version is not None
            if not held:
                self._add(record)
            elif row.sent_version is not None or row.version > 1:
                with self._rights_of(row):
                    self._mirror.replace(record)

    def _together(self, batch: Fresh) -> None:
        """One request for all. Where it fails, each goes alone the next time: a bad record harms only itself."""
        if not batch:
            return
        self._outbox.begin([row for row, _ in batch])
        if len(batch) == 1:
            self._one_by_one(batch)
        elif (outcomes := self._send(batch)) is not None:
            self._take_apart(outcomes)

    def _send(self, batch: Fresh) -> Sequence[tuple[OutboxRow, MirrorError | None]] | None:
        """What became of each; None where that is settled already."""
        rows = [row for row, _ in batch]
        doubtful = [(replace(row, unsure=True), record) for row, record in batch]
        try:
            with self._attempts.watch("trace", rows):
                errors = self._mirror.send([record for _, record in batch])
            return list(zip(rows, errors, strict=True))
        except (MirrorKeyRejected, MirrorUnreachable) as error:
            self._attempts.hold_back(rows, error)
            return None
        except MirrorRefused:
            doubtful = list(batch)
        except Exception:  # noqa: BLE001  whichever record it is, the others are sent
            _log.exception("A batch of %d records failed; they are sent one by one", len(rows))
        self._one_by_one(doubtful)
        return None

    def _take_apart(self, outcomes: Sequence[tuple[OutboxRow, MirrorError | None]]) -> None:
        """All are settled before an error that concerns them all is raised."""
        stop: MirrorError | None = None
        for row, error in outcomes:
            try:
                with self._attempts.attempt(row):
                    if error is not None:
                        raise error
            except (MirrorUnreachable, MirrorKeyRejected) as serious:
                stop = serious
        if stop is not None:
            raise stop

    def _one_by_one(self, batch: Fresh) -> None:
        for row, record in batch:
            if row.unsure:
                self._ask_first(row, record)
            else:
                with self._attempts.attempt(row):
                    self._add(record)

    def _add(self, record: MirrorRecord) -> None:
        [error] = self._mirror.send([record])
        if error is not None:
            raise error

    def _holds(self, record_id: str) -> bool:
        """A question that failed says nothing of what arrived before."""
        try:
            return self._mirror.holds(record_id)
        except MirrorUnreachable as error:
            raise MirrorUnreachable(
                error.message, unsure=True, retry_after_s=error.retry_after_s, subject=error.subject, hint=error.hint
            ) from error

    @contextmanager
    def _rights_of(self, row: OutboxRow) -> Iterator[None]:
        """Where the key has no rights to one thing alone, which another key or workspace made, the others go on.

        Such a row is tried once more, as it may have been the key after all, and then refused.
        """
        try:
            yield
        except MirrorKeyRejected as error:
            self._mirror.check()  # raises where it is the key
            if row.attempts:
                raise MirrorRefused(error.message, subject=error.subject, hint=error.hint) from error
            raise MirrorUnreachable(error.message, unsure=True, subject=error.subject, hint=error.hint) from error

    # ------------------------------------------------------------------------------------- what belongs to traces

    def _thumb(self, row: OutboxRow) -> None:
        """A thumb that was changed is looked up too: its last state may have gone with the version before."""
        thumb = self._attempts.made(row, self._parcels.thumb)
        if thumb is not None:
            with self._attempts.attempt(row), self._rights_of(row):
                self._mirror.send_thumb(thumb, unsure=row.unsure or row.sent_version is not None)

    def _experiment(self, row: OutboxRow) -> None:
        experiment = self._attempts.made(row, self._parcels.experiment)
        if experiment is not None:
            with self._attempts.attempt(row), self._rights_of(row):
                self._mirror.send_experiment(experiment)

    def _dataset(self, row: OutboxRow) -> None:
        dataset = self._attempts.made(row, self._parcels.dataset)
        if dataset is not None:
            with self._attempts.attempt(row), self._rights_of(row):
                self._mirror.send_dataset(dataset)


def _may_be_there(row: OutboxRow) -> bool:
    return row.unsure or row.sent_version is not None


def size_of(record: MirrorRecord) -> int:
    """Bytes of the record as JSON, about."""
    parts = (record.tags, dict(record.parameters), dict(record.metrics), record.chain)
    return sum(len(json.dumps(part, default=str)) for part in parts)
