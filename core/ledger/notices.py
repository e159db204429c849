"""What people are told outside the app, once each: kept until it was sent, so that a dead network loses none."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from core.ledger.database import Database
from core.ledger.schema import notices
from core.ports import Clock

PENDING, SENT, DEAD = "pending", "sent", "dead"
Notices = list["Notice"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One message."""

    notice_id: str
    kind: str
    """``drift`` and others."""
    subject: str
    """What it is about, for example an incident: there is one notice for each."""
    state: str
    text: str
    attempts: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    error: str | None


class NoticeStore:
    """Methods may be called from any thread; all raise LibraryError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add_once(self, kind: str, subject: str, text: str) -> bool:
        """Whether it is new: a second notice of the same kind about the same subject is none."""
        now = self._clock()
        key = uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}\n{subject}").hex
        row: dict[str, Any] = {"notice_id": key, "kind": kind, "subject": subject, "state": PENDING, "text": text}
        row |= {"attempts": 0, "created_at": now, "next_at": now}
        with self._database.write() as connection:
            if connection.execute(select(notices.c.notice_id).where(notices.c.notice_id == key)).first():
                return False
            connection.execute(insert(notices), row)
        return True

    def take(self, lease: timedelta) -> Notice | None:
        """The notice that has been due for longest; nobody else gets it before ``lease`` is over."""
        now = self._clock()
        due = select(notices).where(notices.c.state == PENDING, notices.c.next_at <= now)
        with self._database.write() as connection:
            query = due.order_by(notices.c.next_at, notices.c.notice_id).limit(1).with_for_update(skip_locked=True)
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            taken = {"next_at": now + lease, "attempts": row.attempts + 1}
            connection.execute(update(notices).where(notices.c.notice_id == row.notice_id).values(taken))
            return Notice(**{**row._mapping, **taken})  # noqa: SLF001  SQLAlchemy's public name of it

    def sent(self, notice_id: str) -> None:
        self._set(notice_id, state=SENT, sent_at=self._clock(), error=None)

    def failed(self, notice_id: str, error: str, again_in: timedelta | None) -> None:
        """To be tried again, or with None given up."""
        later = {"state": DEAD} if again_in is None else {"next_at": self._clock() + again_in}
        self._set(notice_id, error=error, **later)

    def list(self, limit: int = 50) -> Notices:
        """Newest first."""
        query = select(notices).order_by(notices.c.created_at.desc(), notices.c.notice_id).limit(limit)
        with self._database.read() as connection:
            return [Notice(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001

    def _set(self, notice_id: str, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(update(notices).where(notices.c.notice_id == notice_id).values(values))
